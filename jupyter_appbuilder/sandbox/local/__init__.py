"""The sandbox on this machine: bubblewrap, an allow-listing way out, a shared cache of dependencies."""

from .limits import Limits
from .provider import LocalSandboxProvider

__all__ = ["Limits", "LocalSandboxProvider"]
