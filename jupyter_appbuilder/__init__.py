"""Jupyter App Builder: describe a web app, watch it being built, keep the notebook that rebuilds it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .client.app import App
    from .live.base import AppError

__all__ = ["App", "AppError", "__version__"]


def _jupyter_labextension_paths() -> list[dict[str, str]]:  # pyright: ignore[reportUnusedFunction]
    return [{"src": "labextension", "dest": "@jupyter-appbuilder/labextension"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:  # pyright: ignore[reportUnusedFunction]
    from .extension import AppBuilderExtension

    return [{"module": "jupyter_appbuilder", "app": AppBuilderExtension}]


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext jupyter_appbuilder``: the magics."""
    from .refreshing.base import COLLECT

    if COLLECT in os.environ:
        from .client.collecting import register as load
    else:
        from .client.magics import load_ipython_extension as load
    load(ipython)


def __getattr__(name: str) -> Any:
    if name == "App":  # at first use: the server imports this package and must not pay for it
        from .refreshing.base import COLLECT

        if COLLECT in os.environ:
            from .client.collecting import CollectingApp

            return CollectingApp
        from .client.app import App

        return App
    if name == "AppError":
        from .live.base import AppError

        return AppError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
