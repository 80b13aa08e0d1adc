"""The database's schema, as numbered steps. Never edit a step that has been released: append another."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from ..errors import Unavailable
from . import blobs, usage


def m001_events_sessions_leases(db: sqlite3.Connection) -> None:
    db.execute(
        """
        CREATE TABLE events (
            session_id TEXT NOT NULL,
            seq INTEGER NOT NULL CHECK (seq > 0),
            at REAL NOT NULL,
            type TEXT NOT NULL,
            version INTEGER NOT NULL,
            data TEXT NOT NULL,
            PRIMARY KEY (session_id, seq)
        ) WITHOUT ROWID
        """
    )
    # A projection: what lists and searches sessions without reading their events. Rebuilt from them at will.
    db.execute(
        """
        CREATE TABLE sessions (
            session_id TEXT PRIMARY KEY,
            updated_at REAL NOT NULL,
            search TEXT NOT NULL,
            summary TEXT NOT NULL
        )
        """
    )
    db.execute("CREATE INDEX sessions_by_update ON sessions (updated_at DESC)")
    db.execute(
        """
        CREATE TABLE leases (
            session_id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            host TEXT NOT NULL,
            pid INTEGER NOT NULL,
            born REAL NOT NULL,
            label TEXT NOT NULL,
            expires_at REAL NOT NULL
        )
        """
    )


def m002_usage(db: sqlite3.Connection) -> None:
    usage.create(db)


def m003_blobs(db: sqlite3.Connection) -> None:
    blobs.create(db)


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (m001_events_sessions_leases, m002_usage, m003_blobs)


def migrate(db: sqlite3.Connection) -> None:
    """Bring the database to today's schema. Safe when two processes start at once."""
    newest = len(MIGRATIONS)
    if version_of(db) == newest:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        version = version_of(db)
        if version > newest:
            raise Unavailable(
                f"The event log was written by a newer version (schema {version}; this one knows {newest}).",
                hint="Upgrade jupyter-appbuilder, or name another data folder with c.AppBuilder.data_dir.",
                reason="log_too_new",
            )
        for number in range(version, newest):
            MIGRATIONS[number](db)
        db.execute(f"PRAGMA user_version = {newest}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def version_of(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
