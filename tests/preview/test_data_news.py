"""Open pages hear that a dataset's file was replaced; from nobody but the server, and of nobody else's app."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from preview.stage import BASE_URL, Target, chromium, served, upstream
from preview.test_page import until
from tornado import httpclient, web, websocket

from jupyter_appbuilder.preview import PageStorage, Previews
from jupyter_appbuilder.preview.data_news import MOST_PAGES
from jupyter_appbuilder.sandbox.base import DevServer

PAGE = """<!doctype html><title>App</title><body><script>
window.heard = [];
addEventListener("appbuilder:data", ({ detail }) => heard.push(detail));
window.read = () => dispatchEvent(new Event("appbuilder:reads-data"));
</script>"""


class App(web.RequestHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/html")
        self.finish(PAGE)


@contextlib.asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[tuple[Previews, Target, str]]:
    """Previews, one of a session, and its URL."""
    previews = Previews(BASE_URL)
    async with upstream(tmp_path, (".*", App)) as address, served(previews) as origin:
        target = Target(PageStorage(tmp_path / "storage.json"), DevServer("ready", address))
        yield previews, target, origin + previews.open(target)


async def listening(url: str) -> Any:
    address = url.replace("http", "ws", 1) + "__appbuilder/data"
    return await websocket.websocket_connect(httpclient.HTTPRequest(address, headers={"Origin": "null"}))


async def test_every_open_page_hears_of_new_rows_and_of_nothing_that_another_page_says(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, target, url), chromium() as browser:
        pages = [await (await browser.new_context()).new_page() for _ in range(2)]
        for page in pages:
            await page.goto(url)
            await page.evaluate("read()")
        await until(lambda: len(target.data_news.listeners) == 2)
        await pages[0].evaluate("""() => {
          const here = new URL("__appbuilder/data", location.href);
          const socket = new WebSocket(here.href.replace("http", "ws"));
          socket.onopen = () => socket.send(JSON.stringify({ forged: 1 }));
        }""")
        await until(lambda: len(target.data_news.listeners) == 3)
        target.data_news.tell("sales")
        for page in pages:
            await page.wait_for_function("heard.length > 0")
            assert await page.evaluate("heard") == ["sales"]


async def test_what_was_replaced_before_a_page_listens_is_told_when_it_does(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, target, url), chromium() as browser:
        target.data_news.tell("stock")  # the page loads that as it is
        page = await browser.new_page()
        await page.goto(url)
        target.data_news.tell("sales")
        await page.evaluate("read()")
        await page.wait_for_function("heard.length > 0")
        assert await page.evaluate("heard") == ["sales"]


async def test_news_is_of_one_app_and_ends_with_its_preview(tmp_path: Path) -> None:
    async with opened(tmp_path) as (previews, target, url):
        socket = await listening(url)
        assert json.loads(await socket.read_message()) == {}
        other = Target(PageStorage(tmp_path / "other.json"), session="s2")
        origin = url[: url.index("/", len("http://"))]
        elsewhere = await listening(origin + previews.open(other))
        assert json.loads(await elsewhere.read_message()) == {}
        other.data_news.tell("stock")
        assert json.loads(await elsewhere.read_message()) == {"stock": 1}
        target.data_news.tell("sales")
        assert json.loads(await socket.read_message()) == {"sales": 1}
        previews.close("s1")
        assert await socket.read_message() is None
        with pytest.raises(httpclient.HTTPClientError, match="404"):
            await listening(url)


async def test_an_app_with_endless_pages_takes_no_more_than_its_share(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, target, url):
        sockets = [await listening(url) for _ in range(MOST_PAGES)]
        await until(lambda: len(target.data_news.listeners) == MOST_PAGES)
        with pytest.raises(httpclient.HTTPClientError, match="503"):
            await listening(url)
        for socket in sockets:
            socket.close()
        await until(lambda: not target.data_news.listeners)
        assert json.loads(await (await listening(url)).read_message()) == {}


async def test_another_sites_page_is_told_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, _, url):
        address = url.replace("http", "ws", 1) + "__appbuilder/data"
        foreign = httpclient.HTTPRequest(address, headers={"Origin": "https://elsewhere.example"})
        with pytest.raises(httpclient.HTTPClientError, match="403"):
            await asyncio.wait_for(websocket.websocket_connect(foreign), 10)
