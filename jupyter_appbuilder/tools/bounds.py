"""Shortens long text for a model: its start and end, and a note on what was left out."""

from __future__ import annotations

LIMIT = 24_000  # characters

LEFT_OUT = "[left out of this record: "
"""How what stands for a text in an old call or result begins."""


def is_placeholder(text: str) -> bool:
    """True if a model sent back a placeholder for a text as if it were the text."""
    return text.lstrip().startswith(LEFT_OUT)


def bounded(text: str, limit: int = LIMIT) -> str:
    """``text``, or when it is longer than ``limit`` characters its head and tail, cut at line ends where that costs
    little, around a note of what was left out and how to see it."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit * 2 // 3], text[len(text) - limit // 3 :]
    if (cut := head.rfind("\n")) > len(head) * 3 // 4:
        head = head[: cut + 1]
    if 0 <= (cut := tail.find("\n")) < len(tail) // 4:
        tail = tail[cut + 1 :]
    missing = text[len(head) : len(text) - len(tail)]
    lines = missing.count("\n")
    size = f"{len(missing):,} characters" + (f" ({lines:,} lines)" if lines else "")
    note = (
        f"[… {size} left out here. To see them ask for less at a time: a range of lines, a narrower search, or the "
        "command's output through head, tail or grep …]"
    )
    return f"{head.removesuffix(chr(10))}\n{note}\n{tail}"


def clipped(text: str, size: int) -> str:
    """At most ``size`` bytes (UTF-8) of a text for people, cut at a line end, with word of it."""
    data = text.encode(errors="replace")
    if len(data) <= size:
        return text
    kept = data[:size].decode(errors="ignore")
    return kept[: kept.rfind("\n") + 1] + "… the rest is left out here\n"
