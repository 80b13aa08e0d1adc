"""A headless Chromium that looks at an app from inside the sandbox.

The browser and the program that drives it (``program/looker.mjs``, over Playwright) are one program of the sandbox: its
limits hold for both, and this process reads nothing of them but lines of JSON, of bounded length.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..cancellation import uncut
from ..errors import Unavailable
from ..formats import strict_json
from ..formats.rasters import raster
from ..log.pictures import LARGEST
from ..templates.manifest import SPEED
from .base import PAGES_AT_ONCE, Look, PageState, Portrait, Saved, Shot, StepResult, Theme, Trial
from .browsers import Browser, find_browser, find_playwright, unstarted
from .reading import InSource, as_told, read_findings, read_number, read_objects, read_text, read_texts

if TYPE_CHECKING:
    from ..pointing import Claim
    from ..sandbox.base import DevServer, Program, Walls
    from .serving import Serving

PROGRAM = Path(__file__).parent / "program"
INSIDE = "/opt/eyes"
NODE = ("/opt/node/bin/node", "--optimize-for-size", "--max-semi-space-size=1")
"""It drives, and computes little: a third of its memory is saved."""
LONGEST_LINE = 12 * 1024 * 1024
LARGEST_SIDE = 4096  # px of a picture

START_SECONDS = 20.0
ANSWER_SECONDS = 45.0
"""How long the program may take for one request; its own limits are shorter."""
IDLE_SECONDS = 60.0

log = logging.getLogger(__name__)


class Browsers:
    """How browsers are started, and how many at once: ``most`` in this process. Who wants another has one that idles
    ended, else waits. One that nobody looks with ends after ``idle_seconds``."""

    def __init__(
        self, walls: Callable[[], Walls], configured: str, data: Path, most: int, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self.walls = walls
        self.idle_seconds = idle_seconds
        self._configured = configured
        self._data = data
        self._room = asyncio.Semaphore(max(1, most))
        self._wanted = 0
        self._idle: dict[Chromium, None] = {}  # the one that has idled longest comes first

    async def enter(self) -> None:
        """Wait until one more may be started."""
        self._wanted += 1
        try:
            if self._room.locked() and self._idle:
                await next(iter(self._idle)).close()
            await self._room.acquire()
        finally:
            self._wanted -= 1

    def leave(self) -> None:
        self._room.release()

    def idles(self, chromium: Chromium) -> bool:
        """Note that nobody looks with it now. False where others wait for its place."""
        if self._wanted:
            return False
        self._idle[chromium] = None
        return True

    def looks(self, chromium: Chromium) -> None:
        """Note that somebody looks with it, or that it has ended."""
        self._idle.pop(chromium, None)

    def find(self, isolation: str) -> tuple[Browser, Path]:
        """The browser and Playwright's program. Raises ``Unavailable`` saying what is missing."""
        return find_browser(self._configured, self._data, isolation), find_playwright()


async def try_browser(browsers: Browsers) -> str:
    """Start a browser behind the wall and end it; which it is, for people. Raises ``Unavailable`` saying why not."""
    from ..sandbox.base import DevServer

    looker = await Looker.start(browsers, "doctor", "/appbuilder/preview/none/", lambda _: DevServer("stopped"))
    await looker.stop()
    browser = looker.browser
    return f"{browser.executable} ({looker.version}, {browser.source}), starts behind the wall"


