"""A real Vite app, in a frame, in Chromium, through the proxy."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from preview.stage import BASE_URL, PanelHandler, Target, chromium, served, upstream, vite, write
from tornado import web

from jupyter_appbuilder.preview import Previews
from jupyter_appbuilder.sandbox.base import DevServer


async def pictures(page: Any, name: str) -> None:
    """Screenshots, light and dark, for whoever sets PREVIEW_PICTURES to a folder."""
    if folder := os.environ.get("PREVIEW_PICTURES"):
        for scheme in ("dark", "light"):
            await page.emulate_media(color_scheme=scheme)
            await asyncio.sleep(0.5)  # the animation
            await page.screenshot(path=f"{folder}/{name}-{scheme}.png")


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # pytest's own time limit ends it
        await asyncio.sleep(0.02)


APP = """import { useState } from 'react';
export default function App() {
  const [count, setCount] = useState(0);
  return <main><h1>Hello one</h1><button onClick={() => setCount(count + 1)}>count {count}</button></main>;
}
"""


class WithoutCharset(web.RequestHandler):
    def get(self, encoding: str) -> None:
        self.set_header("Content-Type", "text/html")
        page = f'<!doctype html><html><head><meta charset="{encoding}"></head><body><p id="word">grün</p>'
        self.write(page.encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
async def test_a_page_that_says_its_encoding_itself_is_read_so(target: Target, tmp_path: Path, encoding: str) -> None:
    """Firefox looks for it in the first 1,024 bytes, and what the page has stored comes before it."""
    previews = Previews(BASE_URL)
    previews.framed_is_person = True
    prefix = previews.open(target)
    target.storage.change({"local": {"set": {"long": "x" * 5000}}})
    panel = ("/panel", PanelHandler)
    async with upstream(tmp_path, ("/.*/(.*)", WithoutCharset)) as address, served(previews, panel) as origin:
        target.server = DevServer("ready", address)
        async with chromium() as browser:
            page = await (await browser.new_context()).new_page()
            async with page.expect_response(lambda answer: answer.ok and "panel" not in answer.url) as answered:
                await page.goto(f"{origin}/panel?src={prefix}{encoding}")
            kind = await (await answered.value).header_value("content-type")
            assert kind == f"text/html; charset={encoding}"
            assert await page.frame_locator("#app").locator("#word").inner_text() == "grün"


@asynccontextmanager
async def shown(target: Target, tmp_path: Path, files: dict[str, str]) -> AsyncIterator[tuple[Any, Any, Path]]:
    """The panel's page, the app's frame in it, and the app's folder."""
    previews = Previews(BASE_URL)
    previews.framed_is_person = True
    prefix = previews.open(target)
    folder = tmp_path / "app"
    async with vite(folder, files, prefix) as address, served(previews, ("/panel", PanelHandler)) as origin:
        target.server = DevServer("ready", address)
        async with chromium() as browser:
            page = await (await browser.new_context()).new_page()
            await page.goto(f"{origin}/panel?src={prefix}")
            yield page, page.frame_locator("#app"), folder


async def test_an_app_renders_and_updates_in_place(target: Target, tmp_path: Path) -> None:
    async with shown(target, tmp_path, {"src/App.jsx": APP}) as (page, app, folder):
        await app.get_by_text("count 0").click()
        await app.get_by_text("count 1").wait_for()
        write(folder / "src/App.jsx", APP.replace("Hello one", "Hello two"))
        await app.get_by_text("Hello two").wait_for()
        await until(lambda: [finding["kind"] for finding in target.findings].count("ready") == 2)  # it saw the change
        assert await app.get_by_text("count 1").is_visible()  # the state stayed: nothing was reloaded
        messages = await page.evaluate("messages.map(({type}) => type)")
        assert "ready" in messages
        assert "navigated" in messages
        assert {finding["kind"] for finding in target.findings} == {"ready"}


