"""What a person hands to an app: the files beside the log, and what the log says of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..cancellation import in_thread
from ..datasets.base import Dataset, Keep, Place, check_name
from ..datasets.record import datasets_of, kept_hashes, placed
from ..datasets.store import Handover
from ..errors import NotFound
from .uploads import Uploads

if TYPE_CHECKING:
    from ..databases import DataProgram
    from ..datasets.parquet import Written
    from ..datasets.store import SessionDatasets
    from .record import Record


class Handing:
    """Of one session."""

    def __init__(
        self, record: Record, files: SessionDatasets, place: Callable[[], Place], *, in_tables: bool = False
    ) -> None:
        """``in_tables``: the app has a database, where datasets are tables."""
        self._record = record
        self._files = files
        self._place = place
        self._in_tables = in_tables
        self.uploads = Uploads(files.store)

    @property
    def place(self) -> Place:
        """Where the app's template has datasets, and what reads them there."""
        return self._place()

    def all(self) -> list[Dataset]:
        """The app's datasets, in the order in which they came."""
        return list(datasets_of(self._record.stored).values())

    def one(self, name: str) -> Dataset:
        """Raises ``NotFound``."""
        known = datasets_of(self._record.stored)
        if name in known:
            return known[name]
        there = f"There are: {', '.join(known)}." if known else "None was handed over yet."
        raise NotFound(f"The app has no dataset {name[:80]!r}.", hint=there, reason="unknown_dataset", field="name")

    def new_file(self) -> Path:
        """Where rows are written to, before ``bring``."""
        return self._files.new_file()

    def file(self, name: str) -> Path:
        """The file with a dataset's rows. Raises ``NotFound``, also where they are no longer kept."""
        return self._files.file(self.one(name))

    def kept(self, name: str) -> Path | None:
        """That file, if there is one."""
        try:
            return self.file(name)
        except NotFound:
            return None

    async def bring(
        self,
        name: str,
        written: Written,
        file: Path,
        *,
        keep: Keep,
        private: bool,
        replace: bool = False,
        on_rows: Callable[[int], None] | None = None,
    ) -> Handover:
        """Take a file for the rows of ``name``, which the next call of the tool puts into the app."""
        from ..datasets.description import handed_over, told_columns

        columns = told_columns(written, private=private)
        dataset = Dataset(
            check_name(name), columns, written.rows, written.size, written.hash, written.as_of, private, keep
        )
        # What an app has had as a file, since before its template had a database, stays one: its code reads that.
        before = next((path for known, path in placed(self._record.stored) if known.name == name), "")
        path = before or ("" if self._in_tables else self._place().path(name))
        handover = Handover(dataset, path, handed_over(dataset, path, written), replace, on_rows)
        await in_thread(self._files.bring, file, handover)
        return handover

    async def tidy(self) -> None:
        """Remove files that the log names no longer."""
        await asyncio.to_thread(self._files.keep_only, kept_hashes(self._record.stored))

    async def forget(self) -> None:
        """Remove the rows of a session that is deleted."""
        await asyncio.to_thread(self._files.forget)

    async def fill_tables(self, program: DataProgram, app: Path) -> None:
        """Make the datasets of an app with a new database its tables, as far as their rows are kept. ``app``: the
        folder of its files. Raises as ``put_table``."""
        from ..databases.tables import put_table

        for dataset, path in placed(self._record.stored):
            if not path and (file := self.kept(dataset.name)):
                await put_table(program, app, dataset, file, replace=True)

    async def lay_out(self, app: Path) -> None:
        """Put the files of rows that are in no version into a copy of the app in the new folder ``app``, as far as they
        are kept."""
        from ..workspace.folder import copy_at, opened_folder

        def put(file: Path, path: str) -> None:
            *folders, name = path.split("/")
            with opened_folder(app, tuple(folders), make=True) as folder:
                copy_at(folder, name, file, staging=app.with_name("staging"))

        for dataset, path in placed(self._record.stored):
            if path and (file := self.kept(dataset.name)):
                await in_thread(put, file, path)

    async def share(self, source: str) -> None:
        """Give a fork the rows of another session that its log names, as far as they are kept. Those of tables come
        with ``fill_tables``, once it has a sandbox."""
        await in_thread(self._files.share, source)
        for dataset, path in placed(self._record.stored):
            if not path:
                continue
            await self._files.restore(dataset, path)
