"""Leak checks over what is about to be published: ``inspect`` finds, ``judge`` says whether it may go out."""

from .base import Bounds, Verdict, judge
from .inspection import inspect

__all__ = ["Bounds", "Verdict", "inspect", "judge"]
