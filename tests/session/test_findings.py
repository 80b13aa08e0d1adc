"""What is known to be wrong with an app after its files have changed, and what a check says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from building import app_builder, call, scripted_builder
from plain_app import plain

from jupyter_appbuilder.session import Session
from jupyter_appbuilder.tools.base import ToolResult

BROKEN = {
    "kind": "page",
    "message": "TypeError: x is not a function",
    "source": "src/main.js:3:5",
    "stack": "TypeError: x is not a function\n    at add (src/main.js:3:5)\n    at src/list.js:2:1",
}
FAILED = {"kind": "network", "message": "GET /numbers answered 500"}


async def write(session: Session, path: str, content: str = "export {}\n") -> None:
    _, result = await session.call("write_file", {"path": path, "content": content}, by="person")
    assert result.ok, result.text


async def check(session: Session) -> ToolResult:
    _, result = await session.call("check_app", {}, by="person")
    return result


def messages(result: ToolResult, what: str) -> list[str]:
    return [one["message"] for one in result.detail[what]]


async def test_an_error_stands_until_a_file_in_its_stack_changes(tmp_path: Path) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Standing")
        await session.app.ensure()
        await write(session, "src/list.js", "list()\n")
        await session.app.report(BROKEN)
        await session.app.report(FAILED)
        await write(session, "notes.txt", "nothing of the page\n")
        await write(session, "src/other.js", "export {}\n")
        standing = await check(session)
        assert not standing.ok
        assert messages(standing, "problems") == [BROKEN["message"], FAILED["message"]]

        await write(session, "src/list.js")
        unsure = await check(session)
        assert messages(unsure, "problems") == [FAILED["message"]]
        assert messages(unsure, "earlier") == [BROKEN["message"]]
        assert BROKEN["message"] in unsure.text

        await session.app.report(BROKEN)  # again
        again = await check(session)
        assert messages(again, "problems") == [FAILED["message"], BROKEN["message"]]

        await write(session, "package.json", "{}\n")
        settings = await check(session)
        assert messages(settings, "earlier") == [BROKEN["message"]]


async def test_an_error_ends_with_a_page_that_loads_anew_and_not_with_an_update(tmp_path: Path) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Loaded")
        await session.app.ensure()
        await session.app.report({"kind": "ready", "duration_ms": 0})
        await session.app.report(BROKEN)
        await session.app.report(FAILED)
        await write(session, "src/main.js")
        # A page that was there before the change, and took it in without loading anew.
        await session.app.report({"kind": "ready", "duration_ms": 60_000})
        standing = await check(session)
        assert messages(standing, "earlier") == [BROKEN["message"]]
        assert messages(standing, "problems") == [FAILED["message"]]
        await session.app.report({"kind": "ready", "duration_ms": 0})
        result = await check(session)
        assert messages(result, "earlier") == messages(result, "problems") == []
        assert result.ok


async def test_a_click_that_failed_is_not_forgotten_when_the_person_loads_the_page_again(tmp_path: Path) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Clicked")
        await session.app.ensure()
        await session.app.report(BROKEN | {"acted": True})
        await session.app.report({"kind": "ready", "duration_ms": 0})
        assert messages(await check(session), "problems") == [BROKEN["message"]]
        await write(session, "src/other.js")  # that may have mended it
        await session.app.report({"kind": "ready", "duration_ms": 0})
        assert messages(await check(session), "problems") == []


async def test_an_import_that_fails_ends_with_the_file_that_was_missing(tmp_path: Path) -> None:
    missing = {"kind": "build", "message": "Failed to resolve import ./x.js", "source": "src/main.js:1:1"}
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Missing")
        await session.app.ensure()
        await session.app.report(missing)
        assert messages(await check(session), "problems") == [missing["message"]]
        await write(session, "src/x.js")
        assert messages(await check(session), "problems") == []


async def test_what_a_check_finds_itself_is_what_it_finds_now(tmp_path: Path) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Looked")
        await session.app.ensure()
        await write(session, "server.mjs", SERVER)
        await session.app.restart()
        await write(session, "index.html", '<script src="missing.js"></script>')
        broken = await check(session)
        assert not broken.ok
        assert "missing.js" in broken.text
        await write(session, "index.html", "<p>Whole</p>")
        mended = await check(session)
        assert mended.ok, mended.text
        assert mended.detail["earlier"] == []


SERVER = """
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
createServer((request, response) => {
  if (request.url.endsWith('/say')) console.error('getaddrinfo ENOTFOUND api.example.org')
  if (request.url.endsWith('/missing.js')) response.statusCode = 404
  response.setHeader('Content-Type', 'text/html')
  response.end(readFileSync('index.html'))
}).listen(Number(process.argv[2]), '127.0.0.1')
"""


async def test_what_the_server_printed_before_a_turn_is_nothing_new_to_it(tmp_path: Path) -> None:
    checks: list[dict[str, Any]] = [{"tool_calls": [call("check_app")]}, {"text": "Checked."}]
    async with scripted_builder(tmp_path, checks * 3, **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Printed")
        await session.ready()
        await write(session, "server.mjs", SERVER)
        server = await session.app.restart()
        assert server.address
        assert server.address.socket
        transport = httpx.AsyncHTTPTransport(uds=str(server.address.socket))

        async def turn() -> str:
            await session.send("Check it")
            await session.wait()
            return [event.data["text"] for event in await session.events() if event.type == "tool.finished"][-1]

        async with httpx.AsyncClient(transport=transport, base_url="http://app") as http:
            assert "api.example.org" not in await turn()
            await http.get("/say")
            assert "api.example.org" in (await check(session)).text  # since the turn before
            assert "api.example.org" not in await turn()
            await http.get("/say")
            assert "api.example.org" in (await check(session)).text
