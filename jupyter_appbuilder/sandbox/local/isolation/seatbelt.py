"""Apple's Seatbelt (``sandbox-exec``), for macOS.

Written from its documentation and the profiles that macOS brings, and UNTESTED: none of us had a Mac. It is taken only
when it is named. There are no mounts and no namespaces: commands see this machine's own paths and its processes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ....errors import Unavailable
from ...base import Isolation
from .base import Launch, Plan
from .shared import Ground, free_port, lay, prepare
from .unisolated import ENTER

# What every program of macOS reads to start at all; nothing of the home directory.
READ = (
    *("/usr", "/bin", "/sbin", "/System", "/Library/Apple", "/private/var/db/dyld", "/private/var/db/timezone"),
    *("/private/etc/ssl", "/private/etc/localtime", "/private/etc/hosts", "/private/etc/passwd", "/private/etc/group"),
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


@dataclass(frozen=True, slots=True)
class Seatbelt:
    """``folder`` is private to this process and holds the commands' own folders."""

    executable: str
    folder: Path
    kind: str = "seatbelt"
    mounts: bool = False

    @classmethod
    async def find(cls, folder: Path) -> Seatbelt:
        executable = shutil.which("sandbox-exec") if sys.platform == "darwin" else None
        if executable is None:
            raise Unavailable(
                "LocalSandbox.isolation is 'seatbelt', which is macOS's own (sandbox-exec), and that is not here.",
                hint="Set c.LocalSandbox.isolation = 'auto'.",
                reason="seatbelt_missing",
            )
        return cls(executable, folder)

    def describe(self) -> Isolation:
        return Isolation(
            "seatbelt",
            "Seatbelt (sandbox-exec): files and ports limited to the app. Weaker than bubblewrap: commands see this "
            "machine's processes and the names of its files, and share its loopback.",
            "Isolation on macOS was written from documentation and is untested.",
        )

    def port(self, wanted: int) -> int:
        return free_port()

    async def launch(self, plan: Plan) -> Launch:
        ground = await prepare(plan, self.folder)
        await asyncio.to_thread(lay, ground)
        profile = ground.private / "profile.sb"
        await asyncio.to_thread(profile.write_text, profile_of(ground))
        environment = [f"{name}={value}" for name, value in ground.plan.environment.items()]
        enter = [sys.executable, "-ISB", "-c", ENTER, ground.plan.cwd]
        return Launch(
            ["/usr/bin/env", "-i", *environment, self.executable, "-f", str(profile), *enter, *ground.plan.argv],
            descriptors=plan.listen[:1] if plan.listen else (),
            failure=_failure,
            close=ground.close,
        )


def profile_of(ground: Ground) -> str:
    """The profile, in Seatbelt's language: all is refused, except what follows. The last rule that fits wins."""
    interpreter = Path(os.path.realpath(sys.executable)).parent.parent
    read = [*READ, *map(os.path.realpath, ground.read), str(interpreter), str(ground.private)]
    write = [os.path.realpath(path) for path in ground.write]
    repositories = [os.path.realpath(workspace) + "/.git" for workspace in ground.workspaces]
    rules = [
        "(version 1)",
        "(deny default)",
        "(allow process-fork)",
        "(allow process-exec)",
        "(allow signal (target same-sandbox))",
        "(allow sysctl-read)",
        '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
        "(allow file-read-metadata)",
        _paths("allow file-read*", [*read, *write]),
        _paths("allow file-map-executable", [*read, *write]),
        _paths("allow file-write*", write),
        _paths("deny file-write*", repositories),
        _paths("allow file-read* file-write-data", DEVICES, "literal"),
    ]
    if ground.plan.listen:
        port = ground.plan.listen[1]
        rules.append(f'(allow network-bind network-inbound (local ip "localhost:{port}"))')
        rules.append(f'(allow network-outbound (remote ip "localhost:{port}"))')
    rules += [f'(allow network-outbound (remote ip "localhost:{port}"))' for port in ground.ports]
    return "\n".join(rule for rule in rules if rule) + "\n"


def _paths(what: str, paths: Sequence[str], kind: str = "subpath") -> str:
    quoted = [path.replace("\\", "\\\\").replace('"', '\\"') for path in paths]
    return "\n  ".join([f"({what}", *(f'({kind} "{path}")' for path in quoted)]) + ")" if paths else ""


def _failure(stderr: str) -> Unavailable | None:
    if not stderr.startswith("sandbox-exec: "):
        return None
    return Unavailable(
        f"Seatbelt cannot isolate programs here: {stderr.splitlines()[0][:300]}",
        hint="Use the E2B sandbox instead: c.AppBuilder.sandbox = 'e2b'.",
        reason="isolation_unavailable",
    )
