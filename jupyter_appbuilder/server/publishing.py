"""Publishes a session's app: where it can go, how it stands, what readers get."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput, NotFound
from ..publishing.jupyterhub import WHO, names_in
from .base import AppBuilderHandler, whole_number
from .body import Body

MOST_TEXTS = 300
LONGEST_TEXT = 10_000
PIECE = 256 * 1024


class PublishingHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        self.answer(await (await self.ready_session(session)).publishing.overview())

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("target", "name", "checkpoint", "settings", "accepted")
        target = body.text("target", "here", max_length=40)
        name, checkpoint = body.text("name", "", max_length=60), body.text("checkpoint", "", max_length=100)
        settings, accepted = _texts(body, "settings"), _texts(body, "accepted")
        found = await self.session(session)
        status = await found.publish(target, name=name, checkpoint=checkpoint, settings=settings, accepted=accepted)
        self.answer(status, 202)

    @web.authenticated
    @authorized
    async def delete(self, session: str) -> None:
        await (await self.session(session)).cancel_publishing()
        self.set_status(204)
        self.finish()


class GateHandler(AppBuilderHandler):
    """Why it is published anyway, though something was found."""

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("accepted")
        body.mapping("accepted")
        accepted = _texts(body, "accepted")
        self.answer(await (await self.session(session)).answer_gate(accepted))


class PublicationHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def delete(self, session: str, target: str) -> None:
        await (await self.session(session)).unpublish(target)
        self.set_status(204)
        self.finish()


class RollbackHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str, target: str) -> None:
        number = self.body("number").number("number")
        self.answer((await (await self.session(session)).roll_back(target, number)).to_json())


class ReadersHandler(AppBuilderHandler):
    """Who may open the app."""

    @web.authenticated
    @authorized
    async def get(self, session: str, target: str) -> None:
        self.answer(_readers(await (await self.ready_session(session)).publishing.readers(target)))

    @web.authenticated
    @authorized
    async def put(self, session: str, target: str) -> None:
        body = self.body("readers", "users", "groups")
        settings = {
            "readers": body.choice("readers", WHO),
            "users": ", ".join(body.texts("users")),
            "groups": ", ".join(body.texts("groups")),
        }
        self.answer(_readers(await (await self.session(session)).change_readers(target, settings)))


def _readers(settings: Mapping[str, str]) -> dict[str, Any]:
    users, groups = (names_in(settings.get(kind, "")) for kind in ("users", "groups"))
    return {"readers": settings.get("readers") or "me", "users": users, "groups": groups}


class VisitsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str, target: str) -> None:
        days = await (await self.ready_session(session)).publishing.visits(target)
        self.answer({"days": [{"day": day, "visits": visits} for day, visits in days.items()]})


class ReleaseFileHandler(AppBuilderHandler):
    """The archive that a target made of a release, to take away."""

    @web.authenticated
    @authorized
    async def get(self, session: str, target: str, number: str) -> None:
        self.check_xsrf_cookie()
        release = whole_number(number, "number")
        file = await (await self.ready_session(session)).publishing.file(target, release)
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_attachment_header(file.name)
        await self._send(file)

    async def _send(self, file: Path) -> None:
        try:
            opened = await asyncio.to_thread(file.open, "rb")
        except OSError:
            raise NotFound("The archive is not there any more.", hint="Publish again.", reason="not_kept") from None
        with opened:
            while piece := await asyncio.to_thread(opened.read, PIECE):
                self.write(piece)
                await self.flush()
        self.finish()


def _texts(body: Body, name: str) -> dict[str, str]:
    """An object of texts. InvalidInput names it."""
    given: dict[str, Any] = body.mapping(name, {})
    if len(given) > MOST_TEXTS or not all(isinstance(it, str) and len(it) <= LONGEST_TEXT for it in given.values()):
        raise InvalidInput(
            f"{name!r} must be an object of texts.",
            hint=f"At most {MOST_TEXTS}, of {LONGEST_TEXT:,} characters each.",
            field=name,
        )
    return given
