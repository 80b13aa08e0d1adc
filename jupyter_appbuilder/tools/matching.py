"""Finding the lines an edit means: strictly, in four passes, each a little more lenient about characters that cannot
be seen. Never by similarity: an edit that hits the wrong place is worse than one that says it found none."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

LOOK_ALIKES = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys(
            "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
        ),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff"),
        "\u2026": "...",
    }
)

PASSES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("exactly", str),
    ("but for white space at line ends", str.rstrip),
    ("but for white space around lines", str.strip),
    ("but for characters that look alike", lambda line: line.translate(LOOK_ALIKES).strip()),
)

MOST_COMPARED = 3000  # lines looked at for the nearest text
CONTEXT = 2


def find_lines(lines: Sequence[str], wanted: Sequence[str], alike: Callable[[str], str]) -> list[int]:
    """Every index at which the lines of ``wanted`` stand in ``lines``, compared through ``alike``."""
    if not wanted or len(wanted) > len(lines):
        return []
    here, there = [alike(line) for line in lines], [alike(line) for line in wanted]
    first, length = there[0], len(there)
    return [
        start
        for start in range(len(here) - length + 1)
        if here[start] == first and here[start : start + length] == there
    ]


def indentation_shift(found: Sequence[str], wanted: Sequence[str]) -> tuple[str, str] | None:
    """What to take off and put before each line of the replacement so that it fits where the lines were found: the
    one difference in indentation that all of them share. None when there is no such one."""
    shifts: set[tuple[str, str]] = set()
    for real, given in zip(found, wanted, strict=True):
        if not real.strip():
            continue
        indent, stated = (line[: len(line) - len(line.lstrip())] for line in (real, given))
        if indent.endswith(stated):
            shifts.add(("", indent[: len(indent) - len(stated)]))
        elif stated.endswith(indent):
            shifts.add((stated[: len(stated) - len(indent)], ""))
        else:
            return None
    return shifts.pop() if len(shifts) == 1 else None


def numbered(lines: Sequence[str], first: int = 1) -> str:
    """Lines with their numbers, one a line: the number, a tab, the text."""
    return "\n".join(f"{number}\t{line}" for number, line in enumerate(lines, first))


def nearest(lines: Sequence[str], wanted: Sequence[str]) -> str:
    """The passage most like ``wanted``, with line numbers and a little around it; empty when nothing is like it."""
    if not lines or not any(line.strip() for line in wanted):
        return ""
    compared = [line.strip() for line in lines[:MOST_COMPARED]]
    sought = [line.strip() for line in wanted if line.strip()][:40]
    best = max(range(len(compared)), key=lambda start: _likeness(compared[start : start + len(sought)], sought))
    if _likeness(compared[best : best + len(sought)], sought) == 0:
        anchor = max(sought, key=len)
        scores = [_ratio(line, anchor) for line in compared]
        score = max(scores)
        if score < 0.5:
            return ""
        best = max(0, scores.index(score) - sought.index(anchor))
    start, end = max(0, best - CONTEXT), min(len(lines), best + len(wanted) + CONTEXT, best + 40)
    return numbered([line[:300] for line in lines[start:end]], start + 1)


def _likeness(window: Sequence[str], sought: Sequence[str]) -> float:
    same = set(sought)
    # Lines such as "}" say little; longer ones say more.
    return sum(len(line) for line in window if line in same and re.search(r"\w", line)) + 0.5 * sum(
        len(line) for line, other in zip(window, sought, strict=False) if line == other
    )


def _ratio(line: str, anchor: str) -> float:
    if not line or not 0.4 < (len(line) + 1) / (len(anchor) + 1) < 2.5:
        return 0
    matcher = SequenceMatcher(None, line[:300], anchor[:300], autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() > 0.5 and matcher.quick_ratio() > 0.5 else 0
