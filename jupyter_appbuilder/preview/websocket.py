"""The WebSocket proxy: hot updates and sockets that the app opens to its own server."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import httpclient, httputil, netutil, websocket

from ..sandbox.base import Address
from .capabilities import Preview, Visit
from .handlers import WAKE_SECONDS, PreviewHandler
from .renaming import renamed_message
from .upstream import origin_of, request_headers, target_of

log = logging.getLogger(__name__)

OPENING_SECONDS = 30.0
"""Until the dev server takes a WebSocket: what answers it may have to be compiled and started first."""
MOST_OF_ONE = 40
"""WebSockets of one visitor at a time: all tabs of a browser. An app's server has bounds for all of its visitors."""
MAX_MESSAGE = 64 * 1024 * 1024  # bytes
WATCH_SECONDS = 0.1
LOAD_ANEW = '{"type":"full-reload"}'
"""As Vite says it to its pages."""
SETTLE_SECONDS = 2.0
"""How long a page gets for what woke its app, before it learns that its server is another one and loads itself anew."""


class _SocketResolver(netutil.Resolver):
    """Resolves every name to one unix socket."""

    def initialize(self, path: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._path = path

    async def resolve(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        return [(socket.AF_UNIX, self._path)]


async def connected(
    address: Address, uri: str, headers: Mapping[str, str], offered: str
) -> websocket.WebSocketClientConnection:
    """A WebSocket to an app's server. ``offered``: subprotocols, as a browser lists them. Raises ``HTTPClientError``
    with the status of a server that refuses it, ``OSError`` or ``WebSocketError`` for one that does not answer."""
    request = httpclient.HTTPRequest(
        "ws" + origin_of(address).removeprefix("http") + target_of(uri, address),
        headers=dict(headers),
        connect_timeout=5,
        request_timeout=OPENING_SECONDS,
    )
    return await websocket.websocket_connect(
        request,
        subprotocols=[part.strip() for part in offered.split(",") if part.strip()] or None,
        max_message_size=MAX_MESSAGE,
        resolver=_SocketResolver(path=str(address.socket)) if address.socket else None,  # pyright: ignore
    )


class ProxySocketHandler(PreviewHandler, websocket.WebSocketHandler):
    """A WebSocket below a capability URL, to the same path on the dev server."""

    _server: websocket.WebSocketClientConnection | None = None
    _preview: Preview | None = None
    _visit: Visit | None = None
    _pumping: asyncio.Task[None] | None = None
    _holds = ""
    _gone = False  # the page hung up

    @allow_unauthenticated
    async def get(self, capability: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        visit = self.visited(capability)
        if visit is None:
            return
        self._visit = visit
        self._preview = preview = visit.preview
        if preview.held[visit.path] >= MOST_OF_ONE:
            self.set_status(503, "Too many WebSockets of one visitor")
            self.finish()
            return
        preview.held[visit.path] += 1
        self._holds = visit.path
        server = await preview.awake(WAKE_SECONDS, self.request.path.removeprefix(visit.path))
        address = server.address
        if server.state != "ready" or address is None:
            self.set_status(503)
            self.finish()
            return
        # The dev server is asked first: whether there is a socket, and which subprotocol, is its to say.
        try:
            self._server = await self._connect(visit, address)
        except httpclient.HTTPClientError as error:
            self.set_status(error.code if 400 <= error.code < 599 else 502)
            self.finish()
            return
        except (OSError, websocket.WebSocketError) as error:
            log.info("No WebSocket to the dev server of session %s: %s", preview.target.session, error)
            self.set_status(502)
            self.finish()
            return
        if not self._gone:  # else nobody would close the app's end
            await super().get(capability)
        if self.ws_connection is None:
            self._server.close()
            self._let_go()

    def on_finish(self) -> None:
        if self.ws_connection is None:
            self._let_go()

    def _let_go(self) -> None:
        place, self._holds = self._holds, ""
        if place and self._preview is not None:
            self._preview.held[place] -= 1

    async def _connect(self, visit: Visit, address: Address) -> websocket.WebSocketClientConnection:
        storage = visit.visitor.storage if visit.visitor else None
        path = visit.inside(self.request.path)
        headers = request_headers(self.request.headers, address, storage.cookie_header(path) if storage else "")
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "")
        uri = visit.known(self.request.uri or "/")
        server = await connected(address, uri, {name: visit.known(value) for name, value in headers}, offered)
        if storage and server.headers and (cookies := server.headers.get_list("Set-Cookie")):
            await asyncio.to_thread(storage.receive_cookies, cookies, path, visit.preview.path)
        return server

    @property
    def max_message_size(self) -> int:
        return MAX_MESSAGE

    def check_origin(self, origin: str) -> bool:
        return is_of_preview(self.request, origin)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return self._server.selected_subprotocol if self._server else None

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)
        assert self._preview is not None
        self._preview.sockets.add(self._end)
        self._pumping = asyncio.get_running_loop().create_task(self._pump())
        if self._missed_a_change():
            self.write_message(LOAD_ANEW).add_done_callback(lambda sent: sent.cancelled() or sent.exception())

    def _missed_a_change(self) -> bool:
        """Whether files changed after this page was asked for and before it listens: nobody told it of them."""
        assert self._server is not None
        visitor = self._visit.visitor if self._visit else None
        if visitor is None or self._preview is None or self._server.selected_subprotocol != "vite-hmr":
            return False
        asked, visitor.loading = visitor.loading, 0.0
        return 0 < asked < self._preview.target.changed_at

    async def _pump(self) -> None:
        try:
            await self._relay()
        except Exception:
            self.log_exception(*sys.exc_info())
            self.close(1011)

    async def _relay(self) -> None:
        """From the dev server to the page, until either closes."""
        server = self._server
        assert server is not None
        assert self._visit is not None
        while (message := await server.read_message()) is not None:
            try:
                message = await renamed_message(message, *(self._visit.renames or ("", "")))
                await self.write_message(message, binary=isinstance(message, bytes))
            except websocket.WebSocketClosedError:
                break
        if await self._outlives_sleep() or server.close_code is None:
            # To the page, a server that is gone without a word: one that closes politely is not always asked for again.
            connection = self.ws_connection
            if connection is not None and connection.stream is not None:  # pyright: ignore[reportUnnecessaryComparison]
                connection.stream.close()
        else:
            self.close(closable(server.close_code), server.close_reason)

    async def _outlives_sleep(self) -> bool:
        """Keep the page's end open while the app sleeps, whether it did: a page that loses it asks until it is back.

        So an open page stays as it is and lets the app sleep. When the app is back it learns that its server is
        another one.
        """
        assert self._preview is not None
        target = self._preview.target
        if target.server.state != "asleep":
            return False
        while target.server.state in ("asleep", "starting") and self.ws_connection is not None:  # noqa: ASYNC110
            await asyncio.sleep(WATCH_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        return True

    async def on_message(self, message: str | bytes) -> None:
        assert self._server is not None
        assert self._preview is not None
        assert self._visit is not None
        if not self._for_updates:
            self.previews.visit(self.path_kwargs["capability"])  # it is in use
            self.previews.act(self._preview)
            await self._preview.awake(WAKE_SECONDS, "")
        elif self._preview.target.server.state == "asleep":
            return
        try:
            known, here = self._visit.renames or ("", "")
            message = await renamed_message(message, here, known)
            await self._server.write_message(message, binary=isinstance(message, bytes))
        except websocket.WebSocketClosedError:
            self.close(1011)

    @property
    def _for_updates(self) -> bool:
        """True if it is a dev server's own: what its page says on it by itself is no sign of a person."""
        assert self._server is not None
        return (
            self._server.selected_subprotocol in ("vite-hmr", "vite-ping")
            or "hmr" in self.request.path.rpartition("/")[2]
        )

    def _end(self) -> None:
        self._stop_pumping()
        self.close(1001, "This preview has ended.")

    def _stop_pumping(self) -> None:
        if self._pumping is not None:
            self._pumping.cancel()

    def on_close(self) -> None:
        self._gone = True
        self._let_go()
        self._stop_pumping()
        if self._preview is not None:
            self._preview.sockets.discard(self._end)
        if self._server is not None:
            self._server.close(closable(self.close_code), self.close_reason)


def is_of_preview(request: httputil.HTTPServerRequest, origin: str) -> bool:
    """True for the page's own origin (``null``), and Jupyter's, whose tabs may open a preview; nobody else's."""
    return origin == "null" or urlsplit(origin).netloc.lower() == request.host.lower()


def closable(code: int | None) -> int | None:
    """``code`` if it may be sent; 1005, 1006 and 1015 only ever describe what happened."""
    return None if code in (None, 1005, 1006, 1015) else code
