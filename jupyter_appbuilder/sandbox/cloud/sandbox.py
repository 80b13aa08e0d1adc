"""One session's sandbox in the cloud."""

from __future__ import annotations

import asyncio
import contextlib
import posixpath
import time
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from ...cancellation import uncut
from ...errors import AppBuilderError, InvalidInput, NotFound, Unavailable
from ...templates.templates import APP, PackageKind, Template
from ..base import DevServer, ExecResult, OnProgress, OnRefused, Output, Process, Progress, Stats
from ..metrics import kills
from .base import SESSION, Cloud, CloudProvider, Gone
from .machine import FOLDER, Machine, Running
from .machine import Output as Printed
from .packages import Packages
from .server import OUTSIDE, CloudServer
from .sync import HELPER, Sync

T = TypeVar("T")

RETRY_SECONDS = 60  # after packages could not be had, commands do not ask for them again for so long
GRACE_SECONDS = 15  # a command's own limit over there comes this much after ours
PULL_SECONDS = 15  # how often what a dev server writes is looked for
RECOVER_SECONDS = 1.5
BEGUN: ContextVar[tuple[int, int] | None] = ContextVar("begun", default=None)
"""Whose work this is, and how often that sandbox had been stopped when it began."""

ANEW = "The cloud sandbox is gone: making a new one from the workspace"


