"""HTTP/1.1 to the providers: connections that are kept, and answers that are handed on as they arrive.

A client of our own, because each piece of a stream passes here: a protocol's callback costs a quarter of what the
libraries take for it (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from tornado.httputil import HTTPHeaders, HTTPInputError, parse_response_start_line

HEAD = 64 * 1024  # bytes of an answer's head
IDLE_SECONDS = 30.0  # for which a connection is kept; providers close theirs after 60 and more
KEPT = 64  # connections to one place
AHEAD = 1024 * 1024  # bytes of an answer that wait for whoever reads it
CHUNK_LINE = 1024

Sink = Callable[[bytes], object]


class UpstreamError(Exception):
    """No answer, or none to its end. ``kind``: "connect", "timeout" (of a request that was sent) or "broken"; no text
    of it names a key."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Place:
    """Where connections go: a server, and a proxy before it."""

    host: str
    port: int
    tls: bool
    proxy: str = field(default="", repr=False)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def place_of(url: str) -> Place:
    """Raises ``ValueError`` for what is no address of a web server."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https address")
    tls = parts.scheme == "https"
    proxy = ""
    if parts.hostname not in ("localhost", "::1") and not parts.hostname.startswith("127."):
        proxies = urllib.request.getproxies()
        if not urllib.request.proxy_bypass(parts.hostname):
            proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    return Place(parts.hostname, parts.port or (443 if tls else 80), tls, proxy)


class Answer:
    """What a provider answers. Its head is there; its body comes by ``pass_on`` or ``read``."""

    def __init__(self, status: int, headers: HTTPHeaders, connection: _Connection) -> None:
        self.status = status
        self.headers = headers
        self._connection = connection
        self._passed_on = False
        self._body: bytes | None = None

    @property
    def is_page(self) -> bool:
        """A login or an error of what stands before the provider, in place of an answer."""
        return self.headers.get("Content-Type", "").lower().startswith("text/html")

    async def pass_on(self, sink: Sink, *, between: float) -> None:
        """Hand each piece of the body to ``sink`` when it arrives, to the end. Raises ``UpstreamError``, also when
        nothing comes for ``between`` seconds. Whoever is cancelled closes the connection."""
        try:
            await self._connection.receive(sink, between)
        except BaseException:
            self._connection.close()
            raise
        self._passed_on = True

    async def read(self, most: int, *, between: float) -> bytes:
        """The body; what is beyond ``most`` bytes is cut off. Read again it is the same."""
        if self._body is not None:
            return self._body
        pieces: list[bytes] = []
        length = 0

        def take(data: bytes) -> None:
            nonlocal length
            length += len(data)
            pieces.append(data)
            if length > most:
                raise OverflowError

        try:
            await self.pass_on(take, between=between)
        except OverflowError:
            self._connection.close()
        self._body = b"".join(pieces)[:most]
        return self._body

    def pause(self) -> None:
        """Read no more until ``resume``: whoever reads this is slower than the provider."""
        self._connection.pause()

    def resume(self) -> None:
        self._connection.resume()

    def close(self) -> None:
        """Hang up, unless the answer came to its end."""
        if not self._passed_on:
            self._connection.close()


class Upstream:
    """Connections to providers, kept for the next request. ``tls``: what their certificates are checked with."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._kept: dict[Place, deque[tuple[float, _Connection]]] = {}

    async def ask(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect: float,
        first_byte: float,
        method: str = "POST",
    ) -> Answer:
        """Send a request; its answer's head. Raises ``UpstreamError`` where there is none in time."""
        place = place_of(url)
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"{method} {target} HTTP/1.1", f"Host: {place.authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        if any(bad in line for line in lines for bad in "\r\n"):
            raise ValueError("a header holds the end of a line")
        head = "\r\n".join(lines).encode("latin-1")
        while True:
            kept = self._take(place)
            connection = kept or await self._connect(place, connect)
            try:
                status, found = await connection.ask(head, body, first_byte)
            except UpstreamError as error:
                connection.close()
                # A kept connection may be closed at the very moment it is used: then nothing was answered, and the
                # request is sent once more, on a new one.
                if kept and error.kind == "closed":
                    continue
                raise UpstreamError("broken" if error.kind == "closed" else error.kind, str(error)) from None
            except BaseException:
                connection.close()
                raise
            connection.on_end = partial(self._keep, place, connection)
            return Answer(status, found, connection)

    async def close(self) -> None:
        for kept in self._kept.values():
            for _, connection in kept:
                connection.close()
        self._kept.clear()

    def _take(self, place: Place) -> _Connection | None:
        kept = self._kept.get(place)
        now = asyncio.get_running_loop().time()
        while kept:
            at, connection = kept.pop()
            if connection.open and now - at < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    def _keep(self, place: Place, connection: _Connection) -> None:
        kept = self._kept.setdefault(place, deque())
        if len(kept) < KEPT and connection.open:
            kept.append((asyncio.get_running_loop().time(), connection))
        else:
            connection.close()

    async def _connect(self, place: Place, seconds: float) -> _Connection:
        try:
            async with asyncio.timeout(seconds):
                if place.proxy:
                    return await self._through_proxy(place)
                loop = asyncio.get_running_loop()
                tls = self._context() if place.tls else None
                _, connection = await loop.create_connection(_Connection, place.host, place.port, ssl=tls)
                return connection
        except TimeoutError:
            raise UpstreamError("connect", f"{place.host} took no connection within {seconds:.0f} s") from None
        except OSError as error:
            raise UpstreamError("connect", f"{place.host}: {error.strerror or type(error).__name__}") from None

    async def _through_proxy(self, place: Place) -> _Connection:
        parts = urlsplit(place.proxy if "://" in place.proxy else f"http://{place.proxy}")
        if parts.scheme != "http" or not parts.hostname:
            raise UpstreamError("connect", "the proxy of the environment is no http:// one")
        loop = asyncio.get_running_loop()
        transport, connection = await loop.create_connection(_Connection, parts.hostname, parts.port or 80)
        authority = f"{place.authority.rpartition(':')[0] or place.host}:{place.port}"
        head = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"
        if parts.username:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            head += f"Proxy-Authorization: Basic {base64.b64encode(user).decode()}\r\n"
        try:
            try:
                status, _ = await connection.ask(f"{head}\r\n".encode(), b"", 30, tunnel=True)
            except UpstreamError as error:
                raise UpstreamError("connect", f"the proxy: {error}") from None
            if status != HTTPStatus.OK:
                raise UpstreamError("connect", f"the proxy answered {status}")
            if place.tls:
                secured = await loop.start_tls(transport, connection, self._context(), server_hostname=place.host)
                assert secured is not None
                connection.connection_made(secured)
        except BaseException:
            connection.close()
            raise
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
        return self._tls


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waits: asyncio.Future[None] | None = None
        self._error: BaseException | None = None
        self._head: bytes | None = None  # of the answer that is awaited, as far as it has come
        self._found: tuple[int, HTTPHeaders] | None = None
        self._sink: Sink | None = None
        self._ahead: list[bytes] = []  # that came before anybody took it
        self._ahead_bytes = 0
        self._left: int | None = None  # of the body, or of the chunk that is read; None: until the connection ends
        self._chunked = False
        self._line = b""  # what is read of a chunk's size, or of what follows the last
        self._trailer = False
        self._tunnel = False
        self._reusable = False
        self._came = 0.0
        self._paused = False
        self.open = False
        self.ended = True
        self.on_end: Callable[[], None] = self.close

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self.open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self.ended:
            return
        if self._found is not None and self._left is None and not self._chunked and exc is None:
            self._end()
        else:
            self._fail(UpstreamError("broken", "the connection was closed in the middle of an answer")
                       if self._found is not None or self._head
                       else UpstreamError("closed", "the connection was closed before an answer"))  # fmt: skip

    def eof_received(self) -> bool:
        return False

    def data_received(self, data: bytes) -> None:
        self._came = self._loop.time()
        if self.ended:
            self.close()  # nobody asked
            return
        try:
            if self._found is None:
                data = self._read_head(data)
                if self._found is None or self.ended:
                    return
            if self._chunked:
                self._read_chunks(data)
            elif self._left is None:
                self._hand_on(data)
            else:
                self._hand_on(data[: self._left])
                self._left -= len(data)
                if self._left < 0:
                    self._reusable = False
                if self._left <= 0:
                    self._end()
        except UpstreamError as error:
            self._fail(error)
        except BaseException as error:  # of who takes it
            self._fail(error)

    # Reading

    def _read_head(self, data: bytes) -> bytes:
        """What follows the head, once it is there."""
        self._head = (self._head or b"") + data
        while True:
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                if len(self._head) > HEAD:
                    raise UpstreamError("broken", "the answer's head is too long")
                return b""
            try:
                first, _, lines = head.decode("latin-1").partition("\r\n")
                start = parse_response_start_line(first)
                headers = HTTPHeaders.parse(lines)
            except (HTTPInputError, ValueError):
                raise UpstreamError("broken", "the answer is no HTTP") from None
            if 100 <= start.code < 200:
                self._head = rest
                continue
            break
        self._frame(start.code, start.version, headers)
        self._found = (start.code, headers)
        if self._tunnel or self._left == 0:
            self._end()
        elif self._waits and not self._waits.done():
            self._waits.set_result(None)
        return rest

    def _frame(self, status: int, version: str, headers: HTTPHeaders) -> None:
        self._chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        lengths = headers.get_list("Content-Length")
        if status in (204, 304) or self._chunked:
            self._left = 0
        elif "Transfer-Encoding" in headers:
            raise UpstreamError("broken", "the answer has an unknown transfer encoding")
        elif lengths:
            if len(set(lengths)) > 1 or not lengths[0].isascii() or not lengths[0].isdigit():
                raise UpstreamError("broken", "the answer has no length that can be read")
            self._left = int(lengths[0])
        else:
            self._left = None
        if self._chunked:
            self._left, self._line, self._trailer = -1, b"", False  # -1: the size of the next chunk comes
        closing = "close" in headers.get("Connection", "").lower()
        self._reusable = version == "HTTP/1.1" and not closing and self._left is not None

    def _read_chunks(self, data: bytes) -> None:
        at, length = 0, len(data)
        out: list[bytes] = []
        while at < length:
            left = self._left or 0
            if left > 0:  # of a chunk, with the end of line behind it
                piece = data[at : at + left]
                at += len(piece)
                self._left = left - len(piece)
                out.append(piece if self._left >= 2 else piece[: len(piece) - (2 - self._left)])
                if self._left == 0:
                    self._left = -1
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._line += data[at:]
                if len(self._line) > CHUNK_LINE:
                    raise UpstreamError("broken", "the answer's chunks have no size")
                break
            line, self._line = (self._line + data[at:end]).strip(), b""
            at = end + 1
            if self._trailer:
                if not line:
                    self._reusable = self._reusable and at == length
                    self._hand_on(b"".join(out))
                    self._end()
                    return
                continue
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                size = -1
            if not 0 <= size < 2**40:
                raise UpstreamError("broken", "the answer's chunks have no size")
            if size:
                self._left = size + 2
            else:
                self._trailer = True
        self._hand_on(out[0] if len(out) == 1 else b"".join(out))

    def _hand_on(self, data: bytes) -> None:
        if not data:
            return
        if self._sink is not None:
            self._sink(data)
            return
        self._ahead.append(data)
        self._ahead_bytes += len(data)
        if self._ahead_bytes > AHEAD:
            self.pause()

    def _end(self) -> None:
        self.ended = True
        if self._waits and not self._waits.done():
            self._waits.set_result(None)

    def _fail(self, error: BaseException) -> None:
        self.ended = True
        self._error = error
        self.close()
        if self._waits and not self._waits.done():
            self._waits.set_result(None)

    # The caller's side

    async def ask(self, head: bytes, body: bytes, seconds: float, *, tunnel: bool = False) -> tuple[int, HTTPHeaders]:
        assert self._transport
        self.ended, self._error, self._found, self._head, self._sink = False, None, None, None, None
        self._ahead, self._ahead_bytes, self._chunked, self._left = [], 0, False, None
        self._tunnel, self.on_end = tunnel, self.close
        self._came = self._loop.time()
        if not self.open:
            raise UpstreamError("closed", "the connection was closed before an answer")
        self._waits = self._loop.create_future()
        self._transport.write(head + body)
        try:
            async with asyncio.timeout(seconds):
                await self._waits
        except TimeoutError:
            raise UpstreamError("timeout", f"no answer within {seconds:.0f} s") from None
        if self._error is not None:
            raise self._error
        assert self._found is not None
        return self._found

    async def receive(self, sink: Sink, between: float) -> None:
        for data in self._ahead:
            sink(data)
        self._ahead, self._sink = [], sink
        if not self.ended:
            self.resume()
        while not self.ended:
            self._waits = self._loop.create_future()
            quiet = 0.0 if self._paused else self._loop.time() - self._came
            try:
                async with asyncio.timeout(max(0.01, between - quiet)):
                    await self._waits
            except TimeoutError:
                if not self._paused and self._loop.time() - self._came >= between:
                    raise UpstreamError("timeout", f"nothing more came within {between:.0f} s") from None
        if self._error is not None:
            raise self._error
        if self._reusable and self.open:
            self.resume()
            self.on_end()
        else:
            self.close()

    def pause(self) -> None:
        if self._transport and not self._paused and self.open:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport and self._paused:
            self._paused = False
            self._came = self._loop.time()
            if self.open:
                self._transport.resume_reading()

    def close(self) -> None:
        self.open = False
        if self._transport:
            self._transport.abort()
