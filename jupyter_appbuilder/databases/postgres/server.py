"""The databases of apps on one PostgreSQL server: made, opened, dropped, by who administers it.

An app has a database and a role of its own, both named by its session. The role owns the database and nothing else, and
may make neither roles nor databases. Its password is made anew by each process that opens the session, and is kept
nowhere: who holds the session may always set another.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ...errors import AppBuilderError, Conflict, Unavailable
from .address import Address
from .leavings import Leavings
from .protocol import Link, Refusal, ask, connect, verifier

CONNECTIONS = 45
"""Of one app at once."""

OLDEST = 15_00_00
"""Before, no app could put its schema `public` back, which belonged to another."""

TEMPORARY = "2GB"

THERE = ("42710", "42P04", "23505")
"""What was to be made is there: another process was faster."""

LOCKED_OUT = ("28P01", "28000", "3D000", "42501")
"""Another password was set, there is no such role or database any more, or it may not enter its own."""

FULL = 2 / 3
"""Of all connections that the server takes: from then on, an app is given a few only."""

WHY = {
    "28P01": "the password is wrong, or none is set (in c.AppBuilder.database, or as PGPASSWORD).",
    "28000": "whoever c.AppBuilder.database logs in as may not from here (pg_hba.conf).",
    "3D000": "the database that c.AppBuilder.database names is not there.",
    "42501": "whoever c.AppBuilder.database logs in as lacks a right.",
    "53300": "the server has no more connections (max_connections).",
    "53100": "the server's disk is full.",
    "57P03": "the server is starting, or shutting down.",
}
"""What to look at, by the SQLSTATE."""
OTHERWISE = "the server's log says why."

NAME = re.compile(r"appbuilder_[0-9a-f]{8,40}")

log = logging.getLogger(__name__)


class PostgresServer:
    """``address`` is the administrator's; ``leavings`` what is still to be dropped. Every method raises ``Unavailable``
    for a server that cannot be asked, or refuses, and ``Conflict`` for one that is too old; none says where it is, or
    who asked."""

    def __init__(self, address: Address, leavings: Leavings | None = None) -> None:
        self._address = address
        self._passwords: dict[str, str] = {}
        self._making = asyncio.Lock()
        self._leavings = leavings
        self._dropping: asyncio.Task[None] | None = None
        self._most = 0  # connections, as the server says
        self.links = 0
        """Connections of apps that are open through this process."""

    @property
    def address(self) -> Address:
        return self._address

    @property
    def crowded(self) -> bool:
        return self._most > 0 and self.links >= FULL * self._most

    async def open(self, session: str) -> Link:
        """A connection to the session's database as its role. Both are made if they are not there."""
        name = name_of(session)
        password = ""
        for again in (False, True):
            password = await self._password(name, wrong=password)
            try:
                return await connect(self._address, user=name, password=password, database=name)
            except Refusal as refusal:
                if again or refusal.code not in LOCKED_OUT:
                    raise _refused(refusal) from None
        raise AssertionError("unreachable")

    async def drop(self, session: str) -> None:
        """Drop the session's database, with whoever is connected, and its role. Nothing happens where there is none.
        Where the server is away, it is done when an app is opened there again."""
        name = name_of(session)
        self._passwords.pop(name, None)
        if self._leavings:
            await asyncio.to_thread(self._leavings.note, session)
        async with self._administering(name) as link:
            await ask(link, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await ask(link, f'DROP ROLE IF EXISTS "{name}"')
        if self._leavings:
            await asyncio.to_thread(self._leavings.forget, session)

    async def _drop_left(self, leavings: Leavings) -> None:
        for session in await asyncio.to_thread(leavings.sessions):
            try:
                await self.drop(session)
            except (AppBuilderError, ValueError) as error:
                log.warning("The database of the deleted app %s is still on its server. %s", session, error)

    async def check(self) -> str:
        """The server's version, for ``doctor``. Raises ``Conflict`` also for an administrator who may not make
        databases and roles."""
        async with self._administering() as link:
            await self._look(link)
            [[version]] = await ask(link, "SELECT version()")
            [[may]] = await ask(
                link,
                "SELECT rolsuper OR (rolcreatedb AND rolcreaterole) FROM pg_catalog.pg_roles "
                "WHERE rolname = current_user",
            )
        if may != "t":
            raise Conflict(
                "Whoever c.AppBuilder.database logs in as may not make databases and roles.",
                hint="ALTER ROLE … CREATEDB CREATEROLE",
                reason="database_rights",
            )
        return " ".join((version or "").split()[:2])

    async def _look(self, link: Link) -> None:
        """Raises ``Conflict`` for a server that is too old."""
        settings = "SELECT current_setting('server_version_num'), current_setting('max_connections')"
        [[number, most]] = await ask(link, settings)
        if int(number or 0) < OLDEST:
            raise Conflict("The PostgreSQL server is too old.", hint="Version 15 is the oldest.", reason="too_old")
        self._most = int(most or 0)

    async def _password(self, name: str, *, wrong: str) -> str:
        """The password of a role; another than the one that is ``wrong``, whoever found that out first."""
        async with self._making:
            if self._passwords.get(name, wrong) == wrong:
                password = secrets.token_urlsafe(32)
                await self._make(name, password)
                self._passwords[name] = password
                if self._leavings and (self._dropping is None or self._dropping.done()):
                    self._dropping = asyncio.create_task(self._drop_left(self._leavings))
            return self._passwords[name]

    async def _make(self, name: str, password: str) -> None:
        rights = f"LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT {CONNECTIONS}"
        said = f"PASSWORD '{verifier(password)}'"
        async with self._administering(name) as link:
            await self._look(link)
            try:
                await ask(link, f'CREATE ROLE "{name}" {rights} {said}')
            except Refusal as refusal:
                if refusal.code not in THERE:
                    raise
                await ask(link, f'ALTER ROLE "{name}" {said}')
            # Who is no superuser has to belong to a role to give it anything.
            await ask(link, f'GRANT "{name}" TO CURRENT_USER')
            [[there]] = await ask(link, f"SELECT count(*) FROM pg_catalog.pg_database WHERE datname = '{name}'")
            if there == "0":
                await self._make_database(link, name)
            await self._put_right(link, name)

    async def _make_database(self, link: Link, name: str) -> None:
        try:
            await ask(link, f'CREATE DATABASE "{name}" OWNER "{name}" TEMPLATE template0 ENCODING \'UTF8\'')
        except Refusal as refusal:
            if refusal.code not in THERE:
                raise

    async def _put_right(self, link: Link, name: str) -> None:
        """Each time: whoever made the database may have been killed before this, and its owner, the app's own SQL, can
        open it to others, or close it to itself."""
        for sql in (
            f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC',
            f'GRANT ALL ON DATABASE "{name}" TO "{name}"',
            f'ALTER DATABASE "{name}" CONNECTION LIMIT -1',
            f'ALTER DATABASE "{name}" RESET ALL',
            f'ALTER ROLE "{name}" IN DATABASE "{name}" RESET ALL',
            f'ALTER ROLE "{name}" RESET ALL',
        ):
            await ask(link, sql)
        try:
            await ask(link, f"ALTER ROLE \"{name}\" SET temp_file_limit = '{TEMPORARY}'")
        except Refusal:
            log.debug("Files of queries are not limited: who makes the databases is no superuser.")

    @asynccontextmanager
    async def _administering(self, name: str = "") -> AsyncGenerator[Link]:
        """A connection of the administrator's; ``name``: no other process does anything to this role meanwhile."""
        address = self._address
        try:
            link = await connect(address, user=address.user, password=address.password, database=address.database)
            try:
                if name:
                    await ask(link, f"SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtext('{name}'))")
                yield link
            finally:
                link.close()
        except AppBuilderError:
            raise
        except Refusal as refusal:
            raise _refused(refusal) from None


def name_of(session: str) -> str:
    """Of the database and the role of a session: what may stand in SQL as it is."""
    name = f"appbuilder_{session}"
    if not NAME.fullmatch(name):
        raise ValueError(name)
    return name


def _refused(refusal: Refusal) -> Unavailable:
    """The server's own words name roles, addresses and databases: the SQLSTATE is enough for who administers it."""
    return Unavailable(
        f"The PostgreSQL server of c.AppBuilder.database refused (SQLSTATE {refusal.code or 'unknown'}).",
        hint=f"Ask whoever runs this Jupyter server: {WHY.get(refusal.code, OTHERWISE)}",
        reason="database_refused",
    )
