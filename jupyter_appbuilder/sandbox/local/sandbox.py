"""One session's sandbox on this machine."""

from __future__ import annotations

import asyncio
import posixpath
import re
import socket
import stat
import time
from collections.abc import Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ...errors import AppBuilderError, InvalidInput, NotFound, Unavailable
from ...formats.text import encodable
from ...templates.templates import APP, PackageKind, Serving, Template
from ...workspace.folder import remove_folder
from ...workspace.holds import Hold, hold
from ...workspace.repositories import remove_repositories
from ..base import DevServer, Door, ExecResult, OnProgress, OnRefused, Output, Progress, Stats
from .packages.bundles import Bundles
from .packages.dependencies import WRITABLE, Dependencies
from .packages.python_environments import PythonEnvironment, PythonEnvironments
from .processes.background import BackgroundProcess
from .processes.exit import SessionExit
from .processes.layout import WORKSPACE, Bind
from .processes.limits import measure, too_long, too_long_in_background
from .processes.runner import Cell, Process, Runner, Setting, Take
from .server import ServerProcess

T = TypeVar("T")

RETRY_SECONDS = 60  # after packages could not be had, commands do not ask for them again for so long

# By its path: a package may bring a program of that name, which stands before the system's.
BASH = next((path for path in ("/bin/bash", "/usr/bin/bash") if Path(path).exists()), "bash")


