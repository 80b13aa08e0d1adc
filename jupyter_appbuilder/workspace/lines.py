"""Line differences between two versions of a text."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

MOST_LINES = 2000
"""Above this, what lies between the common start and end counts as replaced whole: comparing would take too long."""

NO_NEWLINE = "\\ No newline at end of file\n"


def changed_lines(before: str, after: str) -> tuple[int, int]:
    """The numbers of added and removed lines."""
    added = removed = 0
    for tag, a1, a2, b1, b2 in _opcodes(_split(before), _split(after)):
        if tag != "equal":
            removed += a2 - a1
            added += b2 - b1
    return added, removed


def unified(before: str, after: str, path: str, context: int = 3) -> str:
    """The unified diff of one file; empty when nothing differs."""
    a, b = _split(before), _split(after)
    text: list[str] = []
    for group in _groups(_opcodes(a, b), context):
        _, a1, _, b1, _ = group[0]
        _, _, a2, _, b2 = group[-1]
        text.append(f"@@ -{_range(a1, a2)} +{_range(b1, b2)} @@\n")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                text += [" " + line for line in map(_ended, a[i1:i2])]
            else:
                text += ["-" + line for line in map(_ended, a[i1:i2])]
                text += ["+" + line for line in map(_ended, b[j1:j2])]
    if not text:
        return ""
    return f"--- {'a/' + path if before else '/dev/null'}\n+++ {'b/' + path if after else '/dev/null'}\n" + "".join(
        text
    )


def _split(text: str) -> list[str]:
    # Not splitlines(): it also splits at form feeds and other characters that end no line.
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def _ended(line: str) -> str:
    return line if line.endswith("\n") else line + "\n" + NO_NEWLINE


def _range(start: int, end: int) -> str:
    length = end - start
    return f"{start + 1 if length else start},{length}" if length != 1 else str(start + 1)


Opcode = tuple[str, int, int, int, int]


def _opcodes(a: list[str], b: list[str]) -> list[Opcode]:
    start, shorter = 0, min(len(a), len(b))
    while start < shorter and a[start] == b[start]:
        start += 1
    end = 0
    while end < shorter - start and a[-1 - end] == b[-1 - end]:
        end += 1
    middle_a, middle_b = a[start : len(a) - end], b[start : len(b) - end]
    codes: list[Opcode] = [("equal", 0, start, 0, start)] if start else []
    if len(middle_a) + len(middle_b) > MOST_LINES or not middle_a or not middle_b:
        if middle_a or middle_b:
            codes.append(("replace", start, len(a) - end, start, len(b) - end))
    else:
        matcher = SequenceMatcher(None, middle_a, middle_b, autojunk=False)
        codes += [
            (tag, a1 + start, a2 + start, b1 + start, b2 + start) for tag, a1, a2, b1, b2 in matcher.get_opcodes()
        ]
    if end:
        codes.append(("equal", len(a) - end, len(a), len(b) - end, len(b)))
    return codes


def _groups(codes: list[Opcode], context: int) -> Iterator[list[Opcode]]:
    group: list[Opcode] = []
    for tag, a1, a2, b1, b2 in codes:
        if tag != "equal":
            group.append((tag, a1, a2, b1, b2))
            continue
        if group:
            if a2 - a1 <= 2 * context:
                group.append((tag, a1, a2, b1, b2))
                continue
            group.append((tag, a1, a1 + context, b1, b1 + context))
            yield group
        kept = min(context, a2 - a1)
        group = [(tag, a2 - kept, a2, b2 - kept, b2)] if kept else []
    while group and group[-1][0] == "equal" and group[-1][2] - group[-1][1] > context:
        tag, a1, _, b1, _ = group.pop()
        group.append((tag, a1, a1 + context, b1, b1 + context))
    if any(code[0] != "equal" for code in group):
        yield group