class CloudSandbox:
    """Made in the cloud at its first use, found again after a restart, made anew from the workspace when it is gone."""

    def __init__(self, session: str, app: Path, template: Template, provider: CloudProvider) -> None:
        self.session = session
        self.app = app
        self.template = template
        self.provider = provider.name
        self._provider = provider
        self._machine: Machine | None = None
        self._making = asyncio.Lock()
        self._paused = False
        self._looked = False
        self._sync: Sync | None = None
        self._packages = Packages(self)
        self._servers = {
            service.name: CloudServer(self, service, OUTSIDE + number)
            for number, service in enumerate(template.services.values())
        }
        self._serving = asyncio.Lock()
        self._base_path: str | None = None
        self._stopped = False
        self._stops = 0
        self._asked = 0.0
        self._used = time.monotonic()
        self._hosts: tuple[str, ...] = ()
        self._processes: set[Background] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._recovered: list[float] = []

    # Commands

    async def exec(
        self,
        command: str | Sequence[str],
        *,
        timeout: float = 120,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Output | None = None,
        max_output: int = 4 * 1024 * 1024,
    ) -> ExecResult:
        with self._until_stopped():
            process = await self._begin(command, cwd, env, on_output, max_output, timeout)
        return await process.to_end()

    async def start(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Output | None = None,
        max_output: int = 4 * 1024 * 1024,
    ) -> Process:
        with self._until_stopped():
            process = await self._begin(command, cwd, env, on_output, max_output, None)
        process.detach()
        return process

    async def _begin(
        self,
        command: str | Sequence[str],
        cwd: str,
        env: Mapping[str, str] | None,
        on_output: Output | None,
        max_output: int,
        timeout: float | None,
    ) -> Background:
        folder = await self._inside(cwd)
        note = await self._prepare_quietly(on_output)
        output = Printed(max_output, on_output)
        argv = ["bash", "-c", command] if isinstance(command, str) else list(command)
        environment = dict(self.template.environment) | dict(env or {})
        began = time.monotonic()
        limit = 0 if timeout is None else timeout + GRACE_SECONDS

        async def start(machine: Machine) -> Running:
            notes = await self.sync.push()
            running = await machine.start(argv, output.take, folder=folder, environment=environment, seconds=limit)
            for line in notes:
                output.take("stderr", f"[sandbox] {line}\n")
            return running

        if note:
            output.take("stderr", note)

        def say(step: Progress) -> None:
            if step.message == ANEW:
                output.forward("stderr", f"[sandbox] {step.message}.\n")

        running = await self.with_machine(start, say)
        return Background(self, running, output, began, timeout)

    async def _inside(self, cwd: str) -> str:
        path = posixpath.normpath(posixpath.join(FOLDER, cwd))
        if path != FOLDER and not path.startswith(f"{FOLDER}/"):
            raise InvalidInput(f"{cwd!r} lies outside the app.", hint="Name a folder of the app.", field="cwd")
        if not (self.app / posixpath.relpath(path, FOLDER)).is_dir():
            from shlex import quote

            told = await self.with_machine(lambda machine: machine.helper(f"test -d {quote(path)} && echo yes || true"))
            if not told.strip():
                raise NotFound(f"There is no folder {cwd!r}.", hint="Use list_files to see what there is.")
        return path

    # Packages

    async def install(
        self,
        packages: Sequence[str],
        *,
        kind: PackageKind | None = None,
        dev: bool = False,
        on_output: Output | None = None,
    ) -> ExecResult:
        self._asked = 0.0
        with self._until_stopped():
            return await self._packages.install(packages, self.template.kind_of(packages, kind), dev, on_output)

    async def prepare(self, on_progress: OnProgress | None = None) -> None:
        with self._until_stopped():
            await self._packages.prepare(on_progress)

    async def _prepare_quietly(self, on_output: Output | None) -> str:
        """Packages for a command. Without them it still runs; what is returned tells why they are missing."""
        told = False

        def announce(_: Progress) -> None:
            nonlocal told
            if on_output and not told:
                on_output("stderr", "[sandbox] Installing packages …\n")
            told = True

        if time.monotonic() - self._asked < RETRY_SECONDS and self._asked:
            return ""
        try:
            await self._packages.prepare(announce, quiet=True)
        except Unavailable as error:
            if error.reason.startswith(("e2b_", "cloud_", "kubernetes_")):
                raise
            self._asked = time.monotonic()
            return f"[sandbox] The app's packages are not installed. {error}\n"
        except AppBuilderError as error:
            self._asked = time.monotonic()
            return f"[sandbox] The app's packages are not installed. {error}\n"
        return ""

    # The dev server

    async def serve(self, base_path: str, on_progress: OnProgress | None = None, *, service: str = APP) -> DevServer:
        async with self._serving:
            self._stopped = False
            self._base_path = base_path
            with self._until_stopped():
                return await self._serve(self._servers[service], on_progress)

    async def _serve(self, server: CloudServer, on_progress: OnProgress | None) -> DevServer:
        assert self._base_path is not None
        began = time.monotonic()
        await server.end("starting", "Preparing the cloud sandbox")

        def progress(step: Progress) -> None:
            server.report_progress(step)
            if on_progress:
                on_progress(step)

        try:
            progress(Progress("Preparing the cloud sandbox"))
            await self.ready(progress)
            await self._packages.prepare(progress)
            if self._stopped:
                await server.end("stopped")
                return server.now()

            async def start(machine: Machine) -> None:
                await self.sync.push()
                progress(Progress("Starting the dev server"))
                await server.start(machine, self.template, str(self._base_path))

            await self.with_machine(start, progress)
            now = await server.answered(began)
            if now.state == "ready":
                self._in_background(self.pull_quietly())
            return now
        except AppBuilderError as error:
            await server.end("stopped" if self._stopped else "failed", "" if self._stopped else str(error))
            return server.now()
        except BaseException:
            await uncut(server.end("stopped"))
            raise

    @property
    def server(self) -> DevServer:
        return self._servers[APP].now()

    @property
    def servers(self) -> dict[str, DevServer]:
        return {name: server.now() for name, server in self._servers.items()}

    def _any(self, *states: str) -> bool:
        return any(server.state.state in states for server in self._servers.values())

    def server_ended(self, message: str, lost: bool) -> None:
        """The dev server ended by itself, or with its sandbox."""
        if lost and not self._stopped and not self._paused:
            self._in_background(self._recover())

    async def _recover(self) -> None:
        """Make a sandbox that vanished anew: whoever looks at the preview need do nothing."""
        now = time.monotonic()
        self._recovered = [at for at in self._recovered if now - at < 600]
        if len(self._recovered) >= 3:
            return
        self._recovered.append(now)
        await asyncio.sleep(RECOVER_SECONDS)
        async with self._serving:
            for server in self._servers.values():
                if server.state.state == "failed" and server.lost and self._base_path and not self._stopped:
                    with self._until_stopped():
                        await self._serve(server, None)

    async def allow(self, hosts: Collection[str], on_refused: OnRefused | None = None) -> bool:
        """The cloud's own firewall lets these through; it does not tell what it refused."""
        self._hosts = tuple(sorted(hosts))
        if self._machine is not None and not self._machine.gone and not self._paused:
            with contextlib.suppress(Gone):
                await self.limit_network(self._machine)
        return False

    async def limit_network(self, machine: Machine, *, open_for_packages: bool = False) -> None:
        await machine.limit_network(None if open_for_packages else self._reachable)

    @property
    def _reachable(self) -> tuple[str, ...] | None:
        return None if self._provider.internet else (*self._provider.allow, *self._hosts)

    # Sleep

    async def sleep(self) -> None:
        async with self._serving:
            states = ("ready", "failed", "starting")
            serving = [server for server in self._servers.values() if server.state.state in states]
            async with self._making:
                machine = self._machine
                if machine is not None and not self._paused and not machine.gone:
                    await self.pull_quietly()
                    self._paused = True
                    self._provider.running.discard(self)
                    machine.awake.clear()
                    with contextlib.suppress(Gone):
                        await machine.pause()
            for server in serving:
                server.sleep()

    async def wake(self) -> None:
        if self._base_path is None:
            return
        for server in self._servers.values():
            async with self._serving:
                if server.state.state == "asleep":
                    with self._until_stopped():
                        await self._wake(server)

    async def _wake(self, server: CloudServer) -> None:
        before = self._machine
        try:
            machine = await self.ready()
            await self.sync.push()
            if machine is before and await server.woken():
                return
        except (Gone, AppBuilderError):
            pass  # serving tells what is wrong
        await self._serve(server, None)

    async def stats(self) -> Stats:
        machine = self._machine
        if machine is None or machine.gone or self._paused:
            return Stats(0, 0, 0.0)
        try:
            return await machine.stats()
        except Gone:
            self.lost(machine)
            return Stats(0, 0, 0.0)

    async def stop(self) -> None:
        self._base_path = None
        self._stopped = True
        self._stops += 1
        for process in list(self._processes):
            process.give_up()
        await self._end_servers()
        await uncut(self._end())
        if self._stopped:  # not started anew meanwhile
            await self._end_servers()

    async def _end_servers(self) -> None:
        for server in self._servers.values():
            await server.end("stopped")

    async def _end(self) -> None:
        async with self._making:
            for task in list(self._tasks):
                if task is not asyncio.current_task():
                    task.cancel()
            machine, self._machine = self._machine, None
            self._sync = None
            self._provider.running.discard(self)
            self._provider.made.discard(self)
            if machine is not None and not machine.gone:
                machine.gone = True
                machine.awake.set()
                await machine.kill()
            self._paused = False

    # The machine

    @property
    def sync(self) -> Sync:
        if self._sync is None:
            raise stopped_error()
        return self._sync

    @contextlib.contextmanager
    def _until_stopped(self) -> Generator[None]:
        """What is asked in here makes no machine any more once ``stop`` was called."""
        token = BEGUN.set((id(self), self._stops))
        try:
            yield
        finally:
            BEGUN.reset(token)

    async def ready(self, on_progress: OnProgress | None = None) -> Machine:
        """The running machine with the workspace's files in it, made or resumed if need be."""
        async with self._making:
            if BEGUN.get() not in (None, (id(self), self._stops)):
                raise stopped_error()
            self._used = time.monotonic()
            machine = self._machine
            if machine is not None and self._paused and not machine.gone:
                try:
                    await self._resume(machine)
                except Gone:
                    machine.gone = True
            if machine is None or machine.gone or self._sync is None:
                if machine is not None and machine.gone:
                    machine.awake.set()
                    _say(on_progress, ANEW)
                machine = await self._make(on_progress)
            return machine

    async def with_machine(self, work: Callable[[Machine], Awaitable[T]], on_progress: OnProgress | None = None) -> T:
        """``work`` on the machine; once more on a new one if it turns out to be gone."""
        for last in (False, True):
            machine = await self.ready(on_progress)
            try:
                return await work(machine)
            except Gone:
                self.lost(machine)
                if last:
                    raise lost_error(machine) from None
        raise AssertionError("unreachable")

    def lost(self, machine: Machine) -> None:
        """Note that ``machine`` is gone."""
        machine.gone = True
        machine.awake.set()
        self._provider.running.discard(self)

    async def _resume(self, machine: Machine) -> None:
        cloud = await self._provider.cloud()
        self._provider.reserve(self)
        try:
            await cloud.connect(machine.id, self._provider.timeout)
        except BaseException:
            self._provider.running.discard(self)
            raise
        self._paused = False
        machine.awake.set()

    async def _make(self, on_progress: OnProgress | None) -> Machine:
        cloud = await self._provider.cloud()
        self._provider.reserve(self)
        try:
            machine, old = await self._obtained(cloud, on_progress)
            self._packages.installed = await machine.install_helpers()
            if old:
                await machine.helper(f"{HELPER} end")  # what ran before our server was started anew
                await self.limit_network(machine)
            _say(on_progress, "Sending the workspace's files")
            sync = Sync(self.app, machine)
            await sync.push_all()
            for place, folder in self.template.mounted.items():
                await machine.send_programs(folder, place)
            if old:
                await sync.pull()
        except BaseException as error:
            self._provider.running.discard(self)
            if isinstance(error, Gone):
                raise lost_error() from None
            raise
        self._sync = sync
        for task in list(self._tasks):
            if task is not asyncio.current_task() and task.get_name().startswith("cloud"):
                task.cancel()
        self._in_background(self._watch(sync, machine), "cloud watch")
        self._in_background(self._keep(machine), "cloud keep")
        return machine

    async def _obtained(self, cloud: Cloud, on_progress: OnProgress | None) -> tuple[Machine, bool]:
        return await uncut(self._obtain(cloud, on_progress))  # else nobody would know of what was made

    async def _obtain(self, cloud: Cloud, on_progress: OnProgress | None) -> tuple[Machine, bool]:
        """The session's sandbox, and whether it is one from before."""
        timeout = self._provider.timeout
        if self._machine is not None and not self._machine.gone:
            return self._machine, True  # its making was cancelled halfway
        if not self._looked or self._machine is not None:
            found = await cloud.find(self.session)
            if found:
                with contextlib.suppress(Gone):
                    _say(on_progress, "Reconnecting to the session's cloud sandbox")
                    machine = self._provider.machine(cloud, await cloud.connect(found, timeout), self)
                    self._take(machine)
                    return machine, True
        _say(on_progress, "Making a cloud sandbox")
        template = self.template.name
        metadata = {SESSION: self.session, "appbuilder-template": template}
        made = await self._provider.obtain(cloud, template, metadata, self._reachable, on_progress)
        machine = self._provider.machine(cloud, made, self)
        self._take(machine)
        return machine, False

    def _take(self, machine: Machine) -> None:
        self._machine = machine
        self._sync = None
        self._paused = False
        self._looked = True
        self._provider.made.add(self)

    async def pull(self) -> list[str]:
        return await self.sync.pull()

    async def pull_quietly(self) -> None:
        with contextlib.suppress(Gone, AppBuilderError):
            await self.sync.pull()

    async def _watch(self, sync: Sync, machine: Machine) -> None:
        """Bring a person's edits up as they are made."""

        async def edited() -> None:
            if self._paused or machine.gone:
                return  # they go up when it wakes
            try:
                await sync.push()
            except Gone:
                self.lost(machine)
            except AppBuilderError as error:
                self._provider.log.warning("An edit could not be sent to the cloud sandbox: %s", error)

        await sync.watch(edited)

    @property
    def active(self) -> bool:
        """True if somebody may need it now; otherwise it may be paused when its time is over."""
        busy = bool(self._processes) or self._any("ready", "starting")
        return busy or time.monotonic() - self._used < self._provider.timeout

    async def _keep(self, machine: Machine) -> None:
        """Keep its time from running out while it is used, and fetch what the dev server writes."""
        extended = time.monotonic()
        every = max(0.5, min(PULL_SECONDS, self._provider.timeout / 4))
        while not machine.gone:
            await asyncio.sleep(every)
            if self._paused or not self.active:
                continue
            try:
                if time.monotonic() - extended > min(60.0, self._provider.timeout / 4) - 0.1:
                    await machine.set_timeout(self._provider.timeout)
                    extended = time.monotonic()
                if self._any("ready"):
                    await self.sync.pull()
            except Gone:
                self.lost(machine)
                for server in self._servers.values():
                    server.vanish()
            except AppBuilderError as error:
                self._provider.log.warning("%s", error)

    def _in_background(self, work: Any, name: str = "") -> None:
        async def run() -> None:
            try:
                await work
            except (AppBuilderError, Gone) as error:
                self._provider.log.info("%s", error)
            except Exception:
                self._provider.log.exception("Background work of a cloud sandbox failed")

        task = asyncio.get_running_loop().create_task(run(), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def direct(self) -> bool:
        return self._provider.direct_preview

    def note_process(self, process: Background, running: bool) -> None:
        (self._processes.add if running else self._processes.discard)(process)
        self._used = time.monotonic()


def _say(on_progress: OnProgress | None, message: str) -> None:
    if on_progress:
        on_progress(Progress(message))


def stopped_error() -> Unavailable:
    return Unavailable(
        "The cloud sandbox was stopped.", hint="Start the preview again.", reason="cloud_sandbox_stopped"
    )


def lost_error(machine: Machine | None = None) -> Unavailable:
    why = machine.why if machine is not None else ""
    return Unavailable(
        f"The cloud sandbox was lost in the middle of this{f': {why}' if why else ''}.",
        hint="Try again: a new one is made from the workspace, where your files are.",
        reason="cloud_sandbox_lost",
    )


class Background:
    """A command, from its start until what it changed is back in the workspace."""

    def __init__(
        self, sandbox: CloudSandbox, running: Running, output: Printed, began: float, timeout: float | None
    ) -> None:
        self._sandbox = sandbox
        self._running = running
        self._output = output
        self._began = began
        self._timeout = timeout
        self._task: asyncio.Task[ExecResult] | None = None
        self._given_up = False
        sandbox.note_process(self, True)

    def detach(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self.to_end())
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def wait(self) -> ExecResult:
        assert self._task
        await asyncio.wait({self._task})
        return self._task.result()

    async def kill(self) -> None:
        if self.running and self._task:
            await self._running.kill()
            await asyncio.wait({self._task})

    def give_up(self) -> None:
        """Its sandbox is being stopped."""
        self._given_up = True
        self._running.forget()

    async def to_end(self) -> ExecResult:
        """Wait for its end. Cancelling kills it, there too."""
        waiting = asyncio.ensure_future(self._running.wait())
        full = asyncio.ensure_future(self._output.full.wait())
        ended = "exit"
        try:
            await asyncio.wait({waiting, full}, timeout=self._timeout, return_when=asyncio.FIRST_COMPLETED)
            if self._output.full.is_set():
                ended = "output"
            elif not waiting.done():
                ended = "timeout"
            if not waiting.done():
                await self._running.kill()
            await asyncio.wait({waiting}, timeout=10)
            duration = time.monotonic() - self._began
            code = await self._code(waiting)
            notes = await self._pull()
        except asyncio.CancelledError:
            await uncut(self._cancelled())
            raise
        finally:
            full.cancel()
            waiting.cancel()
            self._sandbox.note_process(self, False)
        for line in notes:
            self._output.take("stderr", f"[sandbox] {line}\n")
        if ended != "exit" and code == 0:
            code = 137
        if ended != "exit":
            kills(ended)
        return ExecResult(code, self._output.stdout, self._output.stderr, duration, ended=ended)  # type: ignore[arg-type]

    async def _code(self, waiting: asyncio.Future[int]) -> int:
        try:
            return waiting.result() if waiting.done() else 137
        except asyncio.CancelledError:
            return 137  # nobody listens any more: its sandbox is being stopped
        except Gone:
            self._sandbox.lost(self._running.machine)
            raise lost_error(self._running.machine) from None

    async def _pull(self) -> list[str]:
        if self._given_up:
            return []
        try:
            return await self._sandbox.pull()
        except Gone:
            self._sandbox.lost(self._running.machine)
            raise lost_error() from None

    async def _cancelled(self) -> None:
        await self._running.kill()
        await self._sandbox.pull_quietly()
