"""The pages shown when there is no app to show, in Chromium."""

from __future__ import annotations

from pathlib import Path

from preview.stage import BASE_URL, PanelHandler, Target, chromium, served, upstream
from preview.test_page import pictures, until
from tornado import web

from jupyter_appbuilder.preview import Previews
from jupyter_appbuilder.sandbox.base import DevServer


class Page(web.RequestHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/html")
        self.finish("<!doctype html><p>the app itself</p>")


async def test_the_waiting_page_follows_the_start_and_gives_way_to_the_app(target: Target, tmp_path: Path) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with (
        upstream(tmp_path, (".*", Page)) as address,
        served(previews, ("/panel", PanelHandler)) as origin,
        chromium() as browser,
    ):
        log = "added 77 packages\nsome \x1b[32mgreen\x1b[0m line"
        target.server = DevServer("starting", message="Installing dependencies", fraction=0.4, log=log)
        page = await browser.new_page()
        await page.goto(f"{origin}/panel?src={prefix}")
        app = page.frame_locator("#app")
        await app.get_by_text("Installing dependencies").wait_for()
        assert await app.get_by_role("progressbar").get_attribute("value") == "0.4"
        await app.get_by_text("Output").click()
        await app.get_by_text("some green line").wait_for()
        await pictures(page, "starting")
        target.server = DevServer("failed", message="Cannot find module 'vite-plugin-nothing'", log=log)
        await app.get_by_text("Cannot find module").wait_for()
        await app.get_by_role("heading", name="The app could not start").wait_for()
        await pictures(page, "failed")
        assert await app.get_by_role("button").count() == 0, "the panel around it has what helps"
        tab = await browser.new_page()
        await tab.goto(f"{origin}{prefix}")
        target.after = DevServer("ready", address)
        await tab.get_by_role("button", name="Restart").click()
        await tab.get_by_text("the app itself").wait_for()
        await app.get_by_text("the app itself").wait_for()
        assert (
            await page.evaluate(
                "messages.filter(({type}) => !['ready', 'navigated', 'cleared', 'records'].includes(type))"
            )
            == []
        )
        await until(lambda: any(finding["kind"] == "ready" for finding in target.findings))


async def test_an_ended_preview_tells_what_to_do(target: Target) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with served(previews) as origin, chromium() as browser:
        target.server = DevServer("starting")
        page = await browser.new_page()
        await page.goto(origin + prefix)
        await page.get_by_role("heading", name="Starting the app").wait_for()
        previews.close("s1")
        await page.get_by_role("heading", name="This preview has ended").wait_for()
        await pictures(page, "ended")
