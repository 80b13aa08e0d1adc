"""A session's conversation: send a message, stop, continue, retry."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Sequence
from dataclasses import asdict

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..attachments.base import Given, Shown
from ..errors import InvalidInput, NotFound, of_the_disk
from ..pointing import Claim, read_claim, read_claims
from ..turns.modes import read_mode
from .base import AppBuilderHandler


class MessagesHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("text", "model", "mode", "attachments", "pointed", "after")
        text, model, mode = body.text("text"), body.text("model", "") or None, read_mode(body.text("mode", ""))
        attachments = await self.builder.shelf.take(body.texts("attachments"))
        pointed = read_claims(body.items("pointed"))
        cutouts = await self._cutouts(pointed)
        after = body.text("after", "", max_length=100)
        found = await self.session(session)
        turn = await found.send(
            text,
            model=model,
            mode=mode,
            attachments=attachments,
            pointed=pointed,
            cutouts=cutouts,
            after=after,
            by_whom=self.by_whom,
        )
        self.answer({"turn": turn}, 202)

    async def _cutouts(self, claims: Sequence[Claim]) -> dict[str, Given]:
        """The pictures that were taken of what was pointed at, those that are still there, by their names."""
        found: dict[str, Given] = {}
        for name in {claim.picture for claim in claims if claim.picture}:
            with contextlib.suppress(NotFound):
                (found[name],) = await self.builder.shelf.take([name])
        return found


class PointedPictureHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        claim = read_claim(self.body("pointed").mapping("pointed"))
        shot = await self.while_heard((await self.session(session)).picture_pointed(claim))
        if shot is None:
            return
        given = Given("pointed-at.png", shot.media_type, shot.data, picture=Shown(**asdict(shot)))
        try:
            picture = await self.builder.shelf.put(given)
        except OSError as error:
            raise of_the_disk(error, self.builder.data) from None
        data = base64.b64encode(shot.data).decode()
        self.answer({"picture": picture, "data": data, "width": shot.width, "height": shot.height})


class PointedHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        claim = read_claim(self.body("pointed").mapping("pointed"))
        found = await self.session(session)
        pointed, literal = await found.point(claim)
        self.answer({"pointed": pointed, "literal": literal})


class PointedTextHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("pointed", "text")
        claim, text = read_claim(body.mapping("pointed")), body.text("text")
        await (await self.session(session)).change_text(claim, text)
        self.set_status(204)


class PointedStylesHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        claim = read_claim(self.body("pointed").mapping("pointed"))
        self.answer(await (await self.session(session)).styles(claim))


class PointedStyleHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("pointed", "style")
        claim, wanted = read_claim(body.mapping("pointed")), body.mapping("style")
        steps = {name: step for name, step in wanted.items() if isinstance(step, str)}
        if not steps or len(steps) != len(wanted):
            raise InvalidInput("There is no style to change.", hint='{"size": "lg"}, for example.', field="style")
        await (await self.session(session)).change_style(claim, steps)
        self.set_status(204)


class RetryHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        turn = await (await self.session(session)).retry(by_whom=self.by_whom)
        self.answer({"turn": turn}, 202)


class ContinueHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        turn = await (await self.session(session)).go_on(by_whom=self.by_whom)
        self.answer({"turn": turn}, 202)


class StopHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        found = await self.session(session)
        await found.stop()
        self.answer(found.to_json())
