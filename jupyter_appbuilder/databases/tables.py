"""A dataset as a table of the app's database: its rows go into the sandbox as a file, which the database's program
takes all at once or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..datasets.base import Dataset
from ..errors import AppBuilderError, Conflict, Unavailable, of_the_disk
from ..workspace.folder import opened_folder, remove
from .program import DataProgram
from .rows import Table, table_of, write_rows
from .words import names_of

if TYPE_CHECKING:
    from ..sandbox.base import Output

FOLDER = "datasets"
"""Of the app: a file of SQL for each dataset says what its table looks like, and nothing of its rows."""

EDITED = "-- Written by App Builder with the data. It is written anew with it: change nothing here.\n"
SECONDS = 900.0
"""How long the program may take: some ten million rows."""

INDEX = re.compile(r'^CREATE INDEX "(?:[^"]|"")+" ON "[^"]+" \\("((?:[^"]|"")+)"\\);$', re.MULTILINE)
PROGRESS = re.compile(r"^rows ([0-9]{1,12})$", re.MULTILINE)

OnRows = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """A dataset that became a table. ``statement`` is that in SQL, ``path`` the app's file with it, and ``notes`` are
    what people should know."""

    statement: str
    path: str
    notes: tuple[str, ...]


def indexed_in(statement: str) -> list[str]:
    """The columns that have an index by the app's file of a dataset."""
    return [name.replace('""', '"') for name in INDEX.findall(statement)]


async def put_table(
    program: DataProgram,
    app: Path,
    dataset: Dataset,
    file: Path,
    *,
    replace: bool = False,
    on_rows: OnRows | None = None,
    indexes: Sequence[str] | None = None,
) -> Taken:
    """Make the Parquet ``file`` the table of a dataset, in place of the rows that it had. ``app``: the folder of the
    app's files. ``on_rows`` is told how many rows are in. ``indexes``: see ``rows.table_of``.

    Raises ``Conflict`` where the app has a table of its own of that name, where rows were changed in the app and
    ``replace`` is not set, and where others refer to rows that would go; ``InvalidInput`` for what no table can hold.
    The table is what it was then, and also where this is cancelled.
    """
    table = await asyncio.to_thread(table_of, file, dataset, indexes, program.engine)
    folder = program.file.rpartition("/")[0]
    place = f"{folder}/.rows-{secrets.token_hex(8)}"
    try:
        await _write(app, place, file, table)
        answer = await program.ask(
            "take",
            seconds=SECONDS,
            on_output=_progress(on_rows) if on_rows else None,
            table=dataset.name,
            columns=[{"name": one.name, "type": one.type, "kind": one.kind} for one in table.columns],
            indexes=list(table.indexes),
            hash=dataset.hash,
            as_of=dataset.as_of,
            replace=replace,
            **{"from": place},
        )
    finally:
        with contextlib.suppress(OSError, AppBuilderError):
            await asyncio.to_thread(remove, app, tuple(place.split("/")))
    _refused(answer, dataset.name)
    if answer.get("rows") != dataset.rows:
        raise Unavailable("The rows did not arrive as they were sent.", reason="database_failed")
    lost = [f"No longer possible with these columns: {one[:300]}." for one in names_of(answer, "lost")[:20]]
    return Taken(EDITED + table.statement(dataset.name), f"{FOLDER}/{dataset.name}.sql", (*table.notes, *lost))


async def _write(app: Path, place: str, file: Path, table: Table) -> None:
    """Write the rows into the app's folder. Cancelling does not wait for the thread, which ends with its batch."""
    alive = True

    def work() -> None:
        *folders, name = place.split("/")
        try:
            with opened_folder(app, tuple(folders), make=True) as folder:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(name, flags, 0o600, dir_fd=folder)
            with os.fdopen(descriptor, "wb") as to:
                write_rows(file, table, to, lambda: alive)
        except OSError as error:
            raise of_the_disk(error, app) from None

    try:
        await asyncio.to_thread(work)
    finally:
        alive = False


def _progress(on_rows: OnRows) -> Output:
    def told(stream: Literal["stdout", "stderr"], text: str) -> None:
        if found := PROGRESS.findall(text):
            on_rows(int(found[-1]))

    return told


def _refused(answer: Mapping[str, Any], name: str) -> None:
    if kind := answer.get("taken"):
        raise Conflict(
            f"The app's database has a {'view' if kind == 'view' else 'table'} {name} that is the app's own.",
            hint=f'Give the dataset another name: app.data("{name}_data", df).',
            reason="table_taken",
        )
    if child := answer.get("dangling"):
        raise Conflict(
            f"Rows of the app's table {str(child)[:100]} refer to rows of {name} that the new data lacks.",
            hint="Hand over data that has them, or ask the agent for a table without that foreign key.",
            reason="rows_needed",
        )
    changed: Any = answer.get("changed")
    if isinstance(changed, dict):
        told = cast("Mapping[str, Any]", changed)
        words = {"insert": "added", "update": "changed", "delete": "deleted"}
        counts = [
            f"{told[kind]:,} {word}" for kind, word in words.items() if isinstance(told.get(kind), int) and told[kind]
        ]
        what = (
            f"rows of {name} were changed in the app ({', '.join(counts)})"
            if counts
            else f"the app's schema changed {name}"
        )
        raise Conflict(
            f"Since you handed it over, {what}. Nothing was replaced.",
            hint=f'app.table("{name}") has the rows as they are now. To replace them: '
            f'app.data("{name}", df, replace=True), or %appbuilder data df --table {name} --replace.',
            reason="rows_changed",
        )
