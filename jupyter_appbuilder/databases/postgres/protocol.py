"""PostgreSQL's protocol, version 3, as far as a connection has to be made, asked by its administrator, and handed on.

https://www.postgresql.org/docs/current/protocol.html
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from ...errors import Unavailable
from .address import Address

VERSION = 196608
ENCRYPTION = 80877103
KERBEROS = 80877104
CANCEL = 80877102
SECONDS = 20.0
"""How long a connection may take to stand."""

LARGEST = 1 << 20
"""Bytes of a message that is read here: of logging in, and of answers to the administrator."""

ITERATIONS = 4096


class Refusal(Exception):
    """What the server refused, by its SQLSTATE. Its words may name the server: they are for nobody else."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(fields.get("M", ""))
        self.code = fields.get("C", "")


@dataclass(slots=True)
class Link:
    """A connection that has logged in. ``told``: what the server said of itself, as it came, from ``ParameterStatus``
    to ``ReadyForQuery``. ``key``: by what a query on it is cancelled."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    told: list[bytes] = field(default_factory=list[bytes])
    key: bytes = b""

    def close(self) -> None:
        with suppress(OSError, RuntimeError):
            self.writer.close()


def message(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return kind + struct.pack("!i", len(body) + 4) + body


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def failure(code: str, words: str) -> bytes:
    """``ErrorResponse``, after which the connection ends."""
    return message(b"E", *(key + text(value) for key, value in ((b"S", "FATAL"), (b"C", code), (b"M", words))), b"\0")


async def read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Raises ``OSError`` for what is none, ``asyncio.IncompleteReadError`` at the end."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!i", head[1:])
    if not 4 <= length <= LARGEST:
        raise OSError("a message that is too large")
    return head[:1], await reader.readexactly(length - 4)


async def connect(address: Address, *, user: str, password: str, database: str) -> Link:
    """Log in. Raises ``Refusal``, or ``Unavailable``, which names neither the server nor who logs in."""
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await _reached(address)
            link = Link(reader, writer)
            try:
                await _log_in(link, user, password, database)
            except BaseException:
                link.close()
                raise
            return link
    except (OSError, TimeoutError, asyncio.IncompleteReadError, struct.error, ValueError) as error:
        raise unreachable(error) from None


def unreachable(error: Exception) -> Unavailable:
    """The words of an error of a connection name addresses: its kind alone is told."""
    return Unavailable(
        f"The PostgreSQL server of c.AppBuilder.database cannot be reached ({type(error).__name__}).",
        hint="Ask whoever runs this Jupyter server: it is down, or its address is another.",
        reason="database_unreachable",
    )


async def cancel(address: Address, key: bytes) -> None:
    """End the query that runs on the connection with this key."""
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(SECONDS):
            reader, writer = await _reached(address)
            writer.write(struct.pack("!ii", 8 + len(key), CANCEL) + key)
            await writer.drain()
            await reader.read()
            writer.close()


async def _reached(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.socket is not None:
        return await asyncio.open_unix_connection(str(address.socket))
    reader, writer = await asyncio.open_connection(address.host, address.port)
    if (context := address.tls()) is None:
        return reader, writer
    writer.write(struct.pack("!ii", 8, ENCRYPTION))
    answer = await reader.read(2)  # one byte: what came with it unencrypted would be taken for encrypted
    if answer == b"S":
        await writer.start_tls(context, server_hostname=address.host)
    elif answer != b"N" or address.encryption != "prefer":
        writer.close()
        raise OSError("the server takes no encrypted connection")
    return reader, writer


async def _log_in(link: Link, user: str, password: str, database: str) -> None:
    settings = {"user": user, "database": database, "client_encoding": "UTF8", "application_name": "appbuilder"}
    body = b"".join(text(name) + text(value) for name, value in settings.items()) + b"\0"
    link.writer.write(struct.pack("!ii", len(body) + 8, VERSION) + body)
    scram: Scram | None = None
    while True:
        kind, body = await read_message(link.reader)
        if kind == b"E":
            raise Refusal(fields_in(body))
        if kind in (b"S", b"K", b"Z"):
            link.told.append(message(kind, body))
            if kind == b"K":
                link.key = body
            if kind == b"Z":
                return
        if kind != b"R":
            continue
        (how,) = struct.unpack("!i", body[:4])
        if how == 3:
            link.writer.write(message(b"p", text(password)))
        elif how == 5:
            inner = hashlib.md5(f"{password}{user}".encode()).hexdigest().encode()
            link.writer.write(message(b"p", text("md5" + hashlib.md5(inner + body[4:8]).hexdigest())))
        elif how == 10:
            scram = Scram(password)
            first = scram.first().encode()
            link.writer.write(message(b"p", text("SCRAM-SHA-256"), struct.pack("!i", len(first)), first))
        elif how == 11 and scram:
            proof = await asyncio.to_thread(scram.proof, body[4:].decode())  # some milliseconds
            link.writer.write(message(b"p", proof.encode()))
        elif how == 12 and scram:
            scram.check(body[4:].decode())
        elif how != 0:
            raise OSError("a way to log in that is not known here")


def fields_in(body: bytes) -> dict[str, str]:
    """Of ``ErrorResponse``."""
    parts = body.split(b"\0")
    return {part[:1].decode(): part[1:].decode(errors="replace") for part in parts if part}


async def ask(link: Link, sql: str) -> list[list[str | None]]:
    """The rows of one statement, or several, as texts. Raises ``Refusal``, or ``Unavailable``."""
    rows: list[list[str | None]] = []
    refused: Refusal | None = None
    try:
        async with asyncio.timeout(6 * SECONDS):
            link.writer.write(message(b"Q", text(sql)))
            while True:
                kind, body = await read_message(link.reader)
                if kind == b"D":
                    rows.append(_values(body))
                elif kind == b"E":
                    refused = Refusal(fields_in(body))
                elif kind == b"Z":
                    break
    except (OSError, TimeoutError, asyncio.IncompleteReadError, struct.error, ValueError) as error:
        raise unreachable(error) from None
    if refused:
        raise refused
    return rows


def _values(body: bytes) -> list[str | None]:
    (count,) = struct.unpack("!h", body[:2])
    values: list[str | None] = []
    at = 2
    for _ in range(count):
        (length,) = struct.unpack("!i", body[at : at + 4])
        at += 4
        values.append(None if length < 0 else body[at : at + length].decode())
        at += max(0, length)
    return values


# Passwords: SCRAM-SHA-256, RFC 7677. Ours are ASCII, and so are prepared already; others' are taken as they are.


class Scram:
    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._nonce = secrets.token_urlsafe(18)
        self._expected = b""

    def first(self) -> str:
        return f"n,,n=,r={self._nonce}"

    def proof(self, challenge: str) -> str:
        """Raises ``OSError`` for what is no answer to us."""
        said = {part[:1]: part[2:] for part in challenge.split(",")}
        nonce = said.get("r", "")
        if not nonce.startswith(self._nonce) or not 1 <= int(said.get("i", "0")) <= 1_000_000:
            raise OSError("the server cannot prove who it is")
        salted = _salted(self._password, base64.b64decode(said.get("s", "")), int(said["i"]))
        client = _by(salted, b"Client Key")
        last = f"c=biws,r={nonce}"
        all_said = f"n=,r={self._nonce},{challenge},{last}".encode()
        signature = _by(hashlib.sha256(client).digest(), all_said)
        self._expected = _by(_by(salted, b"Server Key"), all_said)
        proof = bytes(one ^ other for one, other in zip(client, signature, strict=True))
        return f"{last},p={base64.b64encode(proof).decode()}"

    def check(self, said: str) -> None:
        given = base64.b64decode(said.removeprefix("v="))
        if not self._expected or not hmac.compare_digest(given, self._expected):
            raise OSError("the server cannot prove who it is")


def verifier(password: str) -> str:
    """What the server keeps of a password: told in its place, so that no log of statements has it."""
    salt = secrets.token_bytes(16)
    salted = _salted(password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(_by(salted, b"Client Key")).digest()
    encoded = [base64.b64encode(one).decode() for one in (salt, stored, _by(salted, b"Server Key"))]
    return f"SCRAM-SHA-256${ITERATIONS}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def _salted(password: bytes, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password, salt, iterations)


def _by(key: bytes, told: bytes) -> bytes:
    return hmac.digest(key, told, "sha256")
