"""Cache entries that many sessions mount read-only: created once per key, complete or absent."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from ....workspace.holds import Hold, hold
from ...base import OnProgress, Progress


class Entries:
    """The folders ``folder/<key>/<content>``. An entry appears by renaming and never changes afterwards."""

    def __init__(self, folder: Path, content: str) -> None:
        self.folder = folder
        self.content = content
        self._making: dict[Path, Hold] = {}

    def find(self, key: str) -> Path | None:
        """The content of ``key``, if it is there."""
        found = self.folder / key / self.content
        return found if found.is_dir() else None

    @contextlib.asynccontextmanager
    async def locked(
        self,
        key: str,
        on_progress: OnProgress | None = None,
        look: Callable[[Path], Progress] | None = None,
    ) -> AsyncGenerator[None, None]:
        """One maker for each key, among tasks and processes. Who waits is told how far the other one is, as ``look``
        reads it from the folder that is being made.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / f"{key}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            waiting = False
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not waiting and on_progress:
                        on_progress(Progress("Another session is installing the same packages"))
                    waiting = True
                    work = next(self.folder.glob(f".{key}-*"), None)
                    if on_progress and look and work:
                        on_progress(look(work))
                    await asyncio.sleep(0.1)
            yield
        finally:
            os.close(descriptor)

    def begin(self, key: str) -> Path:
        """A new folder to make an entry in; the caller removes what is left of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        work = self.folder / f".{key}-{secrets.token_hex(4)}"
        work.mkdir()
        # Until it is kept or removed, nobody takes it for a ruin.
        for past in [path for path in self._making if not path.exists()]:
            self._making.pop(past).release()
        self._making[work] = hold(work)
        return work

    def keep(self, work: Path, key: str) -> None:
        """Make ``work`` the entry of ``key``, unless someone else made the same one meanwhile."""
        with contextlib.suppress(OSError):
            work.rename(self.folder / key)
        if held := self._making.pop(work, None):
            held.release()
