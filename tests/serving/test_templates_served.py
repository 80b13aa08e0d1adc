"""The templates' apps, built and served below a path: their functions, databases, pages and WebSockets."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from serving.bundling import bundled, published_anew
from serving.conftest import CACHE, Serve, Served
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from jupyter_appbuilder.sandbox.local.provider import LocalSandbox
from jupyter_appbuilder.serving.door import Reader

PAGE = {"Accept": "text/html"}

ECHO = """
import type { Socket, SocketContext } from "app";
export function socket(socket: Socket, _: SocketContext) {
  socket.onmessage = ({ data }) => socket.send({ heard: data });
}
"""
ASKING = """
import type { Context } from "app";
export function GET(_: Request, { env, auth }: Context) {
  return { key: env.API_KEY ? "there" : "missing", who: auth.user?.name ?? null };
}
"""


async def made(name: str, folder: Path, files: dict[str, str] | None = None, **change: Any) -> Path:
    provider = LocalSandbox(CACHE)
    try:
        return await bundled(provider, name, folder, files, **change)
    finally:
        await provider.close()


async def running(here: Served) -> None:
    await here.app.awake()
    assert here.app.status.state == "ready", here.app.server


class AdaAlone:
    """A door that lets in Ada, as a JupyterHub's login would."""

    private = True

    async def reader(self, request: Any) -> Reader | None:
        return Reader("ada", "ada")

    async def still(self, reader: Reader) -> bool:
        return True

    def refuse(self, handler: Any) -> None: ...

    def routes(self, base: str) -> list[Any]:
        return []


async def test_functions_a_database_and_websockets(tmp_path: Path, serve: Serve):
    layout = json.loads((Path(__file__).parents[2] / "sandbox-templates/serverless/files/ui.json").read_text())
    files = {
        "functions/echo.ts": ECHO,
        "functions/asking.ts": ASKING,
        "ui.json": json.dumps(layout | {"accounts": {"by": "hub"}}),
    }
    bundle = await made("serverless", tmp_path / "bundle", files, secrets=["API_KEY"])
    async with serve(bundle, door=AdaAlone(), secrets={"API_KEY": "s3cret-of-the-app", "OTHER": "x"}) as here:
        await running(here)
        page = await here.get(headers=PAGE)
        assert "./assets/page-" in page.text
        assert len((await here.get("api/tasks")).json()) == 2
        added = await here.client.post(here.url + "api/tasks", json={"title": "written by a reader"})
        assert added.status_code == 200
        # The reader's name comes from the door, and no request can say another.
        told = await here.get("api/asking", headers={"X-AppBuilder-Control": "x", "X-Remote-User": "root"})
        assert told.json() == {"key": "there", "who": "ada"}
        control = {"act": "enter", "name": "root", "cookie": ""}
        for path in ("_app/control", "_app//control", "%5fapp/control", "x/../_app/control"):
            assert (await here.client.post(here.url + path, json=control)).status_code in (403, 404), path

        address = here.url.replace("http", "ws", 1) + "api/echo"
        cookie = "; ".join(f"{one.name}={one.value}" for one in here.client.cookies.jar)
        socket = await websocket_connect(HTTPRequest(address, headers={"Cookie": cookie}))
        await socket.write_message("hello")
        assert json.loads(str(await socket.read_message())) == {"heard": "hello"}
        with pytest.raises(HTTPClientError, match="403"):
            await websocket_connect(HTTPRequest(address, headers={"Origin": "https://evil.example"}))

        # A release whose migration does not fit the readers' data changes nothing of them.
        published_anew(bundle, "2026-12-01T00:00:00Z", {"migrations/0002_wrong.sql": "SELECT nothing FROM nowhere;"})
        while not here.app.refused:
            await asyncio.sleep(0.1)
        assert len((await here.get("api/tasks")).json()) == 3
        good = {"migrations/0002_wrong.sql": "ALTER TABLE tasks ADD COLUMN due TEXT;"}
        published_anew(bundle, "2026-12-02T00:00:00Z", good)
        while "due" not in (await here.get("api/tasks")).json()[0]:
            await asyncio.sleep(0.1)
        assert len((await here.get("api/tasks")).json()) == 3
        log = here.app.server.log
        assert "s3cret-of-the-app" not in log


async def test_a_python_api_with_its_page(tmp_path: Path, serve: Serve):
    bundle = await made("fastapi-react", tmp_path / "bundle")
    async with serve(bundle) as here:
        await running(here)
        assert 'src="./assets/' in (await here.get(headers=PAGE)).text
        assert "Open the app" in (await here.get("no-such-page", headers=PAGE)).text
        assert (await here.get("api/nothing")).json() == {"detail": "Not Found"}
        before = (await here.get("api/books")).json()
        assert before
        assert (await here.client.delete(here.url + f"api/books/{before[0]['id']}")).is_success
        assert (await here.client.post(here.url + "api/_appbuilder/control", json={})).status_code == 404
    async with serve(bundle) as here:
        await running(here)
        assert len((await here.get("api/books")).json()) == len(before) - 1
        # What keeps an API from starting is nothing for readers: they go on with the one before.
        published_anew(bundle, "2026-12-01T00:00:00Z", {"api/main.py": "raise RuntimeError('a path of the maker')"})
        while not here.app.refused:
            await asyncio.sleep(0.1)
        assert len((await here.get("api/books")).json()) == len(before) - 1


@pytest.mark.parametrize(("template", "socket"), [("streamlit", "_stcore/stream"), ("panel", "app/ws")])
async def test_apps_in_plain_python(tmp_path: Path, serve: Serve, template: str, socket: str):
    bundle = await made(template, tmp_path / "bundle")
    async with serve(bundle) as here:
        await running(here)
        page = await here.get(headers=PAGE)
        assert page.status_code == 200
        assert "html" in page.text
        address = here.url.replace("http", "ws", 1) + socket
        with pytest.raises(HTTPClientError, match="403"):
            await websocket_connect(HTTPRequest(address, headers={"Origin": "https://evil.example"}))
        assert (await here.get("some/where/deep", headers=PAGE)).status_code == 404
        if template == "streamlit":
            assert (await here.get("a_page", headers=PAGE)).status_code == 200
            script = re.findall(r'src="\./(static/[^"]+\.js)"', page.text)[0]
            assert "javascript" in (await here.get(script)).headers["content-type"]
            connected = await websocket_connect(address, subprotocols=["streamlit"])
            connected.close()


@pytest.mark.walk
async def test_nextjs_is_built_for_the_path_it_is_served_below(tmp_path: Path, serve: Serve):
    bundle = await made("nextjs", tmp_path / "bundle")
    async with serve(bundle, base="/user/ada/app-x/") as here:
        await running(here)
        page = await here.get(headers=PAGE)
        assert "/user/ada/app-x/_next/static/" in page.text
        assert (await here.get("api/time")).json()["now"]


@pytest.mark.parametrize("template", ["static", "react-vite"])
async def test_a_site_is_served_too(tmp_path: Path, serve: Serve, template: str):
    bundle = await made(template, tmp_path / "bundle")
    async with serve(bundle) as here:
        await running(here)
        assert (await here.get(headers=PAGE)).status_code == 200
        assert (await here.get("../../etc/passwd")).status_code == 404
        assert (await here.get("no-such-page")).status_code == 404
