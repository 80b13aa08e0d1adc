"""A JupyterLab process for browser tests, with a home, settings, data and root of its own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from building import share_dependencies

BASE_URL = "/user/jane/"
"""As under a Hub: nothing may assume that Jupyter is at the root of its address."""

TEMPLATES = Path(__file__).parent.parent / "server" / "templates"
START_SECONDS = 90.0

SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosaveInterval": 3600},
    "@jupyter-appbuilder/labextension/plugin": {"tour": False},
}
"""No news from outside, no saving and no tour that a test did not ask for."""


class Lab:
    """``start`` it, ``kill`` it as a crash would, ``start`` it again on the same port with everything it had."""

    def __init__(self, folder: Path, **config: Any) -> None:
        """``config``: traits of ``AppBuilder``."""
        self.root = folder / "root"
        self.data = folder / "data" / "appbuilder"
        self.log = folder / "lab.log"
        self.token = secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}{BASE_URL}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.root.mkdir(parents=True)
        (folder / "home").mkdir()
        share_dependencies(self.data)
        for name, values in SETTINGS.items():
            self.set(name, values)
        server = {
            "ip": "127.0.0.1",
            "port": self.port,
            "port_retries": 0,
            "base_url": BASE_URL,
            "root_dir": str(self.root),
            "open_browser": False,
            "allow_root": True,
            "allow_unauthenticated_access": False,
        }
        settings = {
            "ServerApp": server,
            "IdentityProvider": {"token": self.token},
            "LabApp": {"expose_app_in_browser": True},
            "AppBuilder": {"demo_pace": 0.004, "template_path": [str(TEMPLATES)]} | config,
        }
        (folder / "config" / "jupyter_server_config.json").write_text(json.dumps(settings))

    def set(self, plugin: str, values: dict[str, Any]) -> None:
        """Have a person's settings of a plugin be these."""
        file = self._folder / "config" / "lab" / "user-settings" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))

    @property
    def environment(self) -> dict[str, str]:
        folder = self._folder
        # Keys of the person who runs the tests would add their models to the lists.
        kept = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL"))}
        return kept | {
            "HOME": str(folder / "home"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "config" / "lab" / "user-settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "config" / "lab" / "workspaces"),
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_PLATFORM_DIRS": "1",
        }

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "jupyterlab"]
            self._process = subprocess.Popen(
                command, cwd=self.root, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if self.ask("GET", "health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """As a crash: nothing gets to say goodbye."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGTERM)

    def _end(self, how: int) -> None:
        assert self._process
        self._process.send_signal(how)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    # Its API

    def ask(self, method: str, path: str, json: Any = None) -> httpx.Response:
        """One request of the App Builder's API, with the token."""
        headers = {"Authorization": f"token {self.token}"}
        return httpx.request(
            method, f"{self.url}appbuilder/api/{path}", json=json, headers=headers, timeout=60, trust_env=False
        )

    def api(self, method: str, path: str, json: Any = None) -> Any:
        """The JSON that the API answers. Raises for anything but success."""
        answer = self.ask(method, path, json)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def new_session(self, **body: Any) -> dict[str, Any]:
        """A session whose files stand; by default on the small template that needs no packages."""
        summary = self.api("POST", "sessions", {"template": "page"} | body)
        self.api("GET", f"sessions/{summary['id']}/files")
        return summary

    def app(self, summary: dict[str, Any]) -> Path:
        """The folder of a session's app."""
        return self.root / summary["app_path"]
