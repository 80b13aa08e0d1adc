"""Starts isolated processes under limits and ensures that they end."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import itertools
import logging
import os
import shlex
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ....cancellation import uncut
from ....errors import Unavailable
from ....workspace.holds import Hold, hold, take_away
from ...base import ExecResult, Output
from ...metrics import kills
from ..isolation.base import BRIDGE, Launch, Layer, Plan
from ..isolation.choice import Choice, candidates
from ..packages.cache import YOUNG_SECONDS, Cache
from ..packages.interpreter import find_interpreter
from .disk import Quota
from .guardian import Guardian, family
from .layout import HOME, IDENTITY, NODE, NPM, OURS, PATH, WORKSPACE, Bind, find_node
from .limits import (
    ControlGroups,
    Ended,
    Group,
    Limits,
    descendants,
    find_control_groups,
    in_words,
    too_large_a_file,
    too_many_files,
    too_many_processes,
    too_much_memory,
    too_much_scratch,
)
from .watch import Watch, Watched

ENVIRONMENT = {
    "PATH": PATH,
    "APPBUILDER_NODE": NODE,  # for the programs below: where nothing is mounted it is another place
    "HOME": HOME,
    "USER": "app",
    "LANG": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",  # of this machine's settings none is shown
    "TMPDIR": "/tmp",
    "NO_COLOR": "1",
    "npm_config_cache": "/tmp/.npm",
    "npm_config_offline": "true",  # there is no network: fail at once, not after retries
    "npm_config_update_notifier": "false",
    "npm_config_fund": "false",
    "npm_config_audit": "false",
}

# Commands run with node_modules read-only and without a network; npm's own words for that help nobody.
NPM_SHIM = f"""#!/bin/sh
case "$1" in
  install|i|in|add|ci|uninstall|remove|rm|un|update|up|link|ln)
    echo "npm $1 does not work in this sandbox: there is no network and node_modules is shared." >&2
    echo "To add a package use install_packages. Packages that package.json lists are installed by themselves." >&2
    exit 1 ;;
esac
exec {" ".join(NPM)} "$@"
""".replace(NODE, "$APPBUILDER_NODE")
PIP_SHIM = """#!/bin/sh
echo "pip does not work in this sandbox: there is no network and the app's environment is shared." >&2
echo "To add a package use install_packages. Packages that requirements.txt lists are installed by themselves." >&2
exit 1
"""
NPX_SHIM = f'#!/bin/sh\nexec {" ".join(NPM).replace("npm-cli", "npx-cli")} --no-install "$@"\n'.replace(
    NODE, "$APPBUILDER_NODE"
)

# What shells, Python, Node and C's library say when no process or thread can be started any more.
TOO_MANY = ("Resource temporarily unavailable", "Cannot fork", "can't start new thread", "EAGAIN", "pthread_create")

Stream = Literal["stdout", "stderr"]
Take = Callable[[Stream, bytes], None]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Cell:
    """One sandbox's share of the machine: its limits, its control group if there are any, its running processes."""

    memory: int
    group: Group | None
    running: set[Process]
    quota: Quota | None = None
    tidy: Callable[[], None] | None = None  # called by the watch when it finds what may be a repository
    installs: bool = False  # whether it is for an installation of packages
    watched: Watched = field(default_factory=Watched)

    def pids(self) -> list[int]:
        return self.group.processes() if self.group else descendants([process.pid for process in self.running])


@dataclass(frozen=True, slots=True)
class Setting:
    """What a command finds where it runs, and who hears it. ``egress`` is the egress proxy's socket; without it there
    is no network at all. Output beyond ``max_output`` bytes ends it."""

    binds: Sequence[Bind] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str = WORKSPACE
    egress: Path | None = None
    on_output: Output | None = None
    max_output: int = 4 * 1024 * 1024


BARE = Setting()


