"""A session whose app runs in a real sandbox, and a real Chromium on its preview."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType

from building import app_builder
from chromium import PATIENCE, launch_options
from playwright.async_api import ConsoleMessage, Page, async_playwright
from tornado import httpserver, netutil, web

from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.preview.handlers import preview_handlers
from jupyter_appbuilder.session import Session


@contextlib.asynccontextmanager
async def running(
    folder: Path, template: str, files: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[tuple[Session, AppBuilder, str]]:
    """A session on ``template``, with ``files`` in it, whose preview is ready, and the preview's URL."""
    async with app_builder(folder, model="demo:recorded") as builder:
        server = httpserver.HTTPServer(web.Application([*preview_handlers("/", builder.previews)]))
        sockets = netutil.bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        session = await builder.create(name="app", template=template)
        await session.ready()
        for path, content in files.items():
            await session.workspace.write(path, content.encode())
        await session.start_preview()
        assert session.app.server.state == "ready", f"{session.app.server.message}\n{session.app.server.log}"
        yield session, builder, f"http://127.0.0.1:{sockets[0].getsockname()[1]}{session.app.base_path}"
        server.stop()
        await server.close_all_connections()


@contextlib.asynccontextmanager
async def browsing(url: str) -> AsyncIterator[tuple[Page, list[str]]]:
    """A page on ``url``, and what went wrong in it so far."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        page = await browser.new_page(color_scheme="light", viewport={"width": 1280, "height": 860})
        page.set_default_timeout(PATIENCE)
        problems: list[str] = []

        def heard(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                problems.append(message.text)

        page.on("console", heard)
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(url)
        yield page, problems
        await browser.close()
