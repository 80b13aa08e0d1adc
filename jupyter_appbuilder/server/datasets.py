"""The data that people handed to an app, without its rows, and files of data that they send from a browser."""

from __future__ import annotations

from dataclasses import asdict

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler


class DatasetsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        self.answer([asdict(dataset) for dataset in (await self.session(session)).data.all()])


class UploadsHandler(AppBuilderHandler):
    """A file that is going to be sent."""

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("file", "size")
        file, size = body.text("file", max_length=1000), body.number("size")
        found = await self.ready_session(session)
        found.require_owned()
        self.answer((await found.data.uploads.begin(file, size)).to_json(), 201)


class UploadHandler(AppBuilderHandler):
    """One that is being sent: its parts, how far it is, and that it is handed over or given up."""

    @web.authenticated
    @authorized
    async def get(self, session: str, upload: str) -> None:
        self.answer((await self.session(session)).data.uploads.one(upload).to_json())

    @web.authenticated
    @authorized
    async def put(self, session: str, upload: str) -> None:
        found = await self.session(session)
        found.require_owned()
        self.answer((await found.data.uploads.add(upload, self.number("offset"), self.request.body)).to_json())

    @web.authenticated
    @authorized
    async def post(self, session: str, upload: str) -> None:
        from ..session.uploads import take_upload

        body = self.body("name", "private", "replace")
        name, replace = body.text("name", max_length=1000), body.truth("replace", False)
        private = body.truth("private") if "private" in body else None
        found = await self.ready_session(session)
        found.require_owned()
        if taken := await self.while_heard(take_upload(found, upload, name, private=private, replace=replace)):
            told = {"dataset": asdict(taken.handover.dataset), "path": taken.handover.path}
            self.answer(told | {"changes": list(taken.changes), "notes": list(taken.notes)}, 201)

    @web.authenticated
    @authorized
    async def delete(self, session: str, upload: str) -> None:
        found = await self.session(session)
        found.require_owned()
        await found.data.uploads.drop(upload)
        self.set_status(204)
        self.finish()
