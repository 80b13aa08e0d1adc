"""Downloads, other sites and new tabs: what the page asks of the panel, since the sandbox forbids it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from preview.stage import BASE_URL, PanelHandler, Target, chromium, served, upstream
from preview.test_page import until
from tornado import web

from jupyter_appbuilder.preview import Previews
from jupyter_appbuilder.sandbox.base import DevServer

PAGE = """<!doctype html><title>App</title>
<a id="own" href="data.csv" download="report.csv">own</a>
<a id="blob" download="blob.txt">blob</a>
<a id="out" href="https://example.com/docs">out</a>
<a id="tab" target="_blank" href="about">tab</a>
<a id="mine" href="https://example.com/mine">handled by the app</a>
<a id="plain" href="#here">plain</a>
<a id="jupyter" href="/lab/tree">of Jupyter</a>
<button id="made" onclick="made()">made</button><button id="event" onclick="event_()">event</button>
<button id="window" onclick="window.open('https://example.com/window')">window</button>
<script>
blob.href = URL.createObjectURL(new Blob(["from a blob"]));
mine.onclick = (event) => event.preventDefault();
function link() {
  const made = document.createElement("a");
  made.href = URL.createObjectURL(new Blob(["x,y"], {type: "text/html"}));
  made.download = "made.csv";
  return made;
}
function made() { link().click(); }
function event_() { link().dispatchEvent(new MouseEvent("click")); }
</script>"""


class AppHandler(web.RequestHandler):
    @allow_unauthenticated
    def get(self) -> None:
        if self.request.path.endswith("data.csv"):
            self.finish("a,b\n1,2\n")
        else:
            self.set_header("Content-Type", "text/html")
            self.finish(PAGE)


@asynccontextmanager
async def app_of(target: Target, tmp_path: Path) -> AsyncIterator[tuple[Any, str]]:
    """A browser, and the origin and path of the preview."""
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with (
        upstream(tmp_path, (".*", AppHandler)) as address,
        served(previews, ("/panel", PanelHandler)) as origin,
        chromium() as browser,
    ):
        target.server = DevServer("ready", address)
        yield browser, origin + prefix


async def test_what_the_sandbox_forbids_is_asked_of_the_panel(target: Target, tmp_path: Path) -> None:
    async with app_of(target, tmp_path) as (browser, url):
        page = await browser.new_page()
        origin, _, path = url.partition("/user/")
        await page.goto(f"{origin}/panel?src=/user/{path}")
        app = page.frame_locator("#app")
        asked = "messages.filter(({type}) => type === 'save' || type === 'open')"
        here = await app.locator("#own").evaluate("() => location.href.split('?')[0]")  # a visitor's own address
        wanted = [
            ("own", ["save", "report.csv", "a,b\n1,2\n"]),
            ("blob", ["save", "blob.txt", "from a blob"]),
            ("made", ["save", "made.csv", "x,y"]),
            ("event", ["save", "made.csv", "x,y"]),
            ("out", ["open", "https://example.com/docs", ""]),
            ("tab", ["open", f"{here}about", ""]),
            ("window", ["open", "https://example.com/window", ""]),
        ]
        for number, (id, expected) in enumerate(wanted, 1):
            await app.locator(f"#{id}").click()
            await page.wait_for_function(f"{asked}.length === {number}")
            got = await page.evaluate(
                f"(async ({{type, name, url, content}}) => [type, name ?? url, content ? await content.text() : ''])"
                f"({asked}.at(-1))"
            )
            assert got == expected
        for id in ("mine", "plain", "jupyter"):
            await app.locator(f"#{id}").click()
        await app.locator("appbuilder-note").wait_for(state="attached")
        await until(lambda: any("leave out the leading slash" in told for told in target.problems()))
        await app.locator("#own").click()
        await page.wait_for_function(f"{asked}.length === {len(wanted) + 1}")
        assert await app.locator("#own").count() == 1, "the page is still there"


async def test_a_page_of_the_app_answers_where_it_is_and_another_site_does_not(target: Target, tmp_path: Path) -> None:
    async with app_of(target, tmp_path) as (browser, url):
        page = await browser.new_page()
        origin, _, path = url.partition("/user/")
        await page.goto(f"{origin}/panel?src=/user/{path}")
        app = page.frame_locator("#app")
        await app.locator("#own").wait_for()
        asks = "postMessage({source: 'jupyter-appbuilder', type: 'where'}, '*')"
        where = f"document.querySelector('#app').contentWindow.{asks}"
        await page.wait_for_function("messages.some(({type}) => type === 'navigated')")
        await page.evaluate(f"() => {{ messages.length = 0; {where} }}")
        await page.wait_for_function("messages.some(({type}) => type === 'navigated')")
        loaded = f"() => {{ window.loaded = true; messages.length = 0; {where} }}"
        await page.evaluate(f"() => document.querySelector('#app').addEventListener('load', {loaded})")
        await app.locator("body").evaluate("() => setTimeout(() => { location.href = 'http://127.0.0.1:9/elsewhere' })")
        await page.wait_for_function("window.loaded")
        assert await page.evaluate("new Promise(done => setTimeout(() => done(messages.length), 300))") == 0


async def test_a_tab_of_its_own_says_that_downloads_are_off(target: Target, tmp_path: Path) -> None:
    async with app_of(target, tmp_path) as (browser, url):
        page = await browser.new_page()
        await page.goto(url)
        await page.locator("#own").click()
        await page.locator("appbuilder-note").wait_for(state="attached")
