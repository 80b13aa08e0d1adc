"""A session's conversation: send a message, stop, continue, retry."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..turns.modes import read_mode
from .base import AppBuilderHandler


class MessagesHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("text", "model", "mode", "attachments")
        text, model, mode = body.text("text"), body.text("model", "") or None, read_mode(body.text("mode", ""))
        attachments = await self.builder.shelf.take(body.texts("attachments"))
        turn = await (await self.session(session)).send(text, model=model, mode=mode, attachments=attachments)
        self.answer({"turn": turn}, 202)


class RetryHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        turn = await (await self.session(session)).retry()
        self.answer({"turn": turn}, 202)


class ContinueHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        turn = await (await self.session(session)).go_on()
        self.answer({"turn": turn}, 202)


class StopHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        found = await self.session(session)
        await found.stop()
        self.answer(found.to_json())
