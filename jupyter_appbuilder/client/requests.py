"""Requests that start a turn without a new message: build a plan, retry, continue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..events import ApprovalRequested, By

if TYPE_CHECKING:
    from ..session import Session

Approve = Callable[[ApprovalRequested], bool]
"""Is told a question of the agent's (the data of an ``approval.requested`` event); whether it may."""

Ask = Callable[["Session"], Awaitable[str]]
"""Has a session begin a turn, in the engine's loop; the turn."""


def acceptance(plan: str, text: str | None = None, model: str = "", by: By = "notebook") -> Ask:
    """Has a session build a plan, by its id; as ``text`` has it, if that is given."""

    async def accept(session: Session) -> str:
        return await session.accept(plan, text, model=model or None, by=by)

    return accept


async def retry(session: Session) -> str:
    """Has a session drop the last turn and take its request again."""
    return await session.retry()


async def go_on(session: Session) -> str:
    """Has a session go on from where the last turn was cut short."""
    return await session.go_on()
