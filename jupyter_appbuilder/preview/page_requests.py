"""What our script in the page asks for, below ``<capability>/__appbuilder/``."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from typing import Any, cast

from jupyter_server.auth.decorator import allow_unauthenticated

from ..errors import AppBuilderError, InvalidInput
from . import pages, probe
from .capabilities import Preview
from .handlers import PreviewHandler

log = logging.getLogger(__name__)

FINDINGS_A_MINUTE = 60
_KINDS = ("server", "build", "page", "network")


class PageRequestHandler(PreviewHandler):
    """The page's own requests. Bodies come as text/plain, which needs no preflight."""

    @allow_unauthenticated
    async def get(self, capability: str, what: str) -> None:
        preview = self.preview(capability)
        if preview is None:
            return
        if what == "status":
            self._json(pages.status_of(preview))
        elif what in probe.SCRIPTS:
            self.set_header("Content-Type", "text/javascript; charset=utf-8")
            if self.get_query_argument("v", "") == probe.version(what):
                self.set_header("Cache-Control", "private, max-age=31536000, immutable")
            self.finish(probe.script(what))
        elif what == "databases":
            self.set_header("Content-Type", "application/json")
            self.finish(await asyncio.to_thread(preview.target.storage.databases) or b"[]")
        else:
            self.set_status(404)
            self.answer("", "Nothing here.\n")

    @allow_unauthenticated
    async def post(self, capability: str, what: str) -> None:
        preview = self.preview(capability)
        if preview is None:
            return
        try:
            if what == "storage":
                await asyncio.to_thread(preview.target.storage.change, self._body())
            elif what == "databases":
                await asyncio.to_thread(preview.target.storage.write_databases, self.request.body)
            elif what == "report":
                await self._report(preview, self._body())
            elif what == "start":
                preview.start()
            else:
                self.set_status(404)
        except AppBuilderError as error:
            self.set_status(413 if error.reason == "quota_exceeded" else error.status)
            self._json(error.to_json())
            return
        self._json({})

    @allow_unauthenticated
    def options(self, capability: str, what: str) -> None:
        if self.preview(capability) and not self.preflight():
            self.set_status(204)
            self.finish()

    def _json(self, body: Mapping[str, Any]) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body))

    def _body(self) -> dict[str, Any]:
        try:
            body: Any = json.loads(self.request.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise InvalidInput("The body must be a JSON object.")
        return cast("dict[str, Any]", body)

    async def _report(self, preview: Preview, body: Mapping[str, Any]) -> None:
        finding = finding_from(body)
        now = time.monotonic()
        preview.findings = [at for at in preview.findings if now - at < 60]
        if len(preview.findings) >= FINDINGS_A_MINUTE:
            self.set_status(429)
            return
        preview.findings.append(now)
        await preview.target.report(finding)


def finding_from(body: Mapping[str, Any]) -> dict[str, Any]:
    """A finding as ``PreviewTarget.report`` takes it. The page wrote ``body``: nothing is believed as it is."""
    kind = body.get("kind")
    if kind == "ready":
        duration = body.get("duration_ms")
        return {"kind": "ready", "duration_ms": max(0, int(duration)) if isinstance(duration, (int, float)) else 0}
    message = body.get("message")
    if kind not in _KINDS or not isinstance(message, str) or not message.strip():
        raise InvalidInput("A finding needs a kind and a message.")
    finding: dict[str, Any] = {"kind": kind, "message": message[:4000]}
    for name, limit in (("stack", 8000), ("source", 500)):
        value = body.get(name)
        if isinstance(value, str) and value:
            finding[name] = value[:limit]
    return finding
