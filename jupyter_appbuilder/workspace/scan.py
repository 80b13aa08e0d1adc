"""Scans an app's files and hashes them; unchanged files cost one stat each."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from ..formats.text import encodable
from .folder import DIRECTORY, is_mostly_holes, open_root, read_at
from .ignore import Ignore, is_ignored, is_passing, never_tracked, read_rules
from .objects import EXECUTABLE, FILE, LINK, Store

LARGEST = 50 * 1024 * 1024
"""Bytes. Larger files are no part of checkpoints, lists or archives; they stay on disk untouched."""

DEEPEST = 128
"""Folders in folders. What lies deeper is no part of the app: each level costs a descriptor while it is walked."""

HOLES_FROM = 1024 * 1024
"""Bytes. A larger file that is mostly holes is treated like one above ``LARGEST``: a few thousand of them take nothing
on disk and everything of whoever reads them."""

MOST_DATA = 20_000
"""Files and folders that are looked at in the data folders, which the app fills as it likes."""

RACY = 2_000_000_000
"""Nanoseconds. A file changed this shortly before it was hashed is hashed again at the next scan: on a coarse clock a
later change could carry the same time."""


@dataclass(frozen=True, slots=True)
class Entry:
    mode: str
    hash: str
    size: int
    modified_ns: int
    changed_ns: int
    inode: int
    binary: bool
    hashed_at: int

    @property
    def key(self) -> tuple[str, str]:
        return self.mode, self.hash

    def holds(self, status: os.stat_result) -> bool:
        """True if a file of this status still has the content that was hashed."""
        return (
            status.st_mtime_ns == self.modified_ns
            and status.st_size == self.size
            and status.st_ctime_ns == self.changed_ns
            and status.st_ino == self.inode
            and mode_of(status) == self.mode
            and max(self.modified_ns, self.changed_ns) < self.hashed_at - RACY
        )


@dataclass(frozen=True, slots=True)
class DatasetFiles:
    """Files of rows that a person handed to the app: their paths, and size and SHA-256 of their contents, since a copy
    that a command makes elsewhere holds the same rows."""

    paths: set[str] = field(default_factory=set[str])
    contents: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])

    def holds(self, content: bytes) -> bool:
        """True if these are the bytes of such a file."""
        size = len(content)
        if all(size != known for known, _ in self.contents):
            return False
        return (size, hashlib.sha256(content).hexdigest()) in self.contents


def is_binary(content: bytes) -> bool:
    """Git's own rule: a zero byte near the start."""
    return b"\0" in content[:8000]


def mode_of(status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return LINK
    return EXECUTABLE if status.st_mode & stat.S_IXUSR else FILE


def entry_of(content: bytes, status: os.stat_result, store: Store) -> Entry:
    """Keep a file's content in ``store`` and note what it looked like."""
    return Entry(
        mode=mode_of(status),
        hash=store.put("blob", content),
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        changed_ns=status.st_ctime_ns,
        inode=status.st_ino,
        binary=is_binary(content),
        hashed_at=time.time_ns(),
    )


def _data_entry(start: bytes, status: os.stat_result) -> Entry:
    return Entry(
        mode=mode_of(status),
        hash="",
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        changed_ns=status.st_ctime_ns,
        inode=status.st_ino,
        binary=is_binary(start),
        hashed_at=time.time_ns(),
    )


def scan(
    root: Path,
    store: Store,
    known: Mapping[str, Entry] | None = None,
    data: Sequence[str] = (),
    without: DatasetFiles | None = None,
) -> dict[str, Entry]:
    """Every file below ``root`` that belongs to the app, by path in git's order.

    Contents are read only where ``known`` does not hold any more, and kept in ``store``. Files that vanish meanwhile
    are passed over, as are names that are not UTF-8, devices, sockets and pipes, files that are mostly holes and
    folders nested deeper than ``DEEPEST``. Files below the folders ``data`` are looked at, not read: their hash is
    empty; of more than ``MOST_DATA`` some. The files ``without``, and copies of them, are passed over.
    """
    found: dict[str, Entry] = {}
    descriptor = open_root(root)
    try:
        _scan(descriptor, "", (), store, known or {}, found, tuple(data), [MOST_DATA], without or DatasetFiles())
    finally:
        os.close(descriptor)
    return dict(sorted(found.items(), key=lambda item: item[0].encode()))


def _scan(
    folder: int,
    base: str,
    ignores: Sequence[Ignore],
    store: Store,
    known: Mapping[str, Entry],
    found: dict[str, Entry],
    data: tuple[str, ...],
    left: list[int],
    without: DatasetFiles,
) -> None:
    limited = bool(data) and base.startswith(data)
    with os.scandir(folder) as listing:
        seen = list(islice(listing, left[0] if limited else None))
    left[0] -= len(seen) if limited else 0
    items = [item for item in seen if not never_tracked(item.name) and not is_passing(item.name)]
    if any(item.name == ".gitignore" for item in items):
        try:
            text = read_at(folder, ".gitignore", LARGEST)[0].decode(errors="replace")
            ignores = [*ignores, read_rules(text, base)]
        except OSError:
            pass  # a link or a folder of that name, which git does not read either
    for item in items:
        path = base + item.name
        if not encodable(item.name) or path in without.paths:
            continue
        try:
            status = item.stat(follow_symlinks=False)
            directory = stat.S_ISDIR(status.st_mode)
            if is_ignored(path, directory, ignores):
                continue
            if directory:
                if base.count("/") >= DEEPEST:
                    continue
                below = os.open(item.name, DIRECTORY, dir_fd=folder)
                try:
                    _scan(below, path + "/", ignores, store, known, found, data, left, without)
                finally:
                    os.close(below)
            elif status.st_size > LARGEST:
                continue
            elif (entry := known.get(path)) is not None and entry.holds(status):
                found[path] = entry
            elif data and path.startswith(data):
                if stat.S_ISREG(status.st_mode):
                    found[path] = _data_entry(read_at(folder, item.name, 8000)[0], status)
            elif stat.S_ISLNK(status.st_mode):
                found[path] = entry_of(os.fsencode(os.readlink(item.name, dir_fd=folder)), status, store)
            elif stat.S_ISREG(status.st_mode):
                if status.st_size > HOLES_FROM and is_mostly_holes(folder, item.name):
                    continue
                content, status = read_at(folder, item.name, LARGEST)
                if len(content) <= LARGEST and not without.holds(content):
                    found[path] = entry_of(content, status, store)
        except OSError:
            continue


def is_tracked(root: Path, parts: tuple[str, ...]) -> bool:
    """True if a file of this path, there or not, is part of the app by the rules as they are now."""
    if len(parts) > DEEPEST + 1 or any(never_tracked(part) for part in parts):
        return False
    ignores: list[Ignore] = []
    base = ""
    descriptor: int | None = open_root(root)
    try:
        for depth, part in enumerate(parts):
            if descriptor is not None:
                try:
                    text = read_at(descriptor, ".gitignore", LARGEST)[0].decode(errors="replace")
                    ignores.append(read_rules(text, base))
                except OSError:
                    pass
            last = depth == len(parts) - 1
            if is_ignored(base + part, not last, ignores):
                return False
            if not last and descriptor is not None:
                above = descriptor
                try:
                    descriptor = os.open(part, DIRECTORY, dir_fd=above)
                except OSError:
                    descriptor = None  # a folder that is yet to be made has no rules
                os.close(above)
            base += part + "/"
        return True
    finally:
        if descriptor is not None:
            os.close(descriptor)