class Process:
    """A command isolated from all else, with all that it starts.

    Its output is read from the start, and given to ``take`` piece by piece: one whose output nobody reads never ends.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, cell: Cell, take: Take, launch: Launch, guardian: Guardian
    ) -> None:
        self.pid = process.pid
        self.cell = cell
        self.ended: Ended = "exit"
        self.message = ""  # when a limit ended it: which one, for people
        self.ours = False  # whether it was us who killed it
        self.began = time.monotonic()
        self.serves = False  # whether it is the dev server
        self.deadline: float | None = None  # ``time.monotonic()`` when the watch ends it
        self.too_late = ""  # the message then
        self.holds: Sequence[Hold] = ()  # what it uses of the cache
        # Where nothing is mounted, its temporary files lie on disk.
        self.scratch: Quota | None = None
        self.counted = False  # whether the kernel counts its processes, where no control group does
        # More than a quota only where there was more when it began; then it can delete, but not write.
        self.disk_allowed = max(cell.quota.bytes, cell.quota.usage.bytes) if cell.quota else 0
        self.files_allowed = max(cell.quota.files, cell.quota.usage.files) if cell.quota else 0
        self.deep_allowed = bool(cell.quota and cell.quota.usage.too_deep)
        self._killed_before = cell.group.kills() if cell.group else 0
        self._process = process
        self.stdin = process.stdin  # of one that was spawned to be talked to
        self._launch = launch
        self._guardian = guardian
        self._closing: asyncio.Task[None] | None = None
        assert process.stdout
        assert process.stderr
        if cell.quota:
            cell.quota.stale = True
        self._pumps = [
            asyncio.create_task(_pump("stdout", process.stdout, take)),
            asyncio.create_task(_pump("stderr", process.stderr, take)),
        ]
        cell.running.add(self)

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def lost(self) -> bool:
        """True if something outside killed the wall itself: nothing inside can send it a signal."""
        code = self._process.returncode
        return code is not None and code < 0 and not self.ours

    def kill(self, why: Ended | None = None, message: str = "") -> None:
        """End it at once, and everything it started. Any thread may do it."""
        self.ours = True
        if why and self.ended == "exit":
            self.ended, self.message = why, message
        if self.running:
            self._launch.end(self.pid)

    def reason(self, code: int) -> tuple[Ended, str]:
        """Why it ended with ``code``, and what to tell people."""
        group = self.cell.group
        if self.ended == "exit" and code and group and group.kills() > self._killed_before:
            return "memory", too_much_memory(self.cell.memory, self.cell.installs)
        return self.ended, self.message

    def failure(self, stderr: str) -> Unavailable | None:
        """The reason, if it failed because its isolation could not be set up."""
        return self._launch.failure(stderr)

    async def wait(self) -> int:
        """Wait for its end and the last of its output; its exit code, 128 + N for death by signal N."""
        await asyncio.wait(self._pumps)
        code = await self._process.wait()
        self._guardian.leave(self.pid, self._launch.signal, self._launch.group)
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._launch.close())
        await asyncio.shield(self._closing)
        self.cell.running.discard(self)
        for held in self.holds:
            held.release()
        if self.cell.quota:
            self.cell.quota.stale = True
        return 128 - code if code < 0 else code


async def _pump(name: Stream, reader: asyncio.StreamReader, take: Take) -> None:
    while piece := await reader.read(32 * 1024):
        take(name, piece)


class Runner:
    """Runs commands in sandboxes; knows how this machine isolates and limits. Shared by a provider's sandboxes."""

    def __init__(
        self, limits: Limits, bubblewrap: str = "bwrap", control_groups: bool = True, isolation: str = "auto"
    ) -> None:
        self.limits = limits
        self.node = find_node()
        self.folder: Path = Path()  # private, short (a socket's path holds 108 bytes), set by start()
        self.layer: Layer  # what isolates here, set by start()
        self.guardian: Guardian
        self.choice = Choice()
        self.groups: ControlGroups | None = None
        self._isolation = isolation
        self._bubblewrap = bubblewrap
        self._use_groups = control_groups
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._started = False
        self._watch = Watch(limits)
        self._older: list[tuple[Guardian, Hold]] = []
        self.cache: Cache | None = None  # what is mounted from it stays while it is in use

    async def start(self) -> None:
        """Find out what this machine offers. Raises ``Unavailable`` where nothing isolates. May be called again."""
        async with self._starting:
            if self._started:
                if not self.guardian.pipe.exists():
                    await asyncio.to_thread(self._restore)
                    known = dict(candidates(self._isolation, self.folder, self._bubblewrap))
                    self.layer = await known[self.layer.kind]()
                return
            if self._use_groups:
                self.groups = await asyncio.to_thread(find_control_groups)
            self.folder = await asyncio.to_thread(_make_folder)
            self._folder_hold = hold(self.folder)
            self.guardian = await asyncio.to_thread(Guardian.start, self.folder, self.groups)
            try:
                await self._choose()
            except BaseException:
                self.close()
                raise
            self._started = True

    async def _choose(self) -> None:
        """Take the strongest isolation that works here, tried for real."""
        self.choice = Choice()
        for kind, find in candidates(self._isolation, self.folder, self._bubblewrap):
            try:
                self.layer = await find()
                cell = self.cell("probe")
                try:
                    result = await self.run(cell, ["true"], Setting(cwd="/"), timeout=20)
                finally:
                    await self.leave(cell)
                if result.exit_code == 0:
                    return
                said = (result.stderr.strip() or f"exit code {result.exit_code}")[-300:]
                raise Unavailable(f"Sandbox 'local' cannot isolate programs here by {kind}: {said}.")
            except Unavailable as error:
                self.choice.passed[kind] = error
        raise self.choice.refusal()

    def _restore(self) -> None:
        """Make the private folder again, which somebody tidied away with the rest of /tmp."""
        try:
            self.folder.mkdir(0o700, exist_ok=True)
            if self.folder.lstat().st_uid != os.getuid():
                raise PermissionError(f"{self.folder} belongs to another user")
            _fill(self.folder)
            self._older.append((self.guardian, self._folder_hold))  # ended, it would end what still runs
            self._folder_hold = hold(self.folder)
            self.guardian = Guardian.start(self.folder, self.groups)
        except OSError as error:
            raise Unavailable(
                f"The sandbox's folder {self.folder} was removed and cannot be made again: {error}.",
                hint="Restart the Jupyter server; keep its TMPDIR from being tidied while it runs.",
            ) from None

    def close(self) -> None:
        if self.folder.name:
            for guardian, held in self._older:
                guardian.close()
                held.release()
            self._older.clear()
            self.guardian.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = Path()
            self._folder_hold.release()
        self._started = False
        self._watch.close()
        self._watch = Watch(self.limits)

    def cell(
        self,
        name: str,
        memory: int | None = None,
        *,
        folders: Sequence[Path] = (),
        disk: int | None = None,
        files: int | None = None,
    ) -> Cell:
        """A share for one sandbox. ``folders`` are all that it can write on disk, at most ``disk`` bytes together."""
        memory = memory or self.limits.memory
        group: Group | None = None
        if self.groups:
            with contextlib.suppress(OSError):
                group = self.groups.create(f"{family(self.folder)}-{name}-{next(self._numbers)}", memory, self.limits)
        quota = Quota(tuple(folders), disk or self.limits.disk, files or self.limits.files) if folders else None
        cell = Cell(memory, group, set(), quota)
        self._watch.add(cell)
        return cell

    def install_cell(self, folder: Path) -> Cell:
        """A share for an installation of packages into ``folder``."""
        limits = self.limits
        cell = self.cell(
            "install",
            limits.dependency_memory,
            folders=(folder,),
            disk=limits.dependency_disk,
            files=limits.dependency_files,
        )
        cell.installs = True
        if cell.quota:
            cell.quota.installs = True
        return cell

    def forget(self, cell: Cell) -> None:
        """Leave a cell in which nothing can run any more."""
        self._watch.remove(cell)

    async def leave(self, cell: Cell) -> None:
        """End every process of ``cell`` and give it back."""
        self._watch.remove(cell)
        for process in list(cell.running):
            process.kill()
        await asyncio.gather(*(process.wait() for process in list(cell.running)))
        if cell.group:
            for _ in range(50):  # the kernel takes a moment to empty it
                if not cell.group.processes():
                    break
                cell.group.kill()
                await asyncio.sleep(0.01)
            cell.group.remove()

    def _hold(self, sources: Sequence[Path]) -> list[Hold]:
        try:
            return [held for source in sources if self.cache and (held := self.cache.hold(source))]
        except FileNotFoundError:
            raise Unavailable(
                "The app's packages were just removed from the cache, to make room.",
                hint="Try again: they are installed again.",
                reason="packages_evicted",
            ) from None

    def socket_path(self) -> Path:
        return self.folder / f"{next(self._numbers)}.sock"

    async def spawn(
        self,
        cell: Cell,
        argv: Sequence[str],
        take: Take,
        setting: Setting = BARE,
        *,
        listen: tuple[socket.socket, int] | None = None,
        talks: bool = False,
    ) -> Process:
        """Start ``argv`` in a sandbox; its output goes to ``take``. One that ``talks`` is given requests on ``stdin``.

        ``listen`` is a listening unix socket of the host and the port inside that its connections go to. It is handed
        over as an open descriptor: the sandbox never sees the folder, so it cannot put a link to another socket there.
        """
        if not self.folder.name:
            raise Unavailable("The sandbox was stopped for good.", hint="Open the session again.", reason="closed")
        if self._started:
            await self.start()
        # Over its quota a session can still delete, but nothing can grow.
        full = cell.quota is not None and await cell.quota.is_over()
        holds = self._hold([bind.source for bind in setting.binds])
        mounts = [Bind(self.node, NODE)]
        if listen or setting.egress:
            mounts += [Bind(Path(__file__).with_name("bridge.py"), BRIDGE)]
            mounts += find_interpreter().binds(self.folder / "empty")
        mounts += [Bind(self.folder / "bin", f"{OURS}/bin")]
        mounts += [Bind(self.folder / "etc" / name, f"/etc/{name}") for name in IDENTITY]
        launch = await self.layer.launch(
            Plan(
                argv,
                [*mounts, *setting.binds],
                ENVIRONMENT | dict(setting.environment),
                setting.cwd,
                self.limits.scratch,
                self.limits.processes if not cell.group and _counts_by_namespace() else None,
                (listen[0].fileno(), listen[1]) if listen else None,
                setting.egress,
            )
        )
        outside = [self.guardian.entry(launch.signal, launch.group)]
        outside += [
            f"echo $$ > {shlex.quote(str(file))} || exit 97" for file in (cell.group.joins if cell.group else ())
        ]
        outside += ["ulimit -c 0", f"ulimit -n {self.limits.open_files} 2>/dev/null"]
        outside += [f"ulimit -f {0 if full else self.limits.file_size // 512}"]
        outside += launch.prelude
        outside += ['exec "$@"' if cell.group else 'exec nice -n 19 "$@"']
        started: Process | None = None

        async def begin() -> Process:
            nonlocal started
            process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                "\n".join(outside),
                "sh",
                *launch.line,
                stdin=asyncio.subprocess.PIPE if talks else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
                cwd="/",
                pass_fds=launch.descriptors,
                start_new_session=True,  # a process group of its own, which is what Process.kill kills
            )
            started = Process(process, cell, take, launch, self.guardian)
            started.holds = holds
            if launch.scratch:
                started.scratch = Quota(tuple(launch.scratch), self.limits.scratch, self.limits.files)
            return started

        try:
            running = await uncut(begin())
        except asyncio.CancelledError:
            if started:
                started.kill()
                await uncut(started.wait())
            raise
        except OSError as error:
            await launch.close()
            for held in holds:
                held.release()
            raise Unavailable(
                f"A sandbox could not be started: {error}.", hint="Free some memory or processes and try again."
            ) from None
        running.serves = listen is not None
        self._watch.look()
        return running

    async def run(
        self, cell: Cell, argv: Sequence[str], setting: Setting = BARE, *, timeout: float = 120, too_late: str = ""
    ) -> ExecResult:
        """Run ``argv`` to its end. Cancelling kills it and everything it started. ``too_late`` explains the timeout."""
        command = await self.begin(cell, argv, setting)
        try:
            async with asyncio.timeout(timeout):
                await command.process.wait()
        except TimeoutError:
            command.process.kill("timeout", too_late)
        except BaseException:
            command.process.kill()
            await asyncio.shield(command.process.wait())
            raise
        return await command.result()

    async def begin(self, cell: Cell, argv: Sequence[str], setting: Setting = BARE) -> Command:
        """Start ``argv`` and gather its output, whoever waits for it."""
        command = Command(self, setting.on_output, setting.max_output, cell)
        command.process = await self.spawn(cell, argv, command.take, setting)
        return command

    def explain(self, cell: Cell, code: int, stderr: str, refused: bool) -> str:
        """The limit that made a command fail without ending it, as far as it can be told; else empty."""
        limits = self.limits
        if code == 128 + signal.SIGXFSZ or "File too large" in stderr or "EFBIG" in stderr:
            return (cell.quota.explain() if cell.quota else "") or too_large_a_file(limits.file_size)
        if refused or any(words in stderr for words in TOO_MANY):
            return too_many_processes(limits.processes)
        if "Too many open files" in stderr or "EMFILE" in stderr:
            return too_many_files(limits.open_files)
        if "No space left on device" in stderr or "ENOSPC" in stderr:
            return too_much_scratch(limits.scratch)
        return ""