async def test_a_change_that_comes_before_the_page_listens_is_shown(target: Target, tmp_path: Path) -> None:
    """Vite's own script is held up until the app's code, the old one, has come and was changed."""
    previews = Previews(BASE_URL)
    previews.framed_is_person = True
    prefix = previews.open(target)
    folder = tmp_path / "app"
    async with (
        vite(folder, {"src/App.jsx": APP}, prefix) as address,
        served(previews, ("/panel", PanelHandler)) as origin,
    ):
        target.server = DevServer("ready", address)
        async with chromium() as browser:
            page = await (await browser.new_context()).new_page()
            changed = False

            async def hold(route: Any) -> None:
                nonlocal changed
                if not changed:
                    changed = True
                    await came.wait()
                    write(folder / "src/App.jsx", APP.replace("Hello one", "Hello two"))
                    target.changed_at = time.monotonic()
                    async with httpx.AsyncClient() as client:
                        while "Hello two" not in (await client.get(f"{origin}{prefix}src/App.jsx")).text:
                            await asyncio.sleep(0.05)
                await route.continue_()

            came = asyncio.Event()
            page.on("requestfinished", lambda request: came.set() if request.url.endswith("src/App.jsx") else None)
            await page.route("**/@vite/client", hold)
            await page.goto(f"{origin}/panel?src={prefix}", wait_until="commit")
            await page.frame_locator("#app").get_by_text("Hello two").wait_for()
            assert changed


async def test_broken_code_shows_its_error_and_the_mended_code_takes_it_away(target: Target, tmp_path: Path) -> None:
    async with shown(target, tmp_path, {"src/App.jsx": APP}) as (page, app, folder):
        await app.get_by_text("Hello one").wait_for()
        write(folder / "src/App.jsx", APP.replace("<h1>", "<h1"))
        error = app.locator("appbuilder-error")
        await error.wait_for(state="attached")
        finding = await page.evaluate("messages.find(({type}) => type === 'finding').finding")
        assert finding["kind"] == "build"
        assert finding["source"].startswith("src/App.jsx:4:")
        assert "Expected" in finding["message"]
        assert "<h1Hello one" in finding["stack"]  # the code around it
        assert [one["kind"] for one in target.findings if one["kind"] != "ready"] == ["build"]
        await error.get_by_text("src/App.jsx").first.wait_for()
        assert not await app.locator("vite-error-overlay").is_visible()
        await pictures(page, "overlay")
        write(folder / "src/App.jsx", APP.replace("Hello one", "Hello three"))
        await app.get_by_text("Hello three").wait_for()
        await error.wait_for(state="detached")


STORING = """
const show = (text) => (document.body.textContent = text);
const visit = Number(localStorage.getItem('visits') ?? 0) + 1;
localStorage.visits = visit;
document.cookie = 'seen=' + visit + '; max-age=1000';
sessionStorage.setItem('tab', (sessionStorage.getItem('tab') ?? '') + 'x');
const request = indexedDB.open('notes', 1);
request.onupgradeneeded = () => {
  const store = request.result.createObjectStore('note', { keyPath: 'id', autoIncrement: true });
  store.createIndex('by_text', 'text');
};
request.onerror = () => show('failed ' + request.error);
request.onsuccess = () => {
  const change = request.result.transaction('note', 'readwrite');
  change.objectStore('note').add({ text: 'n' + visit, at: new Date(visit), tags: new Set([visit]) });
  change.oncomplete = () => {
    const index = request.result.transaction('note').objectStore('note').index('by_text');
    index.getAll().onsuccess = ({ target: { result } }) => show(JSON.stringify({
      visit, cookie: document.cookie, tab: sessionStorage.tab, keys: Object.keys(localStorage),
      is: localStorage instanceof Storage,
      notes: result.map((n) => [n.id, n.text, n.at.getTime(), n.tags.has(n.at.getTime())]),
    }) + ' end');
  };
};
"""


async def test_what_an_app_stores_survives_reloads_and_a_new_tab(target: Target, tmp_path: Path) -> None:
    files = {"src/main.jsx": STORING}
    async with shown(target, tmp_path, files) as (page, app, _):
        for visit in (1, 2, 3):
            text = await app.get_by_text(f'"visit":{visit}').inner_text()
            state = json.loads(text.removesuffix(" end"))
            assert state["visit"] == visit
            assert state["cookie"] == f"seen={visit}"
            assert state["tab"] == "x" * visit
            assert state["keys"] == ["visits"]
            assert state["is"] is True
            assert state["notes"] == [[n, f"n{n}", n, True] for n in range(1, visit + 1)]
            await until(lambda visit=visit: f'"n{visit}"'.encode() in target.storage.databases())
            await app.locator("body").evaluate("location.reload()")
            await app.get_by_text(f'"visit":{visit + 1}').wait_for()
        assert target.problems() == []
        tab = await page.context.new_page()
        await tab.goto(await page.locator("#app").evaluate("frame => frame.src"))
        text = await tab.get_by_text("end").inner_text()
        assert json.loads(text.removesuffix(" end"))["visit"] == 5
        assert json.loads(text.removesuffix(" end"))["tab"] == "x"
    assert target.storage.read()["local"] == {"visits": "5"}


