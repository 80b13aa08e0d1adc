"""Finding the lines an edit means: strictly, in four passes, each a little more lenient about characters that cannot
be seen. Never by similarity: an edit that hits the wrong place is worse than one that says it found none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
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


def reindented(found: Sequence[str], wanted: Sequence[str], new: Sequence[str]) -> list[str] | None:
    """``new`` with the indentation of the file: ``wanted`` is how the search had the lines ``found``. None where how
    the two differ does not tell what the lines of ``new`` should have, which in Python or YAML would change what they
    mean."""
    pairs = {
        (_indentation(given), _indentation(real)) for real, given in zip(found, wanted, strict=True) if real.strip()
    }
    if all(given == real for given, real in pairs):
        return list(new)
    shifts = {_shift(given, real) for given, real in pairs}
    if len(shifts) == 1 and (shift := shifts.pop()) is not None:
        off, on = shift
        if any(line.strip() and not line.startswith(off) for line in new):
            return None
        return [on + line.removeprefix(off) if line.strip() else line for line in new]
    known = dict(pairs)
    if len(known) < len(pairs):
        return None
    lines: list[str] = []
    for line in new:
        indentation = _indentation(line)
        if line.strip() and indentation not in known:
            deeper = _deeper(known, indentation)
            if deeper is None:
                return None
            known[indentation] = deeper
        lines.append(known[indentation] + line.lstrip() if line.strip() else line)
    return lines


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _shift(given: str, real: str) -> tuple[str, str] | None:
    """What to take off and put before a line that is indented by ``given`` to have it as ``real``."""
    if real.endswith(given):
        return "", real[: len(real) - len(given)]
    if given.endswith(real):
        return given[: len(given) - len(real)], ""
    return None


def _deeper(known: Mapping[str, str], indentation: str) -> str | None:
    """What the file would have for an indentation that is one or more of the known steps deeper than a known one."""
    steps = {
        (after.removeprefix(before), known[after].removeprefix(known[before]))
        for before in known
        for after in known
        if after.startswith(before) and known[after].startswith(known[before]) and after != before
    }
    for step, real in sorted(steps, key=lambda pair: len(pair[0])):
        for before in known:
            rest = indentation.removeprefix(before)
            if indentation.startswith(before) and step and rest == step * (len(rest) // len(step)):
                return known[before] + real * (len(rest) // len(step))
    return None


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
