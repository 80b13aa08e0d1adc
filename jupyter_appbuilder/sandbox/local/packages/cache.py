"""The cache folder: keeps what is in use, evicts by age above the size limit, removes incomplete entries.

``<cache>/<shelf>/<entry>/`` is made once and never changes (``deps``, ``python``, ``bundles``, whatever comes). Its
modification time says when it was last used. ``.<entry>-…`` is being made. ``npm`` and ``uv`` are what installers
downloaded, ``scratch/<session>`` belongs to a running sandbox. Several processes share all this.
"""

from __future__ import annotations

import logging
import os
import secrets
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ....workspace.folder import remove_folder
from ....workspace.holds import Hold, hold, take_away

DOWNLOADS = ("npm", "uv")
SCRATCH = "scratch"
GRACE_SECONDS = 300.0  # between being found and being held
YOUNG_SECONDS = 5.0  # between being made and being held

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    path: Path
    used: float  # ``time.time()``
    size: int  # bytes on disk


class Cache:
    """The cache at ``folder``, of about ``most`` bytes. Its methods block: call them in a thread."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder = folder
        self.most = most
        self._sizes: dict[tuple[Path, int], int] = {}
        self._looked = 0.0
        self._tidying = threading.Lock()

    def hold(self, source: Path) -> Hold | None:
        """Keep the entry that ``source`` lies in until released, and note that it was used; None for other paths.

        Raises ``FileNotFoundError`` when it is just being evicted.
        """
        if not source.is_relative_to(self.folder) or source == self.folder:
            return None
        parts = source.relative_to(self.folder).parts
        entry = self.folder.joinpath(*parts[: 1 if parts[0] in DOWNLOADS else 2])
        held = hold(entry)
        with suppress(OSError):
            os.utime(entry)
        return held

    def sweep(self) -> None:
        """Remove what processes that were killed have left: half-made entries, scratch folders of ended sandboxes."""
        now = time.time()
        for shelf in self._shelves():
            for path in _folders(shelf):
                left = path.name.startswith(".") or shelf.name == SCRATCH
                with suppress(OSError):
                    if left and now - path.stat().st_ctime > YOUNG_SECONDS:
                        self._remove(path)

    def is_due(self) -> bool:
        """True if an entry or a download came since ``evict`` last looked, here or in another process."""
        newest = 0.0
        for path in [*self._shelves(), *(self.folder / name for name in DOWNLOADS)]:
            if path.name != SCRATCH:
                with suppress(OSError):
                    newest = max(newest, path.stat().st_mtime)
        due, self._looked = newest > self._looked, newest
        return due

    def evict(self) -> list[Path]:
        """Remove what was not used for the longest time, until the rest fits; what was removed."""
        with self._tidying:
            downloads = [self._entry(self.folder / name) for name in DOWNLOADS if (self.folder / name).is_dir()]
            entries = [
                self._entry(path)
                for shelf in self._shelves()
                if shelf.name != SCRATCH
                for path in _folders(shelf)
                if not path.name.startswith(".")
            ]
            total = sum(entry.size for entry in (*downloads, *entries))
            removed: list[Path] = []
            # Downloads can be had again, and are not needed by what is installed: they may take half.
            large = [entry for entry in downloads if entry.size > self.most // 2]
            for entry in [*large, *sorted(entries, key=lambda entry: entry.used)]:
                if total <= self.most and entry not in large:
                    break
                if time.time() - entry.used > GRACE_SECONDS and self._remove(entry.path):
                    total -= entry.size
                    removed.append(entry.path)
            if removed:
                names = ", ".join(path.relative_to(self.folder).as_posix() for path in removed)
                log.info("Removed from the package cache, to keep it below %s bytes: %s", self.most, names)
            return removed

    def size(self) -> int:
        """Bytes of everything that ``evict`` looks at."""
        with self._tidying:
            paths = [self.folder / name for name in DOWNLOADS if (self.folder / name).is_dir()]
            paths += [path for shelf in self._shelves() if shelf.name != SCRATCH for path in _folders(shelf)]
            return sum(self._entry(path).size for path in paths)

    def _shelves(self) -> list[Path]:
        return [path for path in _folders(self.folder) if path.name not in DOWNLOADS and not path.name.startswith(".")]

    def _entry(self, path: Path) -> Entry:
        found = path.stat()
        key = (path, found.st_ino)
        # What was made once has the same size for ever; downloads grow.
        if key not in self._sizes or path.name in DOWNLOADS:
            self._sizes[key] = _disk_use(path)
        return Entry(path, found.st_mtime, self._sizes[key])

    def _remove(self, path: Path) -> bool:
        """Unless somebody holds it. First out of sight, at one moment: nobody sees half an entry."""
        gone = path.with_name(f".gone-{secrets.token_hex(4)}")
        if not take_away(path, gone):
            return False
        remove_folder(gone)
        return True


def _folders(folder: Path) -> list[Path]:
    with suppress(OSError), os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _disk_use(folder: Path) -> int:
    """In a process of its own: tens of thousands of files would keep the interpreter busy."""
    command = ["nice", "-n", "19", "du", "-sk", str(folder)]
    try:
        told = subprocess.run(command, capture_output=True, timeout=300, check=False, text=True).stdout
        return int(told.split()[0]) * 1024
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        return 0