class Command:
    """A running command: passes its output on, keeps ``max_output`` bytes of it, and tells how it ended."""

    process: Process

    def __init__(self, runner: Runner, on_output: Output | None, max_output: int, cell: Cell) -> None:
        self._runner = runner
        self._began = time.monotonic()
        self._refused_before = cell.group.refusals() if cell.group else 0
        self._on_output = on_output
        self._left = self._max_output = max_output
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")}
        self._texts: dict[str, list[str]] = {"stdout": [], "stderr": []}

    def take(self, name: Stream, piece: bytes) -> None:
        self._forward(name, self._decoders[name].decode(piece[: max(0, self._left)]))
        self._left -= len(piece)
        if self._left < 0:
            self.process.kill("output", f"It printed more than {in_words(self._max_output)}; write to a file instead.")

    async def result(self) -> ExecResult:
        """Wait for its end. Raises ``Unavailable`` where it could not begin, or was lost."""
        code = await self.process.wait()
        duration = time.monotonic() - self._began
        for name in ("stdout", "stderr"):
            self._forward(name, self._decoders[name].decode(b"", True))
        stdout, stderr = ("".join(self._texts[name]) for name in ("stdout", "stderr"))
        if code and (unmade := self.process.failure(stderr)):
            raise unmade  # it did not get as far as the command
        cell = self.process.cell
        ended, message = self.process.reason(code)
        if ended == "exit" and self.process.lost:
            raise lost()
        if ended == "exit" and cell.installs and cell.quota and await cell.quota.is_over():
            # It wrote it all between two looks of the watch. Whoever installs must not keep it.
            code, ended, message = code or 128 + signal.SIGKILL, "disk", cell.quota.explain()
        if ended == "exit" and code:
            refused = cell.group is not None and cell.group.refusals() > self._refused_before
            message = self._runner.explain(cell, code, stderr, refused)
        if ended != "exit":
            kills(ended)
        return ExecResult(code, stdout, stderr, duration, ended=ended, message=message)

    def _forward(self, name: Stream, text: str) -> None:
        if not text:
            return
        self._texts[name].append(text)
        if self._on_output:
            try:
                self._on_output(name, text)
            except Exception:
                # Its output must still be read to the end: a command that nobody reads from never ends.
                log.exception("Who listens to a command failed; going on without")
                self._on_output = None


