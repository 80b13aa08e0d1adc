"""Source maps in what readers get: they hold the app's sources, as they were written."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from .base import Found
from .files import Content

NAMED = re.compile(r"[#@]\s{0,4}sourceMappingURL\s{0,4}=\s{0,4}(?P<address>[^\s\"'*]{1,400})")
INLINE = re.compile(r"data:application/json;(?:charset=[\w-]{1,20};)?base64,(?P<data>[A-Za-z0-9+/]{1,40000000}={0,2})")
PLAIN = re.compile(r"data:application/json(?:;charset=[\w-]{1,20})?,(?P<data>[^\s\"'*]{1,40000000})")
WITHOUT = "Build without them: build.sourcemap = false in vite.config, productionBrowserSourceMaps off in next.config."


def find_maps(content: Content) -> Iterator[Found]:
    """The source map that a file is, or holds. What names one that is not there is none."""
    if content.binary:
        return
    if content.suffix == ".map" or content.data[:200].replace(b" ", b"").startswith(b'{"version":3,'):
        data = _read(content.data)
        if data is not None:
            yield _found(content, 1, data, "map")
        return
    if content.suffix not in (".js", ".mjs", ".cjs", ".css", ".html", ".htm"):
        return
    for match in NAMED.finditer(content.text):
        if match["address"].startswith("data:"):
            data = _read(_data(content.text, match.start("address")))
            if data is not None:
                yield _found(content, content.line(match.start()), data, "inline")


def inlined(content: Content) -> Content | None:
    """The map that stands in a file, to be looked at as one."""
    at = content.text.rfind("sourceMappingURL=data:")
    data = _data(content.text, content.text.find("data:", at)) if at >= 0 else b""
    if not data:
        return None
    return Content(f"{content.path}!map", content.where, data)


def _data(text: str, at: int) -> bytes:
    """What an address that holds data itself holds; empty for none that is a map's."""
    if match := INLINE.match(text, at):
        with contextlib.suppress(ValueError):
            return base64.b64decode(match["data"] + "==")
    elif match := PLAIN.match(text, at):
        return unquote_to_bytes(match["data"])
    return b""


def _read(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data.removeprefix(b")]}'"))
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) and "mappings" in value else None


def _found(content: Content, line: int, data: dict[str, Any], rule: str) -> Found:
    sources = data.get("sources")
    count = len(cast("list[Any]", sources)) if isinstance(sources, list) else 0
    whole = isinstance(data.get("sourcesContent"), list)
    return Found(
        "source_map",
        rule,
        f"{content.path} {'holds' if rule == 'inline' else 'is'} a source map of {count:,} files"
        + (", with their text." if whole else "."),
        path=content.path,
        line=line,
        where=content.where,
        hint=WITHOUT,
        severity="medium" if whole else "low",
        count=count,
        key=f"{rule}\0{unhashed(content.path)}",
    )


def unhashed(path: str) -> str:
    """A path without the digest of its content, which build tools put into names."""
    return re.sub(r"[-.][A-Za-z0-9_-]{8,20}(?=\.(?:js|mjs|css)\b)", "", path)
