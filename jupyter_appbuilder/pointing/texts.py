"""The text of an element as its source has it: found at the element's place, and replaced there."""

from __future__ import annotations

import html
import re
from typing import NamedTuple

from ..errors import Conflict, InvalidInput

LONGEST = 2000  # characters of a text that is changed in its place
MOST_INSIDE = 100  # elements that stand for themselves beside a text

_MARKUP = (".tsx", ".jsx", ".ts", ".js", ".mjs", ".vue", ".html", ".htm", ".svelte")
_NAME = re.compile(r"<([A-Za-z][\w.:-]*)")
_SIGN = re.compile("[<{]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "{": "&#123;", "}": "&#125;"}
_UNQUOTED = re.compile(r"[\"'`\\{}\n\r$%]")
"""What ends a text in quotes or means something else there, in one of the languages that apps are written in."""


class Literal(NamedTuple):
    """Where a text stands in a source, without the white space around it, and the text as a page shows it."""

    start: int
    end: int
    text: str


def plain(text: str) -> str:
    """As a page shows it: in one line, without white space around it."""
    return " ".join(text.split())


def offset_of(source: str, line: int, column: int) -> int | None:
    """Where a line's column is; both from 1. None where there is none."""
    start = 0
    for _ in range(line - 1):
        end = source.find("\n", start)
        if end < 0:
            return None
        start = end + 1
    end = source.find("\n", start)
    length = (len(source) if end < 0 else end) - start
    return start + column - 1 if column <= length else None


def place_of(source: str, offset: int) -> tuple[int, int]:
    """Its line and column, from 1."""
    start = source.rfind("\n", 0, offset) + 1
    return source.count("\n", 0, offset) + 1, offset - start + 1


def literal_at(source: str, offset: int) -> Literal | None:
    """The only text in the element that begins at ``offset``, where it is written as it is shown: not computed, not
    mixed with other elements than those that stand for themselves (icons)."""
    at = _after_opening(source, offset)
    if at is None:
        return None
    found: Literal | None = None
    for _ in range(MOST_INSIDE):
        end = _next(source, at)
        if end is None or source[end] == "{":
            return None
        written = source[at:end]
        if "{" in written or "}" in written:
            return None
        if written.strip():
            if found:
                return None
            start = at + len(written) - len(written.lstrip())
            found = Literal(start, at + len(written.rstrip()), plain(html.unescape(written)))
        if source.startswith("</", end):
            return found
        inner = _opening(source, end)
        if inner is None or not inner[1]:
            return None
        at = inner[0]
    return None


def replaced_at(source: str, offset: int, before: str, after: str) -> str:
    """``source`` with ``after`` as the text of the element at ``offset``. Raises ``Conflict`` unless that is
    ``before``, written as it is shown."""
    literal = literal_at(source, offset)
    if literal is None or literal.text != plain(before):
        raise Conflict(
            "The source does not hold this text at that place: it is computed, or was changed meanwhile.",
            hint="Point at it once more, or ask for the change.",
            reason="no_literal",
        )
    written = "".join(_ENTITIES.get(sign, sign) for sign in plain(after))
    return source[: literal.start] + written + source[literal.end :]


def replaced_once(source: str, before: str, after: str) -> str:
    """``source`` with ``after`` in place of ``before``, in quotes. Raises ``Conflict`` unless it is there exactly
    once and whole, ``InvalidInput`` for a text that would end it."""
    at = source.find(before)
    around = (source[at - 1 : at], source[at + len(before) : at + len(before) + 1])
    if source.count(before) != 1 or around[0] != around[1] or around[0] not in ("'", '"'):
        raise Conflict(
            "The source does not hold this text once, in quotes.", hint="Ask for the change.", reason="no_literal"
        )
    if sign := _UNQUOTED.search(after):
        raise InvalidInput(
            f"The text has {sign[0]!r}, which means something else in code.",
            hint="Leave it out, or ask for the change.",
            field="text",
        )
    return source[:at] + after + source[at + len(before) :]


def name_at(source: str, offset: int) -> str:
    """The name of the element at ``offset``; empty where there is none."""
    found = _NAME.match(source, offset)
    return found[1] if found else ""


def is_markup(path: str) -> bool:
    """Whether elements are written in such a file."""
    return path.endswith(_MARKUP)


def _next(source: str, at: int) -> int | None:
    """The next sign that is no text: ``<``, ``{``."""
    found = _SIGN.search(source, at)
    return found.start() if found else None


def _after_opening(source: str, offset: int) -> int | None:
    opening = _opening(source, offset)
    return opening[0] if opening and not opening[1] else None


def _opening(source: str, offset: int) -> tuple[int, bool] | None:
    """Where the opening tag at ``offset`` ends, and whether it is all of its element."""
    if not _NAME.match(source, offset):
        return None
    depth, quote = 0, ""
    for at in range(offset + 1, min(len(source), offset + 20_000)):
        sign = source[at]
        if quote:
            if sign == quote and source[at - 1] != "\\":
                quote = ""
        elif sign in "\"'`":
            quote = sign
        elif sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
        elif sign == ">" and depth == 0:
            return at + 1, source[at - 1] == "/"
    return None
