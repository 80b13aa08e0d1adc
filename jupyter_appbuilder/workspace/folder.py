"""File operations below one folder that code in a sandbox may be changing at the same moment.

Every step opens the next folder by descriptor without following links: a folder that is swapped for a link between
check and use makes the operation fail, never leave the root.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import InvalidInput, NotFound

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LINK_HINT = "Use a path that does not go through a symbolic link."


def open_root(root: Path) -> int:
    """A descriptor of the folder ``root``, which may be a link. Raises ``NotFound`` where there is none any more."""
    try:
        return os.open(root, DIRECTORY & ~os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(
            f"The app's folder {root} does not exist: it was moved or deleted.",
            hint="Move it back, restore a version, or delete the app in the list.",
            reason="folder_gone",
        ) from None


@contextmanager
def opened_folder(root: Path, parts: tuple[str, ...], *, make: bool = False) -> Generator[int]:
    """A descriptor of the folder ``root/parts…``; ``make`` creates what is missing below ``root``."""
    descriptor = open_root(root)
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


def copy_at(folder: int, name: str, source: Path, *, staging: Path) -> None:
    """Put a copy of the file ``source`` in place at once, as ``write_at`` does, without holding it in memory."""
    temporary = staging / secrets.token_hex(8)
    try:
        shutil.copyfile(source, temporary)
        os.rename(temporary, name, dst_dir_fd=folder)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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


LEVELS = 50
"""How many folders are open at once while a tree is deleted."""


def remove_tree(path: Path) -> None:
    """Delete a folder with all that is in it, whatever generated code made of it: links are not followed, no tree is
    too deep, and folders without permissions are opened all the same. Nothing happens where nothing is.

    Raises ``OSError`` for what cannot be deleted.
    """
    with suppress(FileNotFoundError):
        parent = os.open(path.parent, DIRECTORY & ~os.O_NOFOLLOW)
        try:
            remove_at(parent, path.name)
        finally:
            os.close(parent)


def remove_at(parent: int, name: str) -> None:
    """``remove_tree`` for what is called ``name`` in the folder ``parent``; a file or link is deleted, too."""
    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=parent)
            return
        top = open_anyway(parent, name)
    except FileNotFoundError:
        return
    try:
        while _empty(top, top, 0):
            pass
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent)


def open_anyway(parent: int, name: str) -> int:
    """A descriptor of the folder ``name``, also where its owner has taken the permission to look into it away."""
    try:
        return os.open(name, DIRECTORY, dir_fd=parent)
    except PermissionError:
        if not hasattr(os, "O_PATH"):  # not Linux
            raise
        handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{handle}", 0o700)
            return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        finally:
            os.close(handle)


def make_changeable(folder: int) -> None:
    """Let the owner of ``folder`` delete what is in it."""
    with suppress(OSError):
        mode = stat.S_IMODE(os.fstat(folder).st_mode)
        if mode & 0o700 != 0o700:
            os.fchmod(folder, mode | 0o700)


def _empty(folder: int, top: int, depth: int) -> bool:
    """Delete what is in ``folder``; what lies too deep is moved to ``top``. Whether there was any: then once more."""
    moved = False
    make_changeable(folder)
    with os.scandir(folder) as listing:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in listing]
    for name, directory in entries:
        try:
            if not directory:
                os.unlink(name, dir_fd=folder)
            elif depth == LEVELS:
                os.rename(name, secrets.token_hex(8), src_dir_fd=folder, dst_dir_fd=top)
                moved = True
            else:
                below = open_anyway(folder, name)
                try:
                    moved |= _empty(below, top, depth + 1)
                finally:
                    os.close(below)
                os.rmdir(name, dir_fd=folder)
        except FileNotFoundError:
            continue  # somebody else deletes, too
    return moved


HOLES_FROM = 1024 * 1024  # bytes; what holes a smaller file has is no matter
PIECE = 1024 * 1024


def copy_file(
    folder: int, name: str, target: Path, most: int, stopped: Callable[[], bool] = lambda: False
) -> int | None:
    """Copy a plain file that code in a sandbox may be changing to the new file ``target``. How many bytes it has; None,
    with ``target`` not whole, where they are more than ``most`` or mostly holes, or it was ``stopped``. Raises
    ``OSError`` for a link or anything else that is no plain file."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as source:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", name)
        if status.st_size > most or (status.st_size > HOLES_FROM and is_mostly_holes(folder, name)):
            return None
        mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
        copied = 0
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as copy:
            while piece := source.read(PIECE):
                copied += len(piece)
                if stopped() or copied > most:
                    return None
                copy.write(piece)
        return copied


def is_mostly_holes(folder: int, name: str) -> bool:
    """True if a file takes far less on disk than whoever reads it would get."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        size, held, position = os.fstat(descriptor).st_size, 0, 0
        for _ in range(1000):  # a file in more pieces is none that was made to be large
            try:
                start = os.lseek(descriptor, position, os.SEEK_DATA)
            except OSError as error:
                return error.errno == errno.ENXIO and held * 8 < size  # nothing but a hole from here on
            position = os.lseek(descriptor, start, os.SEEK_HOLE)
            held += position - start
            if held * 8 >= size:
                return False
        return False
    finally:
        os.close(descriptor)


def remove_folder(folder: Path) -> None:
    """Remove a folder, as far as that can be done; see ``remove_tree``."""
    with suppress(OSError):
        remove_tree(folder)
