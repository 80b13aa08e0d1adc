"""Translates positions and stacks of page errors to the app's own files, through source maps.

Frames of libraries are dropped. Whatever keeps a place from being found, the finding itself is never lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from ..errors import AppBuilderError
from ..sandbox.base import Address
from ..workspace.folder import opened_folder, read_at
from .modules import get
from .source_maps import MapReference, Place, Position, Unreadable, map_of, own_file, places
from .upstream import origin_of

SECONDS = 5.0  # for all modules of one finding
MODULE_SECONDS = 2.0
FRESH_SECONDS = 0.3
"""How long a module counts as it was: findings come in heaps."""
MOST_MODULES = 12  # of one finding
MOST_FRAMES = 60
MOST_LINES = 20_000  # of a page
LARGEST_PAGE = 1024 * 1024  # bytes
MOST_LINE = 1000  # characters
MOST_KEPT = 12 * 1024 * 1024  # characters of maps
MOST_PLACES = 2000  # of one module

MAPPED = ("page", "network")
"""Kinds of findings that name what the page was given; the others name files already."""

WORKSPACE = "/workspace"
"""What the app's folder is called in a sandbox that mounts it; in others it has its own path."""

INDEX = "index.html"
"""The page itself, where it stands at the base."""

BASE = re.compile(r"(?:https?://[^\s/()]+)?/(?:[^\s()/]+/){0,20}?appbuilder/preview/[\w-]+/")
"""A preview's address. Of so many folders at most: each place of a text may be the beginning of one."""
PLACE = re.compile(r"(.*):(\d{1,9}):(\d{1,9})")
PLACE_END = re.compile(r"(?::\d+){1,2}$")
SCRIPT = re.compile(r"^\S+\.[a-z]+(?:\?\S*)?:\d+:\d+$")
LIBRARY = re.compile(r"(?:^|/)(?:node_modules|@vite|@react-refresh|@id|@fs|\.vite|__appbuilder|__nextjs\w*)(?:/|$)")
BUNDLED_LIBRARY = re.compile(r"^_next/.*(?:next_dist|_modules_|node_modules|\[turbopack\]|hmr-client|react-refresh)")
ALL_LIBRARIES = "    (every frame is of a library)"
UPDATED = re.compile(r"^\[project\]/(.+?) \[")
"""How Turbopack names a module that it has replaced in the page."""

log = logging.getLogger(__name__)


class Frame(NamedTuple):
    """One line of a stack: what ran, and where in what the page was given; ``line`` and ``column`` from 1."""

    name: str
    path: str
    line: int
    column: int


@dataclass(slots=True)
class Module:
    """A module as the dev server gave it last, and what its map has been asked already."""

    etag: str
    digest: str
    asked_at: float  # ``time.time()``
    map: MapReference | None
    text: str  # of the map
    places: dict[Position, Place | None] = field(default_factory=dict[Position, Place | None])


