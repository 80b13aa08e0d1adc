"""Exports the whole app as a ZIP file."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler


class ExportHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        from ..session.export import zipped

        self.check_xsrf_cookie()
        found = await self.ready_session(session)
        content = await zipped(found, self.builder.library, self.builder.datasets, tests=self.flag("tests"))
        self.set_header("Content-Type", "application/zip")
        self.set_attachment_header(f"{found.summary.name}.zip")
        self.finish(content)
