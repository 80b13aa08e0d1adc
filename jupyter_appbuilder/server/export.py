"""Exports the whole app as a ZIP file, and what was said as an HTML file."""

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


class TranscriptHandler(AppBuilderHandler):
    """What was asked and done, as a file to hand on. A browser that shows it gives it no origin, and runs nothing."""

    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        from ..client.transcript import POLICY, transcript_of

        self.check_xsrf_cookie()
        found = await self.session(session)
        page = await transcript_of(self.builder, found.summary, await found.events())
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", f"{POLICY}; sandbox")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_attachment_header(f"{found.summary.name}.html")
        self.finish(page)
