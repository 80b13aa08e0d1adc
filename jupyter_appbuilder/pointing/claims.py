"""What the page says was pointed at. The page is generated code: a claim is bounded here, and compared with the app's
files before any of it counts (``places``)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..errors import InvalidInput
from ..formats.text import CONTROL, in_a_line

MOST = 10
"""Things that one message can point at."""

LONGEST_TEXT = 200  # characters of what an element shows
LONGEST_SELECTOR = 300
LONGEST_PATH = 400
LONGEST_NAME = 80
MOST_POSITIONS = 8
MOST_PROPS = 8
LARGEST = 1_000_000  # a line, a column, a coordinate
WINDOW = (200, 2_000)  # px of the window, at least and at most
PICTURE = re.compile(r"[0-9a-f]{32}")

_TAG = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file that the page names; ``line`` and ``column`` from 1. ``name``: of the element or component
    that is written there."""

    name: str
    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class View:
    """The window that the page is seen in, and how far it is scrolled, in CSS px."""

    width: int = 1280
    height: int = 800
    left: int = 0
    top: int = 0
    dark: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """``positions``: where the element is written, and after it what it is part of, from the inside out."""

    tag: str
    text: str = ""
    path: str = "/"  # the app's page
    selector: str = ""
    positions: tuple[Position, ...] = ()
    props: tuple[tuple[str, str], ...] = ()
    box: tuple[int, int, int, int] | None = None  # left, top, width, height of a region, in pixels of the page
    within: tuple[str, ...] = ()  # texts of what lies in a region
    view: View = View()
    picture: str = ""  # what was taken of it, as ``attachments.shelf`` calls it


def read_claims(values: Sequence[Any]) -> list[Claim]:
    """Raises ``InvalidInput`` for more than ``MOST``, and as ``read_claim``."""
    if len(values) > MOST:
        raise InvalidInput(
            f"The message points at {len(values)} things; the limit is {MOST}.", hint="Take some out.", field="pointed"
        )
    return [read_claim(value) for value in values]


def read_claim(value: Any) -> Claim:
    """What a page said, as far as it has the shape of a claim. Raises ``InvalidInput`` where there is no element."""
    data = _mapping(value)
    tag = data.get("tag")
    if not isinstance(tag, str) or not _TAG.fullmatch(tag):
        raise InvalidInput(
            "What was pointed at is no element of a page.", hint="Point at it once more.", field="pointed"
        )
    return Claim(
        tag,
        _text(data.get("text"), LONGEST_TEXT),
        _text(data.get("path"), LONGEST_PATH) or "/",
        _text(data.get("selector"), LONGEST_SELECTOR),
        tuple(position for one in _list(data.get("positions"))[:MOST_POSITIONS] if (position := _position(one))),
        tuple(
            (_text(name, LONGEST_NAME), _text(given, LONGEST_NAME))
            for name, given in list(_mapping(data.get("props")).items())[:MOST_PROPS]
            if isinstance(given, str)
        ),
        _box(data.get("box")),
        tuple(text for one in _list(data.get("within"))[:MOST_PROPS] if (text := _text(one, LONGEST_NAME))),
        _view(data),
        picture if isinstance(picture := data.get("picture"), str) and PICTURE.fullmatch(picture) else "",
    )


def _view(data: Mapping[Any, Any]) -> View:
    numbers = [_number(one) for one in _list(data.get("view"))]
    if len(numbers) != 4 or None in numbers:
        return View(dark=data.get("dark") is True)
    width, height, left, top = cast("list[int]", numbers)
    least, most = WINDOW
    width, height = (min(most, max(least, one)) for one in (width, height))
    return View(width, height, left, top, data.get("dark") is True)


def _position(value: Any) -> Position | None:
    data = _mapping(value)
    file, line, column = data.get("file"), _number(data.get("line")), _number(data.get("column"))
    if not isinstance(file, str) or not file or len(file) > LONGEST_PATH or CONTROL.search(file):
        return None
    return Position(_text(data.get("name"), LONGEST_NAME), file, line, column) if line and column else None


def _box(value: Any) -> tuple[int, int, int, int] | None:
    numbers = [_number(one) for one in _list(value)]
    return cast("tuple[int, int, int, int]", tuple(numbers)) if len(numbers) == 4 and None not in numbers else None


def _number(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        return None
    return value


def _text(value: Any, most: int) -> str:
    """In one line."""
    if not isinstance(value, str):
        return ""
    text = in_a_line(value[: 4 * most])
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _mapping(value: Any) -> Mapping[Any, Any]:
    return cast("Mapping[Any, Any]", value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
