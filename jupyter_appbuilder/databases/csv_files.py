"""Rows of an app's database as a CSV file, which the program writes beside the database: it is gone once it is read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import stat
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..cancellation import in_thread
from ..errors import AppBuilderError, Conflict, Unavailable
from ..workspace.folder import opened_folder, remove
from .program import DataProgram

SECONDS = 300.0
MOST_ROWS = 2_000_000
LARGEST = 256 * 1024 * 1024
"""Bytes of the file."""

CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class CsvFile:
    """``size`` bytes of CSV, in ``content`` once. What it reads was written where generated code runs."""

    size: int
    content: AsyncGenerator[bytes]


@contextlib.asynccontextmanager
async def csv_file(
    program: DataProgram,
    app: Path,
    *,
    table: str,
    sort: Sequence[dict[str, Any]] = (),
    contains: str = "",
    formulas: bool = False,
) -> AsyncGenerator[CsvFile]:
    """The rows of a table or view: those that hold a text somewhere, in an order, as the program's ``rows`` has them.
    ``app``: the folder of the app's files. ``formulas``: texts that a spreadsheet takes for one stay as they are.

    Raises ``SqlError``, and ``Conflict`` where there are more than 2,000,000 rows or 256 MB.
    """
    folder = program.file.rpartition("/")[0]
    place = f"{folder}/.rows-{secrets.token_hex(8)}.csv"
    file: BinaryIO | None = None
    try:
        try:
            answer = await program.ask(
                "csv",
                seconds=SECONDS,
                to=place,
                most=MOST_ROWS,
                bytes=LARGEST,
                table=table,
                sort=list(sort),
                contains=contains,
                formulas=formulas,
            )
            if answer.get("more"):
                raise Conflict(
                    f"There are more rows than fit one file: {MOST_ROWS:,}, or {LARGEST // 1024**2} MB.",
                    hint='Search for fewer first, or read them in Python: app.query("SELECT … WHERE … LIMIT …").',
                    reason="too_large",
                )
            file, size = await in_thread(_opened, app, place)
        finally:
            with contextlib.suppress(OSError, AppBuilderError):
                await in_thread(remove, app, tuple(place.split("/")))
        yield CsvFile(size, _content(file, size))
    finally:
        if file:
            file.close()


def _opened(app: Path, place: str) -> tuple[BinaryIO, int]:
    *folders, name = place.split("/")
    try:
        with opened_folder(app, tuple(folders)) as folder:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.fdopen(os.open(name, flags, dir_fd=folder), "rb")
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST + CHUNK:
            return file, status.st_size
        file.close()
    except OSError as error:
        raise Unavailable(f"The rows cannot be read: {error.strerror}.", reason="database_failed") from None
    raise Unavailable("The database's program wrote what are no rows.", reason="database_failed")


async def _content(file: BinaryIO, size: int) -> AsyncGenerator[bytes]:
    left = size
    while left > 0:
        chunk = await asyncio.to_thread(file.read, min(CHUNK, left))
        if not chunk:
            raise Unavailable("The file of rows was cut short.", reason="database_failed")
        left -= len(chunk)
        yield chunk
