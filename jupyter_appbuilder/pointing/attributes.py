"""The attributes of an element's opening tag, as HTML, Vue's templates and JSX write them."""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST_TAG = 8_000  # characters

_TAG = re.compile(r"<[A-Za-z][\w.:-]*")
_NAME = re.compile(r"[^\s=>/{}\"'`<]+")
_SPACE = re.compile(r"\s*")
_BARE = re.compile(r"[^\s>]+")
_PAIRS = {"{": "}", "(": ")", "[": "]"}


class Attribute(NamedTuple):
    """``start`` and ``end``: of what stands in the quotes, or in the braces if it is ``code``."""

    name: str  # "" for a spread: {...props}
    start: int
    end: int
    code: bool


class Tag(NamedTuple):
    name: str
    after_name: int  # where an attribute can be put
    attributes: tuple[Attribute, ...]

    def get(self, name: str) -> Attribute | None:
        return next((one for one in self.attributes if one.name == name), None)


def read_tag(source: str, offset: int) -> Tag | None:
    """The opening tag that begins at ``offset``; None for one that cannot be read."""
    opening = _TAG.match(source, offset)
    if opening is None:
        return None
    at = opening.end()
    most = min(len(source), offset + LONGEST_TAG)
    found: list[Attribute] = []
    while at < most:
        at = _skip(source, at)
        sign = source[at : at + 1]
        if sign == ">" or source.startswith("/>", at):
            return Tag(opening[0][1:], opening.end(), tuple(found))
        if sign == "{":
            end = closing(source, at, most)
            if end is None:
                return None
            if source[at + 1 : end].lstrip().startswith("..."):
                found.append(Attribute("", at + 1, end, code=True))
            at = end + 1
            continue
        if sign == "/":
            at += 1
            continue
        name = _NAME.match(source, at)
        if name is None:
            return None
        at = name.end()
        equals = _skip(source, at)
        if not source.startswith("=", equals):
            found.append(Attribute(name[0], at, at, code=False))
            continue
        at = _skip(source, equals + 1)
        sign = source[at : at + 1]
        if sign and sign in "\"'":
            end = source.find(sign, at + 1, most)
            code = False
        elif sign == "{":
            end, code = closing(source, at, most), True
        else:
            bare = _BARE.match(source, at, most)
            if bare is None:
                return None
            found.append(Attribute(name[0], at, bare.end(), code=False))
            at = bare.end()
            continue
        if end is None or end < 0:
            return None
        found.append(Attribute(name[0], at + 1, end, code))
        at = end + 1
    return None


def closing(source: str, at: int, most: int | None = None) -> int | None:
    """Where the bracket at ``at`` is closed, past strings and comments."""
    waiting: list[str] = []
    most = len(source) if most is None else most
    while at < most:
        sign = source[at]
        if sign in _PAIRS:
            waiting.append(_PAIRS[sign])
        elif sign in "\"'`":
            end = _string_end(source, at, most)
            if end is None:
                return None
            at = end
        elif source.startswith("/*", at):
            at = source.find("*/", at, most) + 1
            if at <= 0:
                return None
        elif sign in "})]":
            if not waiting or waiting.pop() != sign:
                return None
            if not waiting:
                return at
        at += 1
    return None


def split(source: str, start: int, end: int, by: str) -> list[tuple[int, int]]:
    """The parts of a text between signs that stand in no string and no bracket."""
    parts: list[tuple[int, int]] = []
    at = first = start
    while at < end:
        sign = source[at]
        if sign == by:
            parts.append((first, at))
            first = at + 1
        elif sign in _PAIRS:
            at = closing(source, at, end) or end
        elif sign in "\"'`":
            at = _string_end(source, at, end) or end
        at += 1
    return [*parts, (first, end)]


def _string_end(source: str, at: int, most: int) -> int | None:
    quote = source[at]
    at += 1
    while at < most:
        if source[at] == "\\":
            at += 1
        elif source[at] == quote:
            return at
        at += 1
    return None


def _skip(source: str, at: int) -> int:
    space = _SPACE.match(source, at)
    return space.end() if space else at