class Chromium:
    """An ``Eye``. The browser is started when somebody looks, and ends some time after the last look (``Browsers``).

    ``serve`` gives the app's pages on a socket (``serving.Serving``). ``in_source`` puts what a page reports in the
    lines of the app's own files.
    """

    name = "browser"

    def __init__(
        self,
        browsers: Browsers,
        session: str,
        base_path: Callable[[], str],
        server_at: Callable[[str], DevServer],
        in_source: InSource | None = None,
    ) -> None:
        self._browsers = browsers
        self._session = session
        self._base_path = base_path
        self._server_at = server_at
        self._in_source = in_source or as_told
        self._running: Looker | None = None
        self._starting = asyncio.Lock()
        self._start: asyncio.Task[Looker] | None = None
        self._open = 0
        self._room = asyncio.Semaphore(PAGES_AT_ONCE)
        self._idle: asyncio.TimerHandle | None = None
        self._names = 0
        self._ending: set[asyncio.Task[None]] = set()

    async def ready(self, *, pictures: bool = False) -> Chromium:
        async with self._used():
            return self

    @asynccontextmanager
    async def open(self, look: Look) -> AsyncGenerator[ChromiumPage]:
        async with self._room, self._used() as looker:
            self._names += 1
            name = f"page{self._names}"
            with looker.serving.page() as path:
                page = ChromiumPage(looker, name, self._in_source)
                address = path + look.path.lstrip("/")
                try:
                    await page.ask("open", address=address, width=look.width, height=look.height, theme=look.theme)
                    yield page
                finally:
                    with suppress(Unavailable):
                        await looker.ask("close", page=name)

    @asynccontextmanager
    async def _used(self) -> AsyncGenerator[Looker]:
        """The running browser, which does not end meanwhile."""
        self._open += 1
        self._browsers.looks(self)
        if self._idle:
            self._idle.cancel()
        try:
            yield await self._looker()
        finally:
            self._open -= 1
            if not self._open:
                seconds = self._browsers.idle_seconds if self._browsers.idles(self) else 0
                self._idle = asyncio.get_running_loop().call_later(seconds, self.end_idle)

    @property
    def runs(self) -> bool:
        """True if there is a browser."""
        return self._running is not None

    async def close(self) -> None:
        self._browsers.looks(self)
        if self._idle:
            self._idle.cancel()
        if self._start:
            self._start.cancel()
            await asyncio.wait([self._start])
        looker, self._running = self._running, None
        if looker:
            await looker.stop()

    async def memory(self) -> int:
        """Bytes that the browser and the program that drives it use now; 0 while none runs."""
        return await self._running.memory() if self._running else 0

    def end_idle(self) -> None:
        """End the browser unless somebody looks."""
        task = asyncio.create_task(self._close_idle())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _close_idle(self) -> None:
        if not self._open:
            await self.close()

    async def _looker(self) -> Looker:
        async with self._starting:
            if self._running and not self._running.running:
                await self._running.stop()
                self._running = None
            if self._running is None:
                self._running = await self._started()
            return self._running

    async def _started(self) -> Looker:
        """A browser, started in a task that ``close`` can cancel."""
        start = Looker.start(self._browsers, self._session, self._base_path(), self._server_at)
        self._start = asyncio.create_task(start)
        try:
            return await self._start
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise Unavailable("The browser was ended while it started.", reason="browser_failed") from None
        finally:
            self._start = None


class Looker:
    """The program behind the wall, as it runs: requests go in, answers come out."""

    def __init__(self, browser: Browser, serving: Serving, release: Callable[[], None]) -> None:
        self.browser = browser
        self.serving = serving
        self._release = release
        self._program: Program | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self._ended = ""
        self.version = ""
        self._watching: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, browsers: Browsers, session: str, base_path: str, server_at: Callable[[str], DevServer]
    ) -> Looker:
        from .serving import Serving

        walls = browsers.walls()
        isolation = (await walls.describe_isolation()).kind
        browser, playwright = await asyncio.to_thread(browsers.find, isolation)
        await browsers.enter()
        looker: Looker | None = None
        try:
            began = time.monotonic()
            serving = Serving(await walls.socket_path(), session, base_path, server_at)
            looker = cls(browser, serving, browsers.leave)
            shown = {f"{INSIDE}/program": PROGRAM, f"{INSIDE}/playwright": playwright}
            executable = str(browser.executable)
            if browser.folder:
                shown[f"{INSIDE}/browser"] = browser.folder
                executable = f"{INSIDE}/browser/{browser.executable.name}"
            axe = find_axe()
            if axe:
                shown[f"{INSIDE}/axe.min.js"] = axe
            ready = looker._expect(0)
            argv = [*NODE, f"{INSIDE}/program/looker.mjs", f"{INSIDE}/playwright", executable]
            argv.append(f"{INSIDE}/axe.min.js" if axe else "")
            looker._program = await walls.run_program(
                argv, shown=shown, way_out=looker.serving.path, on_line=looker._hear, longest=LONGEST_LINE
            )
            looker._watching = asyncio.create_task(looker._watch())
            try:
                async with asyncio.timeout(START_SECONDS):
                    looker.version = read_text((await ready).get("browser"), 50)
            except TimeoutError:
                raise Unavailable("The browser did not start in time.", reason="browser_failed") from None
            except Unavailable as error:
                raise unstarted(error, isolation) from None
            log.debug("A browser (%s) looks after %.2f s", browser.executable, time.monotonic() - began)
        except BaseException:
            if looker:
                await looker.stop()
            else:
                browsers.leave()
            raise
        return looker

    @property
    def running(self) -> bool:
        return self._program is not None and self._program.running and not self._ended

    async def ask(self, act: str, **arguments: Any) -> dict[str, Any]:
        """What the program answers. Raises ``Unavailable`` when it has ended, fails or takes too long."""
        if not self.running or self._program is None:
            raise Unavailable(f"The browser has ended. {self._ended}".strip(), reason="browser_failed")
        self._number += 1
        number = self._number
        answer = self._expect(number)
        request = {"id": number, "do": act} | arguments
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._program.send(strict_json.dumps(request).encode())
                return await answer
        except TimeoutError:
            # It works in the dark: whatever the page did to the browser, a new one is a tenth of a second away.
            await self.stop()
            raise Unavailable(
                f"The browser did not answer within {ANSWER_SECONDS:.0f} seconds and was ended.",
                reason="browser_failed",
            ) from None
        finally:
            self._waiting.pop(number, None)

    async def stop(self) -> None:
        """End it, also when cancelled meanwhile: others wait for its place."""
        await uncut(self._stop())

    async def _stop(self) -> None:
        try:
            if self._program:
                await self._program.stop()
            await self.serving.close()
        finally:
            release, self._release = self._release, _nothing
            release()

    async def memory(self) -> int:
        return (await self._program.stats()).memory if self._program else 0

    def _expect(self, number: int) -> asyncio.Future[dict[str, Any]]:
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        return future

    def _hear(self, line: bytes) -> None:
        try:
            told: Any = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(told, dict):
            return
        message = cast("dict[str, Any]", told)
        number = message.get("id")
        future = self._waiting.pop(number, None) if type(number) is int else None
        if future is None or future.done():
            return
        if isinstance(message.get("ok"), dict):
            future.set_result(message["ok"])
        else:
            error = read_text(message.get("error"), 2000) or "The browser failed."
            future.set_exception(Unavailable(error, reason="browser_failed"))

    async def _watch(self) -> None:
        assert self._program
        self._ended = await self._program.wait() or "It ended."
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Unavailable(f"The browser ended. {self._ended}", reason="browser_failed"))
        self._waiting.clear()


