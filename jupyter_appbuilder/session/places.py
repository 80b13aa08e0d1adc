"""Where sessions lie: the folder in which apps are made, a session's own, and what the file browser shows of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Literal

from ..errors import Conflict, NotFound, Unavailable
from ..log import Summary
from .names import check_name

FOLDER = "appbuilder"
VERSIONS = ".versions"  # below it: earlier versions that are shown, of running processes
"""Sessions live below ``<root>/appbuilder``."""


class Places:
    """The folders of one ``AppBuilder``'s sessions, below its root."""

    def __init__(self, root: Callable[[], str], browsed: Path | Literal["root_dir"] | None) -> None:
        """``root()`` is empty where apps have no folder yet; ``browsed`` is the folder that the file browser shows,
        None where it shows none of this machine."""
        self._root = root
        self._browsed = browsed
        self._resolved: dict[str | Path, Path] = {}  # a list asks for the same again and again

    @property
    def known(self) -> bool:
        """Whether there is a folder for apps at all."""
        return bool(self._root())

    @property
    def root(self) -> Path:
        return self._real(self._root())

    @property
    def shelf(self) -> Path:
        """The folder in which apps are made. ``misplaced`` says whether that can be."""
        return self.root / FOLDER

    def misplaced(self) -> Unavailable | None:
        """Why no app can be made where apps go."""
        hint = (
            "Set c.AppBuilder.root_dir to a folder that can be written to (on the command line: --root; in a notebook: "
            "APPBUILDER_ROOT)."
        )
        if not self.known:
            message = "Apps have no folder yet: this server keeps its files elsewhere than on this machine."
            return Unavailable(message, hint=hint, reason="no_folder")
        if not can_make(self.shelf):
            message = f"Apps cannot be made in {self.shelf}: that folder cannot be written to."
            return Unavailable(message, hint=hint, reason="no_folder")
        return None

    def reserve(self, name: str, wanted: str) -> Path:
        """Make the folder of a new session: called ``name``, taken as it is, or ``wanted``, made unique.

        Raises ``InvalidInput`` for a bad name, ``Conflict`` for a taken one, ``Unavailable`` where no app can be made.
        """
        check_name(name)
        if problem := self.misplaced():
            raise problem
        shelf = self.shelf
        try:
            shelf.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"Apps cannot be made in {shelf}: {error.strerror}.",
                hint="Check the folder's rights and its disk, or set c.AppBuilder.root_dir to another.",
                reason="no_folder",
            ) from None
        return _make(shelf, name, wanted)

    def folder_of(self, summary: Summary) -> Path:
        """A session's folder. When its root has moved (another home, a copied disk), it is looked for below ours."""
        made_in = Path(summary.root, summary.path)
        below_ours = self.root / summary.path
        return below_ours if below_ours != made_in and not made_in.is_dir() and below_ours.is_dir() else made_in

    def from_browser(self, path: str) -> Path:
        """The file that the file browser has at ``path``. Raises ``NotFound`` where it shows no such file of this
        machine."""
        root = self.root if isinstance(self._browsed, str) else self._browsed
        hidden = any(part.startswith(".") for part in PurePosixPath(path).parts)
        file = root / path.lstrip("/") if root and "\0" not in path and not hidden else None
        if file is None or not _is_file(file):
            raise NotFound(
                f"There is no file {path[:200]}.",
                hint="Give its path below the folder that the file browser shows.",
                reason="no_such_file",
                field="path",
            )
        return file

    def browser_path(self, folder: Path) -> str | None:
        """The path by which the file browser has a folder, None where it does not show it."""
        browsed = self.root if isinstance(self._browsed, str) else self._browsed
        root = None if browsed is None else self._real(browsed)
        if root is None or not folder.is_relative_to(root):
            return None
        path = folder.relative_to(root)
        return None if any(part.startswith(".") for part in path.parts) else path.as_posix()  # it shows none that hide

    def _real(self, folder: str | Path) -> Path:
        """A folder without the links on the way to it."""
        if folder not in self._resolved:
            self._resolved[folder] = Path(folder).expanduser().resolve()
        return self._resolved[folder]


def can_make(folder: Path) -> bool:
    """Whether ``folder`` is there and takes files, or can be made."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _make(shelf: Path, name: str, wanted: str) -> Path:
    """Make a folder called ``name``, or ``wanted`` with the first number that is free."""
    wanted = name or wanted
    for number in range(1, 10_000):
        folder = shelf / (wanted if number == 1 else f"{wanted}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            if name:
                raise Conflict(
                    f"{shelf.name}/{name} exists already.",
                    hint="Choose another name.",
                    reason="name_taken",
                    field="name",
                ) from None
            continue
        return folder
    raise Conflict(f"Too many apps are called {wanted!r}.", hint="Choose a name.", reason="name_taken", field="name")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no disk has so long a name
        return False
