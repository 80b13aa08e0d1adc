"""Secrets of apps: kept for the person, given to the app's functions, masked wherever they are told."""

from .mask import Mask
from .vault import Kept, Vault

__all__ = ["Kept", "Mask", "Vault"]
