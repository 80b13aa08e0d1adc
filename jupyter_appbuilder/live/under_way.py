"""Calls of functions that this process carries to notebooks: so many are under way at a time, whoever asks for them."""

from __future__ import annotations

from ..errors import Unavailable

MOST_CALLS = 64
"""Calls of all pages and all apps' servers at a time; more are refused."""

under_way: set[object] = set()
"""Who has one under way: leave it by ``discard``."""


def enter(call: object) -> None:
    """Raises ``Unavailable`` where too many are under way."""
    if len(under_way) >= MOST_CALLS:
        hint = f"{MOST_CALLS} are under way. Ask again in a moment."
        raise Unavailable("Too many calls at once.", hint=hint, reason="busy")
    under_way.add(call)
