"""Source maps: from lines that a dev server serves to lines of the app's files.

A page names what it was given: line 23 of a module that is made of a file with 14. The dev server knows the way back
and says it in a source map beside each module. All that comes from there is the app's own and may be anything, so it
is bounded, and what cannot be read leaves a position as it was.
"""

from __future__ import annotations

import base64
import json
import posixpath
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urljoin, urlsplit

MOST_MAPPINGS = 2_000_000  # characters of one map's mappings
MOST_SECTIONS = 1000
LARGEST = 2**31 - 1
MOST_PATH = 300  # characters

MAP_URL = "//# sourceMappingURL="
BUNDLERS = re.compile(r"(?:turbopack|webpack|webpack-internal):/*(?:\([^()/]*\)/)?(?:_N_E/)?(?:\[project\]/)?")

DIGITS = {
    letter: value for value, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}

Position = tuple[int, int]
"""Line and column, both counted from 0."""


class Segment(NamedTuple):
    """From ``column`` on, a line was made of this place; ``source`` is -1 where of nothing."""

    column: int
    source: int = -1
    line: int = 0
    from_column: int = 0


class Place(NamedTuple):
    """A place in one of the sources of a map; line and column counted from 0."""

    source: str
    line: int
    column: int


class Unreadable(ValueError):
    """This is no source map, or one that is too large."""


def decoded(mappings: str, lines: Iterable[int]) -> dict[int, list[Segment]]:
    """The segments of some lines, in the order of their columns. Raises ``Unreadable``."""
    wanted = set(lines)
    found: dict[int, list[Segment]] = {line: [] for line in wanted}
    if len(mappings) > MOST_MAPPINGS:
        raise Unreadable(f"The mappings are over {MOST_MAPPINGS} characters.")
    source = from_line = from_column = 0
    last = max(wanted, default=-1)
    for number, text in enumerate(mappings.split(";")):
        if number > last:
            break
        column = 0
        for segment in filter(None, text.split(",")):
            fields = _numbers(segment)
            if len(fields) not in (1, 4, 5):
                raise Unreadable("A segment has neither one, four nor five fields.")
            column += fields[0]
            if len(fields) > 1:
                source, from_line, from_column = source + fields[1], from_line + fields[2], from_column + fields[3]
            if not all(0 <= value <= LARGEST for value in (column, source, from_line, from_column)):
                raise Unreadable("A number is out of range.")
            if number in wanted:
                of = Segment(column, source, from_line, from_column) if len(fields) > 1 else Segment(column)
                found[number].append(of)
    for segments in found.values():
        segments.sort(key=lambda segment: segment.column)
    return found


