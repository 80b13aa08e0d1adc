"""The local sandbox: layers of isolation, an allow-listing proxy, a shared cache of dependencies."""

from __future__ import annotations

import sys

from ...errors import Unavailable

if sys.platform == "win32":
    raise Unavailable(
        "Sandbox 'local' does not run on Windows.",
        hint="Run Jupyter in WSL 2, where it does, or use E2B: c.AppBuilder.sandbox = 'e2b'.",
        reason="sandbox_not_here",
    )

from .processes.limits import Limits
from .provider import LocalSandbox

__all__ = ["Limits", "LocalSandbox"]
