"""What everything that acts on a session needs of it: to store events, and to tell whoever is watching."""

from __future__ import annotations

from typing import Any, Protocol

from ..events import Draft, Event


class Journal(Protocol):
    """A session's log as its workers see it. ``Session`` is one; tests build one in two lines."""

    async def append(self, *drafts: Draft) -> list[Event]:
        """Store the events in one transaction, durably, in order; then show them to the watchers."""
        ...

    def live(self, type: str, data: dict[str, Any]) -> None:
        """Send one live message (see ``events.LIVE``) to the watchers. Never blocks, never stored."""
        ...