ROUTING = """
const out = [];
const attempt = async (name, run) => {
  try { out.push(name + ':' + (await run())); } catch (e) { out.push(name + '!' + e.name + ' ' + e.message); }
};
await attempt('push', () => {
  history.pushState({}, '', import.meta.env.BASE_URL + 'about?x=1');
  return location.pathname.split('/').pop();
});
await attempt('sw', () => typeof navigator.serviceWorker.register);
await attempt('caches', async () => typeof caches + (await caches.keys()).length);
await attempt('worker', () => new Promise((yes, no) => {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = (e) => yes(e.data);
  worker.onerror = (e) => no(new Error('worker ' + e.message));
  worker.postMessage(20);
}));
await attempt('lock', () => (navigator.locks ? navigator.locks.request('login', () => 'alone') : 'alone'));
const { storage } = navigator;
await attempt('files', async () => (storage?.getDirectory ? await storage.getDirectory() : 'memory'));
await attempt('stay', async () => (storage?.persist ? await storage.persist() : 'may go'));
await attempt('jar', async () => ('cookieStore' in window ? await cookieStore.get('a') : document.cookie));
await attempt('include', async () => (await fetch(import.meta.env.BASE_URL, { credentials: 'include' })).status);
await attempt('quota', () => localStorage.setItem('big', 'x'.repeat(6e6)));
document.body.textContent = out.join(' | ') + ' end';
"""


async def test_what_an_opaque_origin_forbids_works_or_refuses_politely(target: Target, tmp_path: Path) -> None:
    files = {"src/main.jsx": ROUTING, "src/worker.js": "onmessage = (e) => postMessage(e.data * 2 + 2);"}
    async with shown(target, tmp_path, files) as (page, app, _):
        text = await app.get_by_text("end").inner_text()
        results = text.split(" | ")
        assert results[:4] == ["push:about", "sw:function", "caches:object0", "worker:42"], text
        # Supabase's login, for one: https://github.com/stackblitz/webcontainer-core/issues/1690
        assert results[4:9] == ["lock:alone", "files:memory", "stay:may go", "jar:", "include:200"], text
        assert results[9].startswith("quota!QuotaExceededError")
        path = await page.evaluate("messages.filter(({type}) => type === 'navigated').at(-1).path")
        assert path == "/about?x=1"


THROWING = """
document.body.innerHTML = '<p>content</p><img src="/nowhere/missing.png" alt="">';
console.error('Warning: %s is odd', 'this');
fetch(import.meta.env.BASE_URL + 'gone', { method: 'POST' }).catch(() => {});
setTimeout(() => { throw new TypeError('it broke'); }, 50);
Promise.reject(new Error('nobody listens'));
"""


async def test_errors_of_the_page_are_reported_and_only_shown_on_it(target: Target, tmp_path: Path) -> None:
    async with shown(target, tmp_path, {"src/main.jsx": THROWING}) as (page, app, _):
        await app.locator("appbuilder-error").wait_for(state="attached")
        await until(lambda: len(target.problems()) >= 4)
        problems = "\n".join(target.problems())
        assert "console.error: Warning: this is odd" in problems
        assert "TypeError: it broke" in problems
        assert "Unhandled rejection: Error: nobody listens" in problems
        assert "<img> could not load" in problems
        capability = (await page.locator("#app").get_attribute("src")).split("/")[-2]
        assert capability not in str(target.findings)
        assert await app.locator("appbuilder-error").get_by_role("button").all_text_contents() == ["Dismiss"]


async def test_a_page_that_shows_nothing_is_reported(target: Target, tmp_path: Path) -> None:
    async with shown(target, tmp_path, {"src/main.jsx": "export {};"}) as (_, _, _):
        await until(target.problems)
        assert "The page stays empty" in target.problems()[0]
        assert not any(finding["kind"] == "ready" for finding in target.findings)
