"""What the folders of apps take on the disk: measured beside other work, told as it was found last."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from ..log import Summary

MOST_ENTRIES = 100_000
"""Files and folders of one app that are looked at."""

AGAIN_SECONDS = 600.0
"""How long a size holds for an app whose log did not grow: what it writes itself is in no event."""

SHARE = 0.25
"""Of the time in which folders are read; in the rest the disk and this process have their rest."""


class Sizes:
    """The sizes of apps' folders in bytes, as far as they are known. Nobody waits for them."""

    def __init__(self, folder_of: Callable[[Summary], Path]) -> None:
        self._folder_of = folder_of
        self._known: dict[str, tuple[int, int, float]] = {}  # last event's number, bytes, when (monotonic)
        self._wanted: dict[str, Summary] = {}
        self._measuring: asyncio.Task[None] | None = None

    def known(self, summary: Summary) -> int | None:
        """The size that was found last; None where none was found yet. Looked at anew, in a while, if that is old."""
        seq, size, at = self._known.get(summary.id, (-1, None, 0.0))
        if seq != summary.last_seq or time.monotonic() - at > AGAIN_SECONDS:
            self._wanted[summary.id] = summary
        return size

    def look(self) -> None:
        """Measure those that were asked for, unless that is going on."""
        if self._wanted and (self._measuring is None or self._measuring.done()):
            self._measuring = asyncio.get_running_loop().create_task(self._measure())

    def close(self) -> None:
        if self._measuring is not None:
            self._measuring.cancel()

    async def _measure(self) -> None:
        while self._wanted:
            id, summary = next(iter(self._wanted.items()))
            begun = time.monotonic()
            size = await asyncio.to_thread(self._size, summary)
            took = time.monotonic() - begun
            self._known[id] = (summary.last_seq, size, time.monotonic())
            self._wanted.pop(id, None)
            await asyncio.sleep(took * (1 / SHARE - 1))

    def _size(self, summary: Summary) -> int:
        return size_of(self._folder_of(summary))


def size_of(folder: Path) -> int:
    """What is stored below ``folder``, in bytes on the disk; links are not followed. 0 where nothing is."""
    total = entries = 0
    for _, _, names, descriptor in os.fwalk(folder, follow_symlinks=False, onerror=lambda _: None):
        for name in names:
            try:
                total += os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_blocks * 512
            except OSError:  # gone meanwhile
                continue
        entries += len(names) + 1
        if entries > MOST_ENTRIES:
            break
    return total
