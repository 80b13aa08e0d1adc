"""An earlier version of an app, run beside the present one: a copy of its files and data in a sandbox of its own.

Nothing that is done in it reaches the app: it has other files, other data, another preview, and no way out of its
sandbox. One at a time in a session; it ends when it is closed, with the session, and when nobody looks any more. Its
files lie below ``VERSIONS`` beside the sessions' and are held while it runs, so that what a killed process left is
found.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..cancellation import ended, in_thread, uncut
from ..errors import AppBuilderError, Conflict, of_the_disk
from ..events import Draft, Event, VersionStatus
from ..workspace.folder import remove_folder
from ..workspace.holds import Hold, hold, take_away
from .places import VERSIONS

if TYPE_CHECKING:
    from ..apps.running import RunningApp
    from ..workspace import Workspace
    from ..workspace.records import LaidOut
    from .record import Record

TRIES = 20  # to make a folder that others take for left over
IDLE_SECONDS = 600.0
"""How long one goes on that no page loads anything from, nor holds a connection to."""

log = logging.getLogger(__name__)

Run = Callable[[Path, "Shown"], Awaitable["RunningApp"]]


class Shown:
    """One version on its way to being shown, or shown: the journal of its app, of which nothing is stored."""

    def __init__(self, checkpoint: str, tell: Callable[[VersionStatus], None]) -> None:
        self._tell = tell
        self.place: Path | None = None
        self.held: Hold | None = None
        self.app: RunningApp | None = None
        self.status: VersionStatus = {
            "checkpoint": checkpoint,
            "state": "starting",
            "url": None,
            "message": "Copying the version",
            "fraction": None,
            "log": "",
            "data": "",
            "note": "",
        }

    def make(self, place: Path) -> None:
        self.held = made(place)

    def say(self, **change: Any) -> None:
        self.status = cast("VersionStatus", {**self.status, **change})
        self._tell(self.status)

    async def append(self, *drafts: Draft) -> list[Event]:
        return []

    def live(self, type: str, data: dict[str, Any]) -> None:
        if type == "preview":
            self.say(**{name: data[name] for name in ("state", "url", "message", "fraction", "log")})


class EarlierVersion:
    """The one of a session. ``run`` makes the app of the files in ``app`` below a folder; ``lay`` puts a version there,
    and what goes with it. ``refused`` says why an app has none, with what to do instead."""

    def __init__(
        self,
        record: Record,
        workspace: Workspace,
        lay: Callable[[str, Path], Awaitable[LaidOut]],
        run: Run,
        refused: Conflict | None = None,
        *,
        told: bool = True,
    ) -> None:
        """``told``: the session's watchers learn how it goes."""
        self._record = record
        self._workspace = workspace
        self._lay = lay
        self._run = run
        self._refused = refused
        self._told = told
        self._shown: Shown | None = None
        self._work: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._closed = False

    @property
    def status(self) -> VersionStatus | None:
        """What is shown; None for nothing."""
        return self._shown.status if self._shown else None

    async def show(self, checkpoint: str) -> VersionStatus:
        """Begin to show a version, in place of another; how it goes is told to the watchers. Raises ``NotFound`` for
        none of the app's, ``Conflict`` for an app of which none can be shown."""
        if self._refused:
            raise self._refused
        version = await self._workspace.version(checkpoint)
        async with self._changing:
            shown = self._shown
            if shown is None or shown.status["checkpoint"] != version or shown.status["state"] in ("failed", "stopped"):
                await self._end()
                if self._closed:
                    raise Conflict("The app was closed.", hint="Open it again.", reason="session_ended")
                shown = self._shown = Shown(version, self._tell)
                shown.say()
                self._work = asyncio.create_task(self._begin(shown))
            return shown.status

    async def started(self) -> VersionStatus | None:
        """Wait until what is being started runs, or has failed."""
        if (work := self._work) is not None:
            await asyncio.wait([work])
        return self.status

    async def stop(self, checkpoint: str = "") -> None:
        """End what is shown; with ``checkpoint`` only if it is that version."""
        async with self._changing:
            if self._shown and checkpoint in ("", self._shown.status["checkpoint"]):
                await self._end()

    async def close(self) -> None:
        self._closed = True
        await self.stop()

    async def look_after(self, unused: Callable[[str], float], watched: bool) -> None:
        """End one that nobody looks at any more, or that was ended from elsewhere. ``unused``: seconds since a page of
        a preview was used; ``watched``: somebody has the session open."""
        app = self._shown.app if self._shown else None
        if app is None or (self._work and not self._work.done()):
            return
        await app.notice()
        if app.server.state == "stopped" or (unused(app.session) > IDLE_SECONDS and not (watched and app.is_open)):
            await self.stop()

    def _tell(self, status: VersionStatus) -> None:
        if self._told:
            self._record.live("version", {**status})

    async def _begin(self, shown: Shown) -> None:
        try:
            place = shown.place = self._workspace.folder.parent / VERSIONS / secrets.token_hex(6)
            await in_thread(shown.make, place)
            laid = await self._lay(shown.status["checkpoint"], place)
            shown.say(data=laid.data, note=laid.note, message="Starting")
            shown.app = await self._run(place, shown)
            await shown.app.ensure()
        except OSError as error:
            self._fail(shown, of_the_disk(error, self._workspace.folder))
        except AppBuilderError as error:
            self._fail(shown, error)
        except Exception as error:
            log.exception("Version %s of session %s cannot be shown", shown.status["checkpoint"], self._record.id)
            self._fail(shown, AppBuilderError(f"The version cannot be shown: {error}"))

    def _fail(self, shown: Shown, error: AppBuilderError) -> None:
        shown.say(state="failed", message=f"{error.message} {error.hint or ''}".rstrip(), fraction=None)

    async def _end(self) -> None:
        shown, work = self._shown, self._work
        self._shown = self._work = None
        if shown is None:
            return
        await uncut(self._clear(shown, work))

    async def _clear(self, shown: Shown, work: asyncio.Task[None] | None) -> None:
        if work is not None:
            await ended([work])
        if shown.app is not None:
            with suppress(AppBuilderError):
                await shown.app.close()
        if shown.place is not None:
            await in_thread(remove, shown.place)
        if shown.held is not None:
            shown.held.release()
        shown.say(state="stopped", url=None, message="", fraction=None, log="")


def made(place: Path) -> Hold:
    """Make the folder ``place`` below ``VERSIONS``, held until it is released."""
    sweep(place.parent.parent)
    for left in reversed(range(TRIES)):
        try:
            place.parent.mkdir(mode=0o700, exist_ok=True)
            place.mkdir(mode=0o700, exist_ok=True)
            return hold(place)
        except (FileNotFoundError, FileExistsError):  # another one tidied up in this moment
            if not left:
                raise
            time.sleep(0.01)
    raise AssertionError("unreachable")


def sweep(shelf: Path) -> None:
    """Remove what processes that were killed left below ``shelf``; what a living one shows is held."""
    left: list[Path] = []
    with suppress(FileNotFoundError):  # there is none, or somebody else was quicker
        left = list((shelf / VERSIONS).iterdir())
    for folder in left:
        gone = folder.with_name(f"{folder.name.removesuffix('.gone')}.gone")
        if take_away(folder, gone):
            remove_folder(gone)
    with suppress(OSError):
        (shelf / VERSIONS).rmdir()


def remove(place: Path) -> None:
    """Remove a folder that ``made`` made."""
    remove_folder(place)
    with suppress(OSError):  # others are in it
        place.parent.rmdir()
