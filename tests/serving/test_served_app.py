"""A published app behind its own server: what readers get, and what happens to it over time."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import pytest
from serving.conftest import Serve, Served, tiny_bundle, tiny_template
from tornado import httputil, web
from tornado.routing import Rule

from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound, Unavailable
from jupyter_appbuilder.publishing.base import APP, MANIFEST
from jupyter_appbuilder.publishing.shelf import Entry, Shelf
from jupyter_appbuilder.publishing.visits import Visits
from jupyter_appbuilder.serving.door import Reader
from jupyter_appbuilder.serving.limits import RateLimit
from jupyter_appbuilder.serving.place import Place
from jupyter_appbuilder.serving.proxies import Proxies
from jupyter_appbuilder.serving.service import finder
from jupyter_appbuilder.templates.templates import Template

PAGE = {"Accept": "text/html"}


@pytest.fixture
def template(tmp_path: Path) -> Template:
    return tiny_template(tmp_path / "tiny")


@pytest.fixture
def bundle(tmp_path: Path, template: Template) -> Path:
    return tiny_bundle(template, tmp_path / "bundle")


@pytest.fixture
def tiny(serve: Serve, template: Template, bundle: Path):
    """``async with tiny() as here``."""
    return partial(serve, bundle=bundle, templates=lambda name: template)


async def until(served: Served, state: str) -> None:
    while served.app.status.state != state:
        await asyncio.sleep(0.02)


async def test_what_passes_between_a_reader_and_the_app(tiny: Serve):
    async with tiny() as here:
        first = await here.get(headers=PAGE)
        assert first.status_code == 200
        await here.ready()
        page = await here.get(headers=PAGE)
        assert "A tiny app 1" in page.text
        assert page.headers["content-security-policy"] == "frame-ancestors 'self'"
        assert page.headers["x-request-id"]
        told = (
            await here.get(
                "echo?a=1",
                headers={
                    "Authorization": "token abc",
                    "Cookie": "mine=1; _xsrf=2|x; jupyterhub-session-id=3; username-127-0-0-1-8888=4; other=5",
                    "X-Forwarded-For": "6.6.6.6",
                    "X-Remote-User": "admin",
                    "X_Forwarded_User": "admin",
                    "X-AppBuilder-Control": "x",
                    "X-Csrf-Token": "kept",
                },
            )
        ).json()
        assert told["url"] == "/apps/tried/echo?a=1"
        headers = told["headers"]
        assert headers["cookie"] == "mine=1; other=5"
        assert (headers["x-forwarded-for"], headers["x-csrf-token"]) == ("127.0.0.1", "kept")
        assert not {"authorization", "x-remote-user", "x_forwarded_user", "x-appbuilder-control"} & headers.keys()
        # What another site's page sends is nobody's.
        foreign = {"Origin": "https://evil.example", "Cookie": "mine=1"}
        sent = (await here.client.post(here.url + "echo", headers=foreign, content=b"x" * 300_000)).json()
        assert sent["length"] == 300_000
        assert "cookie" not in sent["headers"]
        assert (await here.get("moved")).headers["location"] == "/apps/tried/count"

        answer = await here.get("cookies")
        assert answer.headers.get_list("set-cookie") == [
            "mine=1; Path=/apps/tried/; SameSite=Lax",
            "wide=2; HttpOnly; Path=/apps/tried/; SameSite=Lax",
            "deep=3; Path=/apps/tried/deep; SameSite=Lax",
        ]
        assert answer.headers["x-mine"] == "yes"
        assert not {"strict-transport-security", "clear-site-data", "x-accel-redirect"} & answer.headers.keys()

        async with here.client.stream("GET", here.url + "events") as events:
            lines = events.aiter_lines()
            assert await anext(lines) == "data: 1"
        outside = here.url.removesuffix("apps/tried/")
        assert (await here.client.get(outside)).headers["location"] == "/apps/tried/"
        assert (await here.client.get(outside + "api/contents")).status_code == 404
        assert (await here.client.get(here.url[:-1])).headers["location"] == "/apps/tried/"
        assert (await here.get("healthz")).json() == {"state": "ready"}


async def test_an_unknown_address_is_a_page_for_who_opens_it_and_data_for_who_asks_for_data(tiny: Serve):
    async with tiny() as here:
        await here.ready()
        opened = await here.get("nothing", headers=PAGE)
        assert (opened.status_code, opened.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert 'href="/apps/tried/"' in opened.text
        # As by a script of the page, and by a program.
        for headers in ({"Accept": "application/json"}, {"Accept": "text/html", "Sec-Fetch-Dest": "empty"}):
            asked = await here.get("nothing", headers=headers)
            assert (asked.status_code, asked.json()) == (404, {"path": "nothing"})
        # Where one page stands for all, and finds its files beside it only.
        assert "no such page" in (await here.get("some/where", headers=PAGE)).text
        assert (await here.get("some/where")).json() == {"path": "some/where"}
        assert "no such page" in (await here.get("some%2Fwhere", headers=PAGE)).text


async def test_a_page_that_is_open_during_a_release_finds_the_files_it_came_with(
    tiny: Serve, template: Template, bundle: Path
):
    built = bundle / APP / "built"
    built.mkdir()
    (built / "page-1.js").write_text("export const page = 1;")
    (built / "page-1.js.map").write_text("{}")
    (built / "outside.js").symlink_to("/etc/passwd")
    async with tiny() as here:
        await here.ready()
        assert (await here.get("assets/page-1.js")).status_code == 404, "the live release answers for itself"
        (built / "page-1.js").rename(built / "page-2.js")
        tiny_bundle(template, bundle, "2")
        while (now := await here.get("count")).status_code != 200 or now.json()["version"] != "2":
            await asyncio.sleep(0.1)
        old = await here.get("assets/page-1.js")
        assert (old.status_code, old.text) == (200, "export const page = 1;")
        assert old.headers["content-type"].startswith("text/javascript")
        earlier = here.app.place.earlier()
        assert earlier is not None
        (earlier.app / "built" / "outside.js").symlink_to("/etc/passwd")
        os.mkfifo(earlier.app / "built" / "pipe.js")
        for path in ("page-2.js", "page-1.js.map", "outside.js", "pipe.js", "%2e%2e/server.mjs", "..%2Fserver.mjs", ""):
            assert (await here.get(f"assets/{path}")).status_code == 404, path
        assert (await here.get("built/page-1.js")).status_code == 404
        # A day later nobody has it open any more.
        note = here.app.place.folder / "live.json"
        os.utime(note, (0, 0))
        assert (await here.get("assets/page-1.js")).status_code == 404


async def test_pages_say_from_when_their_data_are_where_that_is_promised(
    serve: Serve, template: Template, tmp_path: Path
):
    told = {"data_as_of": "2026-11-01T06:00:00Z", "promised": 86400}
    bundle = tiny_bundle(template, tmp_path / "promised", **told)
    async with serve(bundle=bundle, templates=lambda name: template) as here:
        await here.get(headers=PAGE)
        await here.ready()
        page = await here.get(headers=PAGE | {"Range": "bytes=0-3", "If-None-Match": "*"})
        assert page.status_code == 200
        assert page.text.endswith('data-as-of="2026-11-01T06:00:00Z" data-promised="86400" defer></script>\n')
        assert "__appbuilder/asof.js" in page.text
        assert "older than promised" in (await here.get("__appbuilder/asof.js")).text
        assert "asof.js" not in (await here.get()).text  # what a program asks for is as it was
        assert (await here.get("count")).json()["count"] == 0


async def test_visits_are_counted_by_day_and_no_more_is_kept(tiny: Serve, tmp_path: Path):
    async with tiny() as here:
        await here.ready()
        for _ in range(2):
            await here.get(headers=PAGE)
        await here.get("count")
    assert list(Visits(tmp_path).days().values()) == [2]


async def test_a_new_release_takes_the_data_along_and_one_that_fails_changes_nothing(
    tiny: Serve, template: Template, bundle: Path
):
    async with tiny() as here:
        await here.ready()
        await here.client.post(here.url + "count")
        assert (await here.client.post(here.url + "count")).json() == {"count": 2, "version": "1"}
        tiny_bundle(template, bundle, "2")
        while (now := await here.get("count")).status_code != 200 or now.json() != {"count": 2, "version": "2"}:
            await asyncio.sleep(0.1)  # what is asked while one takes the other's place may be cut off
        await here.client.post(here.url + "count")
        # One whose server does not start.
        tiny_bundle(template, bundle, "3", serve=["node", "gone.mjs"])
        while not here.app.refused:
            await asyncio.sleep(0.1)
        assert (await here.client.post(here.url + "count")).json() == {"count": 4, "version": "2"}
    # Another process goes on where this one ended, whatever lies there now.
    async with tiny() as here:
        await here.ready()
        assert (await here.get("count")).json() == {"count": 4, "version": "2"}
        tiny_bundle(template, bundle, "4")
        await here.app.take(here.serving._bundle())  # pyright: ignore[reportPrivateUsage]
        assert (await here.get("count")).json() == {"count": 4, "version": "4"}
        runs = list((here.app.place.folder / "runs").iterdir())
        assert len(runs) == 2  # the live one, and the one before
        with pytest.raises(Conflict, match="another process serves it"):
            await asyncio.to_thread(Place(here.app.place.folder, "tried").open)


async def test_readers_data_outlive_an_end_and_a_failure_at_any_moment(
    serve: Serve, template: Template, bundle: Path, monkeypatch: pytest.MonkeyPatch
):
    lacking: list[NotFound] = []

    def found(name: str) -> Template:
        if lacking:
            raise lacking.pop()
        return template

    async with serve(bundle, templates=found) as here:
        await here.ready()
        await here.client.post(here.url + "count")
        # The service is told to end right after a release was written down as the live one.
        written, go_on, tidy = threading.Event(), threading.Event(), here.app.place.tidy

        def slow() -> None:
            written.set()
            go_on.wait(60)
            tidy()

        monkeypatch.setattr(here.app.place, "tidy", slow)
        tiny_bundle(template, bundle, "2")
        here.app.take(finder(bundle)())
        await asyncio.to_thread(written.wait, 60)
        ending = asyncio.create_task(here.app.close())
        await asyncio.sleep(0)
        go_on.set()
        await ending
    # What serves the live release cannot be had when the next process starts, and a moment later it can.
    lacking.append(NotFound("There is no such template."))
    async with serve(bundle, templates=found) as here:
        await until(here, "ready")
        assert not lacking
        assert (await here.get("count")).json() == {"count": 1, "version": "2"}


async def test_an_app_sleeps_wakes_and_comes_back_after_a_crash(tiny: Serve):
    async with tiny() as here:
        await here.ready()
        await here.app.sleep()
        assert (await here.get("healthz")).json() == {"state": "asleep"}
        assert (await here.get("count")).json()["count"] == 0
        assert here.app.status.state == "ready"
        for _ in range(2):
            with suppress(httpx.RemoteProtocolError):
                await here.get("crash")
            while here.app.server.state == "ready":
                await asyncio.sleep(0.02)
            answer = await here.get("count")
        # The second time soon after the first: not at once.
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        page = await here.get(headers=PAGE)
        assert page.status_code == 503
        assert "on purpose" not in page.text
        assert page.headers["x-request-id"] in page.text
        assert (await here.get("healthz")).status_code == 503
        while (await here.get("count")).status_code != 200:
            await asyncio.sleep(0.2)


async def test_who_hangs_up_while_a_websocket_waits_for_the_app_leaves_none_open(tiny: Serve):
    asked = (
        "GET /apps/tried/socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    async with tiny() as here:
        await here.ready()
        await here.app.sleep()
        service = here.serving.service
        _, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(here.url).port)
        writer.write(asked.encode())
        while not service.sockets.taken:
            await asyncio.sleep(0.01)
        writer.transport.abort()
        while service.sockets.taken:
            await asyncio.sleep(0.01)
        assert here.app.status.state == "starting"  # so it was still waited for
        await here.ready()
        # One that stays is open once the app has answered it, behind the one that was given up.
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(here.url).port)
        writer.write(asked.encode())
        assert b"101" in await reader.readline()
        assert len(service.open_sockets) == 1
        writer.close()


async def test_a_proxy_that_asks_under_its_own_name_is_told_of_where_websockets_are_refused(
    tiny: Serve, caplog: pytest.LogCaptureFixture
):
    asked = {
        "Host": "127.0.0.1",
        "Origin": "https://apps.example.org",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    async with tiny() as here:
        await here.ready()
        for _ in range(3):
            assert (await here.get("socket", headers=asked)).status_code == 403
        assert caplog.text.count("proxy_set_header Host") == 1
        assert (await here.get("socket", headers=asked | {"Host": "apps.example.org"})).status_code == 101


async def test_readers_have_bounds_and_names_of_others_are_refused(tiny: Serve):
    async with tiny(rate=RateLimit(per_second=0.01, at_once=3), hosts=("localhost",)) as here:
        assert (await here.get(headers={"Host": "evil.example"})).status_code == 403
        for _ in range(3):
            assert (await here.get("health")).status_code == 200
        answer = await here.get("health")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 1
        assert (await here.get("healthz")).status_code == 200


@pytest.mark.parametrize(
    ("peer", "said", "who", "scheme"),
    [
        ("10.0.0.5", "203.0.113.7", "203.0.113.7", "https"),
        ("10.0.0.5", "6.6.6.6, 203.0.113.7, 10.0.0.6", "203.0.113.7", "https"),  # what a reader wrote stands first
        ("10.0.0.5", "6.6.6.6, nonsense", "10.0.0.5", "https"),
        ("10.0.0.5", "", "10.0.0.5", "https"),
        ("::ffff:10.0.0.5", "2001:db8::7", "2001:db8::7", "https"),
        ("198.51.100.9", "127.0.0.1", "198.51.100.9", "http"),  # no proxy of ours
    ],
)
def test_of_who_asks_only_a_proxy_that_was_named_is_believed(peer: str, said: str, who: str, scheme: str):
    headers = httputil.HTTPHeaders({"X-Forwarded-For": said, "X-Forwarded-Proto": "https", "X-Real-Ip": "7.7.7.7"})
    headers["Host"] = "localhost"
    line = httputil.RequestStartLine("GET", "/", "HTTP/1.1")
    request = httputil.HTTPServerRequest(headers=headers, start_line=line)
    request.remote_ip, request.protocol = peer, "http"
    Proxies(["10.0.0.0/24"]).believe(request)
    assert (request.remote_ip, request.protocol) == (who, scheme)
    with pytest.raises(InvalidInput, match="no address of a proxy"):
        Proxies(["nginx"])


class Named:
    """Whoever says who they are in a header, in place of a login."""

    private = True

    async def reader(self, request: httputil.HTTPServerRequest) -> Reader | None:
        name = request.headers.get("X-Who")
        return Reader(name, name) if name else None

    async def still(self, reader: Reader) -> bool:
        return True

    def refuse(self, handler: web.RequestHandler) -> None:
        handler.set_status(403)

    def routes(self, base: str) -> list[Rule]:
        return []


async def test_a_door_keeps_those_out_whom_it_does_not_know(tiny: Serve):
    async with tiny(door=Named()) as here:
        for path in ("", "count", "__appbuilder/status", "anything"):
            assert (await here.get(path)).status_code == 403, path
        told = await here.get("echo", headers={"X-Who": "ada"})
        assert told.status_code == 200
        assert told.headers["cache-control"].startswith("private")


async def test_a_bundle_that_never_starts_says_so_to_readers_and_not_why(tiny: Serve, template: Template, bundle: Path):
    tiny_bundle(template, bundle, serve=["node", "/secret/place.mjs"])
    async with tiny() as here:
        await until(here, "failed")
        page = await here.get(headers=PAGE)
        assert (page.status_code, "/secret/place" in page.text) == (503, False)
        status = (await here.get("__appbuilder/status")).json()
        assert json.dumps(status).count("secret") == 0


async def test_what_is_not_published_any_more_is_gone_and_comes_back_with_its_data(tiny: Serve, bundle: Path):
    async with tiny() as here:
        await here.ready()
        await here.client.post(here.url + "count")
        await here.app.take_down()
        assert (await here.get(headers=PAGE)).status_code == 410
        assert (await here.get("count")).status_code == 410
        # The same release is live again, as after an unpublishing that was taken back.
        await here.app.take(finder(bundle)())
        assert (await here.get("count")).json()["count"] == 1


async def test_another_app_of_the_same_name_begins_with_its_own_data(tiny: Serve, template: Template, bundle: Path):
    """The one before was deleted, and another is published under its name: while it is served, and while it is not."""
    tiny_bundle(template, bundle, session="first")
    async with tiny() as here:
        await here.ready()
        await here.client.post(here.url + "count")
        tiny_bundle(template, bundle, "2", session="second")
        while (now := await here.get("count")).status_code != 200 or now.json() != {"count": 0, "version": "2"}:
            await asyncio.sleep(0.1)
        await here.client.post(here.url + "count")
        others = here.app.place.folder / "others"
        (kept,) = others.iterdir()
        # One that does not start leaves nothing to read of the one before it.
        tiny_bundle(template, bundle, "3", session="third", serve=["node", "gone.mjs"])
        while not here.app.refused:
            await asyncio.sleep(0.1)
        assert (await here.get("count")).status_code == 503
    tiny_bundle(template, bundle, "4", session="third")
    async with tiny() as here:
        await until(here, "ready")
        assert (await here.get("count")).json() == {"count": 0, "version": "4"}
        assert len(list(others.iterdir())) == 2, "nothing that readers wrote is thrown away"
        assert (kept / APP / "data" / "count.txt").read_text() == "1"


async def test_an_app_that_is_deleted_is_gone_for_readers(tiny: Serve, bundle: Path, tmp_path: Path):
    shelf = Shelf(tmp_path / "published")
    with shelf.taking("first", "here", "tried"):
        number = shelf.number("first", "here", "tried", "Tried")
        made = shelf.place("here", "tried", number, finder(bundle)())
        shelf.publish("here", "tried", Entry(number, "0" * 40, "2026-11-30T12:00:00Z"), {})
    async with tiny(bundle=made.folder.parent.parent) as here:
        await here.ready()
        shelf.forget("first")
        await until(here, "gone")
        assert (await here.get(headers=PAGE)).status_code == 410


@pytest.mark.parametrize("damage", ["live", "no live", "manifest", "served"])
async def test_data_that_cannot_be_found_again_are_never_taken_for_a_first_time(
    tiny: Serve, tmp_path: Path, damage: str
):
    async with tiny() as here:
        await here.ready()
        await here.client.post(here.url + "count")
        place = here.app.place.folder
    (run,) = (place / "runs").iterdir()
    damaged = {"manifest": run / MANIFEST, "served": place / "served.json"}.get(damage, place / "live.json")
    before = damaged.read_bytes()
    damaged.unlink() if damage == "no live" else damaged.write_bytes(before[:20])
    with pytest.raises(Unavailable, match="damaged"):
        async with tiny():
            pass
    damaged.write_bytes(before)
    async with tiny() as here:
        await here.ready()
        assert (await here.get("count")).json()["count"] == 1


def test_a_folder_of_somebody_elses_files_is_no_place_for_an_apps_data(tmp_path: Path):
    (tmp_path / "runs" / "experiment").mkdir(parents=True)
    with pytest.raises(Conflict, match="not an app's data"):
        Place(tmp_path, "tried").open()
    assert (tmp_path / "runs" / "experiment").is_dir()
    mine = Place(tmp_path / "new", "mine")
    mine.open()
    mine.close()
    with pytest.raises(Conflict, match="the data of 'mine'"):
        Place(tmp_path / "new", "other").open()
