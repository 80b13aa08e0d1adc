"""Databases of deleted apps whose server was away then: noted in a folder until they are dropped."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


class Leavings:
    """An empty file in ``folder`` for each, by its session. Where none can be written, none is noted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, session: str) -> None:
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / session).touch()

    def forget(self, session: str) -> None:
        with suppress(OSError):
            (self._folder / session).unlink(missing_ok=True)

    def sessions(self) -> list[str]:
        try:
            return sorted(path.name for path in self._folder.iterdir())
        except OSError:
            return []