class SourceMaps:
    """The maps of one app's dev server, as far as findings asked for them. ``folder``: the app's own."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._modules: OrderedDict[str, Module] = OrderedDict()
        self._missing: dict[str, float] = {}  # when a module was not to be had
        self._asking = asyncio.Lock()

    async def in_source(self, address: Address | None, base_path: str, finding: Mapping[str, Any]) -> dict[str, Any]:
        """A finding of the page, with its ``source`` and ``stack`` in the app's own files.

        ``age_ms``, how long ago its page began to load, is taken out. A place in code that has changed since the page
        loaded it has no line: the map is that of the new code.
        """
        told = {name: value for name, value in finding.items() if name != "age_ms"}
        if told.get("kind") not in MAPPED or not (told.get("stack") or told.get("source")):
            return told
        age = finding.get("age_ms")
        loaded_at = time.time() - age / 1000 if isinstance(age, int | float) else None
        head, frames, more = read_stack(BASE.sub("", told.get("stack") or ""))
        source = read_place("", BASE.sub("", told.get("source") or ""))
        found: dict[str, dict[Position, Place | None]] = {}
        if address is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SECONDS), self._asking:
                    await self._find(address, base_path, [*([source] if source else []), *frames], found)

        places = {frame: self._own(frame, found, loaded_at) for frame in [*([source] if source else []), *frames]}
        # What is served may be named as no file is: it counts where nothing else does.
        files = {place for place in places.values() if place and self._modified(PLACE_END.sub("", place)) is not None}
        own = {frame: place for frame, place in places.items() if place and (place in files or not files)}
        shown = [(frame.name, own[frame]) for frame in frames if frame in own]
        at = own.get(source) if source else None
        if at or shown:
            told["source"] = at or shown[0][1]
        elif source:
            told["source"] = _plain(source)
        if frames:
            lines = [_line(name, place) for name, place in shown]
            if not lines:
                lines = [_line(frames[0].name, _plain(frames[0])), ALL_LIBRARIES]
            told["stack"] = "\n".join([*head, *lines, *more])
        return told

    async def _find(
        self, address: Address, base_path: str, frames: Iterable[Frame], found: dict[str, dict[Position, Place | None]]
    ) -> None:
        """Ask for the places of these frames. What is found stands in ``found``, by path, as soon as it is known."""
        wanted: dict[str, set[Position]] = {}
        since: dict[str, float] = {}
        for frame in frames:
            path, version = _asked(frame.path)
            if is_library(frame.path) or is_updated(frame.path) or not _may_be_asked(path):
                continue
            if path in wanted or len(wanted) < MOST_MODULES:
                wanted.setdefault(path, set()).add((frame.line - 1, frame.column - 1))
                since[path] = max(since.get(path, 0.0), version)
        for path, positions in wanted.items():
            if (file := page_file(path)) is not None:
                if (text := await asyncio.to_thread(self._read, file)) is not None:
                    answer = await self._page(address, base_path + path)
                    found[path] = await asyncio.to_thread(same_lines, answer, text, f"{WORKSPACE}/{file}", positions)
                continue
            module = await self._module(address, base_path, path, since[path])
            if module is None or not module.text:
                continue
            new = positions - module.places.keys()
            if new:
                if len(module.places) > MOST_PLACES:
                    module.places.clear()
                try:
                    module.places |= await asyncio.to_thread(places, module.text, new)
                except Unreadable as error:
                    log.debug("The source map of %s: %s", path, error)
                    module.text = ""
                    continue
            found[path] = {position: module.places.get(position) for position in positions}

    async def _module(self, address: Address, base_path: str, path: str, since: float) -> Module | None:
        """A module as it is now, with its map. ``since``: when the page says that it was made."""
        now = time.time()
        known = self._modules.get(path)
        if known and known.asked_at > max(now - FRESH_SECONDS, since):
            return known
        if self._missing.get(path, 0.0) > max(now - FRESH_SECONDS, since):
            return None
        url = origin_of(address) + base_path + path
        try:
            async with asyncio.timeout(MODULE_SECONDS):
                answer = await get(address, url, "*/*", known.etag if known else "")
                if answer.status == 304 and known:
                    known.asked_at = now
                    return known
                if answer.status != 200 or "javascript" not in answer.kind:
                    raise Unreadable(f"It is answered with {answer.status} {answer.kind}.")
                digest = hashlib.sha256(answer.body.encode()).hexdigest()
                if known and digest == known.digest:
                    known.asked_at, known.etag = now, answer.etag
                    return known
                named = map_of(answer.body, base_path + path, base_path)
                text = named.text if named else ""
                if named and named.path:
                    told = await get(address, origin_of(address) + named.path, "*/*")
                    text = told.body if told.status == 200 else ""
        except Exception as error:  # of a connection, of what was sent, of the time it took: all the same here
            log.debug("No source map for %s: %r", path, error)
            if len(self._missing) > MOST_PLACES:
                self._missing.clear()
            self._missing[path] = now
            return None
        module = Module(answer.etag, digest, now, named, text)
        self._modules[path] = module
        self._modules.move_to_end(path)
        while len(self._modules) > 1 and sum(len(one.text) + 1000 for one in self._modules.values()) > MOST_KEPT:
            self._modules.popitem(last=False)
        return module

    async def _page(self, address: Address, path: str) -> str:
        """The HTML of a page; empty where the dev server does not answer in time."""
        try:
            async with asyncio.timeout(MODULE_SECONDS):
                return (await get(address, origin_of(address) + path, "text/html")).body
        except Exception as error:
            log.debug("No page to compare at %s: %r", path, error)
            return ""

    def _read(self, file: str) -> str | None:
        """The text of a file of the app; None where there is none."""
        *folders, name = file.split("/")
        try:
            if self._folder is None:
                return None
            with opened_folder(self._folder, tuple(folders)) as folder:
                return read_at(folder, name, LARGEST_PAGE)[0].decode("utf-8", "replace")
        except (AppBuilderError, OSError, ValueError):
            return None

    def _own(
        self, frame: Frame, found: Mapping[str, Mapping[Position, Place | None]], loaded_at: float | None
    ) -> str | None:
        """A frame's place in the app's files; None where it is a library's."""
        if is_library(frame.path):
            return None
        if (file := is_updated(frame.path)) is not None:
            return file
        path, version = _asked(frame.path)
        known = found.get(path)
        file: str | None = path.partition("?")[0] or INDEX
        line, column = frame.line, frame.column
        if known is not None:
            place = known.get((line - 1, column - 1))
            if place is None:
                # Code that a tool added to a module. The file is right all the same, where the module is one.
                return file if self._modified(file) is not None else None
            file = own_file(place.source, path, [WORKSPACE, *([str(self._folder)] if self._folder else [])])
            line, column = place.line + 1, place.column + 1
        elif file.startswith("_next/"):
            return None
        if file is None:
            return None
        modified, was = self._modified(file), version or loaded_at
        stale = modified is not None and was is not None and modified > was
        return file if stale else f"{file}:{line}:{column}"

    def _modified(self, file: str) -> float | None:
        """When a file of the app was written last; None where there is none."""
        *folders, name = file.split("/")
        try:
            if self._folder is None or ".." in file:
                return None
            with opened_folder(self._folder, tuple(folders)) as folder:
                return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime
        except (AppBuilderError, OSError, ValueError):
            return None


