"""Landlock and a system-call filter, for containers that forbid user namespaces.

There are no mounts and no namespaces, so a command sees this machine's own paths, and the kernel refuses what is not on
the list. What Landlock does not look at, the filter refuses, or hands to the process that supervises the command.
"""

from __future__ import annotations

import asyncio
import ctypes
import marshal
import os
import platform
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from ....errors import Unavailable
from ...base import Isolation
from ..processes.layout import SYSTEM_FILES
from ..processes.seccomp import COMMON, NUMBERS, SHARED, program
from . import landlock_launcher
from .base import Launch, Plan
from .shared import Ground, free_port, nested, prepare

LEAST = 4  # of Landlock's interface: Linux 6.7, the first that knows TCP

READ = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", *SYSTEM_FILES)
FILES = ("/proc", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
NOTIFIED = ("chmod", "fchmod", "fchmodat", "fchmodat2", "utimensat")
LOOK_MS = 500  # between two looks for a repository in the workspace


def landlock_version() -> int:
    """The version of Landlock's interface in this kernel; 0 if there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


@dataclass(frozen=True, slots=True)
class Landlock:
    """``folder`` is private to this process and holds what its commands need for themselves."""

    version: int
    folder: Path
    filter: bytes
    kind: str = "landlock"
    mounts: bool = False

    @classmethod
    async def find(cls, folder: Path) -> Landlock:
        version = landlock_version()
        if version < LEAST:
            raise Unavailable(
                f"Landlock is {'too old' if version else 'missing'} in this kernel ({platform.release()}).",
                hint="It takes Linux 6.7 or newer, with landlock among the kernel's security modules (lsm=…).",
                reason="landlock_missing",
            )
        return cls(version, folder, program((*COMMON, *SHARED)))

    def describe(self) -> Isolation:
        limits = "commands see this machine's processes and the names of its files, and share its loopback"
        if self.version < 6:
            limits += "; they can send signals to other programs of yours"
        return Isolation(
            "landlock",
            f"Landlock {self.version}: files, ports and system calls limited to the app, no privileges. Weaker than "
            f"bubblewrap: {limits}.",
        )

    def port(self, wanted: int) -> int:
        return free_port()

    async def launch(self, plan: Plan) -> Launch:
        ground = await prepare(plan, self.folder)
        spec = self._spec(ground)
        file = ground.private / "spec"
        await asyncio.to_thread(file.write_bytes, marshal.dumps(spec))
        return Launch(
            [sys.executable, "-ISB", landlock_launcher.__file__, str(file)],
            descriptors=plan.listen[:1] if plan.listen else (),
            scratch=(ground.private / "tmp", ground.private / "home"),
            signal=signal.SIGTERM,
            group=False,
            failure=_failure,
            close=ground.close,
        )

    def _spec(self, ground: Ground) -> dict[str, object]:
        plan = ground.plan
        column = 0 if platform.machine() == "x86_64" else 1
        return {
            "abi": self.version,
            "server": os.getpid(),
            "argv": list(plan.argv),
            "environment": dict(plan.environment),
            "cwd": plan.cwd,
            "read": [*READ, *map(_real, ground.read)],
            "write": [_real(path) for path in ground.write],
            "files": list(FILES),
            "devices": list(DEVICES),
            "listen": [plan.listen[1]] if plan.listen else [],
            "connect": list(ground.ports),
            "descriptors": list(plan.listen[:1]) if plan.listen else [],
            "laid": nested(ground.laid),
            "workspaces": [str(path) for path in ground.workspaces],
            "look": LOOK_MS if ground.workspaces else -1,
            "filter": self.filter,
            "numbers": {NUMBERS[name][column]: name for name in NOTIFIED if NUMBERS[name][column] is not None},
        }


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _failure(stderr: str) -> Unavailable | None:
    if not stderr.startswith("sandbox: "):
        return None
    said = stderr.splitlines()[0].removeprefix("sandbox: ")[:300]
    return Unavailable(
        f"Sandbox 'local' cannot isolate programs here by Landlock: {said}.",
        hint="Allow the calls landlock_* and seccomp in the container's own filter.",
        reason="isolation_unavailable",
    )
