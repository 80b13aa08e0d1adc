"""The journal protocol: what workers need of a session's log (store events, notify watchers, read)."""

from __future__ import annotations

from collections.abc import Sequence
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


class StoredEvents(Protocol):
    """A session's log as tools read it."""

    @property
    def stored(self) -> Sequence[Event]:
        """Every event so far, as it stands."""
        ...
