"""Finding the lines an edit means: strictly, in four passes, each a little more lenient about characters that cannot
be seen. Never by similarity: an edit that hits the wrong place is worse than one that says it found none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate

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
    (
        "but for characters that look alike",
        lambda line: (line if line.isascii() else line.translate(LOOK_ALIKES)).strip(),
    ),
)

MOST_COMPARED = 3000  # lines looked at for the nearest text
MOST_CLOSELY = 40  # of these, lines compared letter by letter
LONGEST_COMPARED = 200  # characters of such a line
MOST_INDENTATIONS = 30  # different ones in an edit
DEEPEST_INDENTATION = 400  # characters
CONTEXT = 2


def find_lines(
    lines: Sequence[str], wanted: Sequence[str], alike: Callable[[str], str], most: int | None = None
) -> list[int]:
    """The indices at which the lines of ``wanted`` stand in ``lines``, compared through ``alike``: the first ``most``.

    Linear in the number of lines, however often they repeat themselves (Knuth, Morris and Pratt).
    """
    if not wanted or len(wanted) > len(lines):
        return []
    there = [alike(line) for line in wanted]
    numbers = {line: number for number, line in enumerate(dict.fromkeys(there))}
    pattern = [numbers[line] for line in there]
    back = _borders(pattern)
    found: list[int] = []
    fitting = 0  # of the wanted lines
    for at, line in enumerate(lines):
        number = numbers.get(alike(line), -1)
        while fitting and pattern[fitting] != number:
            fitting = back[fitting - 1]
        fitting += pattern[fitting] == number
        if fitting == len(pattern):
            found.append(at - fitting + 1)
            if len(found) == most:
                break
            fitting = back[fitting - 1]
    return found


def _borders(pattern: Sequence[int]) -> list[int]:
    """For each beginning of ``pattern``: how long the longest shorter beginning is that it also ends with."""
    back = [0] * len(pattern)
    length = 0
    for at in range(1, len(pattern)):
        while length and pattern[length] != pattern[at]:
            length = back[length - 1]
        length += pattern[length] == pattern[at]
        back[at] = length
    return back


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
    if len(known) < len(pairs) or any(len(real) > DEEPEST_INDENTATION for pair in pairs for real in pair):
        return None
    lines: list[str] = []
    for line in new:
        indentation = _indentation(line)
        if line.strip() and indentation not in known:
            few = len(known) < MOST_INDENTATIONS and len(indentation) <= DEEPEST_INDENTATION
            deeper = _deeper(known, indentation) if few else None
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
    same: dict[str, str] = {}  # so that equal lines are one object: comparing these takes no time
    compared = [same.setdefault(line, line) for line in (line.strip() for line in lines[:MOST_COMPARED])]
    sought = [same.setdefault(line, line) for line in (line.strip() for line in wanted) if line][:40]
    scores = _likeness(compared, sought)
    best = scores.index(max(scores))
    if scores[best] == 0:
        anchor = max(sought, key=len)
        line = _closest(compared, anchor)
        if line is None:
            return ""
        best = max(0, line - sought.index(anchor))
    start, end = max(0, best - CONTEXT), min(len(lines), best + len(wanted) + CONTEXT, best + 40)
    return numbered([line[:300] for line in lines[start:end]], start + 1)


def _likeness(lines: Sequence[str], sought: Sequence[str]) -> list[float]:
    """For each line, how like ``sought`` the passage is that begins with it."""
    # Lines such as "}" say little; longer ones say more.
    weight = {line: len(line) for line in sought if re.search(r"\w", line)}
    sums = [0, *accumulate(weight.get(line, 0) for line in lines)]
    length = len(sought)
    return [
        sums[min(start + length, len(lines))]
        - sums[start]
        + 0.5
        * sum(len(line) for line, other in zip(lines[start : start + length], sought, strict=False) if line == other)
        for start in range(len(lines))
    ]


def _closest(lines: Sequence[str], anchor: str) -> int | None:
    """Which line is most like ``anchor``, if any is more than half like it. Those that have most letters in common are
    compared."""
    matcher = SequenceMatcher(None, "", anchor[:LONGEST_COMPARED], autojunk=False)
    rated: list[tuple[float, int]] = []
    for line, at in {line: at for at, line in reversed(list(enumerate(lines)))}.items():
        if line and 0.4 < (len(line) + 1) / (len(anchor) + 1) < 2.5:
            matcher.set_seq1(line[:LONGEST_COMPARED])
            if matcher.real_quick_ratio() > 0.5 and (common := matcher.quick_ratio()) > 0.5:
                rated.append((common, at))
    rated.sort(key=lambda one: (-one[0], one[1]))
    best, found = 0.5, None
    for common, at in rated[:MOST_CLOSELY]:
        if common < best:
            break  # its likeness is at most that
        matcher.set_seq1(lines[at][:LONGEST_COMPARED])
        likeness = matcher.ratio()
        if likeness > best or (found is not None and likeness == best and at < found):
            best, found = likeness, at
    return found
