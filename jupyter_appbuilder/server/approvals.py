"""Answers to the agent's questions, and the hosts an app's code may reach."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler


class ApprovalHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str, approval: str) -> None:
        body = self.body("granted", "remember")
        granted, remember = body.truth("granted"), body.truth("remember", False)
        found = await self.session(session)
        await found.answer(approval, granted, remember=remember, by_whom=self.by_whom)
        self.answer(found.to_json())


class NetworkHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        await self._list(session)

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        host = self.body("host").text("host", max_length=300)
        await (await self.session(session)).allow_host(host)
        await self._list(session)

    async def _list(self, session: str) -> None:
        hosts = await (await self.session(session)).network.hosts()
        self.answer([host.to_json() for host in hosts])


class NetworkHostHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def delete(self, session: str, host: str) -> None:
        await (await self.session(session)).revoke_host(host)
        self.set_status(204)
        self.finish()