def lost() -> Unavailable:
    """What to say when a sandbox was ended by something outside of it."""
    return Unavailable(
        "The sandbox was ended from outside (by an administrator, or because this machine ran short of memory).",
        hint="Try again: a new one is created. No file of the app is lost.",
        reason="sandbox_lost",
    )


def _counts_by_namespace() -> bool:
    """True if the kernel counts processes for each user namespace; before, all of a person's processes counted."""
    major, minor, *_ = os.uname().release.split(".")
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (5, 14)


def _make_folder() -> Path:
    """This process's private folder. Those that killed processes left are removed."""
    for old in Path(tempfile.gettempdir()).glob("jab-*-*"):
        with contextlib.suppress(OSError):
            found = old.lstat()
            if found.st_uid == os.getuid() and time.time() - found.st_ctime > YOUNG_SECONDS:
                gone = old.with_name(f"{old.name}.gone")
                if take_away(old, gone):
                    shutil.rmtree(gone, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"jab-{os.getpid()}-"))
    _fill(folder)
    return folder


def _fill(folder: Path) -> None:
    (folder / "empty").mkdir(0o500, exist_ok=True)
    (folder / "etc").mkdir(exist_ok=True)
    for name, text in IDENTITY.items():
        (folder / "etc" / name).write_text(text)
    (folder / "bin").mkdir(exist_ok=True)
    for name, text in {"npm": NPM_SHIM, "npx": NPX_SHIM, "pip": PIP_SHIM, "pip3": PIP_SHIM}.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
