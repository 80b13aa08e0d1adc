"""Running something as a person who has no rights here but their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def python_for_all() -> str | None:
    """A Python as new as ours that everybody may start: ours may lie in root's home, and so may this checkout."""
    if not _open_to_all(Path(__file__).resolve()):
        return None
    for path in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        real = Path(os.path.realpath(path))
        if real.is_file() and _open_to_all(real):
            return path
    return None


def _open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.parents)
