"""Measures a sandbox's disk usage, where the file system has no quotas.

What is looked at was made by generated code, which may want to hide it: links are not followed, folders without
permissions are opened all the same, files that are deleted but still open count, and a tree too deep to be walked is
refused.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from .limits import MiB, in_words

DEEPEST = 128  # folders in folders; each level costs a descriptor while it is walked
IN_MEMORY = ("/memfd:", "/dev/shm/", "/tmp/", "/var/tmp/", "/home/app/", "/dev/zero", "/SYSV")
MOST_DESCRIPTORS = 20_000  # looked at for deleted files
QUIET_SECONDS = 30.0  # a look is due after so long, whatever the disk as a whole says
DISK_SECONDS = 0.25  # between two looks while a command runs; more where a look takes long
PROMPT = 0.01  # seconds that every command may have to wait for a look


@dataclass(frozen=True, slots=True)
class Usage:
    bytes: int = 0  # as allocated on disk
    files: int = 0  # and folders
    too_deep: str = ""  # a folder below which it was not counted
    git: bool = False  # whether something there is named as what makes a folder a repository
    largest: tuple[tuple[str, int], ...] = ()  # what lies at the top, by name, with its bytes; the largest first


@dataclass(slots=True)
class _Count:
    bytes: int = 0
    files: int = 0
    too_deep: str = ""
    git: bool = False
    linked: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])

    def add(self, found: os.stat_result) -> None:
        if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            if (found.st_dev, found.st_ino) in self.linked:
                return
            self.linked.add((found.st_dev, found.st_ino))
        self.bytes += found.st_blocks * 512
        self.files += 1


def measure_folders(folders: Iterable[Path], most_files: int) -> Usage:
    """What lies in ``folders``. Stops counting soon after ``most_files``: there is nothing more to know then."""
    count = _Count()
    tops: dict[str, int] = {}
    for folder in folders:
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                for name in os.listdir(descriptor):
                    before = count.bytes
                    _walk(descriptor, name, count, most_files, 1, name)
                    if count.bytes > before:
                        tops[name] = tops.get(name, 0) + count.bytes - before
            finally:
                os.close(descriptor)
    largest = sorted(tops.items(), key=lambda top: -top[1])[:3]
    return Usage(count.bytes, count.files, count.too_deep, count.git, tuple(largest))


def _walk(parent: int, name: str, count: _Count, most_files: int, depth: int, path: str) -> None:
    if count.files > most_files or count.too_deep:
        return
    with suppress(OSError):
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        count.add(found)
        if not stat.S_ISDIR(found.st_mode):
            return
        if depth >= DEEPEST:
            count.too_deep = path if len(path) < 200 else f"{path[:100]}…"
            return
        descriptor = _open_folder(parent, name)
        try:
            with os.scandir(descriptor) as entries:
                inside = list[str]()
                for entry in entries:
                    if entry.name in (".git", "HEAD"):
                        count.git = True
                    if entry.is_dir(follow_symlinks=False):
                        inside.append(entry.name)
                    else:
                        with suppress(OSError):
                            count.add(entry.stat(follow_symlinks=False))
                    if count.files > most_files:
                        return
            for folder in inside:
                _walk(descriptor, folder, count, most_files, depth + 1, f"{path}/{folder}")
        finally:
            os.close(descriptor)


def _open_folder(parent: int, name: str) -> int:
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, os.O_RDONLY | flags, dir_fd=parent)
    except PermissionError:
        # Its owner may take its permissions away to hide what lies in it; we are the owner outside.
        handle = os.open(name, os.O_PATH | flags, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{handle}", 0o700)
            return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        finally:
            os.close(handle)


def measure_deleted(pids: Iterable[int]) -> tuple[int, int]:
    """Bytes of files without a name that ``pids`` hold open: on disk, and in memory (memfd, tmpfs)."""
    seen: set[tuple[int, int]] = set()
    on_disk = in_memory = looked = 0
    for pid in pids:
        with suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                looked += 1
                if looked > MOST_DESCRIPTORS:
                    return on_disk, in_memory
                with suppress(OSError):
                    place = f"/proc/{pid}/fd/{number}"
                    found = os.stat(place)
                    key = (found.st_dev, found.st_ino)
                    if not stat.S_ISREG(found.st_mode) or found.st_nlink or key in seen:
                        continue
                    seen.add(key)
                    if os.major(found.st_dev) == 0 and _is_memory(place):
                        in_memory += found.st_blocks * 512
                    else:
                        on_disk += found.st_blocks * 512
        with suppress(OSError, ValueError, IndexError):
            on_disk += _mapped(pid, seen)
    return on_disk, in_memory


def _mapped(pid: int, seen: set[tuple[int, int]]) -> int:
    """Bytes of files on disk that have no name any more and that ``pid`` holds only in its address space."""
    # The app names its files: of what may stand in a name only a line feed is written in another way.
    text = os.fsdecode(Path(f"/proc/{pid}/maps").read_bytes())
    total = 0
    for line in text.split("\n")[:-1] if "(deleted)" in text else ():
        span, _, _, device, number, *name = line.split(None, 5)
        if not line.endswith(" (deleted)") or not name or name[0].startswith(IN_MEMORY):
            continue
        major, minor = (int(part, 16) for part in device.split(":"))
        key = (os.makedev(major, minor), int(number))
        if key not in seen:
            seen.add(key)
            begin, end = (int(part, 16) for part in span.split("-"))
            try:
                total += os.stat(f"/proc/{pid}/map_files/{span}").st_blocks * 512
            except PermissionError:  # only root may look
                total += end - begin
    return total


def _is_memory(place: str) -> bool:
    # Overlay and network file systems have no device number either; only those in memory have these names.
    return os.readlink(place).startswith(IN_MEMORY)


def free_space(folder: Path) -> int:
    """Bytes that are free where ``folder`` lies, for ordinary users."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


