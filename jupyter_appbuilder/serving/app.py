"""A published app as it runs for readers: its sandbox, the release that is live, and how one takes another's place.

It starts when it is asked for, sleeps when nobody uses it, and starts anew after a crash, each time a little later. A
new release is made ready beside the live one, starts on a copy of its data, and takes its place once it answers; until
then, and where it fails, the one before goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakSet

from ..apps.function_server import FunctionServer
from ..apps.guarded import GuardedSandbox
from ..cancellation import ended, in_thread, uncut
from ..databases.program import DataProgram
from ..errors import AppBuilderError, Conflict, Unavailable
from ..preview.upstream import upstreams
from ..publishing.as_of import tag
from ..publishing.base import Bundle
from ..publishing.site import SiteSandbox
from ..sandbox.base import Address, DevServer, Progress, Sandbox
from ..sandbox.network.hosts import parse_host
from ..templates.templates import Template
from ..vault.mask import Mask
from .place import Place, Run, asset, is_another, release_of

BUILD_SECONDS = 600.0
MIGRATE_SECONDS = 120.0
CALM_SECONDS = 60.0
"""An app that ran for so long starts anew at once when it ends; one that did not waits, each time longer."""
LONGEST_WAIT = 60.0
AGAIN_SECONDS = 120.0
"""After which a release is tried again whose packages could not be had, while the one before goes on."""
UNDER_WAY_SECONDS = 2.0
"""For requests to end before a release's server does: a page that has half of its scripts stays empty."""
LOG_LINES = 20  # of an app that ended, in our own log

log = logging.getLogger(__name__)

MakeSandbox = Callable[[str, Path, Template], Awaitable[Sandbox]]
Values = Callable[[], Awaitable[Mapping[str, str]]]
"""Values of the app's secrets, by name."""


@dataclass(frozen=True, slots=True)
class Status:
    """As readers are told of it, without anything of how it works inside. ``fraction``: how far starting has come, 0
    to 1, where it is known; ``again``: seconds until it is tried again."""

    state: str  # "starting", "ready", "asleep", "failed"; "gone" where nothing is published any more
    message: str = ""
    fraction: float | None = None
    again: int = 0


@dataclass(slots=True)
class _Going:
    """A release with its sandbox."""

    run: Run
    template: Template | None  # None for a site
    sandbox: Sandbox
    functions: FunctionServer | None

    @property
    def server(self) -> DevServer:
        return self.sandbox.server


