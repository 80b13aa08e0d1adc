"""The secrets of an app, by name: a value comes in, and none goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import Unavailable
from ..vault.base import LARGEST
from .base import AppBuilderHandler

if TYPE_CHECKING:
    from ..session import Session


class SecretsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        self.answer(await described(await self.session(session)))


class SecretHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def put(self, session: str, name: str) -> None:
        value = self.body("value").text("value", max_length=LARGEST)
        found = await self.session(session)
        await found.set_secret(name, value)
        self.answer(await described(found))

    @web.authenticated
    @authorized
    async def delete(self, session: str, name: str) -> None:
        await (await self.session(session)).remove_secret(name)
        self.set_status(204)
        self.finish()


async def described(session: Session) -> dict[str, Any]:
    try:
        where, problem = await session.secrets.where(), ""
    except Unavailable as error:
        where, problem = "", str(error)
    listed = [secret.to_json() for secret in await session.secrets.all()]
    return {"takes": session.secrets.takes, "where": where, "problem": problem, "secrets": listed}
