"""An app of two servers in a session: both start with the preview, and one that fails is told of."""

from __future__ import annotations

import asyncio
from pathlib import Path

from building import app_builder
from plain_app import SERVER

from jupyter_appbuilder.sandbox.base import DevServer
from jupyter_appbuilder.session import Session

TEMPLATE = """
title = "Two"
summary = "A page and its API."
[serve]
command = ["node", "server.mjs", "{port}"]
[services.api]
command = ["node", "api.mjs", "{port}", "{base}"]
port = 8001
ready = "health"
"""

API = """
import { createServer } from 'node:http'
const [port, base] = process.argv.slice(2)
createServer((request, response) => {
  if (request.url === base + 'crash') throw new Error('the API broke')
  response.end('api below ' + base)
}).listen(Number(port), '127.0.0.1')
"""


async def asked(server: DevServer, path: str) -> bytes:
    assert server.address
    reader, writer = await asyncio.open_unix_connection(str(server.address.socket))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


async def errors(session: Session) -> list[str]:
    return [event.data["message"] for event in await session.events() if event.type == "preview.error"]


async def test_both_servers_start_and_one_that_fails_is_told_of_while_the_other_goes_on(tmp_path: Path):
    files = tmp_path / "two" / "files"
    files.mkdir(parents=True)
    (tmp_path / "two" / "template.toml").write_text(TEMPLATE)
    for name, text in (("server.mjs", SERVER), ("api.mjs", API), ("index.html", "<p>page</p>")):
        (files / name).write_text(text)
    async with app_builder(tmp_path, template_path=[str(tmp_path / "two")]) as builder, asyncio.timeout(120):
        session = await builder.create(name="two", template="two")
        app = session.app
        assert (await app.ensure()).state == "ready"
        base = app.base_path
        assert b"<p>page</p>" in await asked(app.server_at("index.html"), base)
        assert f"api below {base}api/".encode() in await asked(app.server_at("api/x"), f"{base}api/x")
        await asked(app.server_at("api/crash"), f"{base}api/crash")
        while app.server_at("api/x").state != "failed":
            await asyncio.sleep(0.02)
        await app.notice()
        await app.notice()
        [told] = await errors(session)
        assert told.startswith("The service api failed. ")
        assert "the API broke" in told
        assert app.server.state == "ready"
        await app.restart()
        assert app.server_at("api/x").state == "ready"
