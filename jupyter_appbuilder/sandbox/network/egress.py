"""The only network access of a sandbox: an HTTP proxy on a unix socket that reaches listed hosts alone.

It answers ``CONNECT host:port`` and plain requests with an absolute URL. Names are resolved here, the address is
checked, and that very address is connected to, so that a name cannot change its mind in between. An address of this
machine or its private networks is refused, unless the host was configured as a registry or allowed by name.

There is one for package installations, and one for each session whose code may reach something at run time.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import socket
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from .credentials import PrivateRegistries
from .hosts import is_listed, is_public, shown

if TYPE_CHECKING:
    from ..base import Door
    from .gateway import Gateway

log = logging.getLogger(__name__)

HEAD_LIMIT = 32 * 1024  # bytes of a request's head
CONNECT_SECONDS = 20
IDLE_SECONDS = 120
CONNECTIONS = 128


TARGET = re.compile(r"[!-\[\]-~]+")  # what can be seen, without the backslash that some take for a slash
HEADER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")


class Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class EgressProxy:
    """``allow``: ``host:port`` (or ``*.host:port``) of what may be reached. ``trusted``: those of them that may lie in
    a private network.

    ``upstream`` is the proxy this machine itself must go through (``http://[user:password@]host:port``); the hosts in
    ``direct``, and their subdomains, are reached without it. ``refused`` holds the last refusals, for error messages;
    ``on_refused(host, reason)`` is told of each. ``hint`` ends a refusal's text: what to do about it. ``methods`` are
    those of plain requests. ``private`` are registries that want a token: plain requests for them go out by HTTPS, with
    the token that the sandbox never sees. ``doors``, each known by a byte that begins no request of HTTP, lead to
    something of ours: they serve the connections that begin with it.
    """

    def __init__(
        self,
        path: Path,
        allow: Iterable[str],
        *,
        trusted: Iterable[str] = (),
        upstream: str | None = None,
        direct: Iterable[str] = (),
        on_refused: Callable[[str, str], None] | None = None,
        hint: str = "",
        methods: Iterable[str] = ("GET", "HEAD"),
        private: PrivateRegistries | None = None,
        doors: Mapping[bytes, Door] | None = None,
    ) -> None:
        self.path = path
        self.allow = frozenset(host.lower() for host in allow)
        self.trusted = frozenset(host.lower() for host in trusted)
        self.on_refused = on_refused
        self._hint = hint
        self._methods = frozenset(methods)
        self._registries = private
        self._doors: Mapping[bytes, Door] = {} if doors is None else doors  # more may be opened
        self._gateway: Gateway | None = None
        self._tunnels: dict[asyncio.Task[None], str] = {}
        self.refused: deque[str] = deque(maxlen=20)
        self._upstream = upstream
        self._direct = tuple(direct)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._accept, str(self.path), limit=HEAD_LIMIT)
        self.path.chmod(0o600)

    def permit(self, allow: Iterable[str]) -> None:
        """Let through these hosts from now on; connections to any other are cut."""
        self.allow = frozenset(host.lower() for host in allow)
        for task, host in list(self._tunnels.items()):
            if not is_listed(host, self.allow):
                task.cancel()

    async def close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        if self._gateway:
            await self._gateway.close()
            self._gateway = None
        self.path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        try:
            if len(self._open) > CONNECTIONS:
                raise Refused(503, "Too many connections at once.")
            await self._serve(reader, writer)
        except Refused as refusal:
            text = f"{refusal}\n".encode()
            head = f"HTTP/1.1 {refusal.status} Refused\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
            with suppress(OSError):
                writer.write(head.encode() + text)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # the one who asked has gone, or we are closing
        finally:
            self._open.discard(task)
            self._tunnels.pop(task, None)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(IDLE_SECONDS):
            first = await reader.readexactly(1)
            door = self._doors.get(first)
            head = b"" if door else first + await reader.readuntil(b"\r\n\r\n")
        if door:
            await door(first, reader, writer)
            return
        line, _, rest = head.partition(b"\r\n")
        try:
            method, target, version = line.decode("ascii").split(" ")
        except ValueError:
            raise Refused(400, "That is not an HTTP request.") from None
        _check(target, version, rest)
        if method == "CONNECT":
            host, port = self._allowed(f"http://{target}", target)
            there, out = await self._connect(host, port)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        elif method in self._methods and target.startswith("http://"):
            host, port = self._allowed(target, target)
            parts = urlsplit(target)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            if self._registries and f"{host}:{port}" in self._registries.schemes:
                await self._ask_registry(method, f"{host}:{port}", path, rest, writer)
                return
            there, out = await self._connect(host, port)
            out.write(f"{method} {path} {version}\r\n".encode() + _end_to_end(rest, f"{host}:{port}"))
        else:
            raise Refused(405, f"{method} does not go through this proxy.")
        await _join((reader, out), (there, writer))

    async def _ask_registry(
        self, method: str, authority: str, path: str, head: bytes, writer: asyncio.StreamWriter
    ) -> None:
        assert self._registries
        if self._gateway is None:
            from .gateway import Gateway

            self._gateway = Gateway(self._registries, self._connect)
        try:
            await self._gateway.answer(method, authority, path, head, writer)
            await writer.drain()
        except OSError as error:
            raise Refused(502, f"{authority} cannot be reached: {error}.") from None

    def _allowed(self, url: str, shown_url: str) -> tuple[str, int]:
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port or 80
        except ValueError:
            raise Refused(400, f"{shown_url[:200]!r} is no address.") from None
        if not host or parts.username is not None:
            raise Refused(400, f"{shown_url[:200]!r} is no address.")
        if not is_listed(f"{host}:{port}", self.allow):
            name = shown(f"{host}:{port}")
            raise self._refusal(host, port, f"{name} is not on the sandbox's list of reachable hosts.")
        task = asyncio.current_task()
        assert task
        self._tunnels[task] = f"{host}:{port}"
        return host, port

    def _refusal(self, host: str, port: int, reason: str) -> Refused:
        self.refused.append(f"{host}:{port}")
        if self.on_refused:
            self.on_refused(f"{host}:{port}", reason)
        return Refused(403, f"{reason} {self._hint.replace('{host}', shown(f'{host}:{port}'))}".strip())

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if self._upstream and not any(host == name or host.endswith(f".{name}") for name in self._direct):
                    with suppress(OSError):  # names that only the machine's own proxy can resolve are its to judge
                        await self._addresses(host, port)
                    return await self._through(self._upstream, host, port)
                error: OSError | None = None
                for address in await self._addresses(host, port):
                    try:
                        reader, writer = await asyncio.open_connection(address, port, limit=HEAD_LIMIT)
                    except OSError as caught:
                        error = caught
                        continue
                    if self._is_trusted(host, port) or not _is_this_machine(writer):
                        return reader, writer
                    writer.close()
                    raise self._private_address(host, port)
                raise error or OSError("no address")
        except (OSError, TimeoutError) as caught:
            raise Refused(502, f"{host}:{port} cannot be reached: {str(caught) or 'no answer'}.") from None

    def _is_trusted(self, host: str, port: int) -> bool:
        return is_listed(f"{host}:{port}", self.trusted)

    def _private_address(self, host: str, port: int) -> Refused:
        return self._refusal(host, port, f"{host} stands for an address of this machine or a private network.")

    async def _addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be connected to: each public, or all of a trusted one's."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if self._is_trusted(host, port):
            return addresses
        public = [address for address in addresses if is_public(address)]
        if addresses and not public:
            raise self._private_address(host, port)
        return public

    async def _through(self, proxy: str, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(proxy)
        secure = parts.scheme == "https"
        reader, writer = await asyncio.open_connection(
            parts.hostname, parts.port or (443 if secure else 80), ssl=secure or None, limit=HEAD_LIMIT
        )
        head = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            head += f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
        writer.write(f"{head}\r\n".encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
        if len(answer) < 2 or answer[1] != b"200":
            writer.close()
            raise OSError("this machine's own proxy refused")
        return reader, writer


def _is_this_machine(writer: asyncio.StreamWriter) -> bool:
    """True if a connection did not leave this machine, also under an address of its own that is public."""
    here, there = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
    return here is None or there is None or here[0] == there[0]


def _check(target: str, version: str, headers: bytes) -> None:
    """Refuse what another server could read in another way than we do. Raises ``Refused``."""
    lines = headers.split(b"\r\n")[:-2]
    names = [line.partition(b":")[0].lower() for line in lines]
    lengths = names.count(b"content-length") + names.count(b"transfer-encoding")
    if not TARGET.fullmatch(target) or version not in ("HTTP/1.0", "HTTP/1.1"):
        raise Refused(400, "That is not an HTTP request.")
    if lengths > 1 or not all(HEADER.fullmatch(line) for line in lines):
        raise Refused(400, "The headers are not well formed.")


def _end_to_end(headers: bytes, host: str) -> bytes:
    """The headers that are meant for the server, one request a connection."""
    dropped = (b"host:", b"connection:", b"keep-alive:", b"upgrade:", b"proxy-")
    kept = [line for line in headers.split(b"\r\n") if line and not line.lower().startswith(dropped)]
    return b"\r\n".join([f"Host: {host}".encode(), b"Connection: close", *kept, b"", b""])


async def _join(*ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    async def read(reader: asyncio.StreamReader) -> bytes:
        async with asyncio.timeout(IDLE_SECONDS):
            return await reader.read(64 * 1024)

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await read(reader):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    try:
        await asyncio.gather(*(copy(*way) for way in ways))
    finally:
        for _, writer in ways:
            writer.close()
