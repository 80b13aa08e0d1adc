"""Starts processes in bubblewrap, under limits, and sees to it that they end."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import itertools
import os
import shlex
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import Unavailable
from ..base import ExecResult, Output
from .bubblewrap import HOME, IDENTITY, NPM, OURS, PATH, WORKSPACE, Bind, Bubblewrap, explain, find_node
from .limits import ControlGroups, Group, Limits, descendants, find_control_groups
from .watch import Watch

BRIDGE = f"{OURS}/bridge.mjs"
EGRESS_SOCKET = f"{OURS}/egress.sock"
EGRESS_PORT = 3128

ENVIRONMENT = {
    "PATH": PATH,
    "HOME": HOME,
    "USER": "app",
    "LANG": "C.UTF-8",
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
exec {NPM[0]} {NPM[1]} "$@"
"""
NPX_SHIM = f'#!/bin/sh\nexec {NPM[0]} {NPM[1].replace("npm-cli", "npx-cli")} --no-install "$@"\n'

Ended = Literal["exit", "timeout", "output", "memory"]
Stream = Literal["stdout", "stderr"]
Take = Callable[[Stream, bytes], None]


@dataclass(slots=True)
class Cell:
    """One sandbox's share of the machine: its limits, its control group if there are any, its running processes."""

    memory: int
    group: Group | None
    running: set[Process]

    def pids(self) -> list[int]:
        return self.group.processes() if self.group else descendants([process.pid for process in self.running])


class Process:
    """A command in a bubblewrap of its own, with all that it starts.

    Its output is read from the start, and given to ``take`` piece by piece: one whose output nobody reads never ends.
    """

    def __init__(self, process: asyncio.subprocess.Process, cell: Cell, take: Take) -> None:
        self.pid = process.pid
        self.cell = cell
        self.ended: Ended = "exit"
        self._process = process
        assert process.stdout
        assert process.stderr
        self._pumps = [
            asyncio.create_task(_pump("stdout", process.stdout, take)),
            asyncio.create_task(_pump("stderr", process.stderr, take)),
        ]
        cell.running.add(self)

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def kill(self, why: Ended | None = None) -> None:
        """End it at once. bubblewrap's first process dies with it, and the kernel ends all others of that namespace."""
        if why and self.ended == "exit":
            self.ended = why
        if not self.running:
            return
        # In its first milliseconds bubblewrap's child has not yet asked to die with its parent. Stopped, the parent
        # starts no child any more, and those it has can be named.
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGSTOP)
            for _ in range(20):
                if _is_stopped(self.pid):
                    break
                time.sleep(0.0005)
            for pid in descendants([self.pid], 8)[1:]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.kill()

    async def wait(self) -> int:
        """Wait for its end and the last of its output; its exit code, 128 + N for death by signal N."""
        await asyncio.wait(self._pumps)
        code = await self._process.wait()
        self.cell.running.discard(self)
        return 128 - code if code < 0 else code


def _is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "TZX"
    except OSError:
        return True


async def _pump(name: Stream, reader: asyncio.StreamReader, take: Take) -> None:
    while piece := await reader.read(32 * 1024):
        take(name, piece)


