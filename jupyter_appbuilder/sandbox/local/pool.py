"""Ready sandboxes: started before they are needed, with a dev server running on the template's files.

The files lie in a private folder beside the sessions' (``<shelf>/.ready/<token>/app``). Whoever takes a sandbox moves
that folder to where the session's app belongs, by one rename: a mount follows the folder it was made from, so the dev
server and its file watchers go on as if nothing had happened. Nothing of a session is in it before that.

It is filled when nothing else starts, one sandbox at a time, and emptied when nobody has shown up for some minutes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import AppBuilderError
from ...templates.templates import Template
from ...workspace.holds import Hold, hold, take_away
from .processes.limits import MiB
from .sandbox import AppSandbox

FOLDER = ".ready"
IDLE_SECONDS = 600.0
"""How long after the last sign of a person the sandboxes are kept."""
QUIET_SECONDS = 3.0
"""How long nothing may have started before the next one is made: a page that just opened needs the processor."""
RETRY_SECONDS = 120.0
UNPREPARED_SECONDS = 10.0
SPARE_MEMORY = 1024 * MiB
"""Bytes that must be free on this machine, or in this container, before one more is made."""

log = logging.getLogger(__name__)

Make = Callable[[str, Path, Template], Awaitable[AppSandbox]]


class Ready:
    """One sandbox that waits for its session. ``base_path`` is what its dev server was started under."""

    def __init__(self, template: Template, folder: Path, base_path: str, held: Hold) -> None:
        self.template = template
        self.folder = folder
        self.since = time.monotonic()
        self.base_path = base_path
        self.sandbox: AppSandbox
        self.settled = False
        self._hold = held
        self._tree = ""
        self._stamp = ()

    @classmethod
    async def stage(cls, template: Template, shelf: Path, base_path: str) -> Ready:
        """The template's files in a folder of their own below ``shelf``. Raises ``OSError``."""
        folder = shelf / FOLDER / secrets.token_hex(6)
        ready = cls(template, folder, base_path, await asyncio.to_thread(_make, folder))
        try:
            ready._stamp = await asyncio.to_thread(_stamp, template)
            ready._tree = await asyncio.to_thread(_copy, template.files, folder / "app")
        except BaseException:
            await asyncio.to_thread(ready.clear)
            raise
        return ready

    @property
    def usable(self) -> bool:
        return self.sandbox.server.state in ("starting", "ready")

    async def move(self, session: str, app: Path) -> bool:
        """Become ``session``'s sandbox: the files move to ``app``, where nothing is yet.

        False where that cannot be, because the template has changed or the dev server has changed the files; then it
        has been thrown away.
        """
        try:
            if self.usable and await asyncio.to_thread(self._place, app):
                await self.sandbox.assign(session, app)
                await asyncio.to_thread(self.clear)
                self.settled = True
                return True
        except OSError as error:
            log.info("A ready sandbox of template %s could not be used: %s", self.template.name, error)
        except BaseException:
            await asyncio.shield(self.discard())
            raise
        await self.discard()
        return False

    async def discard(self) -> None:
        if not self.settled:
            self.settled = True
            await self.sandbox.stop()
            await asyncio.to_thread(self.clear)

    def _place(self, app: Path) -> bool:
        from ...workspace.archive import tree_of

        staged = self.folder / "app"
        if _stamp(self.template) != self._stamp or tree_of(staged) != self._tree:
            return False
        staged.rename(app)
        return True

    def clear(self) -> None:
        """Remove its folder; the sandbox has ended, or moved on."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._hold.release()
        with suppress(OSError):  # others are in it
            self.folder.parent.rmdir()


@dataclass(slots=True)
class Wish:
    """A template whose sandboxes are to stand ready below ``shelf``, until then."""

    template: Template
    shelf: Path
    base_path: Callable[[], str]
    until: float
    not_before: float = 0.0
    ready: list[Ready] = field(default_factory=list[Ready])


class Pool:
    """``size`` ready sandboxes of each template that is in use. ``make`` makes a sandbox; ``calm`` says whether nobody
    waits for one of their own."""

    def __init__(self, size: int, make: Make, calm: Callable[[], bool], *, idle: float = IDLE_SECONDS) -> None:
        self.size = size
        self._make = make
        self._calm = calm
        self._idle = idle
        self._wishes: dict[Path, Wish] = {}
        self._claimed: set[Ready] = set()  # on their way to a session
        self._stirred = time.monotonic()
        self._changed = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    def keep(self, template: Template, shelf: Path, base_path: Callable[[], str]) -> None:
        """Somebody is there who may want this template soon. ``base_path`` gives a URL path for each dev server."""
        if self.size < 1:
            return
        until = time.monotonic() + self._idle
        wish = self._wishes.setdefault(template.files, Wish(template, shelf, base_path, until))
        wish.template, wish.shelf, wish.base_path, wish.until = template, shelf, base_path, until
        self._changed.set()
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.get_running_loop().create_task(self._keep())

    def touch(self) -> None:
        """Keep ready sandboxes for another idle period: a person is still active."""
        for wish in self._wishes.values():
            wish.until = time.monotonic() + self._idle

    def claim(self, template: Template) -> Ready | None:
        """Take a ready sandbox of ``template``, if there is one. The caller moves it or discards it."""
        self._stirred = time.monotonic()
        wish = self._wishes.get(template.files)
        ready = next((ready for ready in wish.ready if ready.usable), None) if wish else None
        if wish and ready:
            wish.ready.remove(ready)
            self._claimed = {claimed for claimed in self._claimed if not claimed.settled} | {ready}
            ready.sandbox.give_way(False)
            self._changed.set()
        return ready

    @property
    def waiting(self) -> int:
        """The number of sandboxes that are ready, or about to be."""
        return sum(len(wish.ready) for wish in self._wishes.values())

    async def describe(self) -> list[tuple[str, dict[str, Any]]]:
        """Those that wait: their template's name, and the sandbox as JSON, as a session's is shown."""
        found: list[tuple[str, dict[str, Any]]] = []
        for ready in [ready for wish in self._wishes.values() for ready in wish.ready]:
            stats = asdict(await ready.sandbox.stats())
            age = round(time.monotonic() - ready.since, 1)
            state = "waiting" if ready.sandbox.server.state == "ready" else "starting"
            found.append((ready.template.name, {"provider": "local", "state": state, "age": age} | stats))
        return found

    async def close(self) -> None:
        """Throw all of them away."""
        keeper, self._keeper = self._keeper, None
        if keeper:
            keeper.cancel()
            await asyncio.wait([keeper])
        wishes, self._wishes = list(self._wishes.values()), {}
        await self._discard([*self._claimed, *(ready for wish in wishes for ready in wish.ready)])

    async def _keep(self) -> None:
        for shelf in {wish.shelf for wish in self._wishes.values()}:
            await asyncio.to_thread(sweep, shelf)
        while self._wishes:
            now = time.monotonic()
            for files, wish in list(self._wishes.items()):
                over = [ready for ready in wish.ready if now > wish.until or not ready.usable]
                wish.ready = [ready for ready in wish.ready if ready not in over]
                if now > wish.until:
                    del self._wishes[files]
                elif over:
                    wish.not_before = now + RETRY_SECONDS  # its dev server ended by itself: it would do so again
                await self._discard(over)
            if not self._calm():
                self._stirred = now
            wish = next((wish for wish in self._wishes.values() if len(wish.ready) < self.size), None)
            if wish and now > max(wish.not_before, self._stirred + QUIET_SECONDS) and spare_memory() > SPARE_MEMORY:
                await self._fill(wish)
                continue
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0 if wish else 10.0):
                    await self._changed.wait()

    async def _fill(self, wish: Wish) -> None:
        ready: Ready | None = None
        try:
            ready = await Ready.stage(wish.template, wish.shelf, wish.base_path())
            ready.sandbox = await self._make(f"ready-{ready.folder.name}", ready.folder / "app", wish.template)
            if not ready.sandbox.can_move:
                wish.not_before = float("inf")
                await ready.discard()
                return
            if not await ready.sandbox.is_prepared():
                # Fetching packages is for a person's own start, which shows how far it is.
                wish.not_before = time.monotonic() + UNPREPARED_SECONDS
                await ready.discard()
                return
            ready.sandbox.give_way(True)
            serving = ready.sandbox.serve_ahead(ready.base_path)
            wish.ready.append(ready)
            await asyncio.wait([serving])
            if ready in wish.ready and not ready.usable:
                wish.ready.remove(ready)
                log.info("No sandbox of template %s can stand ready: %s", wish.template.name, ready.sandbox.server)
                wish.not_before = time.monotonic() + RETRY_SECONDS
                await ready.discard()
        except (AppBuilderError, OSError) as error:
            log.info("No sandbox of template %s can stand ready: %s", wish.template.name, error)
            wish.not_before = time.monotonic() + RETRY_SECONDS
            if ready:
                await self._drop(ready)
        except asyncio.CancelledError:
            if ready and ready not in wish.ready:
                await asyncio.shield(self._drop(ready))
            raise

    async def _discard(self, over: list[Ready]) -> None:
        await asyncio.gather(*(ready.discard() for ready in over), return_exceptions=True)

    async def _drop(self, ready: Ready) -> None:
        if hasattr(ready, "sandbox"):
            await ready.discard()
        else:
            await asyncio.to_thread(ready.clear)


def sweep(shelf: Path) -> None:
    """Remove what a server that was killed left below ``shelf``. Those of a living one are held."""
    for folder in list((shelf / FOLDER).glob("*")):
        gone = folder.with_name(f"{folder.name.removesuffix('.gone')}.gone")
        if take_away(folder, gone):
            shutil.rmtree(gone, ignore_errors=True)
    with suppress(OSError):
        (shelf / FOLDER).rmdir()


def spare_memory() -> int:
    """Bytes that are free for use on this machine, or in this container if that is less."""
    spare = 1 << 62
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        spare = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    for most, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError):  # "max" stands for no limit
            spare = min(spare, int(Path(most).read_text()) - int(Path(used).read_text()))
    return spare


def _make(folder: Path) -> Hold:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    return hold(folder)


def _stamp(template: Template) -> tuple[tuple[str, int, int], ...]:
    """What changes when somebody edits the template."""
    paths = [template.folder / "template.toml", *(path for path in template.files.rglob("*") if path.is_file())]
    return tuple(sorted((str(path), (at := path.stat()).st_mtime_ns, at.st_size) for path in paths))


def _copy(files: Path, app: Path) -> str:
    """The template's files as a session gets them; their tree hash."""
    from ...workspace.archive import contents_of, tree_of
    from ...workspace.objects import EXECUTABLE, LINK

    app.mkdir()
    for path, mode, content in contents_of(files):
        target = app / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if mode == LINK:
            target.symlink_to(os.fsdecode(content))
            continue
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777 if mode == EXECUTABLE else 0o666)
        with open(descriptor, "wb") as file:
            file.write(content)
    return tree_of(app)
