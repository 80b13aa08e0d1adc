"""Files of data on their way from a person's browser into an app: sent in parts, then handed over as from Python."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..analyses.handing import dataset_name
from ..cancellation import in_thread
from ..datasets.arrow import arrow, optional
from ..datasets.base import check_name
from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound, ToolFailed, of_the_disk

if TYPE_CHECKING:
    from ..datasets.store import DatasetStore, Handover
    from .session import Session

PART = 4 * 1024 * 1024
"""Bytes of a part at most: no proxy in between has to take a large body, and no part is long in memory."""

LARGEST = 1024**3
LARGEST_EXCEL = 64 * 1024**2
"""Bytes of a file. An Excel file is read whole, into many times its size."""

EXCEL = (".xlsx", ".xlsm")
ENDINGS = (".csv", ".tsv", ".parquet", *EXCEL)
LONGEST_NAME = 200  # bytes of a file's name
MOST_AT_ONCE = 5  # of a session; the oldest goes

HINTS = {
    "rows_changed": "Replace them, or give the new rows another name.",
    "table_taken": "Give the new rows another name.",
    "rows_needed": "Choose a file that has them, or ask the agent for a table without that foreign key.",
}
"""What helps where the app refuses rows, by reason: in words for who looks at the panel."""


class FileTooLarge(AppBuilderError):
    """A file, or a part of one, is more than is taken."""

    status = 413
    default_reason = "too_large"


@dataclass(slots=True)
class Upload:
    """A file that is being sent. ``rows``: how many are read so far, ``placed``: how many are in the app."""

    token: str
    path: Path
    size: int
    received: int = 0
    rows: int = 0
    placed: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Of whoever writes or reads the file."""

    def to_json(self) -> dict[str, Any]:
        name = dataset_name(self.path.stem, set())
        told = {"upload": self.token, "file": self.path.name, "name": name, "size": self.size, "part": PART}
        return told | {"received": self.received, "rows": self.rows, "placed": self.placed}


