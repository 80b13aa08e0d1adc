"""A static bundle as readers get it: which file answers for a path, with which headers."""

from __future__ import annotations

import mimetypes
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from ..errors import Unavailable
from ..sandbox.base import (
    Address,
    DevServer,
    ExecResult,
    OnProgress,
    OnRefused,
    Output,
    Process,
    Stats,
)
from ..templates.templates import APP, PackageKind

TYPES: Mapping[str, str] = {
    ".avif": "image/avif",
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".geojson": "application/geo+json",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
"""As browsers want them; what else there is depends on the machine."""

PAGE = "index.html"
NOT_FOUND = "404.html"


def type_of(path: str) -> str:
    known = TYPES.get(os.path.splitext(path)[1].lower())
    return known or mimetypes.guess_type(path)[0] or "application/octet-stream"


class SiteFileHandler(web.StaticFileHandler):
    """The files of a site: ranges, ``ETag``, ``HEAD``, in pieces. Nothing above its folder, no link, no source map."""

    def parse_url_path(self, url_path: str) -> str:
        path = super().parse_url_path(url_path)
        if "\0" in path or "\\" in path or path.endswith(".map"):
            raise web.HTTPError(404)
        return path

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        if not f"{os.path.realpath(absolute_path)}/".startswith(f"{os.path.realpath(root).rstrip('/')}/"):
            raise web.HTTPError(404)
        return super().validate_absolute_path(root, absolute_path)

    @classmethod
    def get_content_version(cls, abspath: str) -> str:
        """By its status: a release's files never change, and reading a large one would take everybody's time."""
        status = os.stat(abspath)
        return f"{status.st_mtime_ns:x}-{status.st_size:x}"

    def compute_etag(self) -> str | None:
        return super().compute_etag() if getattr(self, "absolute_path", None) else None  # else it is no file's answer

    def get_cache_time(self, path: str, modified: Any, mime_type: str) -> int:
        return 0

    def get_content_type(self) -> str:
        return type_of(self.absolute_path or "")


class _Plain(SiteFileHandler):
    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-cache")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        page = Path(self.root, NOT_FOUND)
        if status_code == 404 and page.is_file() and not page.is_symlink():
            self.set_header("Content-Type", TYPES[".html"])
            self.finish(page.read_bytes())
        else:
            self.set_header("Content-Type", TYPES[".txt"])
            self.finish(f"{status_code} {self._reason}\n")


class SiteSandbox:
    """A ``Sandbox`` in which nothing runs: it serves the files of a site, so that who looks at running apps can look at
    a built one."""

    provider = "site"

    def __init__(self, site: Path) -> None:
        self._site = site
        self._server: HTTPServer | None = None
        self._folder = ""
        self._told = DevServer("stopped")

    async def serve(self, base_path: str, on_progress: OnProgress | None = None, *, service: str = APP) -> DevServer:
        await self.stop()
        self._folder = tempfile.mkdtemp(prefix="appbuilder-site-")  # mode 0700
        socket = Path(self._folder) / "site"
        rules = [(r"/(.*)", _Plain, {"path": str(self._site), "default_filename": PAGE})]
        server = self._server = HTTPServer(web.Application(rules, log_function=_say_nothing))
        server.add_socket(bind_unix_socket(str(socket), mode=0o600))
        self._told = DevServer("ready", Address(socket=socket, strip=base_path), started_ms=0)
        return self._told

    @property
    def server(self) -> DevServer:
        return self._told

    @property
    def servers(self) -> Mapping[str, DevServer]:
        return {APP: self._told}

    async def stop(self) -> None:
        server, self._server = self._server, None
        self._told = DevServer("stopped")
        if server is not None:
            server.stop()
            await server.close_all_connections()
            shutil.rmtree(self._folder, ignore_errors=True)

    async def sleep(self) -> None:
        """Nothing runs."""

    async def wake(self) -> None:
        """Nothing runs."""

    async def allow(self, hosts: Any, on_refused: OnRefused | None = None) -> bool:
        return False

    async def prepare(self, on_progress: OnProgress | None = None) -> None:
        """It has no packages."""

    async def stats(self) -> Stats:
        return Stats(0, 0, 0.0)

    async def exec(
        self,
        command: str | Sequence[str],
        *,
        timeout: float = 120,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Output | None = None,
        max_output: int = 0,
    ) -> ExecResult:
        raise _nothing_runs()

    async def start(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Output | None = None,
        max_output: int = 0,
    ) -> Process:
        raise _nothing_runs()

    async def install(
        self,
        packages: Sequence[str],
        *,
        kind: PackageKind | None = None,
        dev: bool = False,
        on_output: Output | None = None,
    ) -> ExecResult:
        raise _nothing_runs()


def _say_nothing(handler: web.RequestHandler) -> None:
    """Log no request: each is of our own browser."""


def _nothing_runs() -> Unavailable:
    return Unavailable("Nothing runs where a built site is served.", reason="not_running")
