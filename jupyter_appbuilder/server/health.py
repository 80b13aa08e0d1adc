"""Whether the App Builder is well, and what to do when it is not."""

from __future__ import annotations

from dataclasses import asdict

from jupyter_server.auth.decorator import authorized
from tornado import web

from .. import __version__
from .base import AppBuilderHandler


class HealthHandler(AppBuilderHandler):
    """``GET health``: at once. With ``?checks=true`` it also tries the sandbox, which takes a moment."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        checks = (
            [asdict(check) for check in await self.builder.sandboxes.provider().check()] if self.flag("checks") else []
        )
        status = "ok" if all(check["ok"] for check in checks) else "degraded"
        self.answer({"status": status, "version": __version__, "checks": checks})
