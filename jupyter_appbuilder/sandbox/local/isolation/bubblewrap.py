"""Isolation by bubblewrap's namespaces: nothing of this machine is visible unless mounted."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from ....errors import Unavailable
from ...base import Isolation
from ..processes.layout import EGRESS_SOCKET, HOME, SYSTEM_FILES, Bind
from ..processes.seccomp import COMMON, NETWORK, program
from .base import Launch, Plan, bridged

MASKED = (
    *("keys", "key-users", "kallsyms", "kcore", "kmsg", "iomem", "ioports", "latency_stats", "mtrr", "sched_debug"),
    *("kpagecgroup", "kpagecount", "kpageflags", "pagetypeinfo", "slabinfo", "timer_list", "vmallocinfo"),
)
"""Of ``/proc``: what tells about the whole machine, its other users' keys and its memory."""


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The installed bubblewrap. ``options`` are those its version knows."""

    executable: str
    version: str
    options: frozenset[str]
    filter: Path  # of system calls
    kind: str = "bubblewrap"
    mounts: bool = True

    @classmethod
    async def find(cls, folder: Path, name: str = "bwrap") -> Bubblewrap:
        """``folder`` keeps what it needs. Raises ``Unavailable`` saying what to install."""
        if sys.platform == "darwin":
            raise Unavailable(
                "Sandbox 'local' needs Linux; this is macOS.",
                hint="Use the E2B sandbox (c.AppBuilder.sandbox = 'e2b'), or macOS's own isolation, which is untested: "
                "c.LocalSandbox.isolation = 'seatbelt'.",
                reason="bubblewrap_missing",
            )
        executable = shutil.which(name)
        if executable is None:
            raise Unavailable(
                "Sandbox 'local' needs bubblewrap (bwrap), which is not installed.",
                hint="Install it (Debian, Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap).",
                reason="bubblewrap_missing",
            )
        process = await asyncio.create_subprocess_exec(executable, "--help", stdout=-1, stderr=-2, stdin=-3)
        text = (await process.communicate())[0].decode(errors="replace")
        process = await asyncio.create_subprocess_exec(executable, "--version", stdout=-1, stderr=-2, stdin=-3)
        version = (await process.communicate())[0].decode(errors="replace").split()
        words = frozenset(word for word in text.split() if word.startswith("--"))
        calls = folder / "calls.bpf"
        calls.write_bytes(program((*COMMON, *NETWORK)))
        return cls(executable, version[-1] if version else "?", words, calls)

    def describe(self) -> Isolation:
        return Isolation(
            "bubblewrap",
            f"bubblewrap {self.version}: a file system, processes and a network of its own, "
            "no privileges, system calls filtered.",
        )

    def port(self, wanted: int) -> int:
        return wanted

    async def launch(self, plan: Plan) -> Launch:
        free = 8 if plan.listen and plan.listen[0] == 9 else 9  # sh redirects no descriptor above
        # A session of its own for the command: kill(0) goes to the whole process group, whatever process namespace it
        # is from. Not bubblewrap's --new-session, which leaves the group before it asks to die with its parent: what
        # was killed just then would live on.
        session = ["setsid"] if shutil.which("setsid", path="/usr/bin:/bin") else []
        options = self._options(plan) + ([] if session else ["--new-session"])
        return Launch(
            [*options, "--seccomp", str(free), "--", *session, *bridged(plan)],
            prelude=(f"exec {free}< {shlex.quote(str(self.filter))}",),
            descriptors=plan.listen[:1] if plan.listen else (),
            failure=lambda stderr: explain(stderr) if stderr.startswith("bwrap: ") else None,
        )

    def _options(self, plan: Plan) -> list[str]:
        line = [self.executable, "--die-with-parent", "--cap-drop", "ALL"]
        line += ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        line += ["--unshare-cgroup-try", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox"]
        line += self._if_known("--disable-userns")
        line += ["--ro-bind", "/usr", "/usr"]
        for top in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
            path = Path(top)
            if path.is_symlink():
                line += ["--symlink", str(path.readlink()), top]
            elif path.is_dir():
                line += ["--ro-bind", top, top]
        for name in SYSTEM_FILES:
            line += ["--ro-bind-try", name, name]
        # Started by root, even without capabilities, a process could write /proc/sys/kernel/core_pattern and have the
        # kernel run a program of its choice outside: the files there ask for the user, not for a capability.
        line += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
        for name in MASKED:
            if Path("/proc", name).exists():
                line += ["--ro-bind", "/dev/null", f"/proc/{name}"]
        for folder in ("/dev/shm", "/tmp", "/var/tmp", HOME):
            line += [*self._if_known("--size", str(plan.scratch)), "--tmpfs", folder]
        for bind in (*plan.binds, *([Bind(plan.egress, EGRESS_SOCKET)] if plan.egress else ())):
            line += ["--bind" if bind.writable else "--ro-bind", str(bind.source), bind.target]
        line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", plan.cwd]
        line += self._if_known("--clearenv")
        for name, value in plan.environment.items():
            line += ["--setenv", name, value]
        return line

    def _if_known(self, option: str, *values: str) -> list[str]:
        return [option, *values] if option in self.options else []


def explain(stderr: str) -> Unavailable:
    """Why bubblewrap could not make a sandbox here, and what to change."""
    line = next((line for line in stderr.splitlines() if line.startswith("bwrap:")), stderr.strip())[:300]
    if "uid map" in line or "RTM_NEWADDR" in line or "loopback" in line:
        hint = "Allow it for this session: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    elif "proc" in line:
        hint = "In a container, start it with --security-opt systempaths=unconfined (Kubernetes: procMount: Unmasked)."
    elif "namespace" in line.lower():
        hint = (
            "Allow user namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000; "
            "in a container, start it with --security-opt seccomp=unconfined."
        )
    else:
        hint = "Run `bwrap --unshare-all --ro-bind / / true` to see what is wrong."
    return Unavailable(
        f"Sandbox 'local' cannot isolate programs here: {line or 'bubblewrap failed without a message'}.",
        hint=hint,
        reason="isolation_unavailable",
    )
