"""An app that sleeps while its page is open in Chromium: the real template, its real dev server, the real proxy."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from building import app_builder
from preview.stage import chromium, free_port
from tornado import httpserver, web

from jupyter_appbuilder.preview import preview_handlers


async def test_an_open_page_sleeps_along_and_is_back_when_the_app_is(tmp_path: Path) -> None:
    async with app_builder(tmp_path) as builder, chromium() as browser:
        server = httpserver.HTTPServer(web.Application(preview_handlers("/", builder.previews)))
        port = free_port()
        server.listen(port, "127.0.0.1")
        session = await builder.create(title="Sleepy", template="react-vite")
        app = session.app
        await app.ensure()
        page = await browser.new_page()
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket.url))
        await page.goto(f"http://127.0.0.1:{port}{app.base_path}")
        await page.locator("#root > *").first.wait_for()
        while not sockets:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)  # until it stands
        await page.evaluate("window.kept = 'as it was'")

        await app.sleep()
        sandbox = await app.sandbox()
        await asyncio.sleep(2.5)  # a page that misses its server asks for it every second
        assert app.server.state == "asleep"
        assert (await sandbox.stats()).processes == 0
        assert await page.evaluate("window.kept") == "as it was"

        html = await session.workspace.read_text("index.html")
        await session.workspace.write("index.html", html.replace("<title>", "<title>Edited "))
        # What the page itself asks for wakes the app, and is answered.
        began = time.monotonic()
        status, text = await page.evaluate("fetch('src/main.tsx').then(async (it) => [it.status, await it.text()])")
        print(f"woken and answered after {time.monotonic() - began:.2f} s")
        assert status == 200
        assert "createRoot" in text
        assert app.server.state == "ready"
        # Its server is another one now: the page loads itself anew.
        await page.wait_for_function("document.title.startsWith('Edited ') && window.kept === undefined")
        await page.locator("#root > *").first.wait_for()

        # A page that opens while the app sleeps.
        await app.sleep()
        second = await browser.new_page()
        await second.goto(f"http://127.0.0.1:{port}{app.base_path}")
        await second.locator("#root > *").first.wait_for()
        server.stop()
        await server.close_all_connections()
