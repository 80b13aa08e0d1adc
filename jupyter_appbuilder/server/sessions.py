"""Sessions: create, list, show, rename, delete."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput
from ..session import MAX_TITLE
from ..turns.modes import read_mode
from .base import AppBuilderHandler


class SessionsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer(await self.builder.sessions(self.get_query_argument("search", "")))

    @web.authenticated
    @authorized
    async def post(self) -> None:
        body = self.body("prompt", "title", "name", "template", "model", "sandbox", "database", "mode", "attachments")
        prompt = body.text("prompt", "").strip()
        mode = read_mode(body.text("mode", ""))
        attachments = await self.builder.shelf.take(body.texts("attachments"))
        session = await self.builder.create(
            prompt=prompt,
            title=body.text("title", "", max_length=MAX_TITLE),
            name=body.text("name", ""),
            template=body.text("template", ""),
            model=body.text("model", ""),
            sandbox=body.text("sandbox", ""),
            database=body.text("database", ""),
        )
        created = session.to_json()
        if prompt:
            # Sent once the files stand; who asked need not wait for that. A failure to make them is an event.
            self.builder.background.run(session.send(prompt, mode=mode, attachments=attachments))
        self.set_header("Location", f"{self.request.path.rstrip('/')}/{session.id}")
        self.answer(created, 201)


class SessionHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        self.answer((await self.session(session)).to_json())

    @web.authenticated
    @authorized
    async def patch(self, session: str) -> None:
        body = self.body("title", "model")
        title = body.text("title", max_length=MAX_TITLE) if "title" in body else None
        model = body.text("model") if "model" in body else None
        if title is None and model is None:
            raise InvalidInput("There is nothing to change.", hint="Send 'title', 'model' or both.", field="title")
        found = await self.session(session)
        await found.update(title=title, model=model)
        self.answer(found.to_json())

    @web.authenticated
    @authorized
    async def delete(self, session: str) -> None:
        await self.builder.delete(session, files=self.flag("files"))
        self.set_status(204)
        self.finish()
