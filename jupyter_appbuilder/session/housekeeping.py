"""What the open sessions of a process need from time to time: edits noticed, idle apps put to sleep, leases renewed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from logging import Logger
from typing import TYPE_CHECKING

from ..errors import AppBuilderError
from ..log.lease import LEASE_SECONDS

if TYPE_CHECKING:
    from ..apps.sandboxes import Sandboxes
    from ..log import EventStore
    from .session import Session

WATCH_SECONDS = 1.5
"""How often a session that somebody watches is checked for edits made in an editor."""


class Housekeeping:
    """Keeps house for the sessions of a process, from the first one that is opened on."""

    def __init__(
        self,
        log_store: EventStore,
        sandboxes: Sandboxes,
        unused: Callable[[str], float],
        idle_seconds: float,
        log: Logger,
    ) -> None:
        """``unused(session)``: seconds since anybody looked at its preview; an app that nobody used for
        ``idle_seconds`` goes to sleep."""
        self._log_store = log_store
        self._sandboxes = sandboxes
        self._unused = unused
        self._idle_seconds = idle_seconds
        self._log = log
        self._keeping: asyncio.Task[None] | None = None
        self._failures: dict[str, str] = {}  # of looking after sessions, as they were told

    def begin(self, opened: Mapping[str, Session]) -> None:
        """Look after the sessions that are in ``opened`` from now on, if that is not done yet."""
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.get_running_loop().create_task(self._keep(opened))

    def close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()

    async def _keep(self, opened: Mapping[str, Session]) -> None:
        renewed = time.monotonic()
        looking: dict[str, asyncio.Task[None]] = {}
        failure = ""
        try:
            while True:
                await asyncio.sleep(WATCH_SECONDS)
                try:
                    sessions = list(opened.values())
                    if any(s.busy or time.monotonic() - s.app.used_at < WATCH_SECONDS for s in sessions):
                        self._sandboxes.touch()
                    # Each by itself: one that fails, or hangs on a disk that is gone, is no other's concern.
                    looking = {id: task for id, task in looking.items() if not task.done()}
                    for session in sessions:
                        if session.id not in looking:
                            looking[session.id] = asyncio.create_task(self._look_after(session))
                    if time.monotonic() - renewed > LEASE_SECONDS / 3:
                        await self._log_store.renew()
                        renewed = time.monotonic()
                    failure = ""
                except Exception as error:
                    if failure != (failure := str(error)):
                        self._log.exception("Housekeeping failed; going on")
        finally:
            for task in looking.values():
                task.cancel()

    async def _look_after(self, session: Session) -> None:
        """What a session needs from time to time. What fails is said once, and tried again."""
        try:
            try:
                if session.channel.watched or session.trouble:
                    await session.look_for_edits()
            except (AppBuilderError, OSError) as error:
                session.trouble_with(error)
            if session.owned:
                await session.app.notice()
                await session.renew_secrets()
                await session.earlier.look_after(self._unused, session.channel.watched)
                await session.shown_app.look_after(self._unused)
            idle = min(time.monotonic() - session.app.used_at, self._unused(session.id))
            if session.owned and not session.busy and not session.channel.watched and idle > self._idle_seconds:
                await session.app.sleep()
        except Exception as error:
            if self._failures.get(session.id) != (failure := f"{type(error).__name__}: {error}"):
                self._failures[session.id] = failure
                self._log.exception("Looking after session %s failed; going on", session.id)
        else:
            self._failures.pop(session.id, None)
