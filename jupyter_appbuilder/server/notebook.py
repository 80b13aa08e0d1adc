"""The notebook of a session that JupyterLab has open: its cells, and a hold on writing the file."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler

HOLD_SECONDS = 150.0
"""An open notebook is reported every 20 seconds; browsers slow that down to once a minute in a hidden tab."""

MAX_CLIENT = 100  # characters


class NotebookHandler(AppBuilderHandler):
    _track_activity = False  # a notebook left open is no activity

    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        """The notebook as the log has it now."""
        after = self.number("after")
        found = await self.ready_session(session)
        await self.answer_long(await found.notebook.notebook(after))

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        """Open, keep open, or close."""
        body = self.body("open", "client")
        is_open = body.truth("open")
        client = body.text("client", max_length=MAX_CLIENT)
        found = await self.ready_session(session)
        found.require_owned()
        writer = found.notebook
        known = client in writer.clients
        if is_open:
            writer.hold(client, HOLD_SECONDS)
            await writer.settled()
        else:
            writer.release(client)
        first = writer.clients[:1] == [client]
        path = found.to_json()["notebook"]
        self.answer({"notebook": path, "known": known, "first": first, "expires_seconds": HOLD_SECONDS})