def _numbers(segment: str) -> list[int]:
    """The numbers of one segment: base 64, five bits at a time, the least first; the lowest bit is the sign."""
    numbers: list[int] = []
    value = shift = 0
    for letter in segment:
        digit = DIGITS.get(letter)
        if digit is None or shift > 30:
            raise Unreadable("A number is no base 64 VLQ of 32 bits.")
        value |= (digit & 31) << shift
        shift += 5
        if digit < 32:
            numbers.append(-(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    if shift:
        raise Unreadable("A segment ends in the middle of a number.")
    return numbers


def places(text: str, positions: Iterable[Position]) -> dict[Position, Place | None]:
    """The source of each position, by a source map given as JSON; None if the map does not say.

    Raises ``Unreadable``. A position that stands before all that its own line tells comes from nowhere.
    """
    try:
        told: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("This is no JSON.") from error
    found: dict[Position, Place | None] = dict.fromkeys(positions)
    by_map: dict[int, tuple[Mapping[str, Any], dict[Position, Position]]] = {}
    sections = _sections(told)
    starts = [start for start, _ in sections]
    for position in found:
        at = bisect_right(starts, position) - 1
        if at < 0:
            continue
        (line, column), part = sections[at]
        inside = (position[0] - line, position[1] - (column if position[0] == line else 0))
        by_map.setdefault(at, (part, {}))[1][position] = inside
    for part, asked in by_map.values():
        found |= _places_by(part, asked)
    return found


def _sections(told: Any) -> list[tuple[Position, Mapping[str, Any]]]:
    """The parts of a map in their order, each with the position that it begins at."""
    whole = _object(told)
    if not isinstance(whole.get("sections"), list):
        return [((0, 0), whole)]
    listed = cast("list[Any]", whole["sections"])
    if len(listed) > MOST_SECTIONS:
        raise Unreadable(f"There are over {MOST_SECTIONS} sections.")
    sections: list[tuple[Position, Mapping[str, Any]]] = []
    for item in listed:
        section = _object(item)
        offset = _object(section.get("offset"))
        start = (_whole(offset.get("line")), _whole(offset.get("column")))
        part = _object(section.get("map"))
        if "sections" in part:
            raise Unreadable("A section has sections.")
        sections.append((start, part))
    return sorted(sections, key=lambda section: section[0])


def _places_by(part: Mapping[str, Any], asked: Mapping[Position, Position]) -> dict[Position, Place | None]:
    mappings, sources, root = part.get("mappings"), part.get("sources"), part.get("sourceRoot") or ""
    if not isinstance(mappings, str) or not isinstance(sources, list) or not isinstance(root, str):
        raise Unreadable("Mappings, sources or their root are of the wrong type.")
    names = cast("list[Any]", sources)
    lines = decoded(mappings, {line for line, _ in asked.values()})
    found: dict[Position, Place | None] = {}
    for position, (line, column) in asked.items():
        segments = lines[line]
        at = bisect_right(segments, column, key=lambda segment: segment.column) - 1
        segment = segments[at] if at >= 0 else Segment(0)
        name = names[segment.source] if 0 <= segment.source < len(names) else None
        if isinstance(name, str):
            joined = f"{root.rstrip('/')}/{name}" if root else name
            found[position] = Place(joined, segment.line, segment.from_column)
        else:
            found[position] = None
    return found


def _object(told: Any) -> Mapping[str, Any]:
    if not isinstance(told, dict):
        raise Unreadable("A map, section or offset is no object.")
    return cast("Mapping[str, Any]", told)


def _whole(told: Any) -> int:
    if type(told) is not int or not 0 <= told <= LARGEST:
        raise Unreadable("An offset is no whole number.")
    return told


def own_file(source: str, module: str, roots: Sequence[str]) -> str | None:
    """The file of the app that a map's source is, as the app has it; None where it is none of the app's own.

    ``module``: the path, below the base, of what the map came with. ``roots``: what the app's folder is called, as
    absolute paths.
    """
    bundled = BUNDLERS.match(source)
    if bundled:
        path = source[bundled.end() :]
    elif source.startswith("file://"):
        path = urlsplit(source).path
    elif re.match(r"[a-zA-Z][\w+.-]*:", source):
        return None
    else:
        path = source
    path = unquote(path.partition("?")[0])
    if path.startswith("/"):
        root = next((root for root in roots if path.startswith(f"{root.rstrip('/')}/")), None)
        if root is None:
            return None
        path = path[len(root.rstrip("/")) + 1 :]
    elif not bundled:
        path = posixpath.join(posixpath.dirname(module), path)
    path = posixpath.normpath(path)
    outside = path in (".", "..") or path.startswith(("../", "/")) or "node_modules" in path.split("/")
    return None if outside or len(path) > MOST_PATH or not path.isprintable() else path


@dataclass(frozen=True, slots=True)
class MapReference:
    """A module's source map: the map itself, or a path to request."""

    text: str = ""
    path: str = ""


def map_of(body: str, path: str, base_path: str) -> MapReference | None:
    """The map that a module served at ``path`` names; None where it names none, or one from elsewhere."""
    at = body.rfind(MAP_URL)
    if at < 0:
        return None
    end = body.find("\n", at)
    named = body[at + len(MAP_URL) : end if end >= 0 else None].strip()
    if named.startswith("data:"):
        kind, _, data = named.partition(",")
        try:
            raw = base64.b64decode(data) if kind.endswith(";base64") else unquote(data).encode()
            return MapReference(text=raw.decode())
        except ValueError:
            return None
    whole = urljoin(path, named)
    return MapReference(path=whole) if whole.startswith(base_path) and ".." not in whole else None
