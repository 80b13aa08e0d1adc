"""One request handed on to an app's server, and its answer handed back, streaming both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, cast

from tornado import iostream, web

from ..sandbox.base import Address
from .upstream import origin_of, target_of, upstreams

if TYPE_CHECKING:
    import httpcore

CONNECT_SECONDS = 5.0
BODILESS = ("GET", "HEAD", "OPTIONS")

Changed = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]


class Relay(web.RequestHandler):
    """A handler with ``@web.stream_request_body``. Its ``begin`` calls ``send_on`` once it knows where to, or answers
    by itself; each of its methods awaits ``relay``, which calls ``hand_back`` with what came, or ``unanswered``."""

    _upstream: asyncio.Task[httpcore.Response] | None = None
    _relaying: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        # Two chunks in flight: an upload is held back when the app's server is slow.
        self._body: asyncio.Queue[bytes | None] = asyncio.Queue(2)
        # An answer before all of a request was read costs its connection: one without a body waits for that.
        if self.has_body:
            await self.begin()

    @property
    def has_body(self) -> bool:
        headers = self.request.headers
        return "Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0"

    async def begin(self) -> None:
        raise NotImplementedError

    async def hand_back(self, response: httpcore.Response) -> None:
        raise NotImplementedError

    def unanswered(self, error: Exception) -> None:
        """There is no answer: finish with one of our own."""
        raise NotImplementedError

    def broke_off(self, error: Exception) -> None:
        """The answer ended before its end; who asked is told by the connection's."""

    def send_on(
        self, address: Address, uri: str, headers: list[tuple[str, str]], changed: Changed = lambda body: body
    ) -> None:
        """Begin to send the request; ``changed`` makes of its body what is sent."""
        task = asyncio.get_running_loop().create_task(self._send(address, uri, headers, changed))
        # Nobody awaits it when the browser leaves in the middle of an upload.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._upstream = task

    async def data_received(self, chunk: bytes) -> None:
        if self._upstream is not None:
            await self._put(chunk, self._upstream)

    async def _chunks(self) -> AsyncIterator[bytes]:
        while (chunk := await self._body.get()) is not None:
            yield chunk

    async def _send(
        self, address: Address, uri: str, headers: list[tuple[str, str]], changed: Changed
    ) -> httpcore.Response:
        import httpcore

        method = self.request.method or "GET"
        body = changed(self._chunks())
        length, has_body = self.request.headers.get("Content-Length"), self.has_body
        if has_body and length:
            headers.append(("Content-Length", length))
        elif has_body:
            headers.append(("Transfer-Encoding", "chunked"))
        elif method not in BODILESS:
            headers.append(("Content-Length", "0"))
        pool = upstreams.pool(address)
        for last in (False, True):
            try:
                return await pool.handle_async_request(
                    httpcore.Request(
                        method,
                        origin_of(address) + "/",
                        headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
                        content=body if has_body else None,
                        extensions={
                            "target": target_of(uri, address).encode("latin-1"),
                            "timeout": {"connect": CONNECT_SECONDS},
                        },
                    )
                )
            except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
                # A kept-alive connection that the app's server closed just now.
                if last or has_body:
                    raise
        raise AssertionError("unreachable")

    async def relay(self) -> None:
        if not self.has_body:
            await self.begin()
        upstream = self._upstream
        if upstream is None:
            return
        if self._body.full():
            await self._put(None, upstream)
        else:
            self._body.put_nowait(None)
        # A task of its own, which ends when the browser goes away: tornado would take the handler's end for an error.
        self._relaying = asyncio.create_task(self._answer(upstream))
        try:
            await asyncio.wait([self._relaying])
        finally:
            self._relaying.cancel()
        if self._relaying.cancelled():
            self._auto_finish = False  # nobody reads it
        else:
            self._relaying.result()

    async def _answer(self, upstream: asyncio.Task[httpcore.Response]) -> None:
        import httpcore

        try:
            response = await upstream
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            self.unanswered(error)
            return
        try:
            await self.hand_back(response)
        except iostream.StreamClosedError:
            self._auto_finish = False  # the browser went away
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            # A clean end would make half an answer look whole.
            self.broke_off(error)
            self._auto_finish = False
            self.request.connection.stream.close()  # pyright: ignore
        finally:
            await response.aclose()

    async def _put(self, chunk: bytes | None, upstream: asyncio.Task[httpcore.Response]) -> None:
        put = asyncio.get_running_loop().create_task(self._body.put(chunk))
        await asyncio.wait((put, upstream), return_when=asyncio.FIRST_COMPLETED)
        if not put.done():  # answered, or failed, without wanting the rest
            put.cancel()

    def say_status(self, response: httpcore.Response) -> None:
        phrase = cast("bytes", response.extensions.get("reason_phrase", b""))
        reason = phrase.decode("latin-1")
        self.set_status(response.status, "".join(c for c in reason if c.isprintable()) or None)
        # Not for 1xx, 204, 304: tornado adds none, and what the app's server says stands.
        self.clear_header("Content-Type")

    def on_connection_close(self) -> None:
        # Ends what has no end of its own: server-sent events, a download nobody reads.
        for task in (self._upstream, self._relaying):
            if task is not None:
                task.cancel()