RESERVE = 256 * MiB
"""Bytes that a sandbox must leave free on the disk, whatever its quota."""


@dataclass(slots=True)
class Quota:
    """The disk quota of one session's ``folders``; read by many threads, measured by one at a time."""

    folders: tuple[Path, ...]
    bytes: int
    files: int
    usage: Usage = Usage()
    due: float = 0.0  # ``time.monotonic()`` of the next look
    seconds: float = 0.0  # what the last look took
    free: int = 0  # on the disk, when something last began to run
    installs: bool = False  # whether it is an installation's
    stale: bool = True  # something ran since the last look
    _looked: float = 0.0
    _left: tuple[int, int] = (0, 0)  # blocks and files that were free on the disk then

    def measure(self, pids: Iterable[int] = ()) -> Usage:
        """Look now; ``pids`` may hold deleted files open."""
        self.stale = False
        began = self._looked = time.monotonic()
        with suppress(OSError):
            found = os.statvfs(self.folders[0])
            self._left = found.f_bavail, found.f_favail
        usage = measure_folders(self.folders, self.files + 1000)
        deleted, _ = measure_deleted(pids)
        self.usage = replace(usage, bytes=usage.bytes + deleted)
        self.seconds = time.monotonic() - began
        return self.usage

    def quiet(self) -> bool:
        """True if the next look can wait: nothing began or ended, and the disk as a whole has hardly changed."""
        return not self.stale and not self.over and self._unchanged()

    def _unchanged(self) -> bool:
        """Costs one call, whatever lies there. Others who delete can hide what is written: not to be asked for long."""
        if time.monotonic() - self._looked > QUIET_SECONDS:
            return False
        with suppress(OSError):
            found = os.statvfs(self.folders[0])
            taken = (self._left[0] - found.f_bavail) * found.f_frsize
            return taken < self.bytes // 64 and self._left[1] - found.f_favail < self.files // 64
        return False

    def short(self) -> bool:
        """True if so little is free on the disk that what runs here must stop using more of it."""
        with suppress(OSError):
            free = free_space(self.folders[0])
            return free < RESERVE and self.free - free > RESERVE // 4
        return False

    async def is_over(self) -> bool:
        """True if there is too much already; to be asked before something begins to run."""
        with suppress(OSError):
            self.free = free_space(self.folders[0])
        # What the watch has not seen yet is looked at here, unless that would be slow: the watch is about to.
        if self.over or (self.stale and (self.seconds < PROMPT or not self._unchanged())):
            await asyncio.to_thread(self.measure)
            self.due = time.monotonic() + DISK_SECONDS
        self.due = min(self.due, time.monotonic() + DISK_SECONDS)
        return self.over

    @property
    def over(self) -> bool:
        usage = self.usage
        return bool(usage.bytes > self.bytes or usage.files > self.files or usage.too_deep)

    def explain(self) -> str:
        """A message that names the excess, the setting and what to delete; empty if within limits."""
        usage = self.usage
        if self.installs and self.over:
            most = f"{in_words(self.bytes)} (c.LocalSandbox.install_disk) and {self.files:,} files"
            return f"The packages take more disk than they may: {most}."
        if usage.bytes > self.bytes:
            allowed = f"more than the {in_words(self.bytes)} it may (c.LocalSandbox.disk)"
            told = f"The app holds {in_words(usage.bytes)}, {allowed}."
        elif usage.files > self.files:
            told = f"The app holds more than the {self.files:,} files and folders it may (c.LocalSandbox.files)."
        elif usage.too_deep:
            told = f"The app nests folders deeper than the {DEEPEST} levels it may, at {usage.too_deep}."
        else:
            return ""
        largest = ", ".join(f"{name} ({in_words(size)})" for name, size in usage.largest if size > MiB)
        return f"{told} Delete what is not needed" + (f"; the largest: {largest}." if largest else ".")
