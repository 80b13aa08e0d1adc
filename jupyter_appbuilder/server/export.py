"""Exports the whole app as a ZIP file."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler


class ExportHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        from ..eyes.playwright_tests import scenario_tests

        self.check_xsrf_cookie()
        found = await self.ready_session(session)
        tests = self.flag("tests")
        more = await scenario_tests(found.workspace) if tests else {}
        more |= await found.secrets.example()
        content = await found.workspace.zip(more | self.builder.library.exported(found.summary.template))
        self.set_header("Content-Type", "application/zip")
        self.set_attachment_header(f"{found.summary.name}.zip")
        self.finish(content)
