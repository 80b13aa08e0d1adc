"""The runs that schedules of a data folder ask for: done by the command line, and by Jupyter servers while they run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..cancellation import in_thread, uncut
from ..errors import AppBuilderError, NotFound
from ..refreshing.shelf import now

if TYPE_CHECKING:
    from ..refreshing.base import Run
    from ..refreshing.shelf import Refreshes
    from .session import Session

LOOK_SECONDS = 30.0
QUIET = ("refreshing", "not_due", "owned_elsewhere")
"""Somebody else takes care of it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one that was due: a run, or why there is none."""

    session: str
    name: str
    run: Run | None = None
    error: AppBuilderError | None = None


class DueRuns:
    """Of a data folder. ``open`` takes a session over, ``opened`` are those that are open here, ``release`` gives one
    back."""

    def __init__(
        self,
        refreshes: Refreshes,
        open: Callable[[str], Awaitable[Session]],
        opened: Mapping[str, Session],
        release: Callable[[str], Coroutine[Any, Any, None]],
    ) -> None:
        self._refreshes = refreshes
        self._open = open
        self._opened = opened
        self._release = release

    async def keep(self) -> None:
        """Do what is due, for as long as this is not cancelled."""
        told = ""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                async for done in self.once():
                    if done.error and done.error.reason not in QUIET:
                        log.warning("The data of %s cannot be refreshed: %s", done.name or done.session, done.error)
                told = ""
            except AppBuilderError as error:  # told once, not twice a minute
                if str(error) != told:
                    log.warning("Schedules cannot be looked at: %s", error)
                told = str(error)
            except Exception:
                log.exception("Schedules cannot be looked at")

    async def once(self) -> AsyncIterator[Done]:
        """Do what is due now, one after the other."""
        for session in await in_thread(self._refreshes.sessions):
            try:
                due = await in_thread(self._refreshes.due, session, now())
            except AppBuilderError as error:
                yield Done(session, "", error=error)
                continue
            if due:
                try:
                    yield await self._run(session)
                except Exception as error:  # of one: the others have their time
                    log.exception("The data of session %s cannot be refreshed", session)
                    failure = AppBuilderError(f"It failed: {type(error).__name__}.", hint="See Jupyter's log.")
                    yield Done(session, "", error=failure)

    async def _run(self, id: str) -> Done:
        here = id in self._opened
        try:
            session = await self._open(id)
        except NotFound:
            await in_thread(self._refreshes.forget, id)  # deleted by a process that died on the way
            return Done(id, "", error=NotFound("The app is gone.", hint="", reason="not_due"))
        except AppBuilderError as error:
            return Done(id, "", error=error)
        name = session.summary.name
        try:
            return Done(id, name, await session.refreshing.refresh("schedule", if_due=True))
        except AppBuilderError as error:
            return Done(id, name, error=error)
        finally:
            if not here and not session.channel.watched:
                await uncut(self._release(id))
