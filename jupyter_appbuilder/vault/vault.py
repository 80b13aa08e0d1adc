"""The secrets of all apps of a data folder: which there are, and where their values are kept."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

from ..errors import AppBuilderError, Conflict, NotFound, Unavailable, of_the_disk
from ..settings import private_folder, write_settings
from .base import MOST, NAME, Keeper, check_name, check_value
from .encrypted import EncryptedNotes
from .system import system_keyring

Kind = Literal["auto", "keyring", "file"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret without its value. ``at``: when it was set, in ISO 8601; ``where``: ``Keeper.where``."""

    name: str
    at: str
    where: str


class Vault:
    """One folder for each session, one file for each secret: several processes may set some at the same time. A file
    has no value in it, but for what its ``Keeper`` notes there. Every method may block."""

    def __init__(self, folder: Path, kind: Kind = "auto") -> None:
        self.folder = folder
        self._kind: Kind = kind

    @cached_property
    def _encrypted(self) -> Keeper:
        return EncryptedNotes(self.folder)

    @cached_property
    def _keyring(self) -> Keeper | None:
        return system_keyring()

    @property
    def _keeper(self) -> Keeper:
        if self._kind == "file":
            return self._encrypted
        if (found := self._keyring) is not None:
            return found
        if self._kind == "keyring":
            raise Unavailable(
                "There is no keyring of the system that could keep secrets.",
                hint='Install the extra (pip install "jupyter-appbuilder[keyring]") and unlock the keyring, or set '
                'c.AppBuilder.secrets = "file".',
                reason="no_keyring",
            )
        return self._encrypted

    @property
    def where(self) -> str:
        """Where a value that is set now is kept, for people. Raises ``Unavailable`` where it cannot be."""
        return self._keeper.where

    def kept(self, session: str) -> list[Kept]:
        """The secrets that are set, by name."""
        found: list[Kept] = []
        for path in self._paths(session):
            with contextlib.suppress(OSError, ValueError):
                entry = _read(path)
                keeper = self._keeper_of(entry)
                found.append(Kept(path.name, str(entry.get("at", "")), keeper.where if keeper else ""))
        return found

    def stamp(self, session: str) -> tuple[object, ...]:
        """Another value whenever a secret was set or removed, by whichever process."""
        found: list[object] = []
        for path in self._paths(session):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((path.name, status.st_mtime_ns, status.st_ino))
        return tuple(found)

    def values(self, session: str) -> dict[str, str]:
        """The values that can be read now, by name. The server's log names the others."""
        found: dict[str, str] = {}
        for path in self._paths(session):
            try:
                entry = _read(path)
                if (keeper := self._keeper_of(entry)) is not None:
                    found[path.name] = keeper.get(session, path.name, str(entry.get("note", "")))
                else:
                    log.warning("Secret %s of session %s is in a keyring that is not here.", path.name, session)
            except (AppBuilderError, OSError, ValueError) as error:
                log.warning("Secret %s of session %s cannot be read: %s", path.name, session, error)
        return found

    def set(self, session: str, name: str, value: str) -> Kept:
        """Keep a value, in place of the one before. Raises ``InvalidInput``, ``Conflict`` where there are too many,
        ``Unavailable`` where it cannot be kept."""
        value = check_value(check_name(name), value)
        folder = self.folder / session
        path = folder / name
        if not path.exists() and len(self._paths(session)) >= MOST:
            raise Conflict(
                f"The app has {MOST} secrets, and no further one is kept.", hint="Remove one.", reason="too_many"
            )
        keeper = self._keeper
        try:
            private_folder(self.folder)
            private_folder(folder)
            at = datetime.now(UTC).isoformat(timespec="seconds")
            entry = {"kept": keeper.kind, "at": at, "note": keeper.put(session, name, value)}
            write_settings(path, entry)
        except OSError as error:
            raise of_the_disk(error, folder) from None
        return Kept(name, at, keeper.where)

    def remove(self, session: str, name: str) -> None:
        """Raises ``NotFound`` for one that is not set."""
        path = self.folder / session / check_name(name)
        if not path.exists():
            raise NotFound(f"The secret {name} is not set.", hint="See which are.", reason="unknown_secret")
        with contextlib.suppress(OSError, ValueError):
            if (keeper := self._keeper_of(_read(path))) is not None:
                keeper.drop(session, name)
        path.unlink(missing_ok=True)

    def forget(self, session: str) -> None:
        """Remove all of a session's."""
        for path in self._paths(session):
            with contextlib.suppress(AppBuilderError, OSError):
                self.remove(session, path.name)
        shutil.rmtree(self.folder / session, ignore_errors=True)

    def _paths(self, session: str) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted(path for path in (self.folder / session).iterdir() if NAME.fullmatch(path.name))
        return []

    def _keeper_of(self, entry: Mapping[str, Any]) -> Keeper | None:
        return self._encrypted if entry.get("kept") == "file" else self._keyring


def _read(path: Path) -> dict[str, Any]:
    found: Any = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{path} is no object")
    return cast("dict[str, Any]", found)