class Uploads:
    """Of one session. They are forgotten with the process; their files go after a day then."""

    def __init__(self, store: DatasetStore) -> None:
        self._store = store
        self._known: dict[str, Upload] = {}

    async def begin(self, name: str, size: int) -> Upload:
        """Get ready for a file of so many bytes. Raises ``InvalidInput`` for a kind whose rows cannot be read,
        ``FileTooLarge``, and ``Unavailable`` where a package that reads it is not installed, or the disk is full."""
        name = _file_name(name)
        ending = PurePosixPath(name).suffix.lower()
        most = LARGEST_EXCEL if ending in EXCEL else LARGEST
        if size > most:
            mb = 1024**2
            in_python = 'Hand it over in a notebook, which has no limit: app.data("sales", "sales.csv").'
            raise FileTooLarge(
                f"{name} has {size / mb:,.0f} MB; {most // mb:,} MB is the most that is taken from a browser.",
                hint="Save it as CSV or Parquet." if ending in EXCEL else in_python,
                field="size",
            )
        await asyncio.to_thread(arrow)
        if ending in EXCEL:
            await asyncio.to_thread(optional, "openpyxl", f"Reading {name}", "openpyxl")
        token, folder = await in_thread(self._store.new_drop)
        await in_thread(_append, folder / name, b"")
        upload = self._known[token] = Upload(token, folder / name, size)
        while len(self._known) > MOST_AT_ONCE:
            await self.drop(next(iter(self._known)))
        return upload

    def one(self, token: str) -> Upload:
        """Raises ``NotFound``."""
        if found := self._known.get(token):
            return found
        raise NotFound(
            "This file is not being sent here: it was given up, or Jupyter was restarted.",
            hint="Send it again from its beginning.",
            reason="unknown_upload",
        )

    async def add(self, token: str, offset: int, part: bytes) -> Upload:
        """Take the part that begins at ``offset``. Raises ``NotFound``, ``Conflict`` for one out of its order,
        ``FileTooLarge``, ``Unavailable`` for a full disk."""
        upload = self.one(token)
        async with upload.lock:
            self.one(token)  # given up, or taken, meanwhile
            return await self._add(upload, offset, part)

    async def _add(self, upload: Upload, offset: int, part: bytes) -> Upload:
        if len(part) > PART or offset + len(part) > upload.size:
            raise FileTooLarge(
                f"The part has {len(part):,} bytes: {PART:,} is the most, and all parts are {upload.size:,}.",
                hint="Send the file as it was announced, in parts.",
            )
        if offset != upload.received:
            raise Conflict(
                f"The part begins at {offset:,}, and {upload.received:,} bytes are here.",
                hint="Send parts one after the other.",
                reason="out_of_order",
            )
        try:
            await in_thread(_append, upload.path, part)
        except BaseException:
            await self.drop(upload.token)
            raise
        upload.received += len(part)
        return upload

    async def drop(self, token: str) -> None:
        """Forget a file, and remove what is here of it."""
        if self._known.pop(token, None):
            await in_thread(self._store.drop, token)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file became. ``changes``: in the columns, as to the rows before it; ``notes``: what people should know."""

    handover: Handover
    changes: Sequence[str]
    notes: Sequence[str]


async def take_upload(session: Session, token: str, name: str, *, private: bool | None, replace: bool) -> Taken:
    """Hand a file that was sent over to the app, as its dataset ``name``. It is removed then; where it is refused, it
    can be taken under another name, or with ``replace``.

    Raises as ``hand_over_file``, and ``Conflict`` for a file that is not here whole.
    """
    upload = session.data.uploads.one(token)
    check_name(name)
    async with upload.lock:
        session.data.uploads.one(token)  # given up, or taken, meanwhile
        return await _take(session, upload, name, private=private, replace=replace)


async def _take(session: Session, upload: Upload, name: str, *, private: bool | None, replace: bool) -> Taken:
    if upload.received < upload.size:
        raise Conflict(
            f"{upload.received:,} of {upload.size:,} bytes of {upload.path.name} are here.",
            hint="Send the rest first.",
            reason="unfinished_upload",
        )

    def read(rows: int) -> None:
        upload.rows = rows

    def placed(rows: int) -> None:
        upload.placed = rows

    upload.rows = upload.placed = 0
    try:
        taken = await hand_over_file(
            session, name, upload.path, private=private, replace=replace, on_read=read, on_placed=placed
        )
    except ToolFailed as error:
        if error.reason not in HINTS:
            raise
        raise Conflict(error.summary, hint=HINTS[error.reason], reason=error.reason) from None
    await session.data.uploads.drop(upload.token)
    return taken


async def hand_over_file(
    session: Session,
    name: str,
    path: Path,
    *,
    private: bool | None,
    replace: bool = False,
    on_read: Callable[[int], None] | None = None,
    on_placed: Callable[[int], None] | None = None,
) -> Taken:
    """Hand a data file to the app. ``private`` None: as the rows before it. Cancelling ends it at the next rows.

    Raises ``InvalidInput`` for what cannot be read, and as ``Session.hand_over``.
    """
    from ..datasets.description import changes
    from ..datasets.parquet import write
    from ..datasets.sources import opened

    file = session.data.new_file()
    cancelled = False

    def look() -> None:
        if cancelled:
            raise InterruptedError

    def progress(rows: int) -> None:
        look()
        if on_read:
            on_read(rows)

    before = next((one for one in session.data.all() if one.name == name), None)
    try:
        written = await asyncio.to_thread(lambda: write(opened(path, on_look=look), file, on_progress=progress))
        handover, notes = await session.hand_over(
            name,
            written,
            file,
            keep=before.keep if before else "latest",
            private=bool(before and before.private) if private is None else private,
            replace=replace,
            on_rows=on_placed,
        )
    except asyncio.CancelledError:
        cancelled = True
        raise
    finally:
        await in_thread(file.unlink, missing_ok=True)
    return Taken(handover, changes(before, handover.dataset.columns), [*written.notes, *notes])


def _file_name(given: str) -> str:
    name = given.replace("\\", "/").rpartition("/")[2]
    name = "".join(one for one in name if one.isprintable()).strip()
    stem, dot, ending = name.rpartition(".")
    if f"{dot}{ending}".lower() not in ENDINGS or not stem.strip("."):
        raise InvalidInput(
            f"{name[:80] or 'The file'} is none whose rows can be read: {', '.join(ENDINGS)} can.",
            hint="Save it as CSV, Parquet or Excel.",
            field="file",
        )
    return f"{stem.encode('utf-8', 'replace')[:LONGEST_NAME].decode('utf-8', 'ignore')}.{ending}"


def _append(path: Path, part: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(part)
    except OSError as error:
        raise of_the_disk(error, path.parent) from None
