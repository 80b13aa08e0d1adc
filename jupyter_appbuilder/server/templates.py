"""Templates: what an app can start from; those that a person adds, also of their own apps."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler


class _Templates(AppBuilderHandler):
    async def _described(self, name: str) -> dict[str, Any]:
        known = await asyncio.to_thread(self.builder.library.described)
        return next(template for template in known if template["name"] == name)


class TemplatesHandler(_Templates):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer(await asyncio.to_thread(self.builder.library.described))

    @web.authenticated
    @authorized
    async def post(self) -> None:
        source = self.body("source").text("source", max_length=2000).strip()
        added = await self.while_heard(self.builder.library.add(source))
        if added:
            self.answer(await self._described(added.name), 201)


class TemplateHandler(_Templates):
    @web.authenticated
    @authorized
    async def delete(self, template: str) -> None:
        used = any(summary.template == template for summary in await self.builder.log_store.summaries())
        await self.builder.library.remove(template, used)
        self.set_status(204)
        self.finish()


class TemplatePictureHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, template: str) -> None:
        media_type, data = await asyncio.to_thread(self.builder.library.picture, template)
        self.picture(media_type, data, "private, max-age=3600")


class SessionTemplateHandler(_Templates):
    """An app as a template."""

    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        from ..session.template import taken

        found = await taken(await self.ready_session(session), self.builder.library)
        left_out = [one.to_json() for one in found.left_out]
        self.answer({"files": len(found.files), "bytes": found.bytes, "left_out": left_out})

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        from ..session.template import MAX_SUMMARY, MAX_TITLE, save

        body = self.body("title", "summary")
        title = body.text("title", max_length=MAX_TITLE)
        summary = body.text("summary", max_length=MAX_SUMMARY)
        found = await self.ready_session(session)
        made = await save(found, self.builder.library, self.builder.picture, title=title, summary=summary)
        self.answer(await self._described(made.name), 201)
