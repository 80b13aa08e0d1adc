"""Excludes data from Python's garbage collector.

The collector stops every thread while it goes through all lists, dicts and objects there are: for 100,000 events a
fifth of a second, over and over. What came from JSON refers to nothing that refers to it, so counting references frees
it.
"""

from __future__ import annotations

import gc
from functools import cache
from typing import Any, TypeVar, cast

from ..events import EventOf

T = TypeVar("T")


def untracked(data: T) -> T:
    """``data``, an event or JSON, which the collector looks at no more. What cannot be so is left as it is."""
    untrack = _untrack()
    waiting: list[Any] = [data] if untrack else []
    while waiting:
        value = waiting.pop()
        kind = type(cast("object", value))
        if kind not in (EventOf, dict, list) or not gc.is_tracked(value):
            continue
        untrack(value)
        if kind is EventOf:
            waiting.append(value.data)
        else:
            waiting += value.values() if kind is dict else value
    return data


@cache
def _untrack() -> Any:
    """CPython's own function for that, if there is one; it may only be called with what the collector can look at."""
    try:
        import ctypes

        return ctypes.PYFUNCTYPE(None, ctypes.py_object)(("PyObject_GC_UnTrack", ctypes.pythonapi))
    except (ImportError, AttributeError):  # Python without C's functions, or another one
        return None
