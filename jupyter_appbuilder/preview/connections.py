"""Connections to one dev server, kept and used again.

httpcore speaks the protocol. Its own pool looks at every connection for every request, and its network at each for
whether it was cancelled: with thirty requests at a time that is most of what a request costs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, cast

import httpcore

MOST_IDLE = 64
MOST_UNREAD = 256 * 1024
"""Bytes that came and nobody has read yet; beyond, the other end waits."""


class Connections(httpcore.AsyncConnectionInterface):
    """To the server at ``origin``, over ``socket`` where there is one. A connection that nobody used for ``keep``
    seconds is not used again."""

    def __init__(self, origin: str, socket: Path | None, keep: float) -> None:
        url = httpcore.URL(origin + "/")
        self._origin = url.origin
        self._socket = str(socket) if socket else None
        self._keep = keep
        self._network = _Network() if socket else None
        self._idle: deque[httpcore.AsyncHTTPConnection] = deque()  # who was used last at the end
        self._closed = False
        self._busy: set[httpcore.AsyncHTTPConnection] = set()

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        connection = await self._taken()
        self._busy.add(connection)
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await self.give_back(connection)
            raise
        content = _Content(response.stream, self, connection)
        extensions = cast("dict[str, Any]", response.extensions)
        return httpcore.Response(response.status, headers=response.headers, content=content, extensions=extensions)

    async def aclose(self) -> None:
        self._closed = True
        closing = [*self._idle, *self._busy]
        self._idle.clear()
        for connection in closing:
            with contextlib.suppress(OSError, httpcore.NetworkError):
                await connection.aclose()

    async def _taken(self) -> httpcore.AsyncHTTPConnection:
        """A connection that was used, unless it has ended since; else a new one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_available() and not connection.has_expired():
                return connection
            await connection.aclose()
        return httpcore.AsyncHTTPConnection(
            self._origin, keepalive_expiry=self._keep, uds=self._socket, network_backend=self._network
        )

    async def give_back(self, connection: httpcore.AsyncHTTPConnection) -> None:
        """Keep a connection whose answer was read for the next request."""
        self._busy.discard(connection)
        if not connection.is_available():
            return  # it is closed, or never came about
        if self._closed:
            await connection.aclose()
            return
        self._idle.append(connection)
        while len(self._idle) > MOST_IDLE or self._idle[0].has_expired():
            await self._idle.popleft().aclose()
            if not self._idle:
                return


class _Content:
    """An answer's body, after which its connection can be used again."""

    def __init__(self, inner: Any, connections: Connections, connection: httpcore.AsyncHTTPConnection) -> None:
        self._inner = inner
        self._connections = connections
        self._connection: httpcore.AsyncHTTPConnection | None = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._inner:
                yield part
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await self._inner.aclose()
        finally:
            await self._connections.give_back(connection)


class _Network(httpcore.AsyncNetworkBackend):
    """Unix sockets by asyncio itself."""

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                _, stream = await asyncio.get_running_loop().create_unix_connection(_Stream, path)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return stream


class _Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    def __init__(self) -> None:
        self._transport: Any = None
        self._unread = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._waiting: asyncio.Future[None] | None = None  # a reader, for more
        self._writable: asyncio.Future[None] | None = None  # while the other end takes no more

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if len(self._unread) > MOST_UNREAD:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return True  # what is still to be written is written

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._error = True, exc
        self._wake()
        if self._writable and not self._writable.done():
            self._writable.set_result(None)

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _wake(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    # What httpcore asks

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self._unread and not self._ended:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                if timeout is None:
                    await self._waiting
                else:
                    async with asyncio.timeout(timeout):
                        await self._waiting
            except TimeoutError as error:
                raise httpcore.ReadTimeout(str(error)) from error
            finally:
                self._waiting = None
        if not self._unread and self._error:
            raise httpcore.ReadError(str(self._error)) from self._error
        read = bytes(self._unread[:max_bytes])
        del self._unread[:max_bytes]
        if not self._ended and len(self._unread) <= MOST_UNREAD:
            self._transport.resume_reading()
        return read

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._transport.is_closing():
            raise httpcore.WriteError("The connection has ended.")
        if not buffer:
            return
        self._transport.write(buffer)
        if self._writable is None:
            return
        try:
            async with asyncio.timeout(timeout):
                await asyncio.shield(self._writable)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        if self._ended and self._transport.is_closing():
            raise httpcore.WriteError("The connection has ended.")

    async def aclose(self) -> None:
        self._transport.abort() if self._writable else self._transport.close()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return bool(self._unread) or self._ended or self._transport.is_closing()
        return None
