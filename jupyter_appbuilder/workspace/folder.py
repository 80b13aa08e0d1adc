"""File operations below one folder that code in a sandbox may be changing at the same moment.

Every step opens the next folder by descriptor without following links: a folder that is swapped for a link between
check and use makes the operation fail, never leave the root.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import InvalidInput

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LINK_HINT = "Use a path that does not go through a symbolic link."


@contextmanager
def opened_folder(root: Path, parts: tuple[str, ...], *, make: bool = False) -> Generator[int]:
    """A descriptor of the folder ``root/parts…``; ``make`` creates what is missing."""
    descriptor = os.open(root, DIRECTORY & ~os.O_NOFOLLOW)
    try:
        for part in parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=descriptor)
            try:
                below = os.open(part, DIRECTORY, dir_fd=descriptor)
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise InvalidInput(f"{'/'.join(parts)} goes through a symbolic link.", hint=LINK_HINT) from None
                raise
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def read_at(folder: int, name: str, limit: int | None = None) -> tuple[bytes, os.stat_result]:
    """A regular file's bytes (at most ``limit`` + 1 of them) and its status. OSError for anything else."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", name)
        return file.read() if limit is None else file.read(limit + 1), status


def write_at(folder: int, name: str, content: bytes, *, staging: Path, executable: bool = False) -> os.stat_result:
    """Put a whole file in place at once: written in ``staging`` (same file system), then renamed.

    The temporary file lies outside the app, where neither a file watcher nor code in the sandbox meets it.
    """
    temporary = staging / secrets.token_hex(8)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777 if executable else 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.rename(temporary, name, dst_dir_fd=folder)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return os.stat(name, dir_fd=folder, follow_symlinks=False)


def link_at(folder: int, name: str, target: str) -> None:
    """Put a symbolic link in place at once."""
    temporary = f".{name[:100]}.{secrets.token_hex(6)}"
    os.symlink(target, temporary, dir_fd=folder)
    try:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(temporary, dir_fd=folder)
        raise


def remove(root: Path, parts: tuple[str, ...]) -> None:
    """Delete a file or link, and the folders above it that are empty then."""
    with opened_folder(root, parts[:-1]) as folder:
        os.unlink(parts[-1], dir_fd=folder)
    for depth in range(len(parts) - 1, 0, -1):
        try:
            with opened_folder(root, parts[: depth - 1]) as folder:
                os.rmdir(parts[depth - 1], dir_fd=folder)
        except (OSError, InvalidInput):
            return
