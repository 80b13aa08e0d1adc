"""How much one reader may ask of an app, so that there is something left for the others."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

MOST_READERS = 10_000
"""That are known at a time: of more, who asked the longest ago begins anew."""


class RateLimit:
    """So many requests at once, and then so many a second."""

    def __init__(
        self, per_second: float = 50.0, at_once: int = 400, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many are left, and since when

    def take(self, reader: str) -> int:
        """0 for a request that may pass; else how many seconds the reader has to wait."""
        now = self._clock()
        left, since = self._left.pop(reader, (float(self._at_once), now))
        left = min(self._at_once, left + (now - since) * self._per_second)
        passes = left >= 1
        self._left[reader] = (left - 1 if passes else left, now)
        if len(self._left) > MOST_READERS:
            self._left.popitem(last=False)
        return 0 if passes else max(1, math.ceil((1 - left) / self._per_second))


class Room:
    """How many things may go on at a time: of one reader, and of all."""

    def __init__(self, of_one: int, of_all: int) -> None:
        self._of_one = of_one
        self._of_all = of_all
        self._held: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        return self._held.total()

    def enter(self, reader: str) -> bool:
        """Take a place, to be given back by ``leave``; False where there is none."""
        if self._held[reader] >= self._of_one or self.taken >= self._of_all:
            return False
        self._held[reader] += 1
        return True

    def leave(self, reader: str) -> None:
        self._held[reader] -= 1
        if self._held[reader] <= 0:
            del self._held[reader]
