"""Large data files of an app, by SHA-256, beside the repository's objects: git would compress each for seconds.

A tree of data names them below ``PLACE``, where no app can have a file: the path says where the file lay, and its
content which one it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .folder import copy_at, opened_folder
from .scan import RACY, mode_of

PLACE = ".snapshots/"
LARGE = 1024 * 1024
"""Bytes. Larger files are kept here."""

MOST = 1024**3
"""Bytes of all that a session's versions name. Beyond, those of the oldest versions go first. So many again are kept
beside that, of what no version names."""

UNUSED_SECONDS = 3600.0
"""How long a file is kept that no version names: what is tried in an app is put back from one."""

CHUNK = 1024 * 1024
HASH = re.compile(r"[0-9a-f]{64}")

Status = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as a tree of data names it."""

    mode: str
    sha256: str
    size: int

    def told(self) -> bytes:
        return json.dumps({"mode": self.mode, "sha256": self.sha256, "size": self.size}).encode()

    @classmethod
    def read(cls, told: bytes) -> Kept:
        """Raises ``ValueError``, ``KeyError`` or ``TypeError`` for what is none."""
        found = json.loads(told)
        if not HASH.fullmatch(found["sha256"]):
            raise ValueError(found["sha256"])
        return cls(str(found["mode"]), found["sha256"], int(found["size"]))


class Snapshots:
    """Of one session's repository. Nothing in a sandbox reaches its folder."""

    def __init__(self, repository: Path) -> None:
        self._folder = repository / "appbuilder-data"
        self._seen: dict[str, tuple[Status, int, Kept]] = {}  # by path: status, when it was read, what it was

    def take(self, app: Path, path: str, status: os.stat_result) -> Kept | None:
        """Keep a copy of an app's file, which has that status; None where it is another by now. A file that is as it
        was is not read again. Raises ``OSError``."""
        seen, at, kept = self._seen.get(path, (None, 0, None))
        unchanged = seen == _told(status) and max(status.st_mtime_ns, status.st_ctime_ns) < at - RACY
        if kept and unchanged and self.has(kept):
            os.utime(self._path(kept.sha256))
            return kept
        began = time.time_ns()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._make_room(status.st_size)
        temporary = self._folder / f".{secrets.token_hex(8)}"
        try:
            copied = _copied(app, path, temporary, status)
            if copied is None:
                return None
            kept = Kept(mode_of(status), copied, status.st_size)
            os.replace(temporary, self._path(copied))
        finally:
            temporary.unlink(missing_ok=True)
        self._seen[path] = (_told(status), began, kept)
        return kept

    def put_back(self, app: Path, path: str, kept: Kept, staging: Path) -> None:
        """Make an app's file what was kept. Raises ``OSError``."""
        *folders, name = path.split("/")
        with opened_folder(app, tuple(folders), make=True) as folder:
            copy_at(folder, name, self._path(kept.sha256), staging=staging)

    def has(self, kept: Kept) -> bool:
        return self._path(kept.sha256).is_file()

    def keep_only(self, named: Collection[str]) -> None:
        """Remove files that no version names any more."""
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.name not in named and time.time() - entry.stat().st_mtime > UNUSED_SECONDS:
                        os.unlink(entry.path)

    def _make_room(self, size: int) -> None:
        """Remove what was used longest ago where all would be too much: an app may change its data at every look."""
        with os.scandir(self._folder) as entries:
            files = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in entries)
        held = sum(of_one for _, of_one, _ in files)
        for _, of_one, path in files:
            if held + size <= 2 * MOST:
                return
            with suppress(FileNotFoundError):
                os.unlink(path)
            held -= of_one

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256


def beyond(versions: Mapping[str, Mapping[str, int]], most: int = MOST) -> list[str]:
    """The versions, given the newest first with the sizes of their files by SHA-256, whose files are too much."""
    held: dict[str, int] = {}
    gone: list[str] = []
    for version, files in versions.items():
        more = {sha256: size for sha256, size in files.items() if sha256 not in held}
        if sum(held.values()) + sum(more.values()) > most:
            gone.append(version)
        else:
            held |= more
    return gone


def _told(status: os.stat_result) -> Status:
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _copied(app: Path, path: str, to: Path, status: os.stat_result) -> str | None:
    """Copy a file that has that status; its SHA-256."""
    *folders, name = path.split("/")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with opened_folder(app, tuple(folders)) as folder:
        descriptor = os.open(name, flags, dir_fd=folder)
    with os.fdopen(descriptor, "rb", buffering=0) as source, open(to, "xb") as copy:
        now = os.fstat(descriptor)
        if not stat.S_ISREG(now.st_mode) or _told(now) != _told(status):
            return None
        hashed, left = hashlib.sha256(), status.st_size
        while left > 0 and (part := source.read(min(CHUNK, left))):
            hashed.update(part)
            copy.write(part)
            left -= len(part)
        return hashed.hexdigest() if left == 0 else None
