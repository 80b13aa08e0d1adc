"""Which files hold secrets by their name, also where a link leads to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import AppBuilderError
from .ignore import is_secret_path

if TYPE_CHECKING:
    from .workspace import Workspace


def holds_secrets(workspace: Workspace, path: str) -> bool:
    """True if a path names such a file, or a link leads to one."""
    if is_secret_path(path):
        return True
    try:
        real = workspace.resolve(path).relative_to(workspace.app.resolve()).as_posix()
    except (AppBuilderError, ValueError):
        return False
    return is_secret_path(real)
