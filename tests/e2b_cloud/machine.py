"""One machine of the loopback cloud: a file root of its own, and a bubblewrap that everything in it shares."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from jupyter_appbuilder.sandbox.local.processes.layout import find_node

ENVD = Path(__file__).with_name("envd.py")
PROFILE = "export PATH=/opt/cloud/bin:/opt/node/bin:/opt/uv:/usr/local/bin:/usr/bin:/bin\n"
IDENTITY = {
    "passwd": "user:x:1000:1000:user:/home/user:/bin/bash\n",
    "group": "user:x:1000:\n",
    "hosts": "127.0.0.1 localhost\n",
    "profile": PROFILE,
    "resolv.conf": "",
}
NPM = '#!/bin/sh\nexec /opt/node/bin/node /opt/node/lib/node_modules/npm/bin/{0}-cli.js "$@"\n'
SYSTEM = ("/etc/alternatives", "/etc/ca-certificates", "/etc/ld.so.cache", "/etc/ssl/certs", "/etc/ssl/openssl.cnf")


def descendants(root: int) -> list[int]:
    """The processes below ``root``, it included."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, [])
    return found


class Machine:
    """``root`` holds ``workspace``, ``home`` and ``tmp``; it outlives the processes, as a disk does."""

    def __init__(
        self,
        root: Path,
        token: str,
        environment: dict[str, str],
        egress: Path | None,
        npmrc: str,
        index: str = "",
        daemon: Path = ENVD,
    ) -> None:
        """``daemon``: what runs in it on behalf of the cloud."""
        self._daemon = daemon
        self.root = root
        self.token = token
        self.environment = environment
        self.egress = egress
        self.npmrc = npmrc
        self.index = index
        self.frozen = False
        self._process: asyncio.subprocess.Process | None = None
        self._run = Path(tempfile.mkdtemp(prefix="e2b-"))  # short: a socket's path holds 108 bytes

    @property
    def envd(self) -> Path:
        return self._run / "envd.sock"

    @property
    def forward(self) -> Path:
        return self._run / "forward.sock"

    async def start(self) -> None:
        for name in ("workspace", "home", "tmp", "etc", "bin", "template"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for name, text in IDENTITY.items():
            (self.root / "etc" / name).write_text(text)
        for name in ("npm", "npx"):
            (self.root / "bin" / name).write_text(NPM.format(name))
            (self.root / "bin" / name).chmod(0o755)
        (self.root / "etc" / "npmrc").write_text(self.npmrc)
        if self.egress:
            (self._run / "egress.sock").unlink(missing_ok=True)
            os.link(self.egress, self._run / "egress.sock")
        environment = {
            "HOME": "/home/user",
            "USER": "user",
            "LANG": "C.UTF-8",
            "PATH": "/opt/cloud/bin:/opt/node/bin:/opt/uv:/usr/local/bin:/usr/bin:/bin",
            "npm_config_userconfig": "/etc/npmrc",
        }
        if self.index:
            environment["UV_DEFAULT_INDEX"] = self.index
        if self.egress:
            for name in ("npm_config_proxy", "npm_config_https_proxy", "https_proxy", "http_proxy"):
                environment[name] = "http://127.0.0.1:3128"
        certificates = os.environ.get("NODE_EXTRA_CA_CERTS") or os.environ.get("SSL_CERT_FILE")
        if certificates:
            environment |= dict.fromkeys(("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "PIP_CERT"), "/opt/ca.pem")
        line = [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--new-session", "--unshare-all"]
        line += ["--uid", "1000", "--gid", "1000", "--hostname", "e2b.local", "--clearenv", "--cap-drop", "ALL"]
        line += ["--ro-bind", "/usr", "/usr"]
        for top in ("/bin", "/sbin", "/lib", "/lib64"):
            path = Path(top)
            if path.is_symlink():
                line += ["--symlink", str(path.readlink()), top]
            elif path.is_dir():
                line += ["--ro-bind", top, top]
        for name in SYSTEM:
            line += ["--ro-bind-try", name, name]
        for name in (*IDENTITY, "npmrc"):
            line += ["--ro-bind", str(self.root / "etc" / name), f"/etc/{name}"]
        if certificates:
            line += ["--ro-bind", str(Path(certificates).resolve()), "/opt/ca.pem"]
        line += ["--proc", "/proc", "--dev", "/dev"]
        line += ["--bind", str(self.root / "tmp"), "/tmp", "--bind", str(self.root / "home"), "/home/user"]
        line += ["--bind", str(self.root / "workspace"), "/workspace", "--bind", str(self._run), "/run/envd"]
        line += ["--bind", str(self.root / "template"), "/opt/template"]  # there is no root here to make it
        line += ["--ro-bind", str(find_node()), "/opt/node", "--ro-bind", str(self.root / "bin"), "/opt/cloud/bin"]
        line += ["--ro-bind", str(self._daemon), "/opt/cloud/envd.py"]
        if uv := shutil.which("uv", path=str(Path(sys.executable).parent)):
            line += ["--ro-bind", uv, "/opt/uv/uv"]
        for prefix in dict.fromkeys([sys.base_prefix, sys.prefix]):  # the daemon's own Python
            if not prefix.startswith("/usr"):
                line += ["--ro-bind", prefix, prefix]
        for name, value in (environment | self.environment).items():
            line += ["--setenv", name, value]
        line += ["--chdir", "/home/user", "--", sys.executable, "-B", "/opt/cloud/envd.py"]
        line += ["/run/envd/envd.sock", "/run/envd/forward.sock", self.token]
        self.envd.unlink(missing_ok=True)
        self.forward.unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(*line, stdin=-3)
        process = self._process
        for _ in range(500):
            try:
                (await asyncio.open_unix_connection(str(self.envd)))[1].close()
                return
            except OSError:
                if process.returncode is not None:
                    break
                await asyncio.sleep(0.02)
        raise RuntimeError("The machine did not start: see its output above.")

    def signal(self, number: int, command: str = "") -> None:
        """To all its processes, or to those whose command line holds ``command``."""
        for pid in descendants(self._process.pid)[1:] if self._process else []:
            with contextlib.suppress(OSError):
                if command in Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(pid, number)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)
        self.frozen = True

    async def resume(self) -> None:
        self.frozen = False
        if self._process is None:  # it was kept as a disk only
            await self.start()
        else:
            self.signal(signal.SIGCONT)

    async def stop(self) -> None:
        """End every process; the disk stays."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._end(process.pid)
        await process.wait()

    def _end(self, pid: int) -> None:
        for child in descendants(pid)[::-1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    async def destroy(self) -> None:
        await self.stop()
        shutil.rmtree(self._run, ignore_errors=True)
        await asyncio.to_thread(shutil.rmtree, self.root, True)

    def usage(self) -> tuple[int, float]:
        """Bytes of memory and seconds of processor of everything in it."""
        memory, cpu = 0, 0.0
        for pid in descendants(self._process.pid)[1:] if self._process else []:
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                memory += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
                cpu += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return memory, cpu


def new_id() -> str:
    return "i" + secrets.token_hex(9)