class ChromiumPage:
    """See ``base.Page``."""

    def __init__(self, looker: Looker, name: str, in_source: InSource) -> None:
        self._looker = looker
        self._name = name
        self._in_source = in_source
        self.state = PageState("/")

    async def ask(self, act: str, **arguments: Any) -> dict[str, Any]:
        told = await self._looker.ask(act, page=self._name, **arguments)
        if "path" in told:
            speed = {name: number for name in SPEED if (number := read_number(told.get(name))) is not None}
            self.state = PageState(
                read_text(told["path"], 1000),
                read_text(told.get("title"), 200),
                told.get("hangs") is True,
                speed,
                [host[:200] for host in read_texts(told.get("hosts"), 20)],
            )
        return told

    async def describe(self, most: int = 8000) -> str:
        told = await self.ask("describe", most=most)
        text = read_text(told.get("description"), most)
        return f"{text}\n… (more)" if told.get("cut") else text

    async def findings(self) -> list[dict[str, Any]]:
        return await self._read((await self.ask("findings")).get("findings"))

    async def audit(self) -> list[dict[str, Any]]:
        return await self._read((await self.ask("audit")).get("findings"))

    async def turn(self, theme: Theme) -> None:
        await self.ask("turn", theme=theme)

    async def picture(self) -> Shot | None:
        return _shot((await self.ask("picture")).get("data"), ("image/png",))

    async def cut_out(self, claim: Claim) -> Shot | None:
        view = claim.view
        told = await self.ask(
            "cut",
            selector=claim.selector,
            tag=claim.tag,
            text=claim.text,
            box=list(claim.box) if claim.box else None,
            left=view.left,
            top=view.top,
        )
        return _shot(told.get("data"), ("image/png",))

    async def portrait(self, width: int) -> Portrait | None:
        told = await self.ask("portrait", width=width)
        whole, thumbnail = (_shot(told.get(name), ("image/png", "image/webp")) for name in ("whole", "thumbnail"))
        return Portrait(width, whole, thumbnail) if whole and thumbnail else None

    async def act(self, step: Mapping[str, Any]) -> StepResult:
        told = await self.ask("step", step=dict(step))
        saved = [
            Saved(
                read_text(one.get("name"), 200),
                int(read_number(one.get("size")) or 0),
                read_text(one.get("head"), 4096),
            )
            for one in read_objects(told.get("saved"), 10)
        ]
        return StepResult(
            told.get("ok") is True,
            read_text(told.get("message"), 2000),
            read_texts(told.get("appeared"), 30),
            read_texts(told.get("gone"), 30),
            saved,
            self.state.path,
        )

    async def trial(self, most: int = 40, seconds: float = 6.0) -> Trial:
        told = await self.ask("trial", most=most, seconds=seconds)
        return Trial(int(read_number(told.get("actions")) or 0), await self._read(told.get("findings")))

    async def _read(self, told: object) -> list[dict[str, Any]]:
        # At once: each may wait for the dev server as long as all of them.
        return await asyncio.gather(*map(self._in_source, read_findings(told)))


def _shot(told: object, media_types: tuple[str, ...]) -> Shot | None:
    """A picture, from Base64; None for what is none of these types, or too large."""
    try:
        data = base64.b64decode(read_text(told, 2 * LARGEST), validate=True)
    except (binascii.Error, ValueError):
        return None
    found = raster(data) if len(data) <= LARGEST else None
    fits = found and found.media_type in media_types and max(found.width, found.height) <= LARGEST_SIDE
    return Shot(data, found.width, found.height, found.media_type) if found and fits else None


def find_axe() -> Path | None:
    """axe-core's script, which the build puts beside the program."""
    path = PROGRAM.parents[1] / "static" / "axe.min.js"
    return path if path.is_file() else None


def _nothing() -> None:
    pass
