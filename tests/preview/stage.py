"""What the preview's tests run on: a real Vite, a real Chromium; where only HTTP matters, a server on a unix socket."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chromium import launch_options
from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import httpserver, netutil, web

from jupyter_appbuilder.preview import PageStorage
from jupyter_appbuilder.preview.data_news import DataNews
from jupyter_appbuilder.sandbox import local
from jupyter_appbuilder.sandbox.base import Address, DevServer
from jupyter_appbuilder.testing.sandboxes.stage import BASE_URL, served

__all__ = ["BASE_URL", "PanelHandler", "Target", "chromium", "free_port", "served", "upstream", "vite", "write"]

BRIDGE = Path(local.__file__).with_name("processes") / "bridge.py"


@dataclass
class Target:
    """What a session is to its preview."""

    storage: PageStorage
    server: DevServer = field(default_factory=lambda: DevServer("stopped"))
    session: str = "s1"
    findings: list[dict[str, Any]] = field(default_factory=list)
    data_news: DataNews = field(default_factory=DataNews)
    changed_at: float = 0.0
    ensured: int = 0
    after: DevServer | None = None  # what ensure() leads to

    async def arrives(self) -> None: ...

    async def ensure(self) -> DevServer:
        self.ensured += 1
        if self.after:
            self.server = self.after
        return self.server

    def server_at(self, path: str) -> DevServer:
        return self.server

    async def report(self, finding: dict[str, Any]) -> None:
        self.findings.append(finding)

    def problems(self) -> list[str]:
        return [finding["message"] for finding in self.findings if finding["kind"] != "ready"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def upstream(tmp_path: Path, *routes: Any) -> AsyncIterator[Address]:
    """A server on a unix socket."""
    path = tmp_path / "dev.sock"
    server = httpserver.HTTPServer(web.Application(list(routes)))
    server.add_socket(netutil.bind_unix_socket(str(path)))
    try:
        yield Address(socket=path)
    finally:
        server.stop()
        await server.close_all_connections()


@asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        try:
            yield browser
        finally:
            await browser.close()


PACKAGE = {
    "name": "app",
    "private": True,
    "type": "module",
    "dependencies": {"react": "^19", "react-dom": "^19"},
    "devDependencies": {"vite": "^8", "@vitejs/plugin-react": "^6"},
}


def node_modules() -> Path:
    """React and Vite, installed once and kept between runs."""
    text = json.dumps(PACKAGE)
    folder = Path("/tmp/appbuilder-tests") / f"vite-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be installing them
        if not (folder / "done").exists():
            (folder / "package.json").write_text(text)
            subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True)
            (folder / "done").touch()
    return folder / "node_modules"


@asynccontextmanager
async def vite(folder: Path, files: dict[str, str], base: str) -> AsyncIterator[Address]:
    """A real Vite dev server below ``base``, reached through a bridge to a unix socket, as in a sandbox."""
    folder.mkdir(parents=True)
    (folder / "node_modules").symlink_to(node_modules())
    port = free_port()
    defaults = {
        "package.json": json.dumps(PACKAGE),
        "vite.config.js": "import react from '@vitejs/plugin-react';\n"
        "export default { plugins: [react()], cacheDir: '.vite' };\n",
        "index.html": '<!doctype html><html lang="en"><head><title>App</title></head><body><div id="root"></div>'
        '<script type="module" src="/src/main.jsx"></script></body></html>',
        "src/main.jsx": "import { createRoot } from 'react-dom/client';\nimport App from './App.jsx';\n"
        "createRoot(document.getElementById('root')).render(<App />);\n",
    }
    for name, text in (defaults | files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    log = (folder / "vite.log").open("wb")
    server = await asyncio.create_subprocess_exec(
        "node", "node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--port", str(port), "--strictPort",
        "--base", base, cwd=folder, stdout=log, stderr=log,
    )  # fmt: skip
    path = folder / "dev.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(128)
        handed_in = listening.fileno()
        bridge = await asyncio.create_subprocess_exec(
            sys.executable, BRIDGE, "in", str(handed_in), str(port), pass_fds=[handed_in]
        )
    try:
        for _ in range(300):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        else:
            pytest.fail("Vite did not start: " + (folder / "vite.log").read_text())
        yield Address(socket=path)
    finally:
        for process in (server, bridge):
            if process.returncode is None:
                process.terminate()
            await process.wait()
        log.close()


def write(path: Path, text: str) -> None:
    """Save as the workspace does: whole, then rename."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text)
    temporary.rename(path)


FRAME = """<!doctype html><title>Panel</title><body><script>
window.messages = [];
addEventListener("message", (event) => {
  if (event.source === document.querySelector("iframe")?.contentWindow) messages.push(event.data);
});
</script><iframe id="app" style="width:1000px;height:640px;border:0" src="%s"></iframe>"""


class PanelHandler(web.RequestHandler):
    """A page that frames the preview as JupyterLab's panel does."""

    @allow_unauthenticated
    def get(self) -> None:
        self.set_cookie("_xsrf", "secret-of-the-person")
        self.finish(FRAME % self.get_query_argument("src"))