class ServedApp:
    """Of one publication. ``base_path``: the path that its server answers below, with a slash at both ends."""

    def __init__(
        self,
        place: Place,
        base_path: str,
        *,
        make_sandbox: MakeSandbox,
        find_template: Callable[[str], Template],
        values: Values,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.place = place
        self.base_path = base_path
        self._make_sandbox = make_sandbox
        self._find_template = find_template
        self._values = values
        self._clock = clock
        self._mask = Mask()
        self._going: _Going | None = None
        self._changing = asyncio.Lock()  # one release takes another's place, the server starts or sleeps
        self._starting: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None
        self._status = Status("starting", "Starting")
        self._failures = 0
        self._again_at = 0.0
        self._ran_since: float | None = None
        self._address: Address | None = None
        self._closed = False
        self._refused = ""  # the release that could not take the live one's place
        self._refused_until = 0.0  # when that is tried again
        self._down = False
        self._disturbed = False  # whether the release on its way has had the live one sleep
        self._used_at = clock()
        self.under_way = WeakSet[object]()
        """Requests that the live release's server is answering."""

    # What readers are told

    @property
    def title(self) -> str:
        return self._going.run.bundle.manifest["title"] if self._going else ""

    @property
    def name(self) -> str:
        return self._going.run.bundle.manifest["name"] if self._going else ""

    def says_as_of(self, source: str) -> bytes:
        """What the app's pages end with, where the script that says from when its data are is at ``source``."""
        manifest = self._going.run.bundle.manifest if self._going else None
        # Pages of a site have it in their files.
        return tag(manifest, source) if manifest and manifest["kind"] == "server" else b""

    @property
    def release(self) -> str:
        """What is live; "" for nothing yet."""
        return self._going.run.release if self._going else ""

    @property
    def control(self) -> str:
        """The path below the base that is between us and the app's server alone; "" for none."""
        return self._going.template.control if self._going and self._going.template else ""

    @property
    def deep(self) -> tuple[str, ...]:
        """``Publishing.deep`` of what is live."""
        template = self._going.template if self._going else None
        return template.publish.deep if template and template.publish else ()

    async def of_the_release_before(self, inside: str) -> bytes | None:
        """A file that an open page of the release before asks for, though the live one has none of that name."""
        going = self._going
        if going is None:
            return None

        def found() -> bytes | None:
            run = self.place.earlier()
            if run is None or run.bundle.manifest["template"] != going.run.bundle.manifest["template"]:
                return None
            try:
                publish = self._find_template(run.bundle.manifest["template"]).publish
            except AppBuilderError:
                return None
            for path, folder in publish.assets.items() if publish else ():
                if inside.startswith(path) and (content := asset(run, folder, inside.removeprefix(path))) is not None:
                    return content
            return None

        return await in_thread(found)

    @property
    def server(self) -> DevServer:
        return self._going.server if self._going else DevServer("stopped")

    @property
    def status(self) -> Status:
        if self._down:
            return Status("gone", "This app is not published any more.")
        if self._going and self._going.server.state == "ready" and not self._changing.locked():
            return Status("ready")
        if self._busy:
            return self._status if self._status.state == "starting" else Status("starting", "Starting")
        wait = max(0.0, self._again_at - self._clock())
        if self._status.state == "failed":
            return replace(self._status, again=max(1, round(wait + 0.5)))
        return self._status

    @property
    def refused(self) -> str:
        """The release that could not take the live one's place, as ``release_of`` names it; "" for none."""
        return self._refused

    def wants(self, release: str) -> bool:
        """Whether a release is to be taken: it is not the live one, and was not refused, or may be tried again."""
        if self.is_taking or (release == self.release and not self._down):
            return False
        return release != self._refused or self._clock() >= self._refused_until

    @property
    def is_taking(self) -> bool:
        """Whether a release is on its way to the live one's place."""
        return self._taking is not None and not self._taking.done()

    @property
    def _busy(self) -> bool:
        return any(task is not None and not task.done() for task in (self._starting, self._taking))

    # A release takes the place of another

    async def open(self) -> None:
        """Go on with what was live when the last process ended. Raises ``Conflict`` where another one serves it."""
        await in_thread(self.place.open)
        live = await in_thread(self.place.live)
        if live is not None:
            try:
                self._going = await self._made(live)
            except AppBuilderError as error:
                log.error("The release that was live cannot be served: %s", error)

    def take(self, bundle: Bundle) -> asyncio.Task[None]:
        """Begin to put a release in the place of the live one; nothing is done for the one that is live. What is
        returned ends when it has, and raises what kept it from that."""
        before = self._taking

        async def take() -> None:
            if before is not None:
                await asyncio.wait([before])
            await self._take(bundle)

        self._taking = asyncio.create_task(take())
        self._taking.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._taking

    async def _take(self, bundle: Bundle) -> None:
        release = release_of(bundle)
        self._down = False
        if release == self.release:
            await self._start()
            return
        if self._going is not None and is_another(self._going.run.bundle, bundle):
            await self._retire()
        first = self._going is None
        self._disturbed = False
        if first:
            self._say("Getting the app ready")
        try:
            run = await in_thread(self.place.lay, bundle)
            try:
                await self._replaced(run, self._going)
            except BaseException:
                await uncut(in_thread(self.place.drop, run))
                raise
        except Exception as error:
            self._refused = release
            told = error if isinstance(error, AppBuilderError) else f"{type(error).__name__}: {error}"
            kept = "" if first else " The one before goes on."
            log.error("The release of %s could not be put in place: %s%s", bundle.manifest["built_at"], told, kept)
            if first:
                self._failed()
                self._refused_until = self._again_at
            else:  # whoever reads was disturbed by it once: only what never came so far is tried again
                self._refused_until = self._clock() + AGAIN_SECONDS if not self._disturbed else float("inf")
            raise
        self._refused = ""

    async def _replaced(self, run: Run, before: _Going | None) -> None:
        new = await self._made(run)
        try:
            await self._prepared(new)
            async with self._changing:
                if before is not None:
                    self._disturbed = True
                    await self._put_to_sleep(before)
                # Also of one that cannot be served: what readers wrote is theirs whatever became of it.
                data = before.run if before is not None else await in_thread(self.place.live)
                if data is not None and not is_another(data.bundle, run.bundle):
                    await in_thread(self.place.hand_over, data, run)
                await self._migrated(new)
                await self._serve(new)
                if new.server.state != "ready":
                    raise Conflict(f"Its server does not start. {new.server.message}".rstrip(), reason="not_started")
                await in_thread(self.place.accept, run)
                self._going = new
                self._begun()
        except BaseException:
            await uncut(new.sandbox.stop())
            if before is not None:
                await uncut(self._start())
            raise
        log.info("Release of %s: readers have it from now on", run.bundle.manifest["built_at"])
        if before is not None:
            await before.sandbox.stop()

    async def _made(self, run: Run) -> _Going:
        """The sandbox of a release, in which nothing runs yet."""
        manifest = run.bundle.manifest
        if manifest["kind"] == "static":
            return _Going(run, None, SiteSandbox(run.bundle.content), None)
        template = self._find_template(manifest["template"])
        serving = replace(
            template.published(),
            serve=tuple(_runtime(word, template) for word in manifest["serve"]),
            serve_environment=manifest["environment"],
            ready=manifest["ready"],
            strip=manifest["strip"],
            data=tuple(manifest["data"]),
        )
        sandbox = await self._make_sandbox(f"served-{manifest['name']}-{run.id}", run.app, serving)
        guarded = GuardedSandbox(sandbox, self._mask, self._nothing_more)
        hosts: list[str] = []
        for host in manifest["hosts"]:
            try:
                hosts.append(parse_host(host))
            except AppBuilderError as error:
                log.warning("The app may not reach %r: %s", host[:100], error)
        await guarded.allow(frozenset(hosts), _say_refused)

        async def values() -> dict[str, str]:
            known = await self._values()
            kept = {name: known[name] for name in manifest["secrets"] if name in known}
            self._mask.learn(kept.values())
            return kept

        functions = (
            FunctionServer(template.control, values, has_functions=template.functions) if template.control else None
        )
        return _Going(run, serving, guarded, functions)

    async def _nothing_more(self, server: DevServer) -> None:
        """Secrets are given by ``_serve``, which knows whose server it is."""

    async def _prepared(self, going: _Going) -> None:
        """Packages, and what was built for another path: beside the release that is live."""
        template = going.template
        if template is None:
            return
        await going.sandbox.prepare(self._progress)
        publish = template.publish
        if publish is None or not publish.fixed:
            return
        self._say("Building the app")
        command, environment = template.building(self.base_path)
        result = await going.sandbox.exec(list(command), timeout=BUILD_SECONDS, env=environment)
        if result.exit_code != 0:
            said = result.message or _tail(result.stdout + result.stderr)
            raise Conflict(f"It could not be built for the path {self.base_path}: {said}", reason="build_failed")

    async def _migrated(self, going: _Going) -> None:
        template = going.template
        if template is None or template.database is None or template.engine != "sqlite":
            return
        self._say("Getting the data ready")

        async def sandbox() -> Sandbox:
            return going.sandbox

        told = await DataProgram(sandbox, template.database).ask("migrate", seconds=MIGRATE_SECONDS)
        failed = told.get("failed")
        if isinstance(failed, dict):
            said = " ".join(str(failed.get(name, "")) for name in ("file", "message"))[:500]  # pyright: ignore
            raise Conflict(f"A migration fails on the data that readers have: {said}", reason="migration_failed")

    # The server of the live release

    def start(self) -> None:
        """Start the live release's server in the background, unless it runs, or is to wait after a crash."""
        going = self._going
        if going is None or self._closed or self._down or going.server.state == "ready" or self._busy:
            return
        self._notice()
        if self._clock() < self._again_at:
            return
        self._starting = asyncio.create_task(self._start())
        self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())

    def use(self) -> None:
        """Somebody uses it now."""
        self._used_at = self._clock()

    @property
    def unused(self) -> float:
        """Seconds since somebody used it."""
        return self._clock() - self._used_at

    async def awake(self, patience: float | None = None) -> DevServer:
        """The server, which is started if need be, and waited for, ``patience`` seconds at most."""
        self.use()
        if self.reachable.state == "ready":
            return self.server
        self.start()
        waiting = [task for task in (self._starting, self._taking) if task is not None and not task.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=patience)
        return self.reachable

    @property
    def reachable(self) -> DevServer:
        """The server as readers have it: none while it changes, begins or ends."""
        # One that answers but was not given its secrets yet belongs to whoever asks first.
        return self.server if not self._changing.locked() and not self._down else DevServer("starting")

    async def _start(self) -> None:
        async with self._changing:
            going = self._going
            if going is None or self._closed or going.server.state == "ready":
                return
            self._say("Starting" if going.server.state != "asleep" else "Waking up")
            try:
                await self._serve(going)
            except Exception as error:
                log.error("The app cannot be started: %s", error)
                self._failed()
                return
            server = self.server
            if server.state == "ready":
                self._begun()
            else:
                log.error("The app does not start. %s\n%s", server.message, _tail(server.log))
                self._failed()

    async def _serve(self, going: _Going) -> None:
        await self._hang_up()
        server = await going.sandbox.serve(self.base_path, self._progress)
        self._address = server.address
        if server.state == "ready" and server.address is not None and going.functions is not None:
            try:
                await going.functions.give(server.address, self.base_path)
            except Unavailable as error:
                log.error("The app has not been given its secrets. %s", error)

    def _begun(self) -> None:
        self._status = Status("ready")
        self._ran_since = self._clock()

    def _notice(self) -> None:
        """See whether the server ended by itself since it was last seen to run."""
        going = self._going
        if going is None or self._ran_since is None or going.server.state != "failed":
            return
        if self._clock() - self._ran_since > CALM_SECONDS:
            self._failures = 0
        self._ran_since = None
        log.error("The app's server has ended. %s\n%s", going.server.message, _tail(going.server.log))
        self._failed()

    def _failed(self) -> None:
        """Wait before it is tried again: not at all the first time, then longer each time."""
        wait = 0.0 if not self._failures else min(LONGEST_WAIT, 2.0**self._failures)
        self._failures += 1
        self._again_at = self._clock() + wait
        self._ran_since = None
        self._status = Status("failed", "The app does not run at the moment.")

    async def take_down(self) -> None:
        """Nothing is published any more: readers get nothing until a release comes. What the app wrote stays."""
        if self._down or self._going is None:
            return
        self._down = True
        async with self._changing:
            if self._going.template is not None:
                await self._put_to_sleep(self._going)

    async def _retire(self) -> None:
        """End what was live: it was deleted, and another app has its name. Its data stay where they are."""
        async with self._changing:
            going, self._going = self._going, None
            if going is not None:
                log.warning("Another app is published under this name; the data of the one before stay")
                await self._hang_up()
                await going.sandbox.stop()

    async def sleep(self) -> None:
        """Give back what the server holds, until somebody asks for it."""
        site = self._going is not None and self._going.template is None  # nothing of it runs
        if self._busy or self._changing.locked() or self.server.state != "ready" or site:
            return
        async with self._changing:
            if self._going is not None:
                await self._put_to_sleep(self._going)
                self._status = Status("asleep")

    async def _put_to_sleep(self, going: _Going) -> None:
        self._ran_since = None
        with suppress(TimeoutError):
            async with asyncio.timeout(UNDER_WAY_SECONDS):
                while self.under_way:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        await going.sandbox.sleep()
        await self._hang_up()

    async def _hang_up(self) -> None:
        address, self._address = self._address, None
        if address is not None:
            await upstreams.close(address)

    async def arrive(self, name: str, cookies: str) -> str:
        """Log in a reader whom a JupyterHub knows, where the app knows people so: what sets their cookie, or ""."""
        going = self._going
        address = going.server.address if going else None
        if not name or going is None or going.functions is None or address is None:
            return ""
        with suppress(Unavailable):  # the page then shows its form
            said = await going.functions.ask(address, self.base_path, "enter", name=name, cookie=cookies)
            if isinstance(cookie := said.get("cookie"), str):
                return cookie
        return ""

    async def close(self) -> None:
        """End everything; what the app wrote stays."""
        self._closed = True
        await ended([task for task in (self._starting, self._taking) if task is not None])
        going, self._going = self._going, None
        if going is not None:
            with suppress(AppBuilderError):
                await going.sandbox.stop()
        await self._hang_up()
        await in_thread(self.place.close)

    def _progress(self, step: Progress) -> None:
        if step.fraction is not None or self._status.state != "starting":
            self._say(self._status.message or "Starting", step.fraction)

    def _say(self, message: str, fraction: float | None = None) -> None:
        self._status = Status("starting", message, fraction)


def _runtime(word: str, template: Template) -> str:
    from ..templates.templates import CARRIER, RUNTIME

    program = template.database.program if template.database else ""
    for name, value in {"{template}": RUNTIME, "{database}": program, "{live}": CARRIER}.items():
        word = word.replace(name, value)
    return word


def _say_refused(host: str, reason: str) -> None:
    log.warning("The app asked for %s, which it may not reach: %s", host, reason)


def _tail(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-LOG_LINES:])[-4000:]
