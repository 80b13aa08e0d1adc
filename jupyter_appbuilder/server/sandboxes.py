"""Sandbox providers and running sandboxes."""

from __future__ import annotations

import os

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler


class SandboxProvidersHandler(AppBuilderHandler):
    """``GET sandboxes/providers``. Finding out what isolates takes a moment the first time."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer(await self.builder.sandboxes.describe_providers())


class SandboxesHandler(AppBuilderHandler):
    """``GET sandboxes``: those of this server."""

    _track_activity = False  # who watches a Hub's servers must not keep them alive

    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer([{"pid": os.getpid()} | sandbox for sandbox in await self.builder.sandboxes.describe()])


class SandboxHandler(AppBuilderHandler):
    """``DELETE sandboxes/{session}``: ends it; it is made anew when somebody looks."""

    @web.authenticated
    @authorized
    async def delete(self, session: str) -> None:
        await self.builder.sandboxes.stop(session)
        self.set_status(204)
        self.finish()
