"""How much a model is given at a time: all there is, or what a small context window has room for.

A profile is fixed by the model, so the system prompt and the list of tools stay the same, byte by byte, for as long as a
session is built by that model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Choice = Literal["auto", "full", "small"]

SMALL_WINDOW = 16_384
"""Tokens: a context window up to this size gets the small profile."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What an agent is given to work with.

    ``prompt`` names the system prompt, a file beside this one without its ``.md``. ``tools`` are the tools offered, None
    for all. ``result_limit`` is in characters of one tool result, ``compact_at`` in tokens of the whole history.
    """

    name: str
    prompt: str
    tools: frozenset[str] | None
    result_limit: int
    compact_at: int


FULL = Profile("full", "system_prompt", None, result_limit=24_000, compact_at=96_000)

SMALL = Profile(
    "small",
    "system_prompt",
    frozenset(["list_files", "read_file", "write_file", "edit_file", "check_app"]),
    result_limit=4_000,
    compact_at=5_000,
)


def profile_of(context_window: int | None, choice: Choice = "auto") -> Profile:
    """The profile for a model that reads ``context_window`` tokens (None: unknown, taken for large), or the one that was
    chosen by name. Its limits leave room in the window for the answer.
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
