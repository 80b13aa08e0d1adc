"""Blobs: contents too large for events, in files beside the log, named by their SHA-256.

Which session names which is a table of the log, so that a file goes with the last session that names it, whatever other
processes do: both are changed under the database's write lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sqlite3
from pathlib import Path

from ..settings import private_folder

FOLDER = "blobs"


def create(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE blobs (session_id TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (session_id, sha256)) "
        "WITHOUT ROWID"
    )
    db.execute("CREATE INDEX blobs_by_content ON blobs (sha256)")


def place_of(folder: Path, sha256: str) -> Path:
    return folder / FOLDER / sha256


def begin(folder: Path, content: bytes) -> tuple[str, Path]:
    """Write a content under a temporary name, before the database is locked; its SHA-256 and that file."""
    private_folder(folder / FOLDER)
    temporary = folder / FOLDER / f".{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return hashlib.sha256(content).hexdigest(), temporary


def keep(db: sqlite3.Connection, folder: Path, session: str, sha256: str, temporary: Path) -> None:
    """Put the content in place, as the session's. Within a transaction."""
    db.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", [session, sha256])
    os.replace(temporary, place_of(folder, sha256))


def share(db: sqlite3.Connection, source: str, session: str) -> None:
    """A fork names what its source does."""
    db.execute("INSERT OR IGNORE INTO blobs SELECT ?, sha256 FROM blobs WHERE session_id = ?", [session, source])


def forget(db: sqlite3.Connection, folder: Path, session: str) -> None:
    """Delete what no other session names. Within a transaction."""
    named = [row[0] for row in db.execute("SELECT sha256 FROM blobs WHERE session_id = ?", [session])]
    db.execute("DELETE FROM blobs WHERE session_id = ?", [session])
    for sha256 in named:
        if db.execute("SELECT 1 FROM blobs WHERE sha256 = ? LIMIT 1", [sha256]).fetchone() is None:
            with contextlib.suppress(OSError):
                place_of(folder, sha256).unlink()


def read(folder: Path, sha256: str) -> bytes | None:
    """A content, if it is there and whole."""
    try:
        content = place_of(folder, sha256).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None
