"""The protocol of an event store, independent of its database.

``testing.event_stores.EventStoreSuite`` holds every store to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..events import Draft, Event
from .summary import Summary
from .totals import UsageTotals


@dataclass(frozen=True, slots=True)
class Used:
    """Usage of one session with one model in a period."""

    session: str
    model: str
    usage: UsageTotals


class RequestRow(NamedTuple):
    """One request as it was recorded. ``at`` is Unix seconds; ``cost`` US dollars, None where it is not known."""

    session: str
    at: float
    turn: str
    response: str
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost: float | None
    estimated: bool


class UsageLog(Protocol):
    """Recorded usage, for reports."""

    async def used(self, since: float, until: float | None = None) -> list[Used]:
        """What all sessions used in [since, until) (Unix seconds), deleted ones too, by session and model."""
        ...

    async def requests(self, since: float) -> list[RequestRow]:
        """Every request to a model since then (Unix seconds), of all sessions, deleted ones too, in order."""
        ...

    async def summaries(self, search: str = "") -> list[Summary]:
        """Every session, the most recently changed first; with ``search``, those that hold all its words."""
        ...


class EventStore(UsageLog, Protocol):
    """All sessions' events. Several processes share one; a lease says which of them may write to a session.

    Every method raises ``Unavailable`` when the store cannot be used, or is closed. Every method may be called from any
    event loop of this process, and a caller that is cancelled does not undo what it asked for.
    """

    @property
    def fresh(self) -> bool:
        """True if nothing was ever stored, as far as that can be told without opening it."""
        ...

    async def open(self) -> None:
        """Connect now, not at the first use."""
        ...

    @property
    def place(self) -> str:
        """Where and how events are stored, for people, once it is open."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """Warnings about the store, as sentences, once it is open."""
        ...

    async def append(self, session: str, drafts: Sequence[Draft]) -> list[Event]:
        """Store events in one durable transaction, numbered from the last one on. What is used is counted with them.

        Raises ``Conflict`` unless this process owns the session.
        """
        ...

    async def adopt(self, session: str, events: Sequence[Event], drafts: Sequence[Draft]) -> list[Event]:
        """Store another session's events as this one's, with their numbers and times, and ``drafts`` after them, in one
        durable transaction. The session keeps the blobs of the other, too. Raises as ``append``, and ``ValueError``
        where they do not follow the last event there is."""
        ...

    async def read(self, session: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Events with ``seq > after`` in order."""
        ...

    async def summary(self, session: str) -> Summary:
        """Raises ``NotFound``."""
        ...

    async def owner_of(self, session: str) -> str | None:
        """The label of the *other* living process that owns the session, or None."""
        ...

    async def claim(self, session: str) -> bool:
        """Take the session's lease. False when another living process has it."""
        ...

    async def renew(self) -> None:
        """Keep every lease of ours. Call it more often than every ``lease.LEASE_SECONDS``."""
        ...

    async def release(self, session: str) -> None:
        """Give the session's lease up, if it is ours."""
        ...

    async def delete(self, session: str) -> None:
        """Forget a session: its events, its summary, its lease. What it used stays counted. Raises ``Conflict``."""
        ...

    async def keep_blob(self, session: str, content: bytes) -> str:
        """Keep a content that is too large for an event for as long as the session is there; its SHA-256.

        Raises ``Conflict`` unless this process owns the session.
        """
        ...

    async def blob(self, sha256: str) -> bytes | None:
        """A content that is kept; None where it is not."""
        ...

    async def close(self) -> None:
        """Give our leases up. Appends that were asked for are stored first."""
        ...
