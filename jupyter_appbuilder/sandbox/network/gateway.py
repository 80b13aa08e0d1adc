"""Private registries, spoken to on behalf of sandboxes: plain HTTP on their side, the real registry and who is there on
the other. No secret is in what comes back."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore

from .credentials import PrivateRegistries, authority_of

Connect = Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]

REDIRECTS = 5
TEXT_LIMIT = 128 * 1024 * 1024  # bytes of a document that names files; those of large npm packages have some ten MB
SECONDS = 120.0
SENT = frozenset({"accept", "user-agent", "if-none-match", "if-modified-since", "npm-command"})
RETURNED = frozenset({"content-type", "etag", "last-modified", "cache-control", "content-length", "content-encoding"})


class Gateway:
    """``connect`` opens a connection to a host whose address it has checked."""

    def __init__(self, registries: PrivateRegistries, connect: Connect) -> None:
        self._registries = registries
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_trust(registries), network_backend=_Backend(connect), keepalive_expiry=30
        )

    def covers(self, authority: str) -> bool:
        return authority in self._registries.schemes

    async def close(self) -> None:
        await self._pool.aclose()

    async def answer(self, method: str, authority: str, target: str, head: bytes, writer: asyncio.StreamWriter) -> None:
        """Pass on one request for ``target`` (a path and query) with the header lines ``head``; write the answer.

        Raises ``OSError`` where the registry cannot be reached.
        """
        headers = [(name, value) for name, value in _headers(head) if name in SENT]
        url = f"{self._registries.schemes[authority]}://{authority}{target}"
        try:
            for _ in range(REDIRECTS + 1):
                async with self._pool.stream(
                    method, url, headers=self._with_authorization(url, headers), extensions={"timeout": TIMEOUT}
                ) as response:
                    location = _value(response.headers, b"location")
                    if response.status in (301, 302, 303, 307, 308) and location:
                        url = self._redirected(url, location)
                        continue
                    return await self._write(method, response, writer)
            raise OSError("it redirects without end")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, ssl.SSLError) as error:
            raise OSError(self._clean(str(error) or type(error).__name__)) from None

    def _with_authorization(self, url: str, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        parts = urlsplit(url)
        sent = [*headers, ("host", parts.netloc), ("accept-encoding", "identity")]
        secret = self._registries.authorization(authority_of(url) or "", parts.path or "/")
        return [*sent, ("authorization", secret)] if secret else sent

    def _redirected(self, url: str, location: str) -> str:
        """Where a registry sends for a file, often a store elsewhere: never from HTTPS to plain HTTP."""
        to = urljoin(url, location)
        if authority_of(to) is None or (url.startswith("https:") and not to.startswith("https:")):
            raise OSError("it redirects to what is not HTTPS")
        return to

    async def _write(self, method: str, response: httpcore.Response, writer: asyncio.StreamWriter) -> None:
        kept = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
        kept = {name: value for name, value in kept.items() if name in RETURNED}
        kind = kept.get("content-type", "")
        if method != "HEAD" and ("json" in kind or kind.startswith("text/")) and "content-encoding" not in kept:
            body = self._inside(await _whole(response))
            kept["content-length"] = str(len(body))
            pieces = _once(body)
        else:
            pieces = response.aiter_stream()
        lines = [f"HTTP/1.1 {response.status} Answer", *(f"{name}: {self._clean(kept[name])}" for name in kept)]
        writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1"))
        try:
            async for piece in pieces:
                writer.write(piece)
                await writer.drain()
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
            writer.transport.abort()  # what was sent is not whole, and must not look it

    def _inside(self, body: bytes) -> bytes:
        """A document with the addresses of these registries as sandboxes know them, and without anything secret."""
        for authority, scheme in self._registries.schemes.items():
            host, _, port = authority.rpartition(":")
            usual = port == ("443" if scheme == "https" else "80")
            name = re.escape(host.encode()) + (b"(?::%s)?" if usual else b":%s") % port.encode()
            # Slashes may be escaped, as some servers write JSON; a user may be named.
            pattern = scheme.encode() + rb":(\\?/\\?/)(?:[^/\\@\"'<>\s]*@)?" + name + rb"(?=[/\\\"'<>\s?#]|$)"
            body = re.sub(pattern, lambda found, to=authority: b"http:" + found[1] + to.encode(), body, flags=re.I)
        return self._clean(body.decode("latin-1")).encode("latin-1")

    def _clean(self, text: str) -> str:
        for secret in self._registries.secrets:
            text = text.replace(secret, "[removed]")
        return text


TIMEOUT = {"connect": SECONDS, "read": SECONDS, "write": SECONDS, "pool": SECONDS}


def _trust(registries: PrivateRegistries) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if registries.certificates:
        context.load_verify_locations(registries.certificates)
    return context


def _headers(head: bytes) -> Iterable[tuple[str, str]]:
    for line in head.decode("latin-1").split("\r\n"):
        name, separator, value = line.partition(":")
        if separator:
            yield name.strip().lower(), value.strip()


def _value(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in headers if name.lower() == wanted), "")


async def _whole(response: httpcore.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for piece in response.aiter_stream():
        parts.append(piece)
        size += len(piece)
        if size > TEXT_LIMIT:
            raise OSError(f"its answer is longer than {TEXT_LIMIT} bytes")
    return b"".join(parts)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


class _Backend(httpcore.AsyncNetworkBackend):
    """Connections through the way out's own checks, for httpcore."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        return _Stream(*await self._connect(host, port))


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)
        except TimeoutError:
            raise httpcore.ReadTimeout("no answer in time") from None
        except OSError as error:
            raise httpcore.ReadError(str(error)) from None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            self._writer.write(buffer)
            async with asyncio.timeout(timeout):
                await self._writer.drain()
        except TimeoutError:
            raise httpcore.WriteTimeout("it takes nothing") from None
        except OSError as error:
            raise httpcore.WriteError(str(error)) from None

    async def aclose(self) -> None:
        self._writer.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except (OSError, TimeoutError) as error:
            self._writer.close()
            raise httpcore.ConnectError(str(error) or "no TLS in time") from None
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._writer.get_extra_info("ssl_object")
        # Asked before a kept connection is used again: whether the other end has hung up.
        return self._reader.at_eof() if info == "is_readable" else None
