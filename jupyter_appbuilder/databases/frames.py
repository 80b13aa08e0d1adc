"""Rows of an app's database as a frame: the program writes them to a file beside it, which is read once and removed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..datasets.arrow import arrow
from ..datasets.parquet import Kind, as_frame
from ..errors import AppBuilderError, Conflict, NotFound, Unavailable
from ..workspace.folder import opened_folder, read_at, remove
from .program import DataProgram
from .rows import as_handed_over
from .words import items, value_of

SECONDS = 120.0
LARGEST = 256 * 1024 * 1024
"""Bytes of the file: all of it is read at once."""

BOOLEAN = ("BOOLEAN", "BOOL")


async def has_table(program: DataProgram, table: str) -> bool:
    """True if the app's database has a table or view of this name."""
    answer = await program.ask("describe")
    return any(item.get("name") == table for kind in ("tables", "views") for item in items(answer, kind))


async def read_table(program: DataProgram, app: Path, kind: Kind, table: str, handed_over: Path | None) -> Any:
    """All rows of a table or view, with the types of the Parquet file ``handed_over`` that it was made of, if any.
    Raises as ``read_rows``."""
    if handed_over is None:
        return await read_rows(program, app, kind, table=table)
    found = await read_rows(program, app, "arrow", table=table)
    return as_frame(await asyncio.to_thread(as_handed_over, found, handed_over, program.engine), kind)


async def read_rows(program: DataProgram, app: Path, kind: Kind, *, table: str | None = None, sql: str = "") -> Any:
    """All rows of a table or view, or of a statement that only reads. ``app``: the folder of its files.

    Raises ``SqlError``, and ``Conflict`` where there are more than 2,000,000 rows or 256 MB.
    """
    folder = program.file.rpartition("/")[0]
    place = f"{folder}/.rows-{secrets.token_hex(8)}.jsonl"
    try:
        answer = await program.ask(
            "export", seconds=SECONDS, table=table, sql=None if table else sql, to=place, bytes=LARGEST
        )
        if answer.get("more"):
            raise Conflict(
                "There are more rows than are read at once: 2,000,000, or 256 MB.",
                hint='Ask for fewer: app.query("SELECT … WHERE … LIMIT …").',
                reason="too_large",
            )
        return await asyncio.to_thread(_framed, app, place, items(answer, "columns"), kind)
    finally:
        with contextlib.suppress(OSError, AppBuilderError):
            await asyncio.to_thread(remove, app, tuple(place.split("/")))


def _framed(app: Path, place: str, columns: Sequence[Mapping[str, Any]], kind: Kind) -> Any:
    *folders, name = place.split("/")
    try:
        with opened_folder(app, tuple(folders)) as folder:
            content, _ = read_at(folder, name, LARGEST)
    except OSError as error:
        raise NotFound(f"The rows cannot be read: {error.strerror}.", reason="database_failed") from None
    values: list[list[Any]] = [[] for _ in columns]
    try:
        for line in content.splitlines():
            for column, told in zip(values, json.loads(line), strict=True):
                column.append(value_of(told))
    except (ValueError, TypeError, RecursionError):
        raise Unavailable("The database's program wrote what are no rows.", reason="database_failed") from None
    names = _distinct([str(column.get("name")) for column in columns])
    types = [str(column.get("type") or "").upper() for column in columns]
    arrays = [_array(column, declared) for column, declared in zip(values, types, strict=True)]
    return as_frame(arrow().table(arrays, names=names), kind)


def _array(values: list[Any], declared: str) -> Any:
    """A column's values as Arrow has them: of one type, or all as text where SQLite holds several."""
    pa = arrow()
    held: set[type[Any]] = {type(value) for value in values if value is not None}
    if held == {int} and declared in BOOLEAN and all(value in (0, 1, None) for value in values):
        return pa.array([None if value is None else bool(value) for value in values], pa.bool_())
    if held == {int}:
        return pa.array(values, pa.int64())
    if held == {bool}:
        return pa.array(values, pa.bool_())
    if held and held <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if held == {bytes}:
        return pa.array(values, pa.binary())
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)


def _distinct(names: Sequence[str]) -> list[str]:
    """The names of columns, the second of a name with its number."""
    found: list[str] = []
    for name in names:
        number, free = 2, name
        while free in found:
            number, free = number + 1, f"{name}_{number}"
        found.append(free)
    return found
