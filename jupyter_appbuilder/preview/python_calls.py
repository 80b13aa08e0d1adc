"""Calls of a page to functions of the person's notebook: ``<capability>/__appbuilder/python/<name>``.

The capability is what authorises; which process has the function, and whether it runs, is found anew for each call.
"""

from __future__ import annotations

import asyncio
import contextlib

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import web
from tornado.iostream import StreamClosedError

from ..errors import AppBuilderError
from ..live.base import LONGEST_REQUEST
from ..live.sockets import Reply, call_function, too_long
from ..live.under_way import enter, under_way
from .handlers import PreviewHandler

PIECE = 256 * 1024  # bytes
TYPES = {"json": "application/json", "parquet": "application/vnd.apache.parquet"}


@web.stream_request_body
class PythonCallHandler(PreviewHandler):
    """The body is a JSON object of arguments, as text/plain, which needs no preflight. What comes back is
    ``{"value": …}``, a Parquet file, or ``{"error": {"message", "hint", "reason"}}`` with a status that says so."""

    _calling: asyncio.Future[Reply] | None = None

    def prepare(self) -> None:
        known = self.request.method != "POST" or self.previews.find(self.path_kwargs["capability"]) is not None
        self._refused: AppBuilderError | None = None
        self._body = bytearray()
        if not known or self.request.method != "POST":
            self._limit = 0
        else:
            self._limit = 0
            try:
                enter(self)  # before the body is kept
                self._limit = LONGEST_REQUEST
            except AppBuilderError as error:
                self._refused = error

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
        under_way.discard(self)

    def on_connection_close(self) -> None:
        super().on_connection_close()
        under_way.discard(self)
        if self._calling is not None:
            self._calling.cancel()
