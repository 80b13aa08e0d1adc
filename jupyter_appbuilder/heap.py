"""Keeps Python's garbage collector from looking through the events of long sessions: with a hundred thousand of them a
full collection stops every thread for some tenths of a second, and events are in no cycle."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

MANY = 5_000  # events


@contextmanager
def many_made(number: int) -> Generator[None]:
    """A block that makes the objects of ``number`` events, which are there to stay. What is there by its end is not
    collected any more, until ``let_go``."""
    if number < MANY or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def let_go(number: int) -> None:
    """A session with so many events was closed: what was kept from the collector is looked at again."""
    if number >= MANY:
        gc.unfreeze()
