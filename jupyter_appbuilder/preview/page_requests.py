"""Requests of our script in the page, below ``<capability>/__appbuilder/``."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Mapping
from tempfile import SpooledTemporaryFile
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import web

from ..errors import AppBuilderError, InvalidInput, NotFound
from ..formats.text import encodable
from . import pages, probe
from .capabilities import Preview, Visit
from .handlers import PreviewHandler
from .parsing import parse_object
from .storage import CHANGE_LIMIT, DATABASE_LIMIT, PageStorage

log = logging.getLogger(__name__)

FINDINGS_A_MINUTE = 60
BODY_LIMITS = {
    "report": 1024 * 1024,
    "storage": CHANGE_LIMIT,
    "databases": DATABASE_LIMIT,
    "start": 1024,
    "framed": 1024,
}
IN_MEMORY = 256 * 1024
"""Bytes of a body. A larger one waits in a file until it is whole: pages may send many at once, and slowly."""
MOST_MS = 24 * 3600 * 1000
_KINDS = ("server", "build", "page", "network")


@web.stream_request_body
class PageRequestHandler(PreviewHandler):
    """The page's own requests. Bodies come as text/plain, which needs no preflight."""

    def prepare(self) -> None:
        # Whoever has no capability has nothing kept for them.
        target = self.previews.find(self.path_kwargs["capability"])
        self._limit = BODY_LIMITS.get(self.path_kwargs["what"], 0) if target else 0
        length = self.request.headers.get("Content-Length", "0")
        self._too_large = length.isdigit() and int(length) > self._limit
        self._whole = False
        self._body = SpooledTemporaryFile(IN_MEMORY, dir=str(target.storage.folder) if target else None)  # noqa: SIM115

    def data_received(self, chunk: bytes) -> None:
        # What is too much is read and thrown away: a connection that is cut off in the middle shows no answer.
        self._too_large = self._too_large or self._body.tell() + len(chunk) > self._limit
        if self._too_large:
            self._body.close()
        else:
            self._body.write(chunk)

    def on_finish(self) -> None:
        self._body.close()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if not self._whole:
            self._body.close()

    @allow_unauthenticated
    async def get(self, capability: str, what: str) -> None:
        visit = self.visited(capability)
        if visit is None:
            return
        if what == "status":
            self._json(pages.status_of(visit.preview))
        elif what in probe.SCRIPTS:
            self.set_header("Content-Type", "text/javascript; charset=utf-8")
            if self.get_query_argument("v", "") == probe.version(what):
                self.set_header("Cache-Control", "private, max-age=31536000, immutable")
            more = visit.visitor.script if visit.visitor and what == "probe.js" else b""
            self.finish(probe.script(what, more))
        elif what == "databases":
            self.set_header("Content-Type", "application/json")
            await self._send_databases(visit)
        else:
            self.set_status(404)
            self.answer("", "Nothing here.\n")

    @allow_unauthenticated
    async def post(self, capability: str, what: str) -> None:
        self._whole = True
        visit = self.visited(capability)
        if visit is None:
            return
        preview = visit.preview
        try:
            if self._too_large:
                raise InvalidInput(f"The body is over {self._limit // 1024} KB.", reason="quota_exceeded")
            if what == "storage":
                change = await self._parsed()
                await asyncio.to_thread(self._storage(visit).change, change)
            elif what == "databases":
                await asyncio.to_thread(self._storage(visit).write_databases, self._body)
            elif what == "report":
                self._json(await self._report(preview, await self._parsed()))
                return
            elif what == "start":
                preview.start()
            elif what == "framed" and visit.visitor:
                self.previews.enter(preview, visit.visitor.key)
            else:
                self.set_status(404)
        except AppBuilderError as error:
            self.set_status(413 if error.reason == "quota_exceeded" else error.status)
            self._json(error.to_json())
            return
        self._json({})

    @allow_unauthenticated
    def options(self, capability: str, what: str) -> None:
        if self.visited(capability) and not self.preflight():
            self.set_status(204)
            self.finish()

    async def _parsed(self) -> dict[str, Any]:
        """The body as an object. One at a time is in memory: it takes many times what it is long."""
        async with self.previews.parsing:
            self._body.seek(0)
            return await parse_object(self._body.read())

    async def _send_databases(self, visit: Visit) -> None:
        kept = await asyncio.to_thread(visit.visitor.storage.open_databases) if visit.visitor else None
        if kept is None:
            self.finish(b"[]")
            return
        with kept:
            while chunk := await asyncio.to_thread(kept.read, IN_MEMORY):
                self.write(chunk)
                await self.flush()
        self.finish()

    def _storage(self, visit: Visit) -> PageStorage:
        if visit.visitor is None:
            raise NotFound("Nobody is known to have opened this preview.", hint="Open its page first.")
        return visit.visitor.storage

    def _json(self, body: Mapping[str, Any]) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body))

    async def _report(self, preview: Preview, body: Mapping[str, Any]) -> dict[str, Any]:
        """Take a finding; what to say of its place and stack in the app's own files, where that is known."""
        finding = finding_from(body)
        now = time.monotonic()
        preview.findings = [at for at in preview.findings if now - at < 60]
        if len(preview.findings) >= FINDINGS_A_MINUTE:
            self.set_status(429)
            return {}
        preview.findings.append(now)
        placed = await preview.target.report(finding) or {}
        return {name: placed[name] for name in ("source", "stack") if name in placed}


def finding_from(body: Mapping[str, Any]) -> dict[str, Any]:
    """A finding as ``PreviewTarget.report`` takes it. The page wrote ``body``: nothing is believed as it is."""
    kind = body.get("kind")
    if kind == "ready":
        return {"kind": "ready", "duration_ms": _milliseconds(body.get("duration_ms", 0), "duration_ms")}
    message = _text(body, "message", 4000)
    if kind not in _KINDS or not message.strip():
        raise InvalidInput("A finding needs a kind and a message.")
    finding: dict[str, Any] = {"kind": kind, "message": message}
    for name, limit in (("stack", 8000), ("source", 500)):
        if value := _text(body, name, limit):
            finding[name] = value
    if body.get("acted") is True:
        finding["acted"] = True
    if "age_ms" in body:
        finding["age_ms"] = _milliseconds(body["age_ms"], "age_ms")
    return finding


def _milliseconds(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < math.inf:
        raise InvalidInput(f"{name} must be a number.", field=name)
    return int(min(max(0, value), MOST_MS))


def _text(body: Mapping[str, Any], name: str, limit: int) -> str:
    """A text of the body, cut; empty where there is none. InvalidInput for what cannot be stored as text."""
    value = body.get(name)
    if not isinstance(value, str):
        return ""
    value = value[:limit]
    if not encodable(value):
        raise InvalidInput(f"{name} holds half a character (a lone surrogate).", field=name)
    return value
