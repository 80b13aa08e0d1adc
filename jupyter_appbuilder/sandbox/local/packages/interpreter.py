"""The Python that apps run on: the server's own interpreter, without its installed packages."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ....errors import Unavailable
from ..processes.layout import Bind

SHOWN = (Path("/usr"), Path("/nix/store"))  # what every sandbox sees anyway


@dataclass(frozen=True, slots=True)
class Interpreter:
    """``prefix`` is its installation: never a virtual environment, whose packages and settings are the person's own."""

    executable: Path
    prefix: Path
    version: str  # "3.11.7"

    @property
    def packages(self) -> Path:
        """The folder of packages, relative to a prefix."""
        major, minor, _ = self.version.split(".", 2)
        return Path("lib", f"python{major}.{minor}", "site-packages")

    def binds(self, empty: Path) -> list[Bind]:
        """What a sandbox must see of it, at its own paths: programs and libraries know those. ``empty`` is an empty
        folder, put over the packages that are installed there.
        """
        if any(self.prefix.is_relative_to(shown) for shown in SHOWN):
            return []
        binds = [Bind(self.executable, str(self.executable))]
        for name in ("lib", "lib64"):
            folder = self.prefix / name
            if folder.is_dir() and not folder.is_symlink():
                binds.append(Bind(folder, str(folder)))
        if (self.prefix / self.packages).is_dir():
            binds.append(Bind(empty, str(self.prefix / self.packages)))
        return binds


@cache
def find_interpreter() -> Interpreter:
    """Raises ``Unavailable`` where this Python was built into another program."""
    prefix = Path(os.path.realpath(sys.base_prefix))
    named = prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = getattr(sys, "_base_executable", None) or sys.executable
    for executable in (named, Path(os.path.realpath(base))):
        if executable.is_file() and os.access(executable, os.X_OK):
            return Interpreter(Path(os.path.realpath(executable)), prefix, platform.python_version())
    raise Unavailable(
        f"Sandbox 'local' finds no Python below {prefix} to run apps with.",
        hint="Start Jupyter with an ordinary Python installation.",
        reason="python_missing",
    )
