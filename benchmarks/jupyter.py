"""A real Jupyter server in a process of its own, with a home of its own, and a plain client for it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from building import share_dependencies

START_SECONDS = 60
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid: int) -> float:
    """What one process has used so far, its threads included, its children not."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Jupyter:
    """``call("POST", "sessions", {…})`` answers ``(status, JSON)``. One connection is kept open, as browsers do."""

    def __init__(self, port: int, token: str, pid: int) -> None:
        self.port, self.token, self.pid = port, token, pid
        self.url = f"http://127.0.0.1:{port}/"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body)
        self._connection.request(method, f"/appbuilder/api/{path}", content, headers)
        response = self._connection.getresponse()
        answer = response.read()
        return response.status, json.loads(answer) if answer else None

    def get(self, path: str) -> Any:
        return self._ok("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self._ok("POST", path, {} if body is None else body)

    def put(self, path: str, body: Any) -> Any:
        return self._ok("PUT", path, body)

    def delete(self, path: str) -> None:
        self._ok("DELETE", path)

    def _ok(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.call(method, path, body)
        if status >= 400:
            raise RuntimeError(f"{method} {path} answered {status}: {answer}")
        return answer

    def preview(self, session: str, *, timeout: float = START_SECONDS) -> str:
        """The full URL of a session's preview, once its dev server answers."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            preview = self.post(f"sessions/{session}/preview", {"action": "start"})
            if preview["state"] == "ready":
                return self.url.rstrip("/") + preview["url"]
            if preview["state"] == "failed":
                raise RuntimeError(f"The preview failed: {preview['message']}")
            time.sleep(0.05)
        raise TimeoutError("The preview was not ready in time.")


@contextlib.contextmanager
def jupyter(home: Path, *, lab: bool = False, pool_size: int = 0, **traits: Any) -> Iterator[Jupyter]:
    """A server whose root is ``home/root``. ``traits`` configure AppBuilder; ``lab`` starts JupyterLab; ``pool_size``
    is how many sandboxes stand ready: none, unless that is what is measured."""
    port, token = free_port(), secrets.token_hex(16)
    (home / "root").mkdir(parents=True, exist_ok=True)
    share_dependencies(home / "data" / "appbuilder")
    config = {
        "ServerApp": {
            "ip": "127.0.0.1",
            "port": port,
            "port_retries": 0,
            "open_browser": False,
            "allow_root": True,
            "root_dir": str(home / "root"),
            "jpserver_extensions": {"jupyter_appbuilder": True} | ({"jupyterlab": True} if lab else {}),
        },
        "LabApp": {"extension_manager": "readonly", "expose_app_in_browser": True},
        "IdentityProvider": {"token": token},
        "AppBuilder": traits,
        "LocalSandbox": {"pool_size": pool_size},
    }
    (home / "config.json").write_text(json.dumps(config))
    launch = "from jupyter_server.serverapp import ServerApp; ServerApp.launch_instance()"
    folders = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", launch, f"--config={home / 'config.json'}"],
            env={**os.environ, **folders, "JUPYTERLAB_SETTINGS_DIR": str(home / "lab")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    server = Jupyter(port, token, process.pid)
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                server.get("health")
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    log_text = (home / "server.log").read_text()[-2000:]
                    raise RuntimeError(f"The server did not start:\n{log_text}") from None
                server = Jupyter(port, token, process.pid)
                time.sleep(0.05)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
