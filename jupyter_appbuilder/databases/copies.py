"""A copy of an app's database among its data, where the database itself is on a server: written with each version."""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from pathlib import Path

from ..cancellation import in_thread
from ..errors import AppBuilderError
from .program import DataProgram

NAME = "app.pgsql"
"""Beside where a SQLite file would lie."""

DEBIAN = Path("/usr/lib/postgresql")
SECONDS = 120.0
LARGEST = 256 * 1024 * 1024


async def dumped_version() -> int:
    """Up to which version of a server ``pg_dump`` makes copies, as ``runtime/postgres/copies.mjs`` finds it; 0 where
    there is none."""

    def newest() -> int:
        if versions := [int(place.parent.parent.name) for place in DEBIAN.glob("[0-9]*/bin/pg_dump")]:
            return max(versions)
        for program in ("/usr/local/bin/pg_dump", "/usr/bin/pg_dump"):
            with suppress(OSError, subprocess.SubprocessError):
                said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=SECONDS).stdout
                if found := re.search(r"\d+", said):
                    return int(found[0])
        return 0

    return await in_thread(newest)


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
