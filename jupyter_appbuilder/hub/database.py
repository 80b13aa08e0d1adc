"""The service's database: PostgreSQL, or SQLite for a small Hub, behind one interface.

SQL is written once, in what both understand, with ``?`` for values (never in a literal). What differs is here and in
the migrations.
"""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

from ..errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

T = TypeVar("T")
Row = dict[str, Any]
Dialect = Literal["sqlite", "postgresql"]

MIGRATIONS = Path(__file__).with_name("migrations")
MIGRATION = re.compile(r"(\d{4})_(\w+)(?:\.(sqlite|postgresql))?\.sql")
LOCK = 7_203_114_015  # PostgreSQL's advisory lock that migrations take
BUSY_SECONDS = 20.0
POOL = (2, 10)
READERS = 2


class Transaction(Protocol):
    """Statements that all happen, or none."""

    async def run(self, sql: str, *values: Any) -> list[Row]:
        """Run one statement; its rows, also those of ``RETURNING``."""
        ...

    async def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each of ``rows``."""
        ...


class Database(Protocol):
    """Every method raises ``Unavailable`` where the database does not answer; no message holds its password."""

    dialect: Dialect
    for_update: str
    """Behind a SELECT whose rows this transaction goes on to change: nobody else changes them until it has ended."""

    def transaction(self) -> Any:
        """``async with database.transaction() as t``: for writing. Rolled back by an exception, a cancellation too.

        On SQLite one runs at a time. On PostgreSQL they run beside each other (READ COMMITTED): lock rows in an order
        that all keep (``for_update``).
        """
        ...

    async def read(self, sql: str, *values: Any) -> list[Row]:
        """One SELECT on what was committed last. Holds back no writing."""
        ...

    async def close(self) -> None: ...


async def open_database(url: str) -> Database:
    """Connect to ``sqlite:///file``, ``sqlite:////absolute/file`` or ``postgresql://user:password@host/database``, and
    bring its tables up to date. Raises ``InvalidInput`` or ``Unavailable``."""
    scheme = url.partition("://")[0] if "://" in url else "sqlite"
    if scheme in ("postgresql", "postgres"):
        database = await PostgresDatabase.open(url)
    elif scheme == "sqlite":
        database = await SqliteDatabase.open(Path(os.path.expanduser(url.removeprefix("sqlite:///"))))  # noqa: ASYNC240
    else:
        raise InvalidInput(
            f"There is no database of the kind {scheme[:40]!r}.",
            hint='Write "sqlite:///path/to/file" or "postgresql://user:password@host:5432/database".',
            field="database",
        )
    try:
        await _migrate(database)
    except BaseException:
        await database.close()
        raise
    return database


def migrations(dialect: Dialect, folder: Path = MIGRATIONS) -> list[tuple[int, str, str]]:
    """Number, name and text of each step, in order. One whose name ends in a dialect is that database's alone."""
    found: list[tuple[int, str, str]] = []
    for path in sorted(folder.glob("*.sql")):
        match = MIGRATION.fullmatch(path.name)
        if match is None:
            raise RuntimeError(f"{path} is not named like a migration: 0001_what_it_makes.sql.")
        if match[3] in (None, dialect):
            found.append((int(match[1]), match[2], path.read_text(encoding="utf-8")))
    return found


