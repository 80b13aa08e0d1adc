"""Reports whether App Builder works, and what to do if it does not."""

from __future__ import annotations

from dataclasses import asdict

from jupyter_server.auth.decorator import authorized
from tornado import web

from .._version import __version__
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
        places = self.builder.places
        problem = places.misplaced()
        status = "ok" if all(check["ok"] for check in checks) and not problem else "degraded"
        apps = {
            "folder": str(places.shelf) if places.known else None,
            "path": None if problem else places.browser_path(places.shelf),
            "problem": problem and {"message": problem.message, "hint": problem.hint},
        }
        self.answer({"status": status, "version": __version__, "apps": apps, "checks": checks})
