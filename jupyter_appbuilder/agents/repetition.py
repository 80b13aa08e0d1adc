"""Detects text that repeats itself: models get stuck on a word or paragraph until their output limit."""

from __future__ import annotations

TIMES = 8  # of them the whole window is made


class Repetition:
    """Takes a text as it grows, and knows when its end is one piece over and over, to the letter."""

    def __init__(self, window: int) -> None:
        """``window``: characters that must repeat; what is repeated is at most ``window / TIMES`` long."""
        self._window = window
        self._end = ""
        self._fresh: list[str] = []
        self._length = 0  # of what is fresh

    def take(self, text: str) -> bool:
        """True if the text now repeats itself. Looked at each eighth of a window, so that it costs little."""
        self._fresh.append(text)
        self._length += len(text)
        longest = self._window // TIMES
        if self._length < longest:
            return False
        self._end = (self._end + "".join(self._fresh))[-self._window :]
        self._fresh, self._length = [], 0
        return len(self._end) == self._window and self._end[longest:] in self._end[:-1]
