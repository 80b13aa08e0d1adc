"""Removing what generated code has written."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from .workspace.folder import remove_tree


def remove_folder(folder: Path) -> None:
    """Remove a folder, as far as that can be done; see ``workspace.folder.remove_tree``."""
    with suppress(OSError):
        remove_tree(folder)
