"""Forks a session."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..turns.modes import read_mode
from .base import AppBuilderHandler


class ForkHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("message", "turn", "checkpoint", "text", "model", "mode", "name")
        text = body.text("text", "").strip()
        mode = read_mode(body.text("mode")) if "mode" in body else None
        forked, found = await self.builder.fork(
            session,
            message=body.number("message") if "message" in body else None,
            turn=body.text("turn", "", max_length=100),
            checkpoint=body.text("checkpoint", "", max_length=100),
            name=body.text("name", ""),
            model=body.text("model", ""),
        )
        created = forked.to_json()
        if text:
            # Sent once the files stand; who asked need not wait for that. A failure to make them is an event.
            sending = forked.send(
                text,
                mode=mode or found.mode,
                attachments=found.attachments,
                pointed=found.pointed,
                by_whom=self.by_whom,
            )
            self.builder.background.run(sending)
        self.set_header("Location", f"{self.request.path.rsplit('/', 2)[0]}/{forked.id}")
        self.answer(created, 201)
