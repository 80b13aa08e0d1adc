"""Data that Python's garbage collector need not look at.

The collector stops every thread while it goes through all lists, dicts and objects there are: for 100,000 events a
fifth of a second, over and over. What came from JSON refers to nothing that refers to it, so counting references frees
it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

from .events import Event

T = TypeVar("T")


def untracked(data: T) -> T:
    """``data``, an event or JSON, which the collector looks at no more. What cannot be so is left as it is."""
    if untrack := _untrack():
        waiting: list[Any] = [data]
        while waiting:
            value = waiting.pop()
            if type(value) is Event:
                untrack(value)
                waiting.append(value.data)
            elif type(value) is dict and gc.is_tracked(cast("object", value)):
                untrack(value)
                waiting += cast("dict[str, Any]", value).values()
            elif type(value) is list and gc.is_tracked(cast("object", value)):
                untrack(value)
                waiting += cast("list[Any]", value)
    return data


@cache
def _untrack() -> Callable[[object], None] | None:
    """CPython's own function for that; it may only be called with what the collector can look at."""
    try:
        import ctypes

        return ctypes.PYFUNCTYPE(None, ctypes.py_object)(("PyObject_GC_UnTrack", ctypes.pythonapi))
    except (ImportError, AttributeError):  # Python without C's functions, or another one
        return None
