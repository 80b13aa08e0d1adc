"""An app of a notebook: what is found in one, and the app that is made of it."""

from __future__ import annotations

import asyncio

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler


class FromNotebookHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What is in the notebook; nothing is made yet, and nothing of it is run."""
        from ..session.notebooks import Found

        path = self.builder.places.from_browser(self.get_query_argument("path"))
        found = await asyncio.to_thread(Found.read, path)
        self.answer(await asyncio.to_thread(found.to_json))

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Make the app, hand over the data, tell of the notebook, and ask."""
        from ..session.notebooks import Found, begin_with

        body = self.body("path", "prompt", "name", "template", "model", "private", "leave_out", "frames")
        prompt = body.text("prompt").strip()
        private, token = body.truth("private", False), body.text("frames", "")
        left_out = body.texts("leave_out")
        path = self.builder.places.from_browser(body.text("path"))
        found = await asyncio.to_thread(Found.read, path)
        try:
            given = {name: body.text(name, "") for name in ("name", "template", "model")}
            session = await self.builder.create(prompt=prompt, title=found.analysis.title, **given)
            frames = await asyncio.to_thread(self.builder.datasets.dropped, token)
            sources = [one for one in found.sources(frames) if one.named not in left_out]
            await begin_with(session, found.analysis, found.used, sources, private=private)
        finally:
            await asyncio.to_thread(self.builder.datasets.drop, token)
        await session.send(prompt, by_whom=self.by_whom)
        self.set_header("Location", f"{self.request.path.rpartition('/')[0]}/sessions/{session.id}")
        self.answer(session.to_json(), 201)


class FramesHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self) -> None:
        """A folder for frames that the notebook's own kernel writes, and the expression that has it do so."""
        names = self.body("variables").texts("variables")
        token, folder = await asyncio.to_thread(self.builder.datasets.new_drop)
        module = "jupyter_appbuilder.client.from_notebook"
        code = f"__import__({module!r}, fromlist=['lay_out']).lay_out({str(folder)!r}, {names!r})"
        self.answer({"frames": token, "expression": code}, 201)