class Runner:
    """Runs commands in sandboxes; knows how this machine isolates and limits. Shared by a provider's sandboxes."""

    def __init__(self, limits: Limits, bubblewrap: str = "bwrap", control_groups: bool = True) -> None:
        self.limits = limits
        self.node = find_node()
        self.folder: Path = Path()  # private, short (a socket's path holds 108 bytes), set by start()
        self.bubblewrap: Bubblewrap
        self.groups: ControlGroups | None = None
        self._wanted = bubblewrap
        self._use_groups = control_groups
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._started = False

    async def start(self) -> None:
        """Find out what this machine offers. Raises ``Unavailable`` where nothing isolates. May be called again."""
        async with self._starting:
            if self._started:
                return
            self.bubblewrap = await Bubblewrap.find(self._wanted)
            if self._use_groups:
                self.groups = await asyncio.to_thread(find_control_groups)
            self.folder = await asyncio.to_thread(_make_folder)
            cell = self.cell("probe")
            result = await self.run(cell, ["true"], cwd="/", timeout=20)
            await self.leave(cell)
            if result.exit_code:
                self.close()
                raise explain(result.stderr)
            self._started = True

    def close(self) -> None:
        if self.folder.name:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = Path()
        self._started = False

    def cell(self, name: str, memory: int | None = None) -> Cell:
        memory = memory or self.limits.memory
        group: Group | None = None
        if self.groups:
            with contextlib.suppress(OSError):
                group = self.groups.create(f"{name}-{next(self._numbers)}", memory, self.limits)
        return Cell(memory, group, set())

    async def leave(self, cell: Cell) -> None:
        """End every process of ``cell`` and give it back."""
        for process in list(cell.running):
            process.kill()
        await asyncio.gather(*(process.wait() for process in list(cell.running)))
        if cell.group:
            for _ in range(50):  # the kernel takes a moment to empty it
                if not cell.group.processes():
                    break
                await asyncio.sleep(0.01)
            cell.group.remove()

    def socket_path(self) -> Path:
        return self.folder / f"{next(self._numbers)}.sock"

    async def spawn(
        self,
        cell: Cell,
        argv: Sequence[str],
        take: Take,
        *,
        binds: Sequence[Bind] = (),
        environment: Mapping[str, str] | None = None,
        cwd: str = WORKSPACE,
        listen: tuple[socket.socket, int] | None = None,
        egress: Path | None = None,
    ) -> Process:
        """Start ``argv`` in a sandbox; its output goes to ``take``.

        ``listen`` is a listening unix socket of the host and the port inside that its connections go to. It is handed
        over as an open descriptor: the sandbox never sees the folder, so it cannot put a link to another socket there.
        ``egress`` is the egress proxy's socket; without it there is no network at all.
        """
        mounts = [Bind(self.node, "/opt/node"), Bind(Path(__file__).with_name("bridge.mjs"), BRIDGE)]
        mounts += [Bind(self.folder / "bin", f"{OURS}/bin")]
        mounts += [Bind(self.folder / "etc" / name, f"/etc/{name}") for name in IDENTITY]
        inside: list[str] = []
        if not cell.group and _counts_by_namespace():  # -p is dash's word for it
            inside.append(f"ulimit -u {self.limits.processes} 2>/dev/null || ulimit -p {self.limits.processes}")
        descriptors: tuple[int, ...] = ()
        if listen:
            descriptors = (listen[0].fileno(),)
            inside.append(f"{NPM[0]} {BRIDGE} in {descriptors[0]} {listen[1]} &")
        if egress:
            mounts.append(Bind(egress, EGRESS_SOCKET))
            inside.append(f"{NPM[0]} {BRIDGE} out {EGRESS_SOCKET} {EGRESS_PORT} /tmp/.egress &")
            inside.append("while [ ! -e /tmp/.egress ]; do sleep 0.01; done")
        inside.append('exec "$@"')
        line = self.bubblewrap.command(
            ["/bin/sh", "-c", "\n".join(inside), "sh", *argv],
            binds=[*mounts, *binds],
            environment=ENVIRONMENT | dict(environment or {}),
            scratch=self.limits.scratch,
            cwd=cwd,
        )
        outside = [
            f"echo $$ > {shlex.quote(str(file))} || exit 97" for file in (cell.group.joins if cell.group else ())
        ]
        outside += ["ulimit -c 0", f"ulimit -n {self.limits.open_files} 2>/dev/null"]
        outside += [f"ulimit -f {self.limits.file_size // 512}"]
        outside += ['exec "$@"' if cell.group else 'exec nice -n 19 "$@"']
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                "\n".join(outside),
                "sh",
                *line,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
                cwd="/",
                pass_fds=descriptors,
            )
        )
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # asyncio would kill only the process it started, which may be too early for bubblewrap: see Process.kill.
            early = Process(await starting, cell, take)
            early.kill()
            await early.wait()
            raise
        except OSError as error:
            raise Unavailable(
                f"A sandbox could not be started: {error}.", hint="Free some memory or processes and try again."
            ) from None
        running = Process(process, cell, take)
        if cell.group is None:

            def exceeded(memory: bool) -> None:
                running.ended = "memory" if memory else "exit"

            with contextlib.suppress(OSError):  # it has ended already
                Watch(running.pid, cell.memory, self.limits.processes, exceeded).start()
        return running

    async def run(
        self,
        cell: Cell,
        argv: Sequence[str],
        *,
        binds: Sequence[Bind] = (),
        environment: Mapping[str, str] | None = None,
        cwd: str = WORKSPACE,
        egress: Path | None = None,
        timeout: float = 120,
        on_output: Output | None = None,
        max_output: int = 4 * 1024 * 1024,
    ) -> ExecResult:
        """Run ``argv`` to its end. Cancelling kills it and everything it started."""
        began = time.monotonic()
        killed_before = cell.group.kills() if cell.group else 0
        decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")}
        texts: dict[str, list[str]] = {"stdout": [], "stderr": []}
        left = max_output
        process: Process | None = None

        def take(name: Stream, piece: bytes) -> None:
            nonlocal left
            tell(name, decoders[name].decode(piece[: max(0, left)]))
            left -= len(piece)
            if left < 0 and process:
                process.kill("output")

        def tell(name: Stream, text: str) -> None:
            if text:
                texts[name].append(text)
                if on_output:
                    on_output(name, text)

        process = await self.spawn(cell, argv, take, binds=binds, environment=environment, cwd=cwd, egress=egress)
        try:
            async with asyncio.timeout(timeout):
                code = await process.wait()
        except TimeoutError:
            process.kill("timeout")
            code = await process.wait()
        except BaseException:
            process.kill()
            await asyncio.shield(process.wait())
            raise
        tell("stdout", decoders["stdout"].decode(b"", True))
        tell("stderr", decoders["stderr"].decode(b"", True))
        if code and self._started and "".join(texts["stderr"]).startswith("bwrap: "):
            raise explain("".join(texts["stderr"]))  # it did not get as far as the command
        ended = process.ended
        if ended == "exit" and code and cell.group and cell.group.kills() > killed_before:
            ended = "memory"
        return ExecResult(
            code, "".join(texts["stdout"]), "".join(texts["stderr"]), time.monotonic() - began, ended=ended
        )


def _counts_by_namespace() -> bool:
    """Whether the kernel counts processes for each user namespace; before, all of a person's processes counted."""
    major, minor, *_ = os.uname().release.split(".")
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (5, 14)


def _make_folder() -> Path:
    for old in Path(tempfile.gettempdir()).glob("jab-*-*"):
        owner = old.name.split("-")[1]
        if owner.isdigit() and not Path("/proc", owner).exists() and old.stat().st_uid == os.getuid():
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"jab-{os.getpid()}-"))
    (folder / "empty").mkdir(0o500)
    (folder / "etc").mkdir()
    for name, text in IDENTITY.items():
        (folder / "etc" / name).write_text(text)
    (folder / "bin").mkdir()
    for name, text in {"npm": NPM_SHIM, "npx": NPX_SHIM}.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    return folder
