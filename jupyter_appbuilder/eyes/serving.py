"""Serves an app's preview to a sandboxed browser, on a unix socket of its own.

Whatever provider runs the app, the browser sees what the person sees: the same proxy, script and policies. Nothing else
is behind the socket.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from ..preview.capabilities import Previews
from ..preview.data_news import DataNews
from ..preview.handlers import preview_handlers
from ..preview.storage import PageStorage
from ..sandbox.base import DevServer

FRAME = Path(__file__).parent / "program" / "frame.html"
LARGEST_BODY = 64 * 1024 * 1024


class Target:
    """The app, as one page that is looked at has it (``preview.target.PreviewTarget``)."""

    def __init__(self, session: str, server_at: Callable[[str], DevServer], storage: PageStorage) -> None:
        self.session = session
        self._server_at = server_at
        self.storage = storage
        self.data_news = DataNews()  # none: the rows stay the same while somebody looks
        self.changed_at = 0.0  # nor the files

    def server_at(self, path: str) -> DevServer:
        return self._server_at(path)

    @property
    def server(self) -> DevServer:
        return self.server_at("")

    async def arrives(self) -> None:
        """Who looks is no person."""

    async def ensure(self) -> DevServer:
        return self.server  # who looks has started it

    async def report(self, finding: dict[str, Any]) -> None:
        """The page's frame hears the same, and says it to who looks."""


class Serving:
    """Serves one app's pages below ``path``, a socket, until ``close``."""

    def __init__(self, path: Path, session: str, base_path: str, server_at: Callable[[str], DevServer]) -> None:
        self.path = path
        self._session = session
        self._base_path = base_path
        self._server_at = server_at
        self._folder = path.with_suffix(".pages")  # beside the socket: gone with this process
        self._number = 0
        base_url = base_path.partition("appbuilder/preview/")[0]
        self._previews = Previews(base_url)
        application = web.Application(
            [("/__eye", _FrameHandler), *preview_handlers(base_url, self._previews)],  # pyright: ignore[reportArgumentType]
            log_function=_say_nothing,
        )
        self._server = HTTPServer(application, max_body_size=LARGEST_BODY)
        self._server.add_socket(bind_unix_socket(str(path), mode=0o600))

    @contextmanager
    def page(self) -> Generator[str]:
        """The path prefix of a page with a storage of its own, which is thrown away."""
        self._number += 1
        storage = PageStorage(self._folder / f"{self._number}.json")
        visitor = self._previews.open_apart(Target(self._session, self._server_at, storage), self._base_path)
        try:
            yield visitor.path
        finally:
            self._previews.close_apart(visitor)
            storage.clear()

    async def close(self) -> None:
        self._server.stop()
        await self._server.close_all_connections()
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)


class _FrameHandler(web.RequestHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(FRAME.read_bytes())


def _say_nothing(handler: web.RequestHandler) -> None:
    """Log no request: each is of our own browser."""
