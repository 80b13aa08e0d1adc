"""Plans: list them and accept one."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler


class PlansHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        self.answer([plan.to_json() for plan in (await self.session(session)).plans()])


class AcceptHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str, plan: str) -> None:
        body = self.body("text", "model")
        text, model = (body.text("text") if "text" in body else None), body.text("model", "") or None
        turn = await (await self.session(session)).accept(plan, text, model=model, by_whom=self.by_whom)
        self.answer({"turn": turn}, 202)
