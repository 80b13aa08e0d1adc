"""A session's channel to its watchers: one WebSocket or one stream of server-sent events each.

Both send the same JSON messages (docs/architecture.md, "Wire"). Each write is awaited, so a slow reader fills the
channel's queue, where its tokens are merged, instead of the server's memory.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, ClassVar

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from ..errors import AppBuilderError, InvalidInput
from .base import AppBuilderHandler, AppBuilderMixin, dumps, line, whole_number

if TYPE_CHECKING:
    from ..events import Event
    from ..wire import WireMessage

HEARTBEAT = 15.0
"""Seconds of silence after which a comment keeps proxies from closing a stream of server-sent events."""

MOST_TURNS = 100
"""How many turns can be asked for ahead of the history."""

CLOSE_DELETED = 4404
CLOSE_RECONNECT = 1012  # "service restart": the client reconnects with what it has


class Encodings:
    """Each message as JSON text, made once for all its watchers.

    A message goes to every watcher as the same object, so its identity is the key; holding it keeps that true.
    """

    def __init__(self, encode: Callable[[Any], str] = dumps, size: int = 32) -> None:
        self._encode = encode
        self.size = size
        self._texts: OrderedDict[int, tuple[WireMessage, str]] = OrderedDict()

    def text(self, message: WireMessage) -> str:
        known = self._texts.get(id(message))
        if known is not None:
            return known[1]
        text = self._encode(message)
        if message["kind"] != "snapshot" and len(text) < 64 * 1024:  # what is long is a catch-up: for one watcher only
            self._texts[id(message)] = (message, text)
            if len(self._texts) > self.size:
                self._texts.popitem(last=False)
        return text


class ChannelHandler(WebSocketMixin, WebSocketHandler, AppBuilderMixin):  # pyright: ignore[reportIncompatibleMethodOverride]
    """``WS sessions/{id}/channel?after=N&tail=TURNS``. Clients only listen; what they say goes through REST."""

    encodings: ClassVar = Encodings()

    @ws_authenticated
    @authorized
    async def get(self, session: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.after = self.number("after")
        turns = self.number("tail")
        if turns > MOST_TURNS:
            raise InvalidInput(f"'tail' can be {MOST_TURNS} at most, not {turns}.", field="tail")
        # A long history takes longer to read than its end: the socket opens with that, and the session after it.
        self.tail = await self.builder.tail(session, 0 if self.after else turns)
        if not self.tail:
            await self.session(session)
        self.watched = session
        await WebSocketHandler.get(self, session)

    def open(self, *args: Any, **kwargs: Any) -> None:
        super().open(*args, **kwargs)
        self.set_nodelay(True)  # a token is a small packet: it must not wait for the last one's acknowledgement
        self.sending = asyncio.create_task(self._send(self.watched, self.tail))
        self.tail = []

    async def _send(self, watched: str, tail: Sequence[Event]) -> None:
        code, reason = CLOSE_RECONNECT, "reconnect"
        try:
            if tail:
                await self.write_message(dumps({"kind": "tail", "events": [event.to_json() for event in tail]}))
            session = await self.session(watched)
            async with aclosing(session.watch(self.after)) as messages:
                async for message in messages:
                    await self.write_message(self.encodings.text(message))
            if session.summary.state == "ended":
                code, reason = CLOSE_DELETED, "deleted"
        except WebSocketClosedError:
            return
        except AppBuilderError as error:  # of a session that could not be opened: a plain request says why
            self.log.debug("The channel of session %s: %s", watched, error)
            code, reason = 1011, "unopened"
        except Exception:
            self.log.exception("The channel of session %s broke", watched)
            code, reason = 1011, "internal"
        self.close(code, reason)

    def on_message(self, message: str | bytes) -> None:
        pass

    def on_close(self) -> None:
        if hasattr(self, "sending"):
            self.sending.cancel()
        super().on_close()


class EventsHandler(AppBuilderHandler):
    """``GET sessions/{id}/events?after=N``: server-sent events. ``Last-Event-ID`` counts more than ``after``."""

    _track_activity = False
    encodings: ClassVar = Encodings(line)
    _next: asyncio.Future[WireMessage] | None = None

    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        after = self._last_seen()
        found = await self.session(session)
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache, no-transform")
        self.set_header("X-Accel-Buffering", "no")
        with suppress(StreamClosedError):
            await self._say("retry: 1000\n\n")
            async with aclosing(found.watch(after)) as messages:
                await self._relay(messages)

    async def _relay(self, messages: AsyncGenerator[WireMessage, None]) -> None:
        try:
            while True:
                self._next = asyncio.ensure_future(anext(messages))
                while not (await asyncio.wait({self._next}, timeout=HEARTBEAT))[0]:
                    await self._say(": still here\n\n")
                if self._next.cancelled():
                    return
                try:
                    message = self._next.result()
                except StopAsyncIteration:
                    return
                number = f"id: {message['events'][-1]['seq']}\n" if message["kind"] == "events" else ""
                await self._say(f"{number}data: {self.encodings.text(message)}\n\n")
        finally:
            # The generator cannot be closed while it is being read.
            if self._next is not None and not self._next.done():
                self._next.cancel()
                await asyncio.wait({self._next})

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self._next is not None:
            self._next.cancel()

    async def _say(self, text: str) -> None:
        self.write(text)
        await self.flush()

    def _last_seen(self) -> int:
        header = self.request.headers.get("Last-Event-ID", "")
        if not header:
            return self.number("after")
        return whole_number(header, "Last-Event-ID")
