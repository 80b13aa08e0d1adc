"""Profiles: everything for large context windows, fewer tools and a short prompt for small ones.

A profile is fixed by the model, so the system prompt and the list of tools stay the same, byte by byte, for as long as
a session is built by that model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..tools.names import CHECK

Choice = Literal["auto", "full", "small"]

SMALL_WINDOW = 16_384
"""Tokens: a context window up to this size gets the small profile."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The tools and prompt that an agent gets.

    ``prompt`` names the system prompt, a file beside this one without its ``.md``. ``tools`` are the tools offered,
    None for all; ``unsaid`` are arguments of theirs that are not mentioned (``tool.argument``). ``result_limit`` is in
    characters of one tool result, ``compact_at`` in tokens of the whole history. By tool: ``descriptions`` stand in the
    place of longer ones, ``answers`` are limits of results.
    """

    name: str
    prompt: str
    tools: frozenset[str] | None
    result_limit: int
    compact_at: int
    unsaid: frozenset[str] = frozenset()
    descriptions: Mapping[str, str] = field(default_factory=dict[str, str])
    answers: Mapping[str, int] = field(default_factory=dict[str, int])

    def offered(self, definitions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The tools among these that a model is offered."""
        if self.tools is None:
            return list(definitions)
        return [self._shortened(tool) for tool in definitions if tool["function"]["name"] in self.tools]

    def _shortened(self, tool: dict[str, Any]) -> dict[str, Any]:
        function: dict[str, Any] = tool["function"]
        properties: dict[str, Any] = function["parameters"].get("properties", {})
        said = {name: field for name, field in properties.items() if f"{function['name']}.{name}" not in self.unsaid}
        parameters = {**function["parameters"], "properties": said}
        description = self.descriptions.get(function["name"], function["description"])
        return {**tool, "function": {**function, "description": description, "parameters": parameters}}


FULL = Profile("full", "system_prompt", None, result_limit=24_000, compact_at=96_000)

SMALL = Profile(
    "small",
    "small_prompt",
    frozenset(["list_files", "read_file", "write_file", "edit_file", "look_at_app", CHECK]),
    result_limit=4_000,
    compact_at=5_000,
    # Small models fill in whatever they are offered: they read line 17 of 17, and then think they know the file.
    unsaid=frozenset(["list_files.path", "read_file.start_line", "read_file.end_line", "look_at_app.theme"]),
    descriptions={"look_at_app": "Look at a page of the app: what is on it, and what went wrong."},
    answers={"look_at_app": 1_500},
)


def profile_of(context_window: int | None, choice: Choice = "auto") -> Profile:
    """The profile for a model that reads ``context_window`` tokens (None: unknown, taken for large), or the one that
    was chosen by name. Its limits leave room in the window for the answer.
    """
    small = choice == "small" or (choice == "auto" and context_window is not None and context_window <= SMALL_WINDOW)
    profile = SMALL if small else FULL
    if context_window is None:
        return profile
    if not small:
        return replace(profile, compact_at=min(profile.compact_at, context_window * 6 // 10))
    return replace(
        profile,
        compact_at=context_window * 6 // 10,
        result_limit=min(6_000, max(1_500, context_window // 2)),
    )
