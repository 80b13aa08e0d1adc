"""Searches texts with a regular expression in a process of its own: a pattern can take for ever, and a process can
be ended. Reads one JSON object from standard input and writes one. Run as a script; imports nothing of ours."""

from __future__ import annotations

import json
import re
import sys

LONGEST_LINE = 400  # characters shown


def search(pattern: str, ignore_case: bool, files: list[list[str]], limit: int) -> dict[str, object]:
    """The lines that match (path, number, text), at most ``limit``; and how many there are in how many files."""
    expression = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    found: list[tuple[str, int, str]] = []
    total = matching = 0
    for path, text in files:
        before = total
        for number, line in enumerate(text.split("\n"), 1):
            match = expression.search(line)
            if not match:
                continue
            total += 1
            if len(found) < limit:
                start = max(0, match.start() - LONGEST_LINE // 2) if len(line) > LONGEST_LINE else 0
                shown = line[start : start + LONGEST_LINE].rstrip()
                cut = len(line) > start + LONGEST_LINE
                found.append((path, number, ("…" if start else "") + shown + ("…" if cut else "")))
        matching += total > before
    return {"found": found, "total": total, "files": matching}


if __name__ == "__main__":
    request = json.load(sys.stdin)
    json.dump(search(request["pattern"], request["ignore_case"], request["files"], request["limit"]), sys.stdout)
