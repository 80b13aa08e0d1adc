"""Holds: locks on files and folders in use, which the kernel releases when their process ends.

A process id alone says too little: it is given to another process one day, and means nothing in another container that
shares the folder. A lock on the folder itself is free as soon as nobody holds it.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType


class Hold:
    """A shared lock on a file or folder. Whoever wants to remove it asks with ``is_abandoned`` first."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def release(self) -> None:
        """May be called twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.release()


def hold(path: Path) -> Hold:
    """Hold ``path``, which exists, until released or until this process ends.

    Raises ``FileNotFoundError`` when somebody is just removing it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if _is_at(descriptor, path):
            return Hold(path, descriptor)
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    raise FileNotFoundError(f"{path} is being removed")


def take_away(path: Path, to: Path) -> bool:
    """Rename ``path`` to ``to`` unless somebody holds it; whether that was done."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                path.rename(to)
                return True
        finally:
            os.close(descriptor)
    return False


def _is_at(descriptor: int, path: Path) -> bool:
    ours, there = os.fstat(descriptor), os.lstat(path)
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def own_mark() -> str:
    """This process among all that this kernel ever ran: process namespace, id, start time. For names of things that
    cannot be locked, such as control groups."""
    return f"{os.stat('/proc/self/ns/pid').st_ino}.{os.getpid()}.{_started(os.getpid())}"


def is_alive(mark: str) -> bool:
    """True if the process of ``own_mark`` still runs. One of another process namespace is taken to be alive."""
    namespace, _, rest = mark.partition(".")
    pid, _, started = rest.partition(".")
    if not (namespace.isdigit() and pid.isdigit()) or int(namespace) != os.stat("/proc/self/ns/pid").st_ino:
        return True
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
