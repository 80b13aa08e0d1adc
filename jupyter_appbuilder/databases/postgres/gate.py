"""The way from an app's sandbox to its database: who comes through is logged in as the app's role, whatever they say.

It is a door of the sandbox's way out (``sandbox.network.egress``), and leads to this one database: what begins there as
PostgreSQL's protocol does, comes here. A sandbox has neither an address nor a password.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Awaitable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from ...errors import AppBuilderError, Unavailable
from .protocol import CANCEL, ENCRYPTION, KERBEROS, VERSION, Link, cancel, failure, message
from .server import PostgresServer

if TYPE_CHECKING:
    from ...sandbox.base import Doors

FIRST = b"\0"
"""Of the length that a connection begins with, which has four bytes."""

CONNECTIONS = 40
"""Of one app at once: two for each of its 16 workers, and fewer than its role may have."""

FEW = 8
"""Of one app, where the server has few left for all."""

CANCELLING = 3
"""Queries that one app may have cancelled at once: each is a connection that no limit of the server's counts."""

LONGEST_START = 10_000
START_SECONDS = 20.0
PIECE = 64 * 1024

log = logging.getLogger(__name__)


class Gate:
    """Of one session."""

    def __init__(self, server: PostgresServer, session: str) -> None:
        self._server = server
        self._session = session
        self._keys: set[bytes] = set()
        self._open = 0
        self._cancelling = 0

    async def answer(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection from the sandbox, of which ``first`` was read, until either side ends it."""
        key = await self._started(first, reader, writer)
        if key is not None:
            await self._cancel(key)
            return
        if self._open >= (FEW if self._server.crowded else CONNECTIONS):
            await _refuse(writer, "53300", f"The app has {self._open} connections to its database already.")
            return
        self._open += 1
        self._server.links += 1
        try:
            try:
                link = await self._server.open(self._session)
            except AppBuilderError as error:
                log.warning("Session %s has no database: %s", self._session, error)
                await _refuse(writer, "08006", error.message)
                return
            await self._through(reader, writer, link)
        finally:
            self._open -= 1
            self._server.links -= 1

    async def _cancel(self, key: bytes) -> None:
        if key not in self._keys or self._cancelling >= CANCELLING:
            return
        self._cancelling += 1
        try:
            await cancel(self._server.address, key)
        finally:
            self._cancelling -= 1

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        self._keys.add(link.key)
        try:
            writer.write(message(b"R", struct.pack("!i", 0)) + b"".join(link.told))
            ways = [asyncio.ensure_future(way) for way in (_copy(reader, link.writer), _copy(link.reader, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self._keys.discard(link.key)
            link.close()

    async def _started(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """Read how a connection begins; the key, where it only asks to cancel a query. What it says of user and
        database is passed over. Raises ``OSError`` for what is no beginning."""
        async with asyncio.timeout(START_SECONDS):
            for _ in range(3):
                length, code = struct.unpack("!ii", first + await reader.readexactly(8 - len(first)))
                first = b""
                if not 8 <= length <= LONGEST_START:
                    break
                rest = await reader.readexactly(length - 8)
                if code == CANCEL:
                    return rest
                if code == VERSION:
                    return None
                if code not in (ENCRYPTION, KERBEROS):
                    break
                writer.write(b"N")  # nobody can listen here
                await writer.drain()
        raise OSError("That is no beginning of a connection to PostgreSQL.")


async def connect_sandbox(sandbox: Any, server: PostgresServer | None, session: str) -> None:
    """Let a new sandbox reach the database of ``session``, and nothing else of the server. Raises ``Unavailable``."""
    if server is None:
        raise Unavailable(
            "The app's database is on a PostgreSQL server, and none is configured here.",
            hint="Set c.AppBuilder.database to the address that the app was made with.",
            reason="database_unreachable",
        )
    if not callable(getattr(sandbox, "open_door", None)):
        raise Unavailable(
            f"In a sandbox of {sandbox.provider}, apps cannot reach a PostgreSQL server.",
            hint="Make the app with a sandbox of this machine.",
            reason="database_unreachable",
        )
    await cast("Doors", sandbox).open_door(FIRST, Gate(server, session).answer)


async def _refuse(writer: asyncio.StreamWriter, code: str, words: str) -> None:
    writer.write(failure(code, words))
    with suppress(OSError):
        await writer.drain()


def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Awaitable[None]:
    async def copy() -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                writer.write(piece)
                await writer.drain()

    return copy()
