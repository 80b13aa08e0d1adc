"""The event log in SQLite.

One thread writes, so that appends are ordered and group no locks; another reads, so that opening a long session never
delays a running one. WAL lets other processes (a second server, the command line) read meanwhile. It needs memory that
processes share through a file of the same disk: where a disk has none, or processes of other machines write there, too,
the log uses a rollback journal instead, which needs no more than locks.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import random
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ..errors import Conflict, NotFound, Unavailable
from ..events import VERSIONS, Draft, Event, stored
from ..formats import strict_json
from ..settings import close_to_others, private_file, private_folder
from . import blobs, usage
from .base import EventStore, RequestRow, Used
from .lease import LEASE_SECONDS, Lease, Owner
from .migrations import migrate
from .summary import Summary, fold
from .untracked import untracked

BUSY_SECONDS = 10.0
"""How long is waited for another process that writes."""

OPENING_SECONDS = 30.0
"""How long is waited for others that make or repair the database at the same moment."""

JOURNALS = {
    "wal": "can be written",
    "truncate": "can be written; with a rollback journal, since its disk shares no memory or is on the network",
}

NETWORK_DISKS = re.compile(
    r"9p|afs|beegfs|ceph|cifs|gfs2|glusterfs|gpfs|lustre|nfs4?|ocfs2|orangefs|pvfs2|smb3|smbfs|vboxsf|virtiofs"
    r"|fuse\.(ceph-fuse|cephfs|gcsfuse|glusterfs|juicefs|s3fs|sshfs)"
)
"""Kinds of disks that other machines may write to, as the kernel names them."""

R = TypeVar("R")

log = logging.getLogger(__name__)


class SqliteEventStore(EventStore):
    """The event store of one machine: a SQLite file at ``path``."""

    def __init__(self, path: Path, owner: Owner | None = None) -> None:
        self.path = path
        self.owner = owner or Owner()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="appbuilder-log-write")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="appbuilder-log-read")
        self._write_db: sqlite3.Connection | None = None
        self._read_db: sqlite3.Connection | None = None
        self._closed = False
        self._known: dict[str, tuple[str, Summary]] = {}  # what lists were told, with the text it was read of
        self._journal = ""
        self._warnings: list[str] = []

    async def open(self) -> None:
        await self._on(self._writer, self._writing)

    @property
    def journal(self) -> str:
        """How the database is kept whole, once it is open: ``wal``, or with a rollback journal, ``truncate``."""
        return self._journal

    @property
    def fresh(self) -> bool:
        return not self.path.exists()

    @property
    def place(self) -> str:
        return f"{self.path}: {JOURNALS.get(self._journal, self._journal)}"

    @property
    def warnings(self) -> list[str]:
        return self._warnings

    async def append(self, session: str, drafts: Sequence[Draft]) -> list[Event]:
        at = time.time()
        return await self._on(self._writer, lambda: self._append(session, drafts, at))

    async def adopt(self, session: str, events: Sequence[Event], drafts: Sequence[Draft]) -> list[Event]:
        at = time.time()

        def take() -> list[Event]:
            db = self._writing()
            with _transaction(db):
                taken = self._take_over(db, session, events)
                return taken + self._store(db, session, drafts, at)

        return await self._on(self._writer, take)

    async def read(self, session: str, after: int = 0, limit: int | None = None) -> list[Event]:
        return await self._on(self._reader, lambda: self._read(session, after, limit))

    async def summary(self, session: str) -> Summary:
        def query() -> Summary:
            row = self._reading().execute("SELECT summary FROM sessions WHERE session_id = ?", [session]).fetchone()
            if row is None:
                raise NotFound(
                    f"There is no session {session!r}.",
                    hint="List the sessions; it may have been deleted.",
                    reason="unknown_session",
                )
            return self._load(session, row[0])

        return await self._on(self._reader, query)

    async def summaries(self, search: str = "") -> list[Summary]:
        def query() -> list[Summary]:
            words = search.casefold().split()
            where = " AND ".join("instr(search, ?) > 0" for _ in words) or "1"
            rows = self._reading().execute(
                f"SELECT session_id, summary FROM sessions WHERE {where} ORDER BY updated_at DESC",
                words,
            )
            found = [(session, text, self._listed(session, text)) for session, text in rows.fetchall()]
            if not words:
                # What is gone is forgotten with it.
                self._known = {session: (text, summary) for session, text, summary in found}
            return [summary for _, _, summary in found]

        return await self._on(self._reader, query)

    async def used(self, since: float, until: float | None = None) -> list[Used]:
        return await self._on(self._reader, lambda: usage.used(self._reading(), since, until))

    async def requests(self, since: float) -> list[RequestRow]:
        return await self._on(self._reader, lambda: usage.requests(self._reading(), since))

    async def owner_of(self, session: str) -> str | None:
        def query() -> str | None:
            lease = self._lease(self._reading(), session)
            return lease.label if lease and lease.owner != self.owner.id and lease.alive(self.owner) else None

        return await self._on(self._reader, query)

    async def claim(self, session: str) -> bool:
        def take() -> bool:
            db = self._writing()
            with _transaction(db):
                lease = self._lease(db, session)
                if lease and lease.owner != self.owner.id and lease.alive(self.owner):
                    return False
                db.execute(
                    "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)", [session, *Lease.of(self.owner)]
                )
                return True

        return await self._on(self._writer, take)

    async def renew(self) -> None:
        until = time.time() + LEASE_SECONDS
        await self._execute("UPDATE leases SET expires_at = ? WHERE owner = ?", [until, self.owner.id])

    async def release(self, session: str) -> None:
        await self._execute("DELETE FROM leases WHERE session_id = ? AND owner = ?", [session, self.owner.id])

    async def delete(self, session: str) -> None:
        def remove() -> None:
            db = self._writing()
            with _transaction(db):
                self._check_lease(db, session)
                for table in ("events", "sessions", "leases"):
                    db.execute(f"DELETE FROM {table} WHERE session_id = ?", [session])
                blobs.forget(db, self.path.parent, session)

        await self._on(self._writer, remove)

    async def keep_blob(self, session: str, content: bytes) -> str:
        def keep() -> str:
            db = self._writing()
            folder = self.path.parent
            sha256, temporary = blobs.begin(folder, content)
            try:
                with _transaction(db):
                    self._check_lease(db, session)
                    blobs.keep(db, folder, session, sha256, temporary)
            finally:
                temporary.unlink(missing_ok=True)
            return sha256

        return await self._on(self._writer, keep)

    async def blob(self, sha256: str) -> bytes | None:
        return await self._on(self._reader, lambda: blobs.read(self.path.parent, sha256))

    async def close(self) -> None:
        if self._closed:
            return

        def shut() -> None:
            if self._write_db is not None:
                with contextlib.suppress(sqlite3.Error):  # a full disk: they end with this process, or in a while
                    self._write_db.execute("DELETE FROM leases WHERE owner = ?", [self.owner.id])
                self._write_db.close()

        def shut_reader() -> None:
            if self._read_db is not None:
                self._read_db.close()

        await self._on(self._writer, shut)
        await self._on(self._reader, shut_reader)
        self._closed = True
        self._writer.shutdown(wait=False)
        self._reader.shutdown(wait=False)

    # On the two threads

    def _append(self, session: str, drafts: Sequence[Draft], at: float) -> list[Event]:
        db = self._writing()
        with _transaction(db):
            return self._store(db, session, drafts, at)

    def _store(self, db: sqlite3.Connection, session: str, drafts: Sequence[Draft], at: float) -> list[Event]:
        summary = self._summary(db, session)
        written = [strict_json.written(draft.data) for draft in drafts]
        events = [
            untracked(stored(session, summary.last_seq + number, at, draft.type, data, VERSIONS[draft.type]))
            for number, (draft, (_, data)) in enumerate(zip(drafts, written, strict=True), 1)
        ]
        self._insert(db, summary, events, [text for text, _ in written])
        return events

    def _take_over(self, db: sqlite3.Connection, session: str, events: Sequence[Event]) -> list[Event]:
        summary = self._summary(db, session)
        taken = [untracked(replace(event, session=session)) for event in events]
        if [event.seq for event in taken] != list(range(summary.last_seq + 1, summary.last_seq + 1 + len(taken))):
            raise ValueError("These events do not follow the last one of the session.")
        self._insert(db, summary, taken, [strict_json.dumps(event.data) for event in taken])
        for source in {event.session for event in events}:
            blobs.share(db, source, session)
        return taken

    def _summary(self, db: sqlite3.Connection, session: str) -> Summary:
        self._check_lease(db, session)
        row = db.execute("SELECT summary FROM sessions WHERE session_id = ?", [session]).fetchone()
        return self._load(session, row[0], db) if row else Summary(session)

    def _insert(self, db: sqlite3.Connection, summary: Summary, events: Sequence[Event], texts: Sequence[str]) -> None:
        session = summary.id
        db.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
            [
                (session, event.seq, event.at, event.type, event.v, text)
                for event, text in zip(events, texts, strict=True)
            ],
        )
        usage.record(db, session, events)
        summary = fold(summary, events)
        db.execute(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?)",
            [
                session,
                summary.updated_at,
                f"{summary.title} {summary.name}".casefold(),
                strict_json.dumps(summary.to_row()),
            ],
        )

    def _read(self, session: str, after: int, limit: int | None, db: sqlite3.Connection | None = None) -> list[Event]:
        db = db or self._reading()
        rows = db.execute(
            "SELECT seq, at, type, version, data FROM events WHERE session_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            [session, after, -1 if limit is None else limit],
        )
        return [
            untracked(stored(session, seq, at, type, strict_json.loads(data), v)) for seq, at, type, v, data in rows
        ]

    def _listed(self, session: str, text: str) -> Summary:
        """A summary for a list: what was read before is not read again, nor an old one folded again."""
        known = self._known.get(session)
        if known and known[0] == text:
            return known[1]
        summary = self._load(session, text)
        self._known[session] = (text, summary)
        return summary

    def _load(self, session: str, text: str, db: sqlite3.Connection | None = None) -> Summary:
        known = Summary.from_row(strict_json.loads(text))
        return known or fold(Summary(session), self._read(session, 0, None, db))

    def _lease(self, db: sqlite3.Connection, session: str) -> Lease | None:
        row = db.execute(
            "SELECT owner, host, pid, born, label, expires_at FROM leases WHERE session_id = ?", [session]
        ).fetchone()
        return row and Lease(*row)

    def _check_lease(self, db: sqlite3.Connection, session: str) -> None:
        lease = self._lease(db, session)
        if lease is None or lease.owner != self.owner.id:
            label = lease.label if lease and lease.alive(self.owner) else None
            raise Conflict(
                f"The session is open in {label}." if label else "This process does not own the session.",
                hint="Use it there, or stop that process and open the session again.",
                reason="owned_elsewhere",
            )

    def _writing(self) -> sqlite3.Connection:
        if self._write_db is None:
            self._warnings = [text for text in (private_folder(self.path.parent), private_file(self.path)) if text]
            for suffix in ("-wal", "-shm", "-journal"):
                # Made by SQLite with the rights of the database; by an older version, with those of anybody.
                close_to_others(self.path.with_name(self.path.name + suffix), 0o600)
            self._write_db, self._journal = self._prepared()
            if self._journal != "wal":
                log.info("The event log %s uses a rollback journal: its disk cannot share memory.", self.path)
            for warning in self._warnings:
                log.warning("%s", warning)
        return self._write_db

    def _prepared(self) -> tuple[sqlite3.Connection, str]:
        """A connection to the database in today's schema, and the kind of its journal.

        Tried again while others do the same: where SQLite cannot tell which of them is to wait, it refuses at once.
        """
        until = time.monotonic() + OPENING_SECONDS
        while True:
            db = self._connect()
            try:
                journal = _set_journal(db, self.path)
                db.execute("PRAGMA synchronous = FULL")
                migrate(db)
                return db, journal
            except sqlite3.OperationalError as error:
                db.close()
                if time.monotonic() > until or not (_is_busy(error) or _shares_no_memory(error)):
                    raise
                if _shares_no_memory(error):
                    with contextlib.suppress(sqlite3.OperationalError):  # if it cannot, the next try says why
                        _leave_wal(self.path)
                time.sleep(random.uniform(0.01, 0.1))
            except BaseException:
                db.close()
                raise

    def _reading(self) -> sqlite3.Connection:
        if self._read_db is None:
            # The writer's thread makes the file and its schema.
            self._writer.submit(self._writing).result()
            db = self._connect()
            db.execute("PRAGMA query_only = ON")
            self._read_db = db
        return self._read_db

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)

    async def _execute(self, statement: str, parameters: Sequence[Any]) -> None:
        def run() -> None:
            self._writing().execute(statement, parameters)

        await self._on(self._writer, run)

    async def _on(self, thread: ThreadPoolExecutor, work: Callable[[], R]) -> R:
        if self._closed:
            raise Unavailable("The event log is closed.", hint="The server is stopping.", reason="log_closed")
        try:
            # Shielded: a cancelled caller must not leave it unknown whether its events were stored.
            return await asyncio.shield(asyncio.get_running_loop().run_in_executor(thread, work))
        except (sqlite3.Error, OSError) as error:
            if _no_room(error):
                raise Unavailable(
                    f"The event log {self.path} cannot be written: its disk is full.",
                    hint="Make room on the disk; App Builder then goes on by itself.",
                    reason="disk_full",
                ) from error
            raise Unavailable(
                f"The event log {self.path} cannot be used: {error}.",
                hint="Check the disk's space and rights, or name another folder with c.AppBuilder.data_dir.",
                reason="log_unavailable",
            ) from error


def _set_journal(db: sqlite3.Connection, path: Path) -> str:
    """Choose how a new database is kept whole; an old one stays as it is, unless that cannot work here.

    Other processes may have it open, perhaps on a machine that cannot do what ours can.
    """
    present = str(db.execute("PRAGMA journal_mode").fetchone()[0])
    fresh = not db.execute("PRAGMA user_version").fetchone()[0]
    if on_network_disk(path):
        try:
            return str(db.execute("PRAGMA journal_mode = TRUNCATE").fetchone()[0])
        except sqlite3.OperationalError as error:
            if present == "wal" and _is_busy(error):
                return present  # an older version has it open
            raise
    if fresh or present == "wal":
        present = str(db.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        db.execute("PRAGMA user_version").fetchone()  # the first use of the shared memory
    return present if present == "wal" else str(db.execute("PRAGMA journal_mode = TRUNCATE").fetchone()[0])


def _leave_wal(path: Path) -> None:
    """Where no memory can be shared, a database is led out of WAL by a process that is alone with it."""
    with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = TRUNCATE")
        # A fresh database keeps it: whoever opens it next must not try WAL again.
        migrate(db)


def _no_room(error: sqlite3.Error | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"


def _shares_no_memory(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorname.startswith("SQLITE_IOERR_SHM")


def _is_busy(error: sqlite3.OperationalError) -> bool:
    # PROTOCOL: others repair the database at this moment.
    return error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"))


def on_network_disk(path: Path, mounts: str = "") -> bool:
    """True if other machines may write there, too. ``mounts``: the text of a ``/proc/self/mountinfo``."""
    if not mounts:
        try:
            mounts = os.fsdecode(Path("/proc/self/mountinfo").read_bytes())
        except OSError:
            return False
    wanted, kind, longest = path.resolve(), "", -1
    for line in filter(None, mounts.split("\n")):
        place, _, disk = line.partition(" - ")
        point = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), place.split(" ")[4]))
        if len(point.parts) >= longest and wanted.is_relative_to(point):
            kind, longest = disk.split()[0], len(point.parts)
    return NETWORK_DISKS.fullmatch(kind) is not None


class _transaction:
    """``with`` block that is one immediate transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def __enter__(self) -> None:
        self.db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.db.execute("COMMIT")
        finally:
            # On a full disk SQLite ends a transaction by itself, or leaves one open whose end it could not store.
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
