"""Start, restart or stop a session's preview. How it goes is told on the channel."""

from __future__ import annotations

import asyncio

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler

AT_ONCE = 0.05  # seconds


class PreviewHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        action = self.body("action").choice("action", ("start", "restart", "stop"))
        found = await self.session(session)
        if action == "stop":
            await found.stop_preview()
        else:
            starting = asyncio.ensure_future(found.start_preview(restart=action == "restart"))
            # What fails at once is the answer; how the rest goes is told on the channel.
            if (await asyncio.wait({starting}, timeout=AT_ONCE))[0]:
                starting.result()
            else:
                self.builder.in_background(starting)
        self.answer(found.app.preview, 200 if action == "stop" else 202)
