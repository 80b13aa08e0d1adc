"""Which sandbox providers are installed, and which one to use."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ..errors import InvalidInput
from .base import SandboxProvider

GROUP = "jupyter_appbuilder.sandboxes"
AUTO = "local"  # what "auto" stands for


def find_providers() -> dict[str, EntryPoint]:
    """Every registered provider by name, not yet imported."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def find_provider(name: str = "auto") -> Callable[..., SandboxProvider]:
    """The provider class called ``name``; ``"auto"`` chooses. Raises ``InvalidInput`` naming those there are."""
    found = find_providers()
    entry = found.get(AUTO if name == "auto" else name)
    if entry is None:
        raise InvalidInput(
            f"There is no sandbox provider {name!r}.",
            hint=f"Choose one of: {', '.join(['auto', *sorted(found)])}.",
            field="sandbox",
        )
    provider: Any = entry.load()
    return provider
