"""Inserts our script before all others of a generated page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .pages import embedded

if TYPE_CHECKING:
    from .capabilities import Visitor

_FOLDER = Path(__file__).parent / "probe"
SCRIPTS = {
    "probe.js": (
        "storage.js",
        "requests.js",
        "pictures.js",
        "overlay.js",
        "findings.js",
        "places.js",
        "pointing.js",
        "navigation.js",
        "records.js",
        "data.js",
        "leaving.js",
    ),
    "indexeddb.js": ("indexeddb.js",),
    "reader.js": ("storage.js", "requests.js", "pictures.js", "reader.js"),
}
_HEAD_LIMIT = 64 * 1024  # bytes looked at for the place to put the script

# Everything that may come before the first script could run: white space, comments, the doctype, <html>, <head>.
_ATTRIBUTES = rb"""(?:\s(?:[^>"']|"[^"]*"|'[^']*')*)?"""
_OPENING = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s+|<!--.*?-->|<!doctype[^>]*>|<html"
    + _ATTRIBUTES
    + rb">)*(?P<head><head"
    + _ATTRIBUTES
    + rb">)?",
    re.IGNORECASE | re.DOTALL,
)
_OPENING_MORE = re.compile(rb"\s*(?:<(?:!(?:-.*|d[^>]*)?|h[^>]*)?)?", re.IGNORECASE | re.DOTALL)

_CHARSET = re.compile(rb"""<meta\s[^<>]*?\bcharset\s*=\s*["']?\s*(?P<name>[\w.:-]+)""", re.IGNORECASE)


@cache
def script(name: str, more: bytes = b"") -> bytes:
    """The script as served; each of its parts is a file below ``probe/``. ``more`` runs in its scope."""
    parts = b"\n".join((_FOLDER / part).read_bytes() for part in SCRIPTS[name])
    return b'(() => {\n"use strict";\n' + parts + b"\n" + more + b"})();\n"


@cache
def version(name: str) -> str:
    return hashlib.sha256(script(name)).hexdigest()[:12]


def tags(visitor: Visitor, replaced: Mapping[str, int], name: str = "probe.js") -> bytes:
    """The two elements put first into each page: what this visitor has stored, and the script itself. ``replaced``: see
    ``DataNews``; ``name``: of the script."""
    own = f"{visitor.path}__appbuilder/"
    data = {
        "base": visitor.path,
        "storage": visitor.storage.read(),
        "replaced": dict(replaced),
        "indexeddb": f"{own}indexeddb.js?v={version('indexeddb.js')}",
    }
    return (
        f'<script>window.__appbuilder={embedded(data)}</script><script src="{own}{name}?v={version(name)}"></script>'
    ).encode()


def content_type(given: str, start: bytes) -> str:
    """A page's content type with its encoding, which a browser may look for in the first 1,024 bytes only: what is put
    there would push it out. ``start`` is how the page begins."""
    if "charset" in given.lower():
        return given
    named = _CHARSET.search(start[:_HEAD_LIMIT])
    name = named["name"].decode() if named else "utf-8"
    # As browsers take it: a page whose declaration can be read is no UTF-16.
    return f"{given.rstrip('; ')}; charset={'utf-8' if name.lower().startswith('utf-16') else name}"


async def injected(chunks: AsyncIterable[bytes], insert: Callable[[bytes], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    """``chunks`` of an HTML page with what ``insert()``, given how the page begins, puts where the first script could
    stand; the rest streams through."""
    held = b""
    done = False
    async for chunk in chunks:
        if done:
            yield chunk
            continue
        held += chunk
        end, complete = _place(held)
        rest = held[end:]
        # An opening that is still incomplete: wait for more.
        if len(held) < _HEAD_LIMIT and not complete and _OPENING_MORE.fullmatch(rest):
            continue
        done = True
        yield held[:end] + await insert(held) + rest
    if not done and held.strip():
        end, _ = _place(held)
        yield held[:end] + await insert(held) + held[end:]


def inserted(page: bytes, tags: bytes) -> bytes:
    """The same of a page that is there as a whole."""
    end, _ = _place(page)
    return page[:end] + tags + page[end:]


def _place(page: bytes) -> tuple[int, bool]:
    """Where the first script could stand, and whether that is right after the start of the head."""
    opening = _OPENING.match(page)
    return (opening.end(), opening["head"] is not None) if opening else (0, False)
