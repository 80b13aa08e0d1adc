"""The sandbox on this machine: bubblewrap, an allow-listing way out, a shared cache of dependencies."""

from .limits import Limits
from .provider import LocalSandbox

__all__ = ["Limits", "LocalSandbox"]