async def _migrate(database: SqliteDatabase | PostgresDatabase) -> None:
    steps = migrations(database.dialect)
    async with database.transaction() as t:
        if database.dialect == "postgresql":
            await t.run("SELECT pg_advisory_xact_lock(?)", LOCK)
        await t.run("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        done = {row["number"] for row in await t.run("SELECT number FROM migrations")}
        if ahead := done - {number for number, _, _ in steps}:
            raise Unavailable(
                f"The service's database was made by a newer version (step {max(ahead)}).",
                hint="Install that version again, or restore the backup that was made before the upgrade.",
                reason="database_newer",
            )
        for number, name, text in steps:
            if number not in done:
                await t.script(_of_dialect(text, database.dialect))
                await t.run("INSERT INTO migrations (number, name) VALUES (?, ?)", number, name)


def _of_dialect(text: str, dialect: Dialect) -> str:
    """``SERIAL_KEY`` numbers rows and never gives a number again; ``AUTOINCREMENT`` is what keeps SQLite to it."""
    serial = {
        "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    }[dialect]
    return text.replace("SERIAL_KEY", serial)


# SQLite


class SqliteDatabase:
    """One connection writes, in a thread of its own; others read beside it (WAL)."""

    dialect: Dialect = "sqlite"
    for_update = ""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = ThreadPoolExecutor(1, "hub-database")
        self._readers = ThreadPoolExecutor(READERS, "hub-reader")
        self._turn = asyncio.Lock()
        self._open: list[sqlite3.Connection] = []
        self._reading = local()

    @classmethod
    async def open(cls, path: Path) -> SqliteDatabase:
        database = cls(path)
        try:
            await database.on_writer(database._connect)
        except BaseException:
            await database.close()
            raise
        return database

    def _connect(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # What people used, and who they are: for the service's own account.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        with suppress(OSError):
            self._path.chmod(0o600)
        self._connection = self._opened()
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.row_factory = _as_dict
        connection.execute("PRAGMA foreign_keys = ON")
        self._open.append(connection)
        return connection

    async def on_writer(self, work: Callable[[], T]) -> T:
        """Run ``work`` in the thread that writes."""
        return await self._in(self._writer, work)

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        except (sqlite3.OperationalError, sqlite3.DatabaseError, OSError) as error:
            if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
                raise
            raise _down(f"{self._path.name}: {error}") from error
        except RuntimeError as error:  # after ``close``
            raise _down(str(error)) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[_SqliteTransaction]:
        async with self._turn:
            try:
                await self.on_writer(lambda: self._connection.execute("BEGIN IMMEDIATE"))
                yield _SqliteTransaction(self)
                await self.on_writer(lambda: self._connection.execute("COMMIT"))
            except BaseException:
                # The thread does one thing after another: the next BEGIN comes behind this, waited for or not.
                with suppress(RuntimeError):
                    self._writer.submit(self._roll_back)
                raise

    def execute(self, sql: str, values: Sequence[Any]) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    async def read(self, sql: str, *values: Any) -> list[Row]:
        def reading() -> list[Row]:
            connection = getattr(self._reading, "connection", None)
            if connection is None:
                connection = self._opened()
                connection.execute("PRAGMA query_only = ON")
                self._reading.connection = connection
            return connection.execute(sql, values).fetchall()

        return await self._in(self._readers, reading)

    async def close(self) -> None:
        def closing() -> None:
            self._readers.shutdown(wait=True)
            with suppress(sqlite3.Error, AttributeError):
                self._roll_back()
            for connection in self._open:
                with suppress(sqlite3.Error):
                    connection.close()

        with suppress(RuntimeError):
            ended: Future[None] = self._writer.submit(closing)
            await asyncio.wrap_future(ended)
        self._writer.shutdown(wait=False)


class _SqliteTransaction:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def run(self, sql: str, *values: Any) -> list[Row]:
        return await self._database.on_writer(lambda: self._database.execute(sql, values))

    async def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        await self._database.on_writer(lambda: self._database.execute_many(sql, rows))

    async def script(self, text: str) -> None:
        # ``executescript`` would commit first.
        statement = ""
        for line in text.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                await self.run(statement)
                statement = ""


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


# PostgreSQL


class PostgresDatabase:
    """A pool of connections (psycopg 3)."""

    dialect: Dialect = "postgresql"
    for_update = " FOR UPDATE"

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> PostgresDatabase:
        try:
            import psycopg
            from psycopg.conninfo import conninfo_to_dict
            from psycopg.rows import dict_row
            from psycopg_pool import AsyncConnectionPool
        except ImportError as error:
            raise Unavailable(
                "The service's database is PostgreSQL, and psycopg is not installed.",
                hint='pip install "jupyter-appbuilder[hub]", or choose sqlite:///FILE.',
                reason="psycopg_missing",
            ) from error
        try:
            conninfo_to_dict(url)
        except psycopg.Error:
            raise InvalidInput(  # which repeats nothing of the URL: a password may stand anywhere in it
                "The address of the service's database cannot be read.",
                hint='Write it like this: "postgresql://user:password@host:5432/database".',
                field="database",
            ) from None
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            url,
            min_size=POOL[0],
            max_size=POOL[1],
            timeout=BUSY_SECONDS,
            kwargs={"row_factory": dict_row, "connect_timeout": 10, "application_name": "jupyter-appbuilder-hub"},
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        try:
            await pool.open(wait=True, timeout=BUSY_SECONDS)
        except psycopg.Error as error:
            await pool.close()
            raise _down("PostgreSQL does not answer, or refuses the user") from error
        return cls(pool)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[_PostgresTransaction]:
        import psycopg

        try:
            async with self._pool.connection() as connection, connection.transaction():
                yield _PostgresTransaction(connection)
        # Also where the pool has none in time, and where a connection broke while it was used.
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise _down(f"PostgreSQL: {type(error).__name__}") from error

    async def read(self, sql: str, *values: Any) -> list[Row]:
        async with self.transaction() as t:
            return await t.run(sql, *values)

    async def close(self) -> None:
        await self._pool.close()


class _PostgresTransaction:
    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def run(self, sql: str, *values: Any) -> list[Row]:
        found = await self._connection.execute(cast("Any", _with_percent(sql)), values)
        return await found.fetchall() if found.description else []

    async def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(cast("Any", _with_percent(sql)), rows)

    async def script(self, text: str) -> None:
        await self._connection.execute(cast("Any", text))


@cache
def _with_percent(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def _down(said: str) -> Unavailable:
    return Unavailable(
        f"The service's database cannot be used ({said}).",
        hint="Check that it runs and that its disk has room; the service goes on by itself.",
        reason="database_unavailable",
    )
