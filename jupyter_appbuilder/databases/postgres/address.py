"""Where a PostgreSQL server is, as its URL says: ``postgresql://user:password@host:port/database?sslmode=require``."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from ...errors import InvalidInput

PORT = 5432
SCHEMES = ("postgresql", "postgres")

Encryption = Literal["disable", "prefer", "require", "verify"]


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and who logs in there. ``socket``: the unix socket where it listens, in place of host and port.
    ``certificates``: a file with those that the server's is checked against."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    socket: Path | None = None
    encryption: Encryption = "prefer"
    certificates: str = ""

    def tls(self) -> ssl.SSLContext | None:
        """How connections are encrypted; None for not at all."""
        if self.socket is not None or self.encryption == "disable":
            return None
        return _context(self.certificates, verified=self.encryption == "verify")


@cache
def _context(certificates: str, *, verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificates or None)
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def address_of(url: str) -> Address:
    """Raises ``InvalidInput``, which repeats nothing of the URL: a password may stand anywhere in it."""
    try:
        parts = urlsplit(url)
        port, options = parts.port or PORT, {name: values[-1] for name, values in parse_qs(parts.query).items()}
    except ValueError:
        raise _wrong() from None
    if parts.scheme not in SCHEMES or parts.fragment:
        raise _wrong()
    user = unquote(parts.username or "") or os.environ.get("PGUSER", "") or "postgres"
    password = unquote(parts.password or "") or os.environ.get("PGPASSWORD", "")
    folder = options.get("host") or unquote(parts.hostname or "")
    mode = options.get("sslmode", "prefer")
    encryption: dict[str, Encryption] = {
        "disable": "disable",
        "allow": "prefer",
        "prefer": "prefer",
        "require": "require",
        "verify-ca": "verify",
        "verify-full": "verify",
    }
    if mode not in encryption:
        raise _wrong()
    return Address(
        host=parts.hostname or "localhost",
        port=port,
        user=user,
        password=password,
        database=unquote(parts.path.lstrip("/")) or "postgres",
        socket=Path(folder) / f".s.PGSQL.{port}" if folder.startswith("/") else None,
        encryption=encryption[mode],
        certificates=options.get("sslrootcert", ""),
    )


def _wrong() -> InvalidInput:
    return InvalidInput(
        "The address of the database server cannot be read.",
        hint='Write it like this: "postgresql://user:password@host:5432/postgres"; a password may come from the '
        "environment variable PGPASSWORD.",
        field="database",
    )
