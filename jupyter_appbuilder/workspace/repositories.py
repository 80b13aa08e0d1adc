"""Git repositories that sandboxed code made inside an app: their hooks and settings could run on the host."""

from __future__ import annotations

import os
import stat
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

from .folder import DIRECTORY, make_changeable, open_anyway, remove_at
from .scan import DEEPEST

NAME = ".git"


def remove_repositories(app: Path, keep: Set[str] = frozenset(), *, set_id: bool = False) -> None:
    """Remove every repository below ``app``, links not followed, whoever changes folders at the same moment.

    Of ``keep``, folders at the top, nothing is looked at. An empty ``.git`` at the top stays: it is where an empty one
    is mounted. A folder that git would take for a bare repository loses its ``HEAD``. With ``set_id`` no file stays
    set-user-id or set-group-id, either: another user of this machine would run it as the person.
    """
    with suppress(OSError):
        descriptor = os.open(app, DIRECTORY & ~os.O_NOFOLLOW)
        try:
            _clear(descriptor, 0, keep, set_id)
        finally:
            os.close(descriptor)


def _clear(folder: int, depth: int, keep: Set[str], set_id: bool) -> None:
    with os.scandir(folder) as listing:
        entries = {entry.name: entry.is_dir(follow_symlinks=False) for entry in listing}
    found = [NAME] if NAME in entries and not (depth == 0 and entries[NAME] and _is_empty(folder)) else []
    if "HEAD" in entries and ("commondir" in entries or {"objects", "refs"} <= entries.keys()):
        found.append("HEAD")
    for name in found:
        make_changeable(folder)
        with suppress(OSError):
            remove_at(folder, name)
    if depth == DEEPEST:
        return
    for name, directory in entries.items():
        if set_id and not directory:
            _unset(folder, name)
        if not directory or name == NAME or (depth == 0 and name in keep):
            continue
        with suppress(OSError):
            below = open_anyway(folder, name)
            try:
                _clear(below, depth + 1, keep, set_id)
            finally:
                os.close(below)


def _unset(folder: int, name: str) -> None:
    with suppress(OSError):
        if not os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode & 0o6000:
            return
        handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            mode = os.fstat(handle).st_mode
            if stat.S_ISREG(mode):
                os.chmod(f"/proc/self/fd/{handle}", stat.S_IMODE(mode) & 0o1777)
        finally:
            os.close(handle)


def _is_empty(folder: int) -> bool:
    with suppress(OSError):
        below = open_anyway(folder, NAME)
        try:
            with os.scandir(below) as listing:
                return next(listing, None) is None
        finally:
            os.close(below)
    return False
