"""Configures the installer of Python packages for the person's own indexes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...network.registries import Registries
from ..processes.layout import Bind


def python_indexes(registries: Registries) -> tuple[list[Bind], dict[str, str]]:
    """Binds and variables for uv. Like pip, it takes the best version of all indexes."""
    local = [path for url in (*registries.python, *registries.python_links) if (path := _folder(url))]
    # A folder in the layout of an index names its files relative to itself, usually beside it.
    shown = dict.fromkeys(path.parent if path.name == "simple" else path for path in local)
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    if registries.python:
        variables["UV_DEFAULT_INDEX"] = registries.python[0]
    if registries.python[1:]:
        variables["UV_INDEX"] = " ".join(registries.python[1:])
    if registries.python_links:
        variables["UV_FIND_LINKS"] = ",".join(registries.python_links)
    return [Bind(path, str(path)) for path in shown if path.is_dir() and path != Path("/")], variables


def _folder(url: str) -> Path | None:
    """The folder of this machine that a ``file:`` URL or a path names."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(url) if url.startswith("/") else None
