"""A session's checkpoints: list them, show one's diff, restore one."""

from __future__ import annotations

from dataclasses import asdict

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput
from ..events import timestamp
from ..eyes.base import DESKTOP, PICTURED
from ..session.session import MAX_TITLE
from .base import AppBuilderHandler


class CheckpointsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        found = await self.ready_session(session)
        checkpoints = await found.checkpoints()
        pictures = found.pictures.all()
        listed = [asdict(checkpoint) | {"at": timestamp(checkpoint.at)} for checkpoint in checkpoints]
        for item in listed:
            item["pictures"] = [one for _, one in sorted(pictures.get(item["tree"], {}).items())]
            del item["note"], item["data"]  # they belong to the event
        self.answer(listed)


class DiffHandler(AppBuilderHandler):
    """The changes of a checkpoint against its parent, or since another, as a unified diff."""

    @web.authenticated
    @authorized
    async def get(self, session: str, checkpoint: str) -> None:
        since = self.get_query_argument("since", "")
        diff = await (await self.ready_session(session)).workspace.diff(checkpoint, since)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(diff)


class VersionNameHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def put(self, session: str, checkpoint: str) -> None:
        body = self.body("name")
        name = body.text("name", "" if "name" in body else None, max_length=MAX_TITLE)
        await (await self.ready_session(session)).name_version(checkpoint, name)
        self.set_status(204)
        self.finish()


class VersionPictureHandler(AppBuilderHandler):
    """How the app looked in a version."""

    @web.authenticated
    @authorized
    async def get(self, session: str, checkpoint: str) -> None:
        width = self.number("width", DESKTOP)
        if width not in PICTURED:
            known = ", ".join(map(str, PICTURED))
            raise InvalidInput(f"'width' must be one of {known}, not {width}.", field="width")
        found = await self.ready_session(session)
        picture, data = await found.pictures.find(checkpoint, width, thumbnail=self.flag("thumbnail"))
        self.picture(picture["media_type"], data)

    @web.authenticated
    @authorized
    async def post(self, session: str, checkpoint: str) -> None:
        self.body()
        self.answer(list(await (await self.session(session)).take_picture(checkpoint)))


class VersionPreviewHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str, checkpoint: str) -> None:
        self.body()
        self.answer(await (await self.ready_session(session)).show_version(checkpoint), 202)

    @web.authenticated
    @authorized
    async def delete(self, session: str, checkpoint: str) -> None:
        await (await self.ready_session(session)).hide_version(checkpoint)
        self.set_status(204)
        self.finish()


class RestoreHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("checkpoint", "data")
        checkpoint, data = body.text("checkpoint", max_length=100), body.truth("data", default=True)
        event = await (await self.ready_session(session)).restore(checkpoint, data=data)
        self.answer(event.to_json())
