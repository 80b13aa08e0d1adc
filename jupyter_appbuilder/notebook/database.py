"""The database of an app that is being rebuilt, in a sandbox: statements and handed-over rows go into it in the
notebook's order, each after the migrations that lie in the app by then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..databases import DataProgram
from ..databases.contents import Content, content_of
from ..databases.copies import DatabaseCopies
from ..datasets.base import Dataset
from ..workspace.data import Elsewhere


class Databases(Protocol):
    """Opens databases of apps that are rebuilt."""

    async def open(self, template: str, app: Path, engine: str = "") -> Database:
        """The database of the app in this folder, of the kind ``engine``. Raises ``NotFound`` for a template that is
        not here, ``Unavailable`` where no sandbox or no server can be had."""
        ...


@dataclass(frozen=True, slots=True)
class Database:
    """``folders`` are those in which the app keeps what it writes. ``reach`` runs work in the
    event loop of the sandbox, which ``stop`` ends."""

    program: DataProgram
    app: Path
    folders: Sequence[str]
    reach: Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]
    stop: Callable[[], Awaitable[None]]

    @property
    def elsewhere(self) -> Elsewhere | None:
        """What has a copy of it written with each version, where it is in none of the folders."""
        return _Reached(DatabaseCopies(self.program), self.reach) if self.program.engine == "postgresql" else None

    async def change(self, sql: str) -> str:
        """Carry out statements as ``change_data`` does; what they changed. Raises ``SqlError``."""
        from ..databases.words import changes_of, items

        answer = await self.reach(self.program.ask("change", sql=sql, apply=True))
        return changes_of(items(answer, "changes")) or f"{answer.get('total')} rows changed"

    async def take(self, dataset: Dataset, file: Path, statement: str) -> None:
        """Make the rows of a Parquet file the table of a dataset. ``statement``: that table, as the app's file says."""
        from ..databases.tables import indexed_in, put_table

        indexes = indexed_in(statement)
        await self.reach(self._take(put_table(self.program, self.app, dataset, file, replace=True, indexes=indexes)))

    async def _take(self, work: Coroutine[Any, Any, object]) -> None:
        await self.program.ask("migrate", seconds=60)
        await work

    async def migrate(self) -> None:
        """Apply the migrations that wait. One that fails waits on."""
        await self.reach(self.program.ask("migrate", seconds=60))

    async def content(self) -> Content | None:
        return await self.reach(content_of(self.program))

    async def close(self) -> None:
        await self.reach(_stopped(self.stop))


class _Reached:
    """``Elsewhere``, in the event loop of the sandbox."""

    def __init__(self, copies: DatabaseCopies, reach: Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]) -> None:
        self._copies = copies
        self._reach = reach

    async def save(self) -> str:
        return await self._reach(self._copies.save())

    async def load(self) -> None:
        await self._reach(self._copies.load())


async def _stopped(stop: Callable[[], Awaitable[None]]) -> None:
    await stop()
