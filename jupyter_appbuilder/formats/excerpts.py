"""Beginnings of texts, and texts within Markdown."""

from __future__ import annotations

import re


def bounded(text: str, limit: int, length: int = 0) -> str:
    """The beginning of a text, in whole lines where that costs little, and how much is left out. ``length``: how long
    it was, where that is more."""
    length = max(length, len(text))
    if length <= limit:
        return text
    head = text[:limit]
    if (cut := head.rfind("\n")) > limit * 3 // 4:
        head = head[: cut + 1]
    return f"{head.rstrip(chr(10))}\n[… {length - len(head):,} of {length:,} characters left out …]"


def fenced(text: str) -> str:
    """A text between fences that do not stand in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.rstrip(chr(10))}\n{fence}"
