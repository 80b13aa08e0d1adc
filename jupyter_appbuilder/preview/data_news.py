"""Tells an app's open pages that the file of a dataset was replaced: they load it again, and keep their state.

The socket goes one way. What a page sends on it is not read, so no page can tell another one anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from types import MappingProxyType

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import websocket

from .capabilities import Preview
from .handlers import PreviewHandler
from .websocket import is_of_preview

MOST_PAGES = 100
"""Pages of one app that are told. What it opens beyond that is told nothing."""
LONGEST_MESSAGE = 1024
"""Bytes of a message of a page, which nobody reads."""


class DataNews:
    """The datasets of an app that were replaced since this process knows it."""

    def __init__(self) -> None:
        self._replaced: dict[str, int] = {}
        self.listeners: set[asyncio.Event] = set()
        """Each is set when a dataset was replaced."""

    @property
    def replaced(self) -> Mapping[str, int]:
        """How often each was."""
        return MappingProxyType(self._replaced)

    def tell(self, name: str) -> None:
        """The file of the dataset ``name`` is another one from now on."""
        self._replaced[name] = self._replaced.get(name, 0) + 1
        for listener in self.listeners:
            listener.set()


class DataNewsHandler(PreviewHandler, websocket.WebSocketHandler):
    """``<capability>/__appbuilder/data``: how often each dataset was replaced, at first and with each change."""

    _preview: Preview | None = None
    _telling: asyncio.Task[None] | None = None

    @allow_unauthenticated
    async def get(self, capability: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        visit = self.visited(capability)
        if visit is None:
            return
        if len(visit.preview.target.data_news.listeners) >= MOST_PAGES:
            self.set_status(503)
            self.finish()
            return
        self._preview = visit.preview
        await super().get(capability)

    @property
    def max_message_size(self) -> int:
        return LONGEST_MESSAGE

    def check_origin(self, origin: str) -> bool:
        return is_of_preview(self.request, origin)

    def open(self, *args: str, **kwargs: str) -> None:
        assert self._preview is not None
        self._preview.sockets.add(self._end)
        self._telling = asyncio.create_task(self._tell(self._preview.target.data_news))

    async def _tell(self, news: DataNews) -> None:
        changed = asyncio.Event()
        news.listeners.add(changed)
        try:
            with contextlib.suppress(websocket.WebSocketClosedError):
                while True:
                    await self.write_message(json.dumps(dict(news.replaced)))
                    await changed.wait()
                    changed.clear()
        finally:
            news.listeners.discard(changed)

    def on_message(self, message: str | bytes) -> None:
        """Nothing that a page says is news."""

    def _end(self) -> None:
        self.close(1001, "This preview has ended.")

    def on_close(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        if self._preview is not None:
            self._preview.sockets.discard(self._end)
