"""How much a model is given at a time: all there is, or what a small context window has room for.

A profile is fixed by the model, so the system prompt and the list of tools stay the same, byte by byte, for as long as
a session is built by that model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ..events import By
    from ..tools.base import ToolCall, ToolResult
    from .loop import Runner

Choice = Literal["auto", "full", "small"]

SMALL_WINDOW = 16_384
"""Tokens: a context window up to this size gets the small profile."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What an agent is given to work with.

    ``prompt`` names the system prompt, a file beside this one without its ``.md``. ``tools`` are the tools offered,
    None for all; ``unsaid`` are arguments of theirs that are not mentioned (``tool.argument``). ``result_limit`` is in
    characters of one tool result, ``compact_at`` in tokens of the whole history.
    """

    name: str
    prompt: str
    tools: frozenset[str] | None
    result_limit: int
    compact_at: int
    unsaid: frozenset[str] = frozenset()


FULL = Profile("full", "system_prompt", None, result_limit=24_000, compact_at=96_000)

SMALL = Profile(
    "small",
    "small_prompt",
    frozenset(["list_files", "read_file", "write_file", "edit_file", "check_app"]),
    result_limit=4_000,
    compact_at=5_000,
    # Small models fill in whatever they are offered: they read line 17 of 17, and then think they know the file.
    unsaid=frozenset(["list_files.path", "read_file.start_line", "read_file.end_line"]),
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


class OfferedTools:
    """A runner (``loop.Runner``) that offers a model only what its profile says."""

    def __init__(self, runner: Runner, profile: Profile) -> None:
        self._runner = runner
        self._profile = profile

    @classmethod
    def of(cls, runner: Runner, profile: Profile) -> Runner:
        return runner if profile.tools is None else cls(runner, profile)

    def definitions(self) -> list[dict[str, Any]]:
        offered = self._profile.tools or frozenset()
        tools = [tool for tool in self._runner.definitions() if tool["function"]["name"] in offered]
        return [self._shortened(tool) for tool in tools]

    def _shortened(self, tool: dict[str, Any]) -> dict[str, Any]:
        function: dict[str, Any] = tool["function"]
        properties: dict[str, Any] = function["parameters"].get("properties", {})
        said = {
            name: field
            for name, field in properties.items()
            if f"{function['name']}.{name}" not in self._profile.unsaid
        }
        return {**tool, "function": {**function, "parameters": {**function["parameters"], "properties": said}}}

    async def run(
        self,
        name: str,
        arguments: dict[str, Any] | str,
        *,
        call: str,
        by: By,
        turn: str | None = None,
        started: bool = False,
    ) -> ToolResult:
        return await self._runner.run(name, arguments, call=call, by=by, turn=turn, started=started)

    async def run_all(self, calls: Sequence[ToolCall], *, by: By, turn: str | None) -> list[ToolResult]:
        return await self._runner.run_all(calls, by=by, turn=turn)
