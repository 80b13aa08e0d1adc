"""The live preview: shows a generated page beside Jupyter, never on Jupyter's origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .capabilities import Previews
    from .handlers import preview_handlers
    from .storage import PageStorage
    from .target import PreviewTarget

__all__ = ["PageStorage", "PreviewTarget", "Previews", "preview_handlers"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    modules = {"PageStorage": "storage", "PreviewTarget": "target", "Previews": "capabilities"}
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{modules.get(name, 'handlers')}", __name__), name)
