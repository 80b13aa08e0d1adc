"""The tools there are, and one call of one, made by a person or a notebook instead of the model."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..events import By
from .base import AppBuilderHandler


class ToolsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer([tool.to_json() for tool in self.builder.tools.values()])


class ToolHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str, tool: str) -> None:
        body = self.body("arguments", "by")
        by: By = "notebook" if body.choice("by", ("person", "notebook"), "person") == "notebook" else "person"
        found = await self.session(session)
        call, result = await found.call(tool, body.mapping("arguments", {}), by=by)
        self.answer(
            {
                "call": call,
                "ok": result.ok,
                "summary": result.summary,
                "text": result.text,
                "detail": result.detail,
            }
        )
