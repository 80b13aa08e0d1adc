"""The Hub service as a process of its own, and what of a JupyterHub it asks: who a token is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from .hub_server import free_port

KEY = "sk-of-the-hub-alone"
SCOPE = "access:services!service=appbuilder"
PREFIX = "/services/appbuilder/"


@dataclass
class HubApi:
    """``GET /hub/api/user`` and ``/users/<name>`` as JupyterHub's documentation has it. ``users``: models, by token."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    port: int = 0
    asked: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hub/api"

    def add(self, name: str, *groups: str, scopes: tuple[str, ...] = (SCOPE,), **more: Any) -> str:
        """A user; their token."""
        token = f"token-of-{name}"
        self.users[token] = {"kind": "user", "name": name, "groups": list(groups), "admin": False, "scopes": scopes}
        self.users[token] |= more
        return token


@contextlib.contextmanager
def hub_api() -> Iterator[HubApi]:
    found = HubApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found.asked += 1
            token = self.headers.get("Authorization", "").partition(" ")[2]
            user = found.users.get(token)
            if user and self.path.startswith("/hub/api/users/"):
                name = self.path.rpartition("/")[2]
                user = next((one for one in found.users.values() if one["name"] == name), None)
            body = json.dumps(user or {"status": 403, "message": "Missing or invalid credentials."}).encode()
            self.send_response(200 if user else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # as the Hub's: what comes at once is not sent away

    server = Server(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Service:
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client(self, token: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)


@contextlib.contextmanager
def service(folder: Path, api: HubApi, **settings: Any) -> Iterator[Service]:
    """``settings`` are ``c.HubService``'s."""
    folder.mkdir(exist_ok=True)
    config = folder / "appbuilder_hub_config.py"
    config.write_text("".join(f"c.HubService.{name} = {value!r}\n" for name, value in settings.items()))
    port = free_port()
    environment = {
        **os.environ,
        "JUPYTERHUB_API_TOKEN": "of-the-service",
        "JUPYTERHUB_API_URL": api.url,
        "JUPYTERHUB_CLIENT_ID": "service-appbuilder",
        "JUPYTERHUB_SERVICE_NAME": "appbuilder",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps(["access:services", SCOPE]),
        "KEY_OF_THE_PROVIDER": KEY,
    }
    command = [sys.executable, "-m", "jupyter_appbuilder.cli", "hub"]
    with (folder / "service.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    found = Service(f"http://127.0.0.1:{port}{PREFIX}", process, folder / "service.log")
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None, found.log.read_text()[-3000:]
            assert time.monotonic() < deadline, found.log.read_text()[-3000:]
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{found.url}health").status_code == 200:
                    break
            time.sleep(0.05)
        yield found
    except BaseException:
        print(found.log.read_text()[-6000:])
        raise
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        said = found.log.read_text()
        assert not [secret for secret in (KEY, "token-of-", "of-the-service") if secret in said]
