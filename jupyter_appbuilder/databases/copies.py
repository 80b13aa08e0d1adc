"""A copy of an app's database among its data, where the database itself is on a server: written with each version."""

from __future__ import annotations

from ..errors import AppBuilderError
from .program import DataProgram

NAME = "app.pgsql"
"""Beside where a SQLite file would lie."""

SECONDS = 120.0
LARGEST = 256 * 1024 * 1024


class DatabaseCopies:
    """Of one session (``workspace.data.Elsewhere``). The copy is written and read in the sandbox alone."""

    def __init__(self, program: DataProgram) -> None:
        self._program = program

    async def save(self) -> str:
        try:
            answer = await self._program.ask("snapshot", seconds=SECONDS, to=self._place, most=LARGEST)
        except AppBuilderError as error:
            return f"The app's database is not kept in this version: {error}"
        if answer.get("too_large"):
            return (
                "The app's database is not kept in this version: a copy is larger than "
                f"{LARGEST >> 20} MiB. Going back here keeps the rows as they are."
            )
        return ""

    async def load(self) -> None:
        await self._program.ask("restore", seconds=SECONDS, place=self._place)

    @property
    def _place(self) -> str:
        return f"{self._program.file.rpartition('/')[0]}/{NAME}"
