"""A session's checkpoints: list them, show one's diff, restore one."""

from __future__ import annotations

from dataclasses import asdict

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..events import timestamp
from ..session.session import MAX_TITLE
from .base import AppBuilderHandler


class CheckpointsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        checkpoints = await (await self.ready_session(session)).checkpoints()
        listed = [asdict(checkpoint) | {"at": timestamp(checkpoint.at)} for checkpoint in checkpoints]
        for item in listed:
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


class RestoreHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("checkpoint", "data")
        checkpoint, data = body.text("checkpoint", max_length=100), body.truth("data", default=True)
        event = await (await self.ready_session(session)).restore(checkpoint, data=data)
        self.answer(event.to_json())
