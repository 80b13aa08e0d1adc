"""Finds in the app's files what was pointed at. Nothing that the page says of a file counts unless it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import AppBuilderError
from ..events import PointedData
from ..workspace import Workspace
from ..workspace.secret_files import holds_secrets
from .claims import Claim
from .markup import place_in
from .texts import is_markup, literal_at, name_at, offset_of, place_of

SEARCHED = (".tsx", ".jsx", ".ts", ".js", ".mjs", ".vue", ".html", ".htm", ".py", ".json", ".md", ".yaml")
NOT_SEARCHED = ("package.json", "package-lock.json", "tsconfig.json", "components.json")
NOT_FOLDERS = ("scenarios/", "public/data/")  # a scenario names what is on the page, and is not where it is written
MOST_FILES = 400
LARGEST_FILE = 200_000  # bytes
SHORTEST = 2  # characters of a text that is looked for
BEFORE, AFTER = 2, 5  # lines shown around a place
LONGEST_LINE = 160
PARTS = ("/ui/",)
"""Folders of ready-made parts: what uses one says more than its own file."""


class Found(NamedTuple):
    """A place that is there. ``offset``: of the element, or of the text."""

    name: str
    file: str
    source: str
    offset: int
    by_text: bool


def described(claim: Claim, place: Found | None, others: Sequence[Found]) -> PointedData:
    """What was pointed at, with its place and the others that hold, as ``found`` has them."""
    data = PointedData(tag=claim.tag, text=claim.text, path=claim.path)
    if claim.selector:
        data["selector"] = claim.selector
    if claim.props:
        data["props"] = dict(claim.props)
    if claim.box:
        data["box"] = list(claim.box)
    if claim.within:
        data["within"] = list(claim.within)
    if place is None:
        return data
    line, column = place_of(place.source, place.offset)
    data["file"], data["line"], data["column"] = place.file, line, column
    if place.name:
        data["name"] = place.name
    if place.by_text:
        data["by_text"] = True
    data["excerpt"] = _excerpt(place.source, line)
    if others:
        data["also"] = [":".join(map(str, (one.file, *place_of(one.source, one.offset)))) for one in others[:3]]
    return data


async def found(workspace: Workspace, claim: Claim) -> tuple[Found | None, list[Found]]:
    """The place that says most, and the others that hold, from the inside out."""
    sources: dict[str, str] = {}
    held: list[Found] = []
    for position in claim.positions:
        source = sources.get(position.file)
        if source is None and (source := await _read(workspace, position.file)) is not None:
            sources[position.file] = source
        offset = offset_of(source, position.line, position.column) if source is not None else None
        if source is not None and offset is not None and source[offset] == "<":
            name = name_at(source, offset) or position.name
            held.append(Found(name, position.file, source, offset, by_text=False))
    if not held:
        return await _search(workspace, claim), []
    best = next(
        (one for one in held if (text := literal_at(one.source, one.offset)) and text.text == claim.text),
        next((one for one in held if not any(part in f"/{one.file}" for part in PARTS)), held[0]),
    )
    return best, [one for one in held if one is not best]


async def _read(workspace: Workspace, path: str) -> str | None:
    if await asyncio.to_thread(holds_secrets, workspace, path):
        return None
    try:
        return await workspace.read_text(path)
    except (AppBuilderError, OSError, ValueError):
        return None


async def _search(workspace: Workspace, claim: Claim) -> Found | None:
    """The only place that fits what the element shows."""
    files = [
        info
        for info in await workspace.list()
        if info.path.endswith(SEARCHED)
        and not info.path.startswith(NOT_FOLDERS)
        and info.path not in NOT_SEARCHED
        and not info.binary
        and info.size <= LARGEST_FILE
    ][:MOST_FILES]
    sources = {info.path: text for info in files if (text := await _read(workspace, info.path)) is not None}
    return await asyncio.to_thread(_searched, sources, claim)


def _searched(sources: dict[str, str], claim: Claim) -> Found | None:
    page = claim.path.partition("?")[0].partition("#")[0].lstrip("/")
    for name in (page, f"{page.rstrip('/')}/index.html".lstrip("/"), f"{page}.html"):
        source = sources.get(name, "") if name.endswith((".html", ".htm")) else ""
        if source and (place := place_in(source, claim.tag, claim.text, dict(claim.props))):
            offset = offset_of(source, *place)
            if offset is not None:
                return Found(claim.tag, name, source, offset, by_text=False)
    text = claim.text.removesuffix("…")
    if len(text) < SHORTEST:
        return None
    hits: list[Found] = []
    for file, source in sources.items():
        at = source.find(text)
        while at >= 0 and len(hits) < 50:
            hit, after = _as_element(Found("", file, source, at, by_text=True), claim.tag, text)
            if hit:
                hits.append(hit)
            at = source.find(text, max(after, at + len(text)))
    # Whole before part: "Add" is also in "Address".
    whole = [hit for hit in hits if hit.name or _is_quoted(hit.source, hit.offset, len(text))]
    return next((some[0] for some in (whole, hits) if len(some) == 1), None)


def _is_quoted(source: str, at: int, length: int) -> bool:
    before, after = source[max(0, at - 1) : at], source[at + length : at + length + 1]
    return before == after and before in ("'", '"', "`")


def _as_element(hit: Found, tag: str, text: str) -> tuple[Found | None, int]:
    """The element whose whole text it is, where it is written so; none where that is another element than the page
    shows. And from where on another one can be."""
    if not is_markup(hit.file):
        return hit, 0
    start = hit.source.rfind("<", 0, hit.offset)
    literal = literal_at(hit.source, start) if start >= 0 else None
    if literal is None or not literal.start <= hit.offset < literal.end:
        return hit, 0
    name = name_at(hit.source, start)
    if name == name.lower() and name != tag:
        return None, literal.end
    return (hit._replace(name=name, offset=start) if literal.text == text else hit), 0


def _excerpt(source: str, line: int) -> str:
    lines = source.split("\n")
    first = max(1, line - BEFORE)
    shown = lines[first - 1 : line + AFTER]
    return "\n".join(f"{number:>4}| {text[:LONGEST_LINE]}" for number, text in enumerate(shown, first))
