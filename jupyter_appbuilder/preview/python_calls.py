"""Calls of a page to functions of the person's notebook: ``<capability>/__appbuilder/python/<name>``.

The capability is what authorises; which process has the function, and whether it runs, is found anew for each call.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import ClassVar

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import web
from tornado.iostream import StreamClosedError

from ..errors import AppBuilderError, Unavailable
from ..live.base import LONGEST_REQUEST
from ..live.sockets import Reply, call_function, too_long
from .handlers import PreviewHandler

MOST_CALLS = 64
"""Calls of all pages that are under way at a time; more are refused, before their bodies are kept."""
PIECE = 256 * 1024  # bytes
TYPES = {"json": "application/json", "parquet": "application/vnd.apache.parquet"}


@web.stream_request_body
class PythonCallHandler(PreviewHandler):
    """The body is a JSON object of arguments, as text/plain, which needs no preflight. What comes back is
    ``{"value": …}``, a Parquet file, or ``{"error": {"message", "hint", "reason"}}`` with a status that says so."""

    under_way: ClassVar[set[PythonCallHandler]] = set()
    _calling: asyncio.Future[Reply] | None = None

    def prepare(self) -> None:
        known = self.request.method != "POST" or self.previews.find(self.path_kwargs["capability"]) is not None
        self._refused: AppBuilderError | None = None
        self._body = bytearray()
        if not known or self.request.method != "POST":
            self._limit = 0
        elif len(self.under_way) >= MOST_CALLS:
            self._limit = 0
            hint = f"{MOST_CALLS} are under way. Ask again in a moment."
            self._refused = Unavailable("Too many calls at once.", hint=hint, reason="busy")
        else:
            self._limit = LONGEST_REQUEST
            self.under_way.add(self)

    def data_received(self, chunk: bytes) -> None:
        # What is too much is read and thrown away: a connection that is cut off in the middle shows no answer.
        if self._refused is None and len(self._body) + len(chunk) > self._limit:
            self._refused = too_long()
        if self._refused is None:
            self._body += chunk
        else:
            self._body.clear()

    @allow_unauthenticated
    async def post(self, capability: str, name: str) -> None:
        visit = self.visited(capability)
        if visit is None:
            return
        try:
            if self._refused:
                raise self._refused
            self._calling = asyncio.ensure_future(call_function(visit.preview.target.session, name, bytes(self._body)))
            reply = await self._calling
        except AppBuilderError as error:
            reply = Reply.of(error)
        except asyncio.CancelledError:
            return  # the page has gone
        self.set_status(reply.status)
        self.set_header("Content-Type", TYPES.get(reply.form, TYPES["json"]))
        with contextlib.suppress(StreamClosedError):
            view = memoryview(reply.body)
            for start in range(0, len(view), PIECE):
                self.write(bytes(view[start : start + PIECE]))
                await self.flush()
            self.finish()

    @allow_unauthenticated
    def options(self, capability: str, name: str) -> None:
        if self.visited(capability) and not self.preflight():
            self.set_status(204)
            self.finish()

    def on_finish(self) -> None:
        self.under_way.discard(self)

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self.under_way.discard(self)
        if self._calling is not None:
            self._calling.cancel()
