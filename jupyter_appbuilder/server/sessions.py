"""Sessions: create, list, show, rename, delete."""

from __future__ import annotations

from typing import cast, get_args

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput
from ..events import Shelf
from ..session import MAX_TITLE
from ..turns.modes import read_mode
from .base import AppBuilderHandler, shortened

SHELVES = (*get_args(Shelf), "all")


class SessionsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        search = self.get_query_argument("search", "")
        shelf = self.get_query_argument("shelf", "apps")
        if shelf not in SHELVES:
            raise InvalidInput(
                f"'shelf' cannot be {shortened(shelf)}.", hint=f"Choose one of: {', '.join(SHELVES)}.", field="shelf"
            )
        found = await self.builder.listed(search, cast("Shelf", shelf), sizes=self.flag("sizes"))
        self.set_header("Content-Type", "application/json")
        self.finish(f"[{','.join(found)}]")

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
            sending = session.send(prompt, mode=mode, attachments=attachments, by_whom=self.by_whom)
            self.builder.background.run(sending)
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
        body = self.body("title", "model", "pinned", "shelf", "tags")
        title = body.text("title", max_length=MAX_TITLE) if "title" in body else None
        model = body.text("model") if "model" in body else None
        pinned = body.truth("pinned") if "pinned" in body else None
        shelf = cast("Shelf", body.choice("shelf", get_args(Shelf))) if "shelf" in body else None
        tags = body.texts("tags") if "tags" in body else None
        organizes = pinned is not None or shelf is not None or tags is not None
        if title is None and model is None and not organizes:
            raise InvalidInput(
                "There is nothing to change.", hint="Send 'title', 'model', 'pinned', 'shelf' or 'tags'.", field="title"
            )
        told = None
        if title is not None or model is not None:
            found = await self.session(session)
            await found.update(title=title, model=model)
            told = found.to_json()
        if told is None or organizes:
            told = await self.builder.organize(session, pinned=pinned, shelf=shelf, tags=tags)
        self.answer(told)

    @web.authenticated
    @authorized
    async def delete(self, session: str) -> None:
        await self.builder.delete(session, files=self.flag("files"))
        self.set_status(204)
        self.finish()
