"""pyarrow, imported when data is handed over: an extra of this package."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import Unavailable

INSTALL = 'Install it: pip install "jupyter_appbuilder[data]"'


def arrow(part: str = "") -> Any:
    """The package ``pyarrow``, or a part of it. Raises ``Unavailable`` where it is not installed."""
    try:
        return import_module(f"pyarrow.{part}" if part else "pyarrow")
    except ImportError as error:
        raise Unavailable(
            f"Data for an app needs pyarrow, which cannot be imported: {error}.", hint=INSTALL, reason="no_pyarrow"
        ) from None


def optional(package: str, what: str, install: str) -> Any:
    """A package that ``what`` needs. Raises ``Unavailable`` where it is not installed."""
    try:
        return import_module(package)
    except ImportError:
        raise Unavailable(
            f"{what} needs {package}, which is not installed.",
            hint=f"Install it: pip install {install}",
            reason=f"no_{package}",
        ) from None