def files_of(finding: Mapping[str, Any]) -> frozenset[str]:
    """The app's files that a finding names, as ``in_source`` gives it: that of its place and those of its stack."""
    named = [PLACE_END.sub("", str(finding.get("source") or ""))]
    for line in str(finding.get("stack") or "").split("\n"):
        text = line.strip()
        if text.startswith("at "):
            named.append(PLACE_END.sub("", text[3:].rpartition(" (")[2].removesuffix(")")))
    return frozenset(name.lstrip("/") for name in named if "." in name and not is_library(name))


def read_stack(stack: str) -> tuple[list[str], list[Frame], list[str]]:
    """The text before a stack's frames, its frames, and the text between and after them."""
    head: list[str] = []
    frames: list[Frame] = []
    more: list[str] = []
    for line in stack.split("\n"):
        text = line[:MOST_LINE].strip()
        if frame := _frame(text):
            if len(frames) < MOST_FRAMES:
                frames.append(frame)
        elif not frames and not text.startswith("at "):
            head.append(line)
        elif text and not text.startswith("at "):  # else one of the browser's own, with no place
            more.append(line)
    return head, frames, more


def _frame(text: str) -> Frame | None:
    if text.startswith("at "):
        name, bracket, place = text[3:].partition(" (")
        if bracket:
            return read_place(name, place.removesuffix(")"))
        name, mark, place = text[3:].rpartition("async ")
        return read_place(mark.strip(), place)
    name, at, place = text.partition("@")  # Firefox; Safari, which names no function that has no name
    if " " in place or (not at and not SCRIPT.search(text)):
        return None
    return read_place(name, place) if at else read_place("", text)


def read_place(name: str, place: str) -> Frame | None:
    match = PLACE.fullmatch(place[:MOST_LINE])
    if not match or int(match[2]) < 1 or int(match[3]) < 1:
        return None
    return Frame(name, match[1].lstrip("/"), int(match[2]), int(match[3]))


def is_library(path: str) -> bool:
    """True if what is served at a path below the base is none of the app's own code."""
    plain = unquote(path.partition("?")[0])
    return "://" in plain or bool(LIBRARY.search(plain) or BUNDLED_LIBRARY.search(plain))


def is_updated(path: str) -> str | None:
    """The file of a module that Turbopack replaced in the page: its lines are told nowhere, its name is."""
    query = dict(parse_qsl(path.partition("?")[2]))
    match = UPDATED.match(unquote(query.get("id", "")))
    return own_file(f"turbopack:///[project]/{match[1]}", "", []) if match else None


def without_versions(text: str) -> str:
    """A text without the queries by which Vite tells versions of a module apart."""
    return re.sub(r"\?[tv]=[\w.-]+", "", text)


def _asked(path: str) -> tuple[str, float]:
    """The path to ask for, and when the version that the page had of it was made; 0 where it does not say."""
    plain, mark, query = path.partition("?")
    if not mark:
        return plain, 0.0
    parts = query.split("&")
    made = next((int(part[2:]) for part in parts if re.fullmatch(r"t=\d{1,15}", part)), 0)
    rest = "&".join(part for part in parts if not part.startswith("t="))
    return (f"{plain}?{rest}" if rest else plain), made / 1000


def page_file(path: str) -> str | None:
    """The file that a page at this path is made of; None for what is no page."""
    plain = path.partition("?")[0]
    if not plain or plain.endswith("/"):
        return f"{plain}{INDEX}"
    return plain if plain.endswith((".html", ".htm")) and plain == path else None


def same_lines(served: str, text: str, file: str, positions: Iterable[Position]) -> dict[Position, Place | None]:
    """Lines of a page in the file that it is made of: dev servers put scripts of their own into it."""
    found: dict[Position, Place | None] = dict.fromkeys(positions)
    if max(served.count("\n"), text.count("\n")) > MOST_LINES:
        return found
    given, own = ([line.strip() for line in one.split("\n")] for one in (served, text))
    for line, column in found:
        what = given[line] if line < len(given) else ""
        if what and given.count(what) == own.count(what):
            among = [number for number, other in enumerate(own) if other == what]
            found[line, column] = Place(file, among[given[:line].count(what)], column)
    return found


def _may_be_asked(path: str) -> bool:
    return path.isascii() and path.isprintable() and " " not in path and ".." not in unquote(path)


def _plain(frame: Frame) -> str:
    return without_versions(f"{frame.path or INDEX}:{frame.line}:{frame.column}")


def _line(name: str, place: str) -> str:
    return f"    at {name} ({place})" if name else f"    at {place}"
