"""Data files that an app writes itself: copied whole with each version.

They are read as plain files while the app may be writing them, never opened as a database: code in a sandbox could end
whoever does. A database and its journals are copied together, and count only if none of them changed meanwhile.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..errors import InvalidInput
from ..formats.text import encodable
from .folder import DIRECTORY, opened_folder, read_at
from .ignore import is_passing, never_tracked
from .scan import DEEPEST, MOST_DATA, mode_of
from .snapshots import LARGE, Kept, Snapshots

LARGEST = 20 * 1024 * 1024
"""Bytes of all files together that git keeps. Above it a version has no copy of any."""

LARGEST_KEPT = 512 * 1024 * 1024
"""The same of the large ones, which are kept as they are (``snapshots.py``)."""

MOST_FILES = 5000
TRIES = 3

JOURNAL = re.compile(r"-(wal|journal)$")
SHARED_MEMORY = re.compile(r"-shm$")  # a database makes it anew
DATABASE = re.compile(r"\.(db|db3|sqlite|sqlite3|pgsql)(-wal|-shm|-journal)?$", re.IGNORECASE)


class Elsewhere(Protocol):
    """What an app keeps in none of its folders, as a database on a server."""

    async def save(self) -> str:
        """Write a copy into one of the data folders; why there is none, for people, or ""."""
        ...

    async def load(self) -> None:
        """Take what the copy has in place of all there is. Raises ``AppBuilderError``; nothing has changed then."""
        ...


@dataclass(frozen=True, slots=True)
class Copy:
    """``files``: mode and content by path; ``large``: files that are kept apart. A ``note`` says, for people, why there
    is no copy."""

    files: dict[str, tuple[str, bytes]]
    note: str = ""
    large: dict[str, Kept] = field(default_factory=dict[str, Kept])


Status = tuple[int, int, int, int]


def below(path: str, folders: Sequence[str]) -> bool:
    """True if a file lies in one of the data folders, each named with a slash at its end."""
    return path.startswith(tuple(folders)) if folders else False


class _TooMuchError(Exception):
    """There is more in the data folders than is looked at."""


def found(app: Path, folders: Sequence[str], without: AbstractSet[str] = frozenset()) -> dict[str, os.stat_result]:
    """The regular files of the data folders as they stand now, also those that `.gitignore` names. Links are not
    followed, nor taken along. Of more than are copied, some. The files ``without`` are no part of it."""
    files: dict[str, os.stat_result] = {}
    with suppress(_TooMuchError):
        _look(app, folders, files, without)
    return files


def _look(app: Path, folders: Sequence[str], files: dict[str, os.stat_result], without: AbstractSet[str]) -> None:
    """Stops where it is certain that there is too much: an app may write millions into one folder, of folders too."""
    left = [MOST_DATA]
    for folder in folders:
        with suppress(OSError, InvalidInput), opened_folder(app, tuple(folder.strip("/").split("/"))) as descriptor:
            _walk(descriptor, folder, files, left, without)


def _walk(folder: int, base: str, files: dict[str, os.stat_result], left: list[int], without: AbstractSet[str]) -> None:
    folders: list[str] = []
    with os.scandir(folder) as listing:
        for item in listing:
            left[0] -= 1
            if len(files) > MOST_FILES or left[0] < 0:
                raise _TooMuchError
            if never_tracked(item.name) or SHARED_MEMORY.search(item.name) or is_passing(item.name):
                continue
            if not encodable(item.name) or base + item.name in without:
                continue
            with suppress(OSError):
                status = item.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    files[base + item.name] = status
                elif stat.S_ISDIR(status.st_mode) and base.count("/") < DEEPEST:
                    folders.append(item.name)
    for name in folders:
        with suppress(OSError):
            below = os.open(name, DIRECTORY, dir_fd=folder)
            try:
                _walk(below, f"{base}{name}/", files, left, without)
            finally:
                os.close(below)


def copied(app: Path, folders: Sequence[str], snapshots: Snapshots, without: AbstractSet[str] = frozenset()) -> Copy:
    """A copy of what the app wrote: of all of it, or of nothing, as going back to it deletes what it lacks. The files
    ``without`` are no part of it."""
    files: dict[str, os.stat_result] = {}
    many = ""
    try:
        _look(app, folders, files, without)
    except _TooMuchError:
        many = f"more than {MOST_FILES:,} files" if len(files) > MOST_FILES else f"over {MOST_DATA:,} folders"
    small = sum(status.st_size for status in files.values() if status.st_size <= LARGE)
    large = sum(status.st_size for status in files.values()) - small
    if small > LARGEST or large > LARGEST_KEPT or many:
        what = f"{large / 1e6:.1f} MB" if large > LARGEST_KEPT else f"{small / 1e6:.1f} MB of small files"
        limit = f"The limit is {(LARGEST_KEPT if large > LARGEST_KEPT else LARGEST) >> 20} MiB."
        if many:
            what, limit = many, ""
        return Copy(
            {}, f"The app's data ({what} in {', '.join(folders)}) are not kept in this version. {limit}".strip()
        )
    groups: dict[str, list[str]] = {}
    for path in files:
        groups.setdefault(JOURNAL.sub("", path), []).append(path)
    kept: dict[str, tuple[str, bytes]] = {}
    apart: dict[str, Kept] = {}
    for database, paths in groups.items():
        content = _copied(app, paths, snapshots)
        if content is None:
            note = f"The app's data are not kept in this version: it was writing {database} at that moment."
            return Copy({}, note)
        kept |= {path: one for path, one in content.items() if isinstance(one, tuple)}
        apart |= {path: one for path, one in content.items() if isinstance(one, Kept)}
    return Copy(kept, large=apart)


def _copied(app: Path, paths: Sequence[str], snapshots: Snapshots) -> dict[str, tuple[str, bytes] | Kept] | None:
    """The contents of files that belong together, as they were at one moment; None where they do not hold still."""
    for _ in range(TRIES):
        before = {path: status for path in paths if (status := _status(app, path))}
        content: dict[str, tuple[str, bytes] | Kept] = {}
        for path, told in before.items():
            with suppress(OSError, InvalidInput):
                if told.st_size > LARGE:
                    if one := snapshots.take(app, path, told):
                        content[path] = one
                    continue
                *folders, name = path.split("/")
                with opened_folder(app, tuple(folders)) as folder:
                    data, status = read_at(folder, name, LARGEST)
                content[path] = (mode_of(status), data)
        # A database that checkpoints leaves its journal away: that is a change as well.
        after = {path: _marks(status) for path in paths if (status := _status(app, path))}
        if after == {path: _marks(status) for path, status in before.items()} and content.keys() == before.keys():
            return content
    return None


def _marks(status: os.stat_result) -> Status:
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _status(app: Path, path: str) -> os.stat_result | None:
    *folders, name = path.split("/")
    try:
        with opened_folder(app, tuple(folders)) as folder:
            return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except (OSError, InvalidInput):
        return None
