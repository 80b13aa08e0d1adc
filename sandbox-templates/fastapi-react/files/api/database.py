"""The app's database: SQLite at data/app.db, which is not part of the app's versions. Its schema is in migrations/.

A route takes a parameter ``db: Database`` (rows by name: ``row["title"]``, ``dict(row)``) and gives values beside the
statement: ``db.execute("SELECT * FROM books WHERE id = ?", (id,)).fetchone()``. Each statement is kept at once; several
that belong together stand in ``with transaction(db):``.
"""

import hashlib
import os
import re
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends, HTTPException

ROOT = Path(__file__).parent.parent
FILE = ROOT / "data" / "app.db"
MIGRATIONS = ROOT / "migrations"
DATASETS = ROOT / "datasets"
BUSY_SECONDS = 5
NAME = re.compile(r"(\d{4})_[\w-]+\.sql")

ACCOUNTS = """
CREATE TABLE IF NOT EXISTS _users(
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: what somebody left behind is nobody's
  name TEXT NOT NULL, key TEXT NOT NULL UNIQUE,
  created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))) STRICT;
CREATE TABLE IF NOT EXISTS _appbuilder_passwords(
  user INTEGER PRIMARY KEY REFERENCES _users(id) ON DELETE CASCADE, hash TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS _appbuilder_sessions(
  token TEXT PRIMARY KEY, user INTEGER NOT NULL REFERENCES _users(id) ON DELETE CASCADE,
  began INTEGER NOT NULL, ends INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
"""People's accounts (accounts.py): those of the App Builder's own tools, which show nobody what proves who somebody is."""

APPLIED = """
CREATE TABLE IF NOT EXISTS _appbuilder_migrations(
  name TEXT PRIMARY KEY, hash TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID
"""


class MigrationError(Exception):
    """A migration cannot be applied; the message names file and line."""


def connect() -> sqlite3.Connection:
    """A connection to the database as the migrations make it; whoever asks closes it. Raises ``MigrationError``."""
    FILE.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(FILE, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        for setting in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {setting}")
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare() -> None:
    """Apply the migrations that wait, before the first request. Raises ``MigrationError``."""
    connect().close()


def _connection() -> Iterator[sqlite3.Connection]:
    try:
        connection = connect()
    except MigrationError as error:
        raise HTTPException(503, str(error)) from error
    try:
        yield connection
    finally:
        connection.close()


Database = Annotated[sqlite3.Connection, Depends(_connection)]


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All that is done within, or, after an error, nothing of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


# Migrations: each file once, in the order of their numbers, in a transaction of its own

_seen: object = None  # the files and the database as they were when all were applied
_migrating = threading.Lock()


def _now() -> object:
    try:
        files = sorted((file.name, file.stat().st_mtime_ns) for file in os.scandir(MIGRATIONS))
    except OSError:
        files = []
    return FILE.stat().st_ino, files


def _migrate(connection: sqlite3.Connection) -> None:
    global _seen
    if _now() == _seen:
        return
    with _migrating:
        now = _now()
        if now == _seen:
            return
        if "guarded_api" not in sys.modules:  # the App Builder's preview makes them itself
            _begin(connection)
        numbers: dict[str, str] = {}
        for file in sorted(MIGRATIONS.glob("*.sql")):
            match = NAME.fullmatch(file.name)
            if match is None:
                raise MigrationError(f"migrations/{file.name}: a migration is named like 0001_name.sql")
            if other := numbers.get(match[1]):
                raise MigrationError(f"migrations/{file.name} has the number of {other}. Give it the next one.")
            numbers[match[1]] = file.name
            _apply(connection, file)
        _seen = now


def _begin(connection: sqlite3.Connection) -> None:
    """The empty tables of data that was handed to the app, where they are not there."""
    for file in sorted(DATASETS.glob("*.sql")):
        there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE", (file.stem,)).fetchone()
        if there is None:
            connection.executescript(file.read_text(encoding="utf-8"))


def _apply(connection: sqlite3.Connection, file: Path) -> None:
    text = file.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    connection.execute("PRAGMA foreign_keys = OFF")  # a table is made anew by a new one and a renaming
    line = 1
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(APPLIED)
        known = connection.execute("SELECT hash FROM _appbuilder_migrations WHERE name = ?", (file.name,)).fetchone()
        if known is not None:
            if known["hash"] == digest:
                return
            raise MigrationError(
                f"migrations/{file.name} was changed after it was applied. Put it back as it was, and make the change in "
                "a new migration (or, if the data may go, delete data/app.db)."
            )
        if b"_users" in text:
            for _, statement in _statements(ACCOUNTS):
                connection.execute(statement)
        connection.set_authorizer(_within)
        for line, statement in _statements(text.decode()):
            connection.execute(statement)
        connection.set_authorizer(None)
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
        if broken is not None:
            raise sqlite3.IntegrityError(f"rows of {broken[0]} would refer to rows of {broken[2]} that are not there")
        at = datetime.now(UTC).isoformat()
        connection.execute("INSERT INTO _appbuilder_migrations VALUES (?, ?, ?)", (file.name, digest, at))
        connection.execute("COMMIT")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        said = f"{error}: a migration runs in a transaction of its own" if "authorized" in str(error) else str(error)
        raise MigrationError(f"migrations/{file.name}, line {line}: {said}") from error
    finally:
        connection.set_authorizer(None)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("PRAGMA foreign_keys = ON")


def _within(action: int, *_: object) -> int:
    refused = action in (sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


def _statements(sql: str) -> Iterator[tuple[int, str]]:
    """The statements of a text with their lines, counted from 1."""
    pending, line = "", 1
    for piece in re.findall(r"[^;]*(?:;|$)", sql):
        pending += piece
        if sqlite3.complete_statement(pending):  # not within a text, a comment or a trigger
            yield line + _blank(pending), pending
            line += pending.count("\n")
            pending = ""
    if pending.strip():
        yield line + _blank(pending), pending


def _blank(text: str) -> int:
    """How many lines stand before the first that is no comment."""
    head = re.match(r"(?:\s|--[^\n]*|/\*.*?\*/)*", text, re.DOTALL)
    return head[0].count("\n") if head else 0