class AppSandbox:
    """Each command and the dev server run in a bubblewrap of their own: entering takes some 30 ms, and a command's
    processes end with it, whatever they do to escape. All share the limits of the session and see the same files.

    ``scratch`` holds what tools write below ``node_modules``; it lives as long as the sandbox.
    """

    provider = "local"

    def __init__(
        self,
        session: str,
        app: Path,
        template: Template,
        runner: Runner,
        dependencies: Dependencies,
        python: PythonEnvironments,
        bundles: Bundles,
        scratch: Path,
        running: set[AppSandbox],
        way_out: SessionExit,
    ) -> None:
        self.session = session
        self._app = app
        self.template = template
        self._runner = runner
        self._dependencies = dependencies
        self._python_environments = python
        self._bundles = bundles
        self._scratch = scratch
        self._running = running
        self._way_out = way_out
        self._share: Cell | None = None
        self._servers = {
            service.name: ServerProcess(self._spawn_server, runner.socket_path(), service)
            for service in template.services.values()
        }
        self._serving = asyncio.Lock()
        self._base_path: str | None = None
        self._modules: Path | None = None
        self._hold: Hold | None = None
        self._python: PythonEnvironment | None = None
        self._asked = 0.0  # when packages last could not be had
        self._tasks: set[asyncio.Future[Any]] = set()
        self._ahead: asyncio.Task[DevServer] | None = None  # a start that the next ``serve`` takes for its own

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
        folder = self._inside(cwd)
        longest = self._runner.limits.exec_seconds
        too_late = too_long(longest) if timeout > longest else ""

        async def run() -> ExecResult:
            note = await self._prepare_quietly(on_output) + await self._full(on_output)
            try:
                setting = self._setting(env, folder, on_output, max_output)
                result = await self._runner.run(
                    self._cell, _argv(command), setting, timeout=min(timeout, longest), too_late=too_late
                )
            finally:
                await asyncio.to_thread(self._remove_repositories)
            return replace(result, stderr=note + result.stderr) if note else result

        return await self._work(run())

    async def start(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Output | None = None,
        max_output: int = 4 * 1024 * 1024,
    ) -> BackgroundProcess:
        folder = self._inside(cwd)

        async def begin() -> BackgroundProcess:
            await self._prepare_quietly(on_output)
            await self._full(on_output)
            setting = self._setting(env, folder, on_output, max_output)
            begun = await self._runner.begin(self._cell, _argv(command), setting)
            begun.process.too_late = too_long_in_background(self._runner.limits.background_seconds)
            begun.process.deadline = time.monotonic() + self._runner.limits.background_seconds
            return BackgroundProcess(begun, lambda: asyncio.to_thread(self._remove_repositories))

        return await self._work(begin())

    async def install(
        self,
        packages: Sequence[str],
        *,
        kind: PackageKind | None = None,
        dev: bool = False,
        on_output: Output | None = None,
    ) -> ExecResult:
        if self.template.kind_of(packages, kind) == "python" and (python := self.template.python):
            installing = self._python_environments.install(self._app, python, packages, on_output=on_output)
        else:
            installing = self._dependencies.install(
                self._app, self.template.lock, packages, dev=dev, on_output=on_output
            )
        result = await self._work(installing)
        self._asked = 0.0
        return result

    async def prepare(self, on_progress: OnProgress | None = None) -> None:
        if not self.template.installs:
            return
        self._modules = await self._work(self._dependencies.prepare(self._app, self.template.lock, on_progress))
        if python := self.template.python:
            self._python = await self._work(self._python_environments.prepare(self._app, python, on_progress))

    async def is_prepared(self) -> bool:
        """True if nothing has to be fetched before the dev server can start."""

        def look() -> bool:
            python = self.template.python
            return self._dependencies.has(self._app, self.template.lock) and (
                python is None or self._python_environments.has(self._app, python)
            )

        return await asyncio.to_thread(look)

    async def serve(self, base_path: str, on_progress: OnProgress | None = None, *, service: str = APP) -> DevServer:
        server = self._servers[service]
        if service != APP:
            return await self._serve_anew(server, base_path, on_progress)
        ahead, self._ahead = self._ahead, None
        if ahead is not None and base_path == self._base_path:
            began = time.monotonic()
            await asyncio.wait([ahead])
            if server.state.state == "ready":
                elapsed = round((time.monotonic() - began) * 1000)
                server.state = replace(server.state, started_ms=elapsed)
                return server.now()
        return await self._serve_anew(server, base_path, on_progress)

    async def _serve_anew(
        self, server: ServerProcess, base_path: str, on_progress: OnProgress | None = None
    ) -> DevServer:
        try:
            return await self._work(self._serve(server, base_path, on_progress))
        except Unavailable:  # stopped meanwhile; who stops it may not have come to say so yet
            return DevServer("stopped", log=server.log, path=server.service.path)

    async def _serve(self, server: ServerProcess, base_path: str, on_progress: OnProgress | None) -> DevServer:
        async with self._serving:
            began = time.monotonic()
            self._base_path = base_path
            await server.end("starting", "Preparing packages")

            def progress(step: Progress) -> None:
                server.state = replace(server.state, message=step.message, fraction=step.fraction)
                if on_progress:
                    on_progress(step)

            try:
                await self._runner.start()
                await self.prepare(progress)
                if self._modules:
                    await self._bundles.fill(self._scratch, self.template, self._modules, progress)
            except AppBuilderError as error:
                server.state = DevServer("failed", message=str(error))
                return server.now()
            except BaseException:
                server.state = DevServer("stopped")
                raise
            quota = self._cell.quota
            if quota and await quota.is_over():
                server.state = DevServer("failed", message=quota.explain())
                return server.now()
            progress(Progress("Starting the dev server"))
            port = self._runner.layer.port(server.service.port)
            return await server.start(self.template.serving(base_path, port, server.service.name), began)

    def serve_ahead(self, base_path: str) -> asyncio.Task[DevServer]:
        """Start the dev server before anybody asked: the next ``serve`` under the same path finds it running."""
        self._base_path = base_path
        self._ahead = asyncio.create_task(self._serve_anew(self._servers[APP], base_path))
        return self._ahead

    def give_way(self, give: bool) -> None:
        """Let all other sandboxes have the processor first, as far as control groups can say so."""
        if self._cell.group:
            self._cell.group.weigh(20 if give else 100)  # with much less it would never start on a busy machine

    @property
    def can_move(self) -> bool:
        """True if its app's folder can be moved under a running dev server: only where it is seen through a mount."""
        return self._runner.layer.kind == "bubblewrap"

    async def assign(self, session: str, app: Path) -> None:
        """Be ``session``'s from now on. Its app's folder was moved to ``app``: mounts follow it, paths do not."""
        scratch = self._scratch.with_name(scratch_name(session))

        def move() -> None:
            remove_folder(scratch)  # of an earlier life of the session
            self._scratch.rename(scratch)

        with suppress(FileNotFoundError):
            await asyncio.to_thread(move)
        self.session, self._app, self._scratch = session, app, scratch
        if self._share and self._share.quota:
            self._share.quota.folders = (app, scratch)

    async def allow(self, hosts: Collection[str], on_refused: OnRefused | None = None) -> bool:
        opened = await self._way_out.allow(hosts, on_refused)
        if opened:
            self._ahead = None  # it was started without a way out
        running = ("starting", "ready", "failed")
        return opened and any(server.state.state in running for server in self._servers.values())

    async def open_door(self, first: bytes, door: Door) -> None:
        await self._way_out.open_door(first, door)
        self._ahead = None  # it was started without a way out

    @property
    def server(self) -> DevServer:
        return self._servers[APP].now()

    @property
    def servers(self) -> dict[str, DevServer]:
        return {name: server.now() for name, server in self._servers.items()}

    async def sleep(self) -> None:
        async with self._serving:
            for server in self._servers.values():
                if server.state.state in ("ready", "failed", "starting"):
                    await server.end("asleep", "Asleep to give back memory")

    async def wake(self) -> None:
        for name, server in self._servers.items():
            if server.state.state == "asleep" and self._base_path is not None:
                await self.serve(self._base_path, service=name)

    async def stats(self) -> Stats:
        def read() -> Stats:
            use = measure(self._share.pids() if self._share else [])
            return Stats(memory=use.memory, processes=use.processes, cpu=use.cpu)

        return await asyncio.to_thread(read)

    async def stop(self) -> None:
        share, self._share = self._share, None
        self._base_path = None
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for server in self._servers.values():
            await server.end("stopped")
        await self._way_out.close()
        if share:
            await self._runner.leave(share)
        await asyncio.to_thread(remove_folder, self._scratch)
        if self._hold:
            self._hold.release()
            self._hold = None
        if self._share is None:  # not in use again
            self._running.discard(self)

    async def _work(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something that ``stop`` ends, too. Raises ``Unavailable`` then."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        self._running.add(self)
        task.add_done_callback(self._tasks.discard)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise Unavailable(
                "The sandbox was stopped.", hint="Try again: it restarts.", reason="sandbox_stopped"
            ) from None

    @property
    def _cell(self) -> Cell:
        """This sandbox's share of the machine, from its first process until it is stopped; then, if need be, anew."""
        if self._share and self._share.group and not self._share.group.joins[0].exists():
            # Whoever removed its control group (a container's or the system's own housekeeping) ended what was in it.
            in_vain, self._share = self._share, None
            self._runner.forget(in_vain)
        if self._share is None:
            self._share = self._runner.cell("session", folders=(self._app, self._scratch))
            self._share.tidy = self._remove_repositories  # the dev server makes some between commands, too
            self._running.add(self)
        return self._share

    async def _spawn_server(self, listener: socket.socket, serving: Serving, take: Take) -> Process:
        environment = self._environment(serving.environment) | {"VITE_CACHE_DIR": f"{WORKSPACE}/node_modules/.vite"}
        setting = Setting(self._binds(), environment, egress=self._way_out.socket)
        listen = (listener, serving.port)
        return await self._runner.spawn(self._cell, serving.command, take, setting, listen=listen)

    def _setting(self, env: Mapping[str, str] | None, cwd: str, on_output: Output | None, max_output: int) -> Setting:
        return Setting(self._binds(), self._environment(env), cwd, self._way_out.socket, on_output, max_output)

    async def _prepare_quietly(self, on_output: Output | None) -> str:
        """Packages for a command. Without them it still runs; what is returned tells why they are missing."""
        told = False

        def announce(_: Progress) -> None:
            nonlocal told
            if on_output and not told:
                on_output("stderr", "[sandbox] Installing packages …\n")
            told = True

        if time.monotonic() - self._asked < RETRY_SECONDS:
            return ""
        try:
            await self.prepare(announce)
        except AppBuilderError as error:
            self._modules = None
            self._asked = time.monotonic()
            note = f"[sandbox] The app's packages are not installed. {error}\n"
            if on_output:
                on_output("stderr", note)
            return note
        return ""

    async def _full(self, on_output: Output | None) -> str:
        """What to say before a command that can only delete, because the disk quota is used up."""
        quota = self._cell.quota
        if quota is None or not await quota.is_over():
            return ""
        note = f"[sandbox] {quota.explain()} Until then commands can delete files, but write nothing.\n"
        if on_output:
            on_output("stderr", note)
        return note

    def _binds(self) -> list[Bind]:
        """The workspace and what lies over it. Makes the (empty, ignored) folders that mounting needs."""
        binds = [Bind(self._app, WORKSPACE, writable=True)]
        # Code that could write app/.git/config could make a person's next `git status` run what it likes.
        _mount_point(self._app / ".git")
        binds.append(Bind(self._runner.folder / "empty", f"{WORKSPACE}/.git"))
        binds += [Bind(folder.resolve(), place) for place, folder in self.template.mounted.items()]
        if self._python:
            binds += self._python.binds
        binds += self._way_out.binds
        if self._modules:
            _mount_point(self._app / "node_modules")
            binds.append(Bind(self._modules, f"{WORKSPACE}/node_modules"))
            for name in WRITABLE:
                folder = self._scratch / name
                folder.mkdir(parents=True, exist_ok=True)
                binds.append(Bind(folder, f"{WORKSPACE}/node_modules/{name}", writable=True))
            if self._hold is None:
                self._hold = hold(self._scratch)  # another server that starts would take it for a ruin
        return binds

    def _remove_repositories(self) -> None:
        # Where packages are mounted over node_modules, the app's own folder of that name stays as it was.
        keep = frozenset({"node_modules"}) if self._modules else frozenset[str]()
        # gVisor's own kernel sets what the filter on system calls forbids elsewhere.
        remove_repositories(self._app, keep, set_id=self._runner.layer.kind == "gvisor")

    def _environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        python = self._python.variables if self._python else {}
        return (
            python
            | dict(self.template.environment)
            | self._way_out.environment
            | {_check(name, "env"): _check(value, "env") for name, value in (more or {}).items()}
        )

    def _inside(self, cwd: str) -> str:
        path = posixpath.normpath(posixpath.join(WORKSPACE, cwd))
        if path != WORKSPACE and not path.startswith(f"{WORKSPACE}/"):
            raise InvalidInput(f"{cwd!r} lies outside the app.", hint="Name a folder of the app.", field="cwd")
        if not self._app.is_dir():
            raise Unavailable(
                f"The app's folder {self._app} is gone.", hint="Put it back where it was, or delete the session."
            )
        if not (self._app / posixpath.relpath(path, WORKSPACE)).is_dir():
            raise NotFound(f"There is no folder {cwd!r}.", hint="Use list_files to see what there is.")
        return path


def _argv(command: str | Sequence[str]) -> list[str]:
    argv = [BASH, "-c", command] if isinstance(command, str) else list(command)
    for word in argv:
        _check(word, "command")
    return argv


def _check(word: str, field: str) -> str:
    """``word``, if a program can be given it. Raises ``InvalidInput``."""
    if encodable(word) and "\0" not in word:
        return word
    raise InvalidInput(
        f"The {field} holds a character that no program can be given: {word[:100]!r}.",
        hint="Leave out NUL characters and halves of surrogate pairs.",
        field=field,
    )


def scratch_name(session: str) -> str:
    return re.sub(r"[^\w-]", "_", session)


def _mount_point(path: Path) -> None:
    # Whatever the app's code has put in its place is not followed, opened or asked.
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
    with suppress(FileExistsError):
        path.mkdir()
