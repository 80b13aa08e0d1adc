"""What the agent suggests to ask for next: the lines ``Next: …`` that its last answer ends with.

They come with the answer, so no request is made for them and any model can give them. The event has them apart from
the words that were said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..formats.text import in_a_line

MOST = 3
LONGEST = 80  # characters; a longer line is prose, and stays said
_LONGEST_END = 2_000  # characters of all such lines, with what is around them
_MOST_LINES = 24  # of such an end
_MARK = "next:"
_AROUND = " \t-*_•"  # models make lists and bold words of them
_LINE = re.compile(r"[\s*_•-]*next:[*_]*\s+(.*)", re.IGNORECASE | re.DOTALL)


def apart(text: str) -> tuple[str, list[str]]:
    """An answer's words without the lines at its end that suggest something, and what those suggest."""
    end = text.rstrip()
    lines = end[-_LONGEST_END:].rsplit("\n", _MOST_LINES)
    cut = len(end) > _LONGEST_END or len(lines) > _MOST_LINES
    if cut:
        lines = lines[1:]  # it may begin anywhere
    found: list[str] = []
    rest = end
    for line in reversed(lines):
        suggestion = _suggestion(line)
        if suggestion is None and line.strip():
            break
        if suggestion is not None:
            found.insert(0, suggestion)
        rest = rest[: len(rest) - len(line)].removesuffix("\n")
    else:
        if cut:
            return text, []  # without an end: no suggestions
    if not found:
        return text, []
    return rest.rstrip(), list(dict.fromkeys(found))[:MOST]


def whole(data: Mapping[str, Any]) -> str:
    """The words of a ``response.completed`` with what it suggests: for the model that said them, and for readers who
    are shown text alone."""
    return "\n\n".join(filter(None, [data["text"], "\n".join(f"Next: {one}" for one in data.get("suggestions", ()))]))


def _suggestion(line: str) -> str | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    told = in_a_line(found[1]).strip('*_`"“”„ ')
    return told if 3 <= len(told) <= LONGEST and any(map(str.isalnum, told)) else None


class Words:
    """An answer's words as they come, without an end that may be a suggestion: the whole answer follows."""

    def __init__(self) -> None:
        self._held = ""
        self._begins = True  # what is held begins a line

    def take(self, text: str) -> str:
        """What can be shown by now."""
        waiting = self._held + text
        shown = start = len(waiting)
        for line in reversed(waiting[-_LONGEST_END:].rsplit("\n", _MOST_LINES)):
            start -= len(line)
            begins = self._begins if start == 0 else waiting[start - 1] == "\n"
            if not begins or not _may_suggest(line):
                break
            shown = start
            start -= 1
        if len(waiting) - shown >= _LONGEST_END:
            shown = len(waiting)
        if shown:
            self._begins = waiting[shown - 1] == "\n"
        self._held = waiting[shown:]
        return waiting[:shown]

    def rest(self) -> str:
        """What was held back: calls follow, so it is no end."""
        held, self._held = self._held, ""
        return held


def _may_suggest(line: str) -> bool:
    """Whether a line, as far as it is known, can be one that suggests something, or stand between two of them."""
    begun = line.lstrip(_AROUND).lower()
    return (begun.startswith(_MARK) and len(begun) <= LONGEST + 20) or _MARK.startswith(begun)
