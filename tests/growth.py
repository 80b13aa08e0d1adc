"""Whether work grows with what it is given or with the square of it, told by two sizes in the same run."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import TypeVar

TIMES = 8
"""How much larger the larger one is."""

STRAIGHT = 3 * TIMES
"""Work that grows with what it is given stays below; with the square it would be ``TIMES`` times ``TIMES``."""

LEAST = 0.002
"""Seconds: what takes less says nothing."""

T = TypeVar("T")


def growth(work: Callable[[T], object], large: T, small: T) -> float:
    """How many times as long (processor time of this thread) ``work`` takes for ``large`` as for ``small``."""

    def taken(given: T) -> float:
        begun = time.thread_time()
        work(given)
        return time.thread_time() - begun

    found = math.inf
    for _ in range(3):  # other work on the machine makes single ones slow
        found = min(found, taken(large) / max(LEAST, taken(small)))
        if found < STRAIGHT:
            break
    return found


def shorter(text: str) -> str:
    """``text`` with whatever is repeated in it over and over an eighth as often."""

    def fewer(run: re.Match[str]) -> str:
        return run[1] * (len(run[0]) // len(run[1]) // TIMES)

    return re.sub(r"(.{1,60}?)\1{15,}", fewer, text, flags=re.DOTALL)
