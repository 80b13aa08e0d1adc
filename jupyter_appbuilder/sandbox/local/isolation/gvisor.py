"""gVisor: a kernel of its own for each command, in user space. The strongest, and the slowest to start."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ....errors import Unavailable
from ...base import Isolation
from ..packages.interpreter import find_interpreter
from ..processes.layout import EGRESS_SOCKET, HOME, IDENTITY, OURS, SYSTEM_FILES, Bind
from .base import Launch, Plan, bridged

SOCKETS = f"{OURS}/sockets"
DIALER = f"{OURS}/gvisor_dialer.py"

# gVisor does not hear of changes that are made outside of it: what waits for them has to look.
POLLING = {
    "CHOKIDAR_USEPOLLING": "1",
    "CHOKIDAR_INTERVAL": "200",
    "WATCHPACK_POLLING": "true",
    "WATCHFILES_FORCE_POLLING": "true",
    "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "poll",
}


@dataclass(frozen=True, slots=True)
class GVisor:
    """``folder`` is private to this process."""

    executable: str
    version: str
    folder: Path
    kind: str = "gvisor"
    mounts: bool = False

    @classmethod
    async def find(cls, folder: Path) -> GVisor:
        executable = shutil.which("runsc")
        if executable is None:
            raise Unavailable(
                "LocalSandbox.isolation is 'gvisor', which needs runsc, and that is not installed.",
                hint="Install it (Debian: apt install runsc), or set c.LocalSandbox.isolation = 'auto'.",
                reason="gvisor_missing",
            )
        process = await asyncio.create_subprocess_exec(executable, "--version", stdout=-1, stderr=-2, stdin=-3)
        words = (await process.communicate())[0].decode(errors="replace").split()
        return cls(executable, words[2] if len(words) > 2 else "?", folder)

    def describe(self) -> Isolation:
        return Isolation(
            "gvisor",
            f"gVisor {self.version}: a kernel of its own in user space, a file system, processes and a network of its "
            "own, no privileges.",
        )

    def port(self, wanted: int) -> int:
        return wanted

    async def launch(self, plan: Plan) -> Launch:
        private = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="run-", dir=self.folder))
        (private / "sockets").mkdir()
        switchboard: Switchboard | None = None
        inside = replace(plan, listen=None, egress=None)
        argv = bridged(inside)
        if plan.egress:
            (private / "sockets" / "egress.sock").hardlink_to(plan.egress)
            argv = bridged(replace(inside, argv=argv, egress=plan.egress))
            argv = [word.replace(EGRESS_SOCKET, f"{SOCKETS}/egress.sock") for word in argv]
        if plan.listen:
            switchboard = Switchboard(plan.listen[0])
            await switchboard.open(private / "sockets" / "preview.sock")
            python = find_interpreter().executable
            dial = f'{python} -ISB {DIALER} {SOCKETS}/preview.sock {plan.listen[1]} & exec "$@"'
            argv = ["/bin/sh", "-c", dial, "sh", *argv]
        # Not the first process itself: that one does not get signals it has no handler for.
        argv = ["/bin/sh", "-c", '"$@"; exit $?', "sh", *argv]
        await asyncio.to_thread(self._write_bundle, private, replace(plan, argv=argv))
        name = private.name

        async def close() -> None:
            if switchboard:
                await switchboard.close()
            await asyncio.to_thread(_clear, private)

        flags = [f"--root={private / 'state'}", "--platform=ptrace", "--network=none", "--ignore-cgroups"]
        flags += ["--host-uds=open"] if plan.listen or plan.egress else []
        flags += ["--rootless"] if os.getuid() else []
        return Launch(
            [self.executable, *flags, "run", f"--bundle={private}", name],
            failure=_failure,
            close=close,
        )

    def _write_bundle(self, private: Path, plan: Plan) -> None:
        root = private / "root"
        root.mkdir()
        mounts: list[dict[str, Any]] = [{"destination": "/proc", "type": "proc", "source": "proc"}]
        mounts.append({"destination": "/dev", "type": "tmpfs", "source": "tmpfs"})
        for folder in ("/dev/shm", "/tmp", "/var/tmp", HOME):
            mounts.append(
                {"destination": folder, "type": "tmpfs", "source": "tmpfs", "options": [f"size={plan.scratch}"]}
            )
        shown = [Bind(Path("/usr"), "/usr")]
        for top in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
            path = Path(top)
            if path.is_symlink():
                (root / top[1:]).symlink_to(path.readlink())
            elif path.is_dir():
                shown.append(Bind(path, top))
        shown += [Bind(Path(name), name) for name in SYSTEM_FILES if Path(name).exists()]
        shown += [Bind(private / "sockets", SOCKETS), Bind(Path(__file__).with_name("gvisor_dialer.py"), DIALER)]
        identity = private / "passwd"
        identity.write_text(IDENTITY["passwd"].replace(":1000:1000:", ":0:0:"))
        binds = [replace(bind, source=identity) if bind.target == "/etc/passwd" else bind for bind in plan.binds]
        for bind in (*shown, *binds):
            place = root / bind.target.lstrip("/")
            if bind.source.is_dir():
                place.mkdir(parents=True, exist_ok=True)
            elif not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
            options = ["rbind", "rw" if bind.writable else "ro", "nosuid", "nodev"]
            mounts.append({"destination": bind.target, "type": "bind", "source": str(bind.source), "options": options})
        for mount in mounts:
            if mount["type"] != "bind":
                (root / mount["destination"][1:]).mkdir(parents=True, exist_ok=True)
        limits = [{"type": "RLIMIT_NPROC", "hard": plan.processes, "soft": plan.processes}] if plan.processes else []
        empty: list[str] = []
        spec = {
            "ociVersion": "1.0.0",
            "hostname": "sandbox",
            "root": {"path": str(root), "readonly": True},
            "mounts": mounts,
            "process": {
                "terminal": False,
                "user": {"uid": 0, "gid": 0},  # without a privilege; outside it is whoever runs this
                "args": list(plan.argv),
                "env": [f"{name}={value}" for name, value in (POLLING | dict(plan.environment)).items()],
                "cwd": plan.cwd,
                "capabilities": dict.fromkeys(("bounding", "effective", "inheritable", "permitted", "ambient"), empty),
                "rlimits": limits,
                "noNewPrivileges": True,
            },
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]},
        }
        (private / "config.json").write_text(json.dumps(spec))


class Switchboard:
    """Joins connections to the preview's socket with those that the sandbox holds ready."""

    def __init__(self, descriptor: int) -> None:
        self._listener = socket.socket(fileno=os.dup(descriptor))
        self._ready: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()

    async def open(self, path: Path) -> None:
        async def ready(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._ready.put_nowait((reader, writer))

        async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            self._open.add(task)
            out: asyncio.StreamWriter | None = None
            try:
                there, out = await self._ready.get()
                await asyncio.gather(_copy(reader, out), _copy(there, writer))
            except (OSError, asyncio.CancelledError):
                pass
            finally:
                self._open.discard(task)
                writer.close()
                if out:
                    out.close()

        self._listener.setblocking(False)
        self._servers = [await asyncio.start_unix_server(ready, str(path))]
        self._servers.append(await asyncio.start_unix_server(join, sock=self._listener))

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._open):
            task.cancel()
        while not self._ready.empty():
            self._ready.get_nowait()[1].close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(64 * 1024):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def _clear(private: Path) -> None:
    """Its processes asked to die with the first one; whoever has not is ended here, then the folder goes."""
    mark = str(private).encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if mark in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
    shutil.rmtree(private, ignore_errors=True)


def _failure(stderr: str) -> Unavailable | None:
    if not stderr.startswith(("running container: ", "creating container: ", "starting container: ", "FATAL ERROR: ")):
        return None
    return Unavailable(
        f"gVisor cannot make a sandbox here: {stderr.splitlines()[0][:300]}",
        hint="It needs root or user namespaces, and ptrace. Set c.LocalSandbox.isolation = 'auto' for another way.",
        reason="isolation_unavailable",
    )
