"""Leak checks over what is about to be published. What a finding keeps back is ``session.publishing``'s to say."""

from .base import Bounds
from .inspection import inspect

__all__ = ["Bounds", "inspect"]
