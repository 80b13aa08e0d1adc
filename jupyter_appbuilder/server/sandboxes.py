"""Where apps can run."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler


class SandboxProvidersHandler(AppBuilderHandler):
    """``GET sandboxes/providers``. Finding out what isolates takes a moment the first time."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer(await self.builder.sandbox_providers())
