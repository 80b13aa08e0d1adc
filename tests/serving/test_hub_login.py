"""Readers of an app on a JupyterHub: the login, an address of their own, and its end. The Hub is a stand-in here;
``tests/hub`` has a real one."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from jupyterhub.services.auth import HubOAuth
from serving.conftest import CACHE, tiny_bundle, tiny_template
from tornado import web, websocket
from tornado.httpserver import HTTPServer
from tornado.httputil import url_concat
from tornado.netutil import bind_sockets

from jupyter_appbuilder.publishing.base import APP
from jupyter_appbuilder.publishing.visits import Visits
from jupyter_appbuilder.sandbox.local.provider import LocalSandbox
from jupyter_appbuilder.serving import hub_login, opaque
from jupyter_appbuilder.serving.app import ServedApp
from jupyter_appbuilder.serving.door import ClosedDoor
from jupyter_appbuilder.serving.handlers import Service
from jupyter_appbuilder.serving.place import Place
from jupyter_appbuilder.serving.service import Serving, finder

BASE = "/user/ada/app-tried/"
ACCESS = "access:servers!server=ada/app-tried"
KNOWN = "K" * 43
PAGE = {"Accept": "text/html", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}


@dataclass
class Hub:
    """Who is let in: by name, or as members of groups."""

    users: set[str] = field(default_factory=lambda: {"ada"})
    groups: set[str] = field(default_factory=set[str])
    members: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    away: bool = False
    activity: list[Any] = field(default_factory=list[Any])

    def application(self) -> web.Application:
        hub = self

        class Handler(web.RequestHandler):
            def prepare(self) -> None:
                if hub.away:
                    self.set_status(500)
                    self.finish()

            def check_xsrf_cookie(self) -> None: ...

            def get(self, what: str) -> None:
                if what == "user":
                    name = self.request.headers["Authorization"].removeprefix("token ").removesuffix("-token")
                    scopes = [ACCESS] if name in hub.users else []
                    groups = hub.members.get(name, [])
                    self.finish({"kind": "user", "name": name, "groups": groups, "scopes": scopes})
                elif what.startswith("shares/"):
                    self.finish({"items": [{"group": {"name": name}, "user": None} for name in hub.groups]})
                else:  # the login: who somebody is, is a cookie here
                    back = {"code": self.get_cookie("who", ""), "state": self.get_argument("state")}
                    self.redirect(url_concat(self.get_argument("redirect_uri"), back))

            def post(self, what: str) -> None:
                if what == "oauth2/token":
                    self.finish({"access_token": f"{self.get_argument('code')}-token"})
                else:
                    hub.activity.append(json.loads(self.request.body))

        return web.Application([("/hub/api/(.*)", Handler)])


@dataclass
class Here:
    url: str
    hub: Hub
    app: ServedApp
    release: Callable[[str], Path]
    """Makes a release of a number; its bundle."""

    def browser(self, name: str) -> httpx.AsyncClient:
        """Somebody who is logged in at the Hub as ``name``."""
        cookies = httpx.Cookies()
        cookies.set("who", name, path="/hub/")
        return httpx.AsyncClient(cookies=cookies, follow_redirects=True, timeout=30)

    async def opened(self, browser: httpx.AsyncClient, path: str = "") -> httpx.Response:
        while True:
            answer = await browser.get(f"{self.url}{path}", headers=PAGE)
            if "/*STATUS*/" not in answer.text and "Starting" not in answer.text:
                return answer
            await asyncio.sleep(0.05)


@asynccontextmanager
async def reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Here]:
    hub, template = Hub(), tiny_template(folder / "tiny")
    bundle = tiny_bundle(template, folder / "bundle")
    sockets = bind_sockets(0, "127.0.0.1")
    hub_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    answering = HTTPServer(hub.application())
    answering.add_sockets(sockets)
    for name, value in {
        "API_URL": f"{hub_url}/hub/api",
        "API_TOKEN": "of-the-server",
        "USER": "ada",
        "SERVER_NAME": "app-tried",
        "SERVICE_PREFIX": BASE,
        "CLIENT_ID": "jupyterhub-user-ada-app-tried",
        "OAUTH_ACCESS_SCOPES": json.dumps([ACCESS]),
        "HOST": hub_url,
        "ACTIVITY_INTERVAL": "1",
    }.items():
        monkeypatch.setenv(f"JUPYTERHUB_{name}", value)
    monkeypatch.setattr(hub_login, "FRESH_SECONDS", 0.1)
    monkeypatch.setattr(opaque, "WATCH_SECONDS", 0.1)
    HubOAuth.clear_instance()
    door = hub_login.HubDoor.of_environment()
    door.auth.base_url = BASE
    provider = LocalSandbox(CACHE)

    async def values() -> dict[str, str]:
        return {}

    place = folder / "served"
    app = ServedApp(
        Place(place, "tried"),
        f"{BASE}{KNOWN}/",
        make_sandbox=provider.create,
        find_template=lambda name: template,
        values=values,
    )
    service = Service(app, ClosedDoor())
    guests = opaque.Guests(service, door, BASE, place)
    serving = Serving(
        service,
        finder(bundle),
        Visits(folder),
        idle_seconds=0,
        rules=opaque.guest_handlers(guests),
        settings={"cookie_secret": "for-this-test"},
    )
    watching = asyncio.create_task(guests.watch())
    try:
        port = await serving.start("127.0.0.1", 0)
        url = f"http://127.0.0.1:{port}{BASE}"
        door.auth.oauth_redirect_uri = f"{url}oauth_callback"
        yield Here(url, hub, app, lambda number: tiny_bundle(template, bundle, number))
    finally:
        watching.cancel()
        await serving.close()
        await provider.close()
        answering.stop()
        HubOAuth.clear_instance()


async def until(holds: Any) -> None:
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.05)


async def test_a_reader_has_an_address_of_their_own_as_long_as_they_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with reading(tmp_path, monkeypatch) as here, here.browser("ada") as ada, here.browser("bob") as bob:
        page = await here.opened(ada)
        own = str(page.url)
        assert "A tiny app 1" in page.text
        assert re.search(r"/app-tried/[\w-]{43}/$", own)
        assert "sandbox allow-scripts" in page.headers["Content-Security-Policy"]
        assert "allow-same-origin" not in page.headers["Content-Security-Policy"]
        async with httpx.AsyncClient(timeout=30) as fetch:  # what the page asks for: no cookie, and no login
            echoed = await fetch.get(f"{own}echo", headers={"Authorization": "token ada-token", "Cookie": "_xsrf=1"})
            told = echoed.json()
            assert told["url"] == urlsplit(own).path + "echo"
            assert not {"authorization", "cookie"} & told["headers"].keys()
            assert KNOWN not in echoed.text
            for address in (f"{here.url}{KNOWN}/echo", f"{here.url}{'A' * 43}/echo", f"{here.url}echo"):
                assert (await fetch.get(address)).status_code == 401

            # Who is not let in; and whoever is, at an address that they copied.
            assert (await bob.get(here.url, headers=PAGE)).status_code == 403
            here.hub.users.add("bob")
            bobs = str((await bob.get(f"{own}count?a=1", headers=PAGE)).url)
            assert bobs.endswith("count?a=1")
            assert not bobs.startswith(own)

            # What is open when a reader is let in no more ends; others go on.
            socket = await websocket.websocket_connect(own.replace("http", "ws") + "socket")
            ended = asyncio.ensure_future(socket.read_message())
            stream = asyncio.ensure_future(fetch.get(f"{own}events"))
            await asyncio.sleep(0)
            here.hub.users.remove("ada")

            async def refused() -> bool:
                return (await fetch.get(f"{own}echo")).status_code in (401, 403)

            await until(refused)
            assert await asyncio.wait_for(ended, 10) is None
            with pytest.raises(httpx.RemoteProtocolError):
                await asyncio.wait_for(stream, 10)
            assert "You have no access to this app" in (await ada.get(own, headers=PAGE)).text
            assert (await fetch.get(bobs)).status_code == 200


async def test_a_readers_page_that_is_open_during_a_release_finds_the_scripts_it_came_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    built = tmp_path / "bundle" / APP / "built"
    built.mkdir(parents=True)
    (built / "page-1.js").write_text("export const page = 1;")
    async with reading(tmp_path, monkeypatch) as here, here.browser("ada") as ada:
        own = str((await here.opened(ada)).url)
        (built / "page-1.js").rename(built / "page-2.js")
        here.release("2")
        async with httpx.AsyncClient(timeout=30) as page:
            # Whatever it asks for meanwhile is held, and answered by one release or the other.
            while (await page.get(f"{own}count")).raise_for_status().json()["version"] != "2":
                await asyncio.sleep(0.02)
            old = await page.get(f"{own}assets/page-1.js")
            assert (old.status_code, old.text) == (200, "export const page = 1;")
            assert old.headers["Access-Control-Allow-Origin"] == "*"
            assert old.headers["Content-Type"].startswith("text/javascript")
            assert (await page.get(f"{own}assets/page-2.js")).status_code == 404, "the live release answers for itself"


async def test_groups_a_hub_that_is_away_activity_and_the_end_of_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with reading(tmp_path, monkeypatch) as here, here.browser("eve") as eve:
        here.hub.members["eve"] = ["team"]
        assert (await eve.get(here.url, headers=PAGE)).status_code == 403
        here.hub.groups.add("team")

        async def let_in() -> bool:
            return (await here.opened(eve)).status_code == 200

        await until(let_in)
        page = await here.opened(eve)
        assert "A tiny app 1" in page.text

        async def told() -> bool:
            return bool(here.hub.activity)

        await until(told)
        assert list(here.hub.activity[0]["servers"]) == ["app-tried"]

        own = str(page.url)
        here.hub.away = True
        async with httpx.AsyncClient(timeout=30) as fetch:
            await asyncio.sleep(2 * hub_login.FRESH_SECONDS)
            assert (await fetch.get(f"{own}echo")).status_code == 200
            monkeypatch.setattr(hub_login, "GRACE_SECONDS", 0.0)
            assert (await fetch.get(f"{own}echo")).status_code == 403
            here.hub.away = False
            own = str((await here.opened(eve)).url)
            assert (await fetch.get(f"{own}echo")).status_code == 200
            assert (await eve.get(f"{here.url}logout", follow_redirects=False)).status_code == 302
            assert (await fetch.get(f"{own}echo")).status_code == 401
