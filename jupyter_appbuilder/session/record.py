"""A session's record in this process: its events, which of them are stored, and its watchers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import Any

from ..cancellation import uncut
from ..errors import AppBuilderError, Conflict
from ..events import Draft, Event
from ..log import EventStore, Summary
from ..log.summary import fold
from ..vault.mask import Mask
from ..wire import WireMessage
from .channel import Channel

OBSERVE_SECONDS = 0.5
"""How often a session that another process owns is read for news."""

log = logging.getLogger(__name__)


def engine_of(events: Sequence[Event]) -> str:
    """What the database of an app with these events is."""
    if events and (first := events[0]).type == "session.created":
        return first.data.get("database", "sqlite")
    return "sqlite"


class Record:
    """The events of one session, owned by this process (``owned``) or only watched. Implements ``journal.Journal``.

    ``describe(record)`` gives the session's summary as JSON. ``trouble`` is what keeps the session from being used.
    ``inconsistent``: an append failed, so the workspace may be ahead of the log, a turn or a call left open.
    ``cut_short``: the last turn has ended, which could not be stored yet.
    """

    def __init__(
        self,
        summary: Summary,
        events: list[Event],
        event_log: EventStore,
        *,
        owned: bool,
        owner: str = "",
        describe: Callable[[Record], dict[str, Any]],
        mask: Mask | None = None,
    ) -> None:
        """``owner`` names the other process that owns the session, for people. ``mask`` takes the app's secrets out of
        all that is stored and told."""
        self.id = summary.id
        self.summary = summary
        self.owned = owned
        self.owner = owner
        self.trouble: AppBuilderError | None = None
        self.inconsistent = False
        self.cut_short = False
        self._log = event_log
        self._events = events
        self._describe = describe
        self._mask = mask or Mask()
        self._listeners: list[Callable[[Sequence[Event]], None]] = []
        self._appending = asyncio.Lock()
        self._observer: asyncio.Task[None] | None = None
        self.channel = Channel(self._read, self.to_json)

    def to_json(self) -> dict[str, Any]:
        """The session's summary as the API shows it."""
        return self._describe(self)

    def listen(self, listener: Callable[[Sequence[Event]], None]) -> None:
        """Have ``listener`` called with the events of each append, once they are stored. It must not block."""
        self._listeners.append(listener)

    # Writing

    async def append(self, *drafts: Draft) -> list[Event]:
        # What the log has stored has to be here as well, before anything else is done.
        return await uncut(self._store(drafts)) if drafts else []

    async def adopt(self, events: Sequence[Event], drafts: Sequence[Draft]) -> None:
        """Begin with another session's events, and ``drafts`` after them."""

        async def take() -> None:
            async with self._appending:
                taken = await self._log.adopt(self.id, events, drafts)
                self._take(taken, await self._log.summary(self.id))

        await uncut(take())

    async def _store(self, drafts: Sequence[Draft]) -> list[Event]:
        from ..tools.secret_files import unrecorded

        async with self._appending:
            try:
                events = await self._log.append(self.id, [self._masked(unrecorded(draft)) for draft in drafts])
            except AppBuilderError as error:
                self.inconsistent = True
                self.trouble_with(error)
                raise
            last = self.summary.last_seq
            # Numbers are places in our list: what somebody else of this process stored meanwhile must not be missing.
            fresh = await self._log.read(self.id, last) if events[0].seq > last + 1 else events
            # No await from here on: the events and the watchers' news of them are one step.
            self._take(fresh)
        return events

    def _take(self, events: list[Event], summary: Summary | None = None) -> None:
        """Take in what was stored; ``summary``: of the session with it, where that is known."""
        before = self.summary
        self._events.extend(events)
        self.summary = summary or fold(before, events)
        self.channel.events(events)
        if _shown(before) != _shown(self.summary):
            self.channel.session()
        for listener in self._listeners:
            listener(events)

    def live(self, type: str, data: dict[str, Any]) -> None:
        self.channel.live(type, self._mask.data(data))

    def _masked(self, draft: Draft) -> Draft:
        data = self._mask.data(draft.data)
        return draft if data == draft.data else replace(draft, data=data)

    def trouble_with(self, trouble: AppBuilderError | None) -> None:
        """Something keeps the session from being used, or (None) nothing does any more. Told once, to the watchers and
        in the server's log."""
        if str(trouble) != str(self.trouble):
            if trouble is None:
                log.info("Session %s can be used again.", self.id)
            else:
                log.warning("Session %s cannot be used for now: %s", self.id, trouble)
            self.trouble = trouble
            self.channel.session()

    def require_owned(self) -> None:
        """Raise ``Conflict`` when another process owns the session."""
        if not self.owned:
            raise Conflict(
                f"The session is open in {self.owner or 'another process'}.",
                hint="Use it there, or stop that process and open the session again.",
                reason="owned_elsewhere",
            )

    # Reading

    async def events(self, after: int = 0) -> list[Event]:
        return self._events[after:]

    @property
    def stored(self) -> Sequence[Event]:
        """Every event so far, as it stands."""
        return self._events

    @property
    def engine(self) -> str:
        """What the app's database is, by how it was made: "sqlite", also where it has none, or "postgresql"."""
        return engine_of(self._events)

    def watch(self, after: int = 0) -> AsyncGenerator[WireMessage, None]:
        """Wire messages (docs/architecture.md, "Wire") from the first event after ``after`` on."""
        if not self.owned and self._observer is None:
            self._observer = asyncio.create_task(self._observe())
        return self.channel.watch(after)

    async def _read(self, after: int, limit: int) -> list[Event]:
        return self._events[after : after + limit]

    async def _observe(self) -> None:
        """Follow a session that another process runs, by reading its log."""
        while not self.owned:
            await asyncio.sleep(OBSERVE_SECONDS)
            if self.channel.watched:
                await self.refresh()

    async def refresh(self) -> None:
        """Take in what another process stored."""
        async with self._appending:
            if fresh := await self._log.read(self.id, self.summary.last_seq):
                self._take(fresh)

    # End

    def unobserve(self) -> None:
        """Follow another process's session no longer."""
        if self._observer is not None:
            self._observer.cancel()

    async def release(self) -> None:
        """Let other processes have the session."""
        if self.owned:
            await self._log.release(self.id)


def _shown(summary: Summary) -> tuple[object, ...]:
    """What watchers are told of a summary when it changes."""
    return summary.state, summary.title, summary.model, summary.pinned, summary.shelf, tuple(summary.tags)
