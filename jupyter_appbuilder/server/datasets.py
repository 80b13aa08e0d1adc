"""The data that people handed to an app, without its rows."""

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
