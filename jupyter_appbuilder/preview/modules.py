"""Does the app's own code load? Asks the dev server for the page and every module it imports, as a browser would.

A page that nobody has open reports no errors; this finds what a dev server only says when it is asked: an import that
does not resolve, a syntax error, a style sheet that does not compile.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import deque
from typing import Any, NamedTuple, cast
from urllib.parse import urljoin, urlsplit

from ..sandbox.base import Address
from .upstream import origin_of, target_of, upstreams

MAX_MODULES = 300
MODULE_SECONDS = 30
MAX_BODY = 4 * 1024 * 1024  # bytes
MAX_TOLD = 64 * 1024  # characters
# What the app's server sends is read by these: each takes time in proportion to it.
SCRIPT = re.compile(r"""<script\b[^<>]*\bsrc\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
STYLE = re.compile(r"""<link\b[^<>]*\bhref\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*+(?:\(\s*+)?["'](/[^"'\n]+)["']""")
OTHERS = ("/node_modules/", "/@vite/", "/@id/", "/@react-refresh", "/@fs/", "/.vite/", "/__appbuilder/")
VITE_ERROR = "const error = "
DRAWN = re.compile(r"╭─\[ (?P<path>[^\s:]+):(?P<line>\d+):(?P<column>\d+) \]")
"""How Rolldown heads a drawing of the code around an error."""


async def broken_modules(address: Address, base_path: str) -> list[dict[str, Any]]:
    """``events.PreviewError`` payloads (kind ``build``), one for each module that does not load.

    Only the app's own modules are asked for, at most ``MAX_MODULES``. A server that cannot be reached is one finding.
    """
    origin = origin_of(address)
    waiting = deque([base_path])
    seen = {base_path}
    findings: list[dict[str, Any]] = []
    while waiting and len(seen) <= MAX_MODULES:
        path = waiting.popleft()
        try:
            async with asyncio.timeout(MODULE_SECONDS):  # whole: a server that sends a byte now and then never ends
                answer = await get(address, origin + path, "text/html" if path == base_path else "*/*")
        except Exception as error:
            return [*findings, {"kind": "server", "message": f"The dev server does not answer: {error!r}."}]
        status, kind, body, _ = answer
        name = urlsplit(path).path.removeprefix(base_path) or "index.html"
        if status >= 400:
            findings.append(_finding(name, status, body))
            continue
        if "html" in kind:
            # A missing module is answered with the page by servers of single-page apps.
            if path != base_path:
                findings.append({"kind": "build", "message": f"{name} does not exist.", "source": name})
                continue
            found = [*SCRIPT.findall(body), *(style for style in STYLE.findall(body) if ".css" in style)]
        elif "javascript" in kind:
            found = IMPORT.findall(body)
        else:
            continue
        for reference in found:
            module = urljoin(path, reference)
            if module.startswith(base_path) and module not in seen and not any(part in module for part in OTHERS):
                seen.add(module)
                waiting.append(module)
    return findings


async def unwell(address: Address, base_path: str, health: str) -> dict[str, Any] | None:
    """A finding (kind ``server``) where ``health``, a path below the base, is answered with an error.

    A server may say why, in JSON: ``detail``, and if it likes ``source`` and ``traceback``.
    """
    try:
        async with asyncio.timeout(MODULE_SECONDS):
            status, _, body, _ = await get(address, origin_of(address) + base_path + health, "application/json")
    except Exception as error:
        return {"kind": "server", "message": f"{health} is not answered: {error!r}."}
    if status < 500:
        return None
    finding = {"kind": "server", "message": f"{health} answers HTTP {status}."}
    with contextlib.suppress(ValueError, RecursionError):
        told: Any = json.loads(body[:MAX_TOLD])
        for name, given in (("message", "detail"), ("source", "source"), ("stack", "traceback")):
            if isinstance(told, dict) and isinstance(text := cast("dict[str, Any]", told).get(given), str) and text:
                finding[name] = text[:2000]
    return finding


class Answer(NamedTuple):
    """A dev server's response; of a long body only the beginning."""

    status: int
    kind: str
    body: str
    etag: str = ""


async def get(address: Address, url: str, accept: str, etag: str = "") -> Answer:
    """``etag``: of what is known already, which is then answered with status 304 and no body."""
    headers = {"Host": urlsplit(url).netloc, "Accept": accept}
    if etag:
        headers["If-None-Match"] = etag
    headers |= address.headers  # an address may name its own host
    timeout = {"connect": 5.0, "read": 20.0, "write": 5.0, "pool": 5.0}
    origin = origin_of(address)
    extensions = {"timeout": timeout, "target": target_of(url.removeprefix(origin), address).encode()}
    async with upstreams.pool(address).stream(
        "GET", url, headers=list(headers.items()), extensions=extensions
    ) as response:
        body = bytearray()
        async for piece in response.aiter_stream():
            body += piece
            if len(body) > MAX_BODY:
                break
        told = {name.lower(): value.decode("latin-1") for name, value in response.headers}
        kind, tag = told.get(b"content-type", ""), told.get(b"etag", "")
        return Answer(response.status, kind, body.decode("utf-8", "replace"), tag)


def _finding(name: str, status: int, body: str) -> dict[str, Any]:
    finding: dict[str, Any] = {"kind": "build", "message": f"{name} does not load (HTTP {status}).", "source": name}
    if (at := body.find(f"{VITE_ERROR}{{")) >= 0:
        try:
            error: dict[str, Any] = json.JSONDecoder().raw_decode(body, at + len(VITE_ERROR))[0]
        except (ValueError, RecursionError):
            return finding
        finding["message"] = str(error.get("message") or finding["message"])[:2000]
        place: dict[str, Any] = error.get("loc") or {}
        if place.get("line"):
            finding["source"] = f"{name}:{place['line']}:{place.get('column', 0)}"
        elif drawn := DRAWN.search(finding["message"]):
            finding["source"] = f"{drawn['path']}:{drawn['line']}:{drawn['column']}"
        if error.get("frame"):
            finding["stack"] = str(error["frame"])[:2000]
    return finding
