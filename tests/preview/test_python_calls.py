"""Calls of functions through a preview's address: who may, of which app, and how much."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from live.stage import Kernel, runtime_folder
from preview.stage import BASE_URL, Target, served

from jupyter_appbuilder.live.base import LONGEST_REQUEST
from jupyter_appbuilder.live.under_way import MOST_CALLS, under_way
from jupyter_appbuilder.preview import PageStorage, Previews

PATIENCE = 300  # seconds


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path) -> Iterator[None]:
    with runtime_folder(tmp_path):
        yield


@contextlib.asynccontextmanager
async def opened(tmp_path: Path, *sessions: str) -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    """The URLs of these sessions' previews, and a browser of no more than is needed."""
    previews = Previews(BASE_URL)
    limits = httpx.Limits(max_connections=None)
    async with served(previews) as origin, httpx.AsyncClient(timeout=PATIENCE, limits=limits) as http:
        targets = [Target(PageStorage(tmp_path / f"{session}.json"), session=session) for session in sessions]
        yield http, [origin + previews.open(target) for target in targets]


async def test_whoever_has_the_address_calls_what_is_exposed_to_that_app_and_nothing_else(tmp_path: Path):
    notebook = Kernel()
    ran = threading.Event()
    await notebook.expose(lambda: "of one", "one", name="same")
    await notebook.expose(lambda: "of two", "two", name="same")
    await notebook.expose(ran.set, "two", name="mine")
    async with opened(tmp_path, "one", "two") as (http, (one, two)):
        for url, value in ((one, "of one"), (two, "of two")):
            answer = await http.post(f"{url}__appbuilder/python/same", content="{}", headers={"Origin": "null"})
            assert answer.json() == {"value": value}
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "sandbox" in answer.headers["Content-Security-Policy"]
        answer = await http.post(f"{one}__appbuilder/python/mine")
        assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "unknown_function")
        for wrong in (one[:-2] + "x/", two.replace(two.split("/")[-2], "x" * 43)):
            answer = await http.post(f"{wrong}__appbuilder/python/mine")
            assert answer.status_code == 404
            assert "error" not in answer.text
        for name in ("__proto__", "%2e%2e%2fmine", "mine%00", "%F0%9F%90%A7"):
            assert (await http.post(f"{two}__appbuilder/python/{name}")).status_code == 404
        assert (await http.get(f"{two}__appbuilder/python/mine")).status_code == 405
        assert not ran.is_set()


async def test_a_body_that_is_too_large_is_answered_and_never_reaches_the_notebook(tmp_path: Path):
    notebook = Kernel()
    ran = threading.Event()
    await notebook.expose(lambda **more: ran.set(), "one", name="run")
    async with opened(tmp_path, "one") as (http, (url,)):
        answer = await http.post(f"{url}__appbuilder/python/run", content=b"x" * (LONGEST_REQUEST + 1))
        assert (answer.status_code, answer.json()["error"]["reason"]) == (413, "request_too_large")
        assert not ran.is_set()


async def test_calls_beyond_what_is_taken_at_a_time_are_refused_at_once(tmp_path: Path):
    notebook = Kernel()
    ending = threading.Event()
    await notebook.expose(ending.wait, "one", name="wait", timeout=600, at_once=1)
    async with opened(tmp_path, "one") as (http, (url,)):
        asked = [asyncio.ensure_future(http.post(f"{url}__appbuilder/python/wait")) for _ in range(300)]
        waiting = set(asked)
        while len(waiting) > MOST_CALLS:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        refused = [call.result() for call in asked if call.done()]
        assert {answer.status_code for answer in refused} == {503}
        assert {answer.json()["error"]["reason"] for answer in refused} == {"busy"}
        ending.set()
        answers = await asyncio.gather(*asked)
        assert sum(answer.status_code == 200 for answer in answers) == MOST_CALLS
        assert (await http.post(f"{url}__appbuilder/python/wait")).status_code == 200
    assert not under_way


async def test_a_page_that_goes_away_cancels_its_call(tmp_path: Path):
    notebook = Kernel()
    began, cancelled = threading.Event(), threading.Event()

    async def wait() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    await notebook.expose(wait, "one", timeout=600)
    async with opened(tmp_path, "one") as (http, (url,)):
        asking = asyncio.ensure_future(http.post(f"{url}__appbuilder/python/wait"))
        assert await asyncio.to_thread(began.wait, PATIENCE)
        asking.cancel()
        assert await asyncio.to_thread(cancelled.wait, PATIENCE)
