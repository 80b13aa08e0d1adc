"""The whole app as a ZIP file."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler


class ExportHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        self.check_xsrf_cookie()
        found = await self.furnished(session)
        content = await found.workspace.zip()
        self.set_header("Content-Type", "application/zip")
        self.set_attachment_header(f"{found.summary.name}.zip")
        self.finish(content)
