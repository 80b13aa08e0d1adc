"""Settings files of the data folder: small, replaced atomically, readable by their owner only."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traitlets.config import Config

PATH_LIMIT = 100  # bytes: a socket's address holds 108


def write_settings(path: Path, data: Any) -> None:
    """Replace the file ``path`` by ``data`` as JSON; its folder is made if need be. Raises ``OSError``."""
    write_whole(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Replace the file ``path`` by ``text``; its folder is made if need be. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def private_folder(folder: Path) -> str:
    """Make ``folder``, or take the rights of others away from one that is there.

    What keeps it open to others, as a sentence; nothing where it is private. Some disks refuse to change rights, and a
    folder that other people share on purpose is not ours to close. Raises ``OSError`` where it cannot be made.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    there = folder.stat()
    shared = bool(there.st_mode & stat.S_ISVTX) or folder.resolve() == Path.home().resolve()
    return close_to_others(folder, 0o700) if not shared else _open_to_others(folder, there.st_mode)


def private_file(path: Path) -> str:
    """Make an empty file, or take the rights of others away from one that is there. Says and raises as above."""
    # Never opened when it exists: closing it would end the locks that this process has on it.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    return close_to_others(path, 0o600)


def close_to_others(path: Path, mode: int) -> str:
    """Take rights away that are not in ``mode``; what keeps that from being done. What is not there is private."""
    try:
        there = stat.S_IMODE(path.stat().st_mode)
        if there & ~mode & 0o077:
            path.chmod(there & mode)
            # Some disks take the call and forget it.
            return _open_to_others(path, path.stat().st_mode)
    except FileNotFoundError:
        pass
    except OSError as error:
        return f"{path} is open to other people of this machine, and its rights cannot be changed: {error.strerror}."
    return ""


def _open_to_others(path: Path, mode: int) -> str:
    return f"{path} is open to other people of this machine." if mode & 0o077 else ""


def configuration() -> Config:
    """What people configured for their Jupyter server (``c.AppBuilder.…``): it holds without one as well."""
    from jupyter_core.paths import jupyter_config_path
    from traitlets.config import Application, Config

    found = Config()
    for name in ("jupyter_server_config", "jupyter_appbuilder_config"):
        load = Application._load_config_files  # pyright: ignore[reportPrivateUsage, reportUnknownVariableType]
        for config, _ in load(name, path=jupyter_config_path(), log=logging.getLogger(__name__)):
            found.merge(config)
    return found


def default_data_dir() -> str:
    from jupyter_core.paths import jupyter_data_dir

    return str(Path(jupyter_data_dir()) / "appbuilder")


def find_data() -> Path:
    """The folder of the log and the data beside it: ``c.AppBuilder.data_dir``, by default in Jupyter's data folder."""
    return Path(str(configuration().AppBuilder.get("data_dir") or default_data_dir()))


@contextlib.contextmanager
def socket_address(path: Path) -> Generator[str]:
    """The path, or a shorter one to the same place."""
    if len(os.fsencode(path)) <= PATH_LIMIT or not Path("/proc/self/fd").is_dir():
        yield str(path)
        return
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
