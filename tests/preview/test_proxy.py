"""The proxy over real sockets: what passes, what does not, and what is said when nothing answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from building import app_builder
from plain_app import plain
from preview.stage import BASE_URL, Target, served, upstream
from tornado import iostream, web, websocket

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.preview import Previews
from jupyter_appbuilder.preview.capabilities import new_key
from jupyter_appbuilder.preview.page_requests import PageRequestHandler
from jupyter_appbuilder.preview.websocket import MOST_OF_ONE
from jupyter_appbuilder.sandbox.base import Address, DevServer

POLICY = "frame-ancestors 'self'; sandbox allow-scripts allow-forms allow-modals"
NAVIGATION = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Dest": "iframe"}


class Echo(web.RequestHandler):
    """Answers with what it was sent."""

    async def prepare(self) -> None:
        self.set_header("Set-Cookie", "session=1")
        self.set_header("Content-Security-Policy", "default-src *")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Clear-Site-Data", '"*"')
        self.set_header("WWW-Authenticate", "Basic")
        self.set_header("Access-Control-Allow-Origin", "http://localhost")
        self.set_header("X-Total", "7")
        self.set_header("X-Of-The-App", "8")
        headers = {name.lower(): value for name, value in self.request.headers.get_all()}
        body = self.request.body.decode()
        self.finish({"method": self.request.method, "uri": self.request.uri, "headers": headers, "body": body})


class Page(web.RequestHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish("<!doctype html>\n<!-- <head> --><html lang='a>b'><head data-x><title>T</title></head><p>hi")


class Slow(web.RequestHandler):
    """Server-sent events until the reader goes away."""

    closed = asyncio.Event()

    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self._auto_finish = False
        with contextlib.suppress(iostream.StreamClosedError):
            for n in range(10_000):
                self.write(f"data: {n}\n\n")
                await self.flush()
                await asyncio.sleep(0.01)

    def on_connection_close(self) -> None:
        Slow.closed.set()


class Big(web.RequestHandler):
    async def get(self) -> None:
        for _ in range(64):
            self.write(b"x" * 1024 * 1024)
            await self.flush()


@web.stream_request_body
class Count(web.RequestHandler):
    def prepare(self) -> None:
        self.size = 0

    def data_received(self, chunk: bytes) -> None:
        self.size += len(chunk)

    def post(self) -> None:
        self.finish(str(self.size))


class Broken(web.RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Length", "1000")
        self.write(b"half")
        await self.flush()
        self.request.connection.stream.close()  # pyright: ignore


async def test_nothing_of_the_person_reaches_the_app_and_nothing_of_the_app_binds_jupyter(
    target: Target, tmp_path: Path
) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with upstream(tmp_path, (".*", Echo)) as address, served(previews) as origin, httpx.AsyncClient() as client:
        target.server = DevServer("ready", address)
        personal = {
            "Cookie": "_xsrf=1; jupyterhub=2",
            "Authorization": "token abc",
            "X-XSRFToken": "1",
            "X-Forwarded-User": "ada",
            "Referer": "http://hub/secret",
            "Origin": "null",
            "Sec-Fetch-Site": "cross-site",
            "X-WebAuth-User": "ada",
            "X-AppBuilder-Header-X-Mine": "the page's",
            "X-AppBuilder-Header-Authorization": "Bearer the-apps-own",
            "X-AppBuilder-Header-Cookie": "forged=1",
            "X-AppBuilder-Header-Host": "elsewhere",
            "X-AppBuilder-Header-Transfer-Encoding": "chunked",
            "HX-Request": "true",
        }
        answer = await client.put(f"{origin}{prefix}api/x%2Fy?q=%20a", headers=personal, content=b"body")
        seen = answer.json()
        assert (seen["method"], seen["uri"], seen["body"]) == ("PUT", f"{prefix}api/x%2Fy?q=%20a", "body")
        headers = seen["headers"]
        assert headers["host"] == "localhost"
        assert headers["origin"] == "http://localhost"
        assert headers["sec-fetch-site"] == "same-origin"
        assert headers["x-mine"] == "the page's"
        assert headers["hx-request"] == "true"
        assert headers["authorization"] == "Bearer the-apps-own"
        personal = {"cookie", "x-xsrftoken", "x-forwarded-user", "x-webauth-user", "referer", "transfer-encoding"}
        assert not personal & headers.keys()
        assert not [name for name in headers if name.startswith("x-appbuilder")]
        assert answer.headers.get_list("Content-Security-Policy") == [POLICY]
        assert answer.headers["Referrer-Policy"] == "strict-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["X-Total"] == "7"
        assert answer.headers["X-AppBuilder-Header-X-Of-The-App"] == "8"
        assert "session=1" not in str(answer.headers)
        for name in ("X-Of-The-App", "X-Frame-Options", "Clear-Site-Data", "WWW-Authenticate", "Server"):
            assert name not in answer.headers
        for method in ("GET", "POST", "PATCH", "DELETE", "OPTIONS"):
            answer = await client.request(method, f"{origin}{prefix}x")
            assert answer.json()["method"] == method
            assert "authorization" not in answer.json()["headers"]


async def test_secret_headers_of_the_address_are_sent_on_and_never_come_back(target: Target, tmp_path: Path) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with upstream(tmp_path, (".*", Echo)) as address, served(previews) as origin, httpx.AsyncClient() as client:
        target.server = DevServer("ready", Address(socket=address.socket, headers={"X-Access-Token": "s3"}))
        answer = await client.get(f"{origin}{prefix}", headers={"X-Access-Token": "forged"})
        assert answer.json()["headers"]["x-access-token"] == "s3"
        assert "x-access-token" not in answer.headers


async def test_a_preflight_is_answered_for_the_opaque_origin(target: Target) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with served(previews) as origin, httpx.AsyncClient() as client:
        asked = {"Origin": "null", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-a"}
        answer = await client.options(f"{origin}{prefix}api", headers=asked)
        assert answer.status_code == 204
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
        assert answer.headers["Access-Control-Allow-Headers"] == "x-a"


async def test_only_pages_get_the_script_and_it_comes_first(target: Target, tmp_path: Path) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    target.storage.change({"local": {"set": {"a": "</script><script>alert(1)"}}})
    async with (
        upstream(tmp_path, (".*", Page)) as address,
        served(previews) as origin,
        httpx.AsyncClient(follow_redirects=True) as client,
    ):
        target.server = DevServer("ready", address)
        client.cookies.set(previews.cookie, previews.person)
        page = await client.get(origin + prefix, headers=NAVIGATION)
        before, after = page.text.split("<script>window.__appbuilder=", 1)
        assert before.endswith("<head data-x>")
        assert after.endswith("<title>T</title></head><p>hi")
        assert "</script><script>alert(1)" not in page.text
        assert page.headers["Cache-Control"] == "no-store"
        fetched = await client.get(origin + prefix, headers={"Accept": "*/*", "Sec-Fetch-Dest": "empty"})
        assert "__appbuilder" not in fetched.text
        source = after.split('<script src="', 1)[1].split('"', 1)[0]
        script = await client.get(origin + source)
        assert script.headers["Content-Type"].startswith("text/javascript")
        assert "immutable" in script.headers["Cache-Control"]


async def test_streams_flow_both_ways_and_end_with_their_reader(target: Target, tmp_path: Path) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    routes = [(".*/slow", Slow), (".*/big", Big), (".*/count", Count), (".*/broken", Broken)]
    async with (
        upstream(tmp_path, *routes) as address,
        served(previews) as origin,
        httpx.AsyncClient(base_url=origin + prefix) as client,
    ):
        target.server = DevServer("ready", address)
        Slow.closed.clear()
        async with client.stream("GET", "slow") as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "data: 0"
        await asyncio.wait_for(Slow.closed.wait(), 10)

        async with client.stream("GET", "big") as stream:
            assert sum([len(chunk) async for chunk in stream.aiter_raw()]) == 64 * 1024 * 1024

        async def upload() -> Any:
            for _ in range(40):
                yield b"y" * 1024 * 1024

        assert (await client.post("count", content=upload())).text == str(40 * 1024 * 1024)
        assert (await client.post("count", content=b"z" * 300_000)).text == "300000"
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("broken")


class Silent(web.RequestHandler):
    """Takes its time before the first byte."""

    async def get(self) -> None:
        await asyncio.sleep(5)


@pytest.mark.parametrize("where", ["slow", "silent"])
async def test_a_browser_that_goes_away_is_no_error(
    target: Target, tmp_path: Path, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each reload of a page with server-sent events is one."""
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with upstream(tmp_path, (".*/slow", Slow), (".*/silent", Silent)) as address, served(previews) as origin:
        target.server = DevServer("ready", address)
        async with httpx.AsyncClient(base_url=origin + prefix) as client:
            with contextlib.suppress(httpx.ReadTimeout):
                async with client.stream("GET", where, timeout=0.5) as stream:
                    assert await anext(stream.aiter_lines()) == "data: 0"
        await asyncio.sleep(0.3)
        async with httpx.AsyncClient(base_url=origin) as client:
            assert (await client.get(f"{prefix}none")).status_code == 404
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_dead_capability_explains_itself(target: Target) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with served(previews) as origin, httpx.AsyncClient() as client:
        previews.close("s1")
        page = await client.get(origin + prefix, headers=NAVIGATION)
        assert page.status_code == 404
        assert "reopen it from JupyterLab" in page.text
        assert page.headers["Content-Security-Policy"] == POLICY
        for path in ("__appbuilder/status", "src/main.js"):
            answer = await client.get(origin + prefix + path)
            assert answer.status_code == 404
            assert "preview has ended" in answer.text


async def test_without_a_capability_nothing_that_is_sent_is_kept(target: Target, monkeypatch) -> None:
    kept = 0
    take = PageRequestHandler.data_received

    def watched(handler, chunk) -> None:
        nonlocal kept
        take(handler, chunk)
        kept = max(kept, 0 if handler._body.closed else handler._body.tell())

    monkeypatch.setattr(PageRequestHandler, "data_received", watched)
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with served(previews) as origin, httpx.AsyncClient() as client:
        body = b"[" + b" " * 1_000_000 + b"]"
        for place in (previews.reserve(), prefix):
            answer = await client.post(f"{origin}{place}__appbuilder/databases", content=body)
            assert answer.status_code == 404
            assert (kept == 0) == (place != prefix)


async def test_an_app_that_sleeps_is_woken_and_one_that_failed_says_why(target: Target, tmp_path: Path) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with (
        upstream(tmp_path, (".*", Page)) as address,
        served(previews) as origin,
        httpx.AsyncClient(follow_redirects=True) as client,
    ):
        target.server = DevServer("asleep")
        target.after = DevServer("failed", message="vite.config.ts: no such plugin", log="line\n" * 300 + "the end")
        module = await client.get(origin + prefix + "src/main.js")
        assert module.status_code == 503
        assert module.headers["Retry-After"] == "1"
        assert "text/plain" in module.headers["Content-Type"]
        assert target.ensured == 1
        page = await client.get(origin + prefix, headers=NAVIGATION)
        assert page.status_code == 503
        assert "no such plugin" in page.text
        status = (await client.get(origin + prefix + "__appbuilder/status")).json()
        assert status["state"] == "failed"
        assert status["log"].endswith("the end")
        assert target.ensured == 1  # a failure is not tried again unasked
        target.after = DevServer("ready", address)
        await client.post(origin + prefix + "__appbuilder/start", content="{}")
        assert (await client.get(origin + prefix + "__appbuilder/status")).json()["state"] == "ready"


async def test_a_sandbox_that_cannot_start_is_explained(target: Target) -> None:
    class Missing(Target):
        async def ensure(self) -> DevServer:
            raise Unavailable("Sandbox 'local' needs bubblewrap.", hint="Install it.")

    previews = Previews(BASE_URL)
    prefix = previews.open(Missing(target.storage))
    async with served(previews) as origin, httpx.AsyncClient() as client:
        await client.get(origin + prefix)
        status = (await client.get(origin + prefix + "__appbuilder/status")).json()
        assert status["state"] == "failed"
        assert status["message"] == "Sandbox 'local' needs bubblewrap. Install it."


async def test_a_dev_server_that_does_not_answer_gets_the_waiting_page(target: Target, tmp_path: Path) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    target.server = DevServer("ready", Address(socket=tmp_path / "nobody.sock"))
    async with served(previews) as origin, httpx.AsyncClient(follow_redirects=True) as client:
        page = await client.get(origin + prefix, headers=NAVIGATION)
        assert page.status_code == 200  # no failed request in the browser's console
        assert "<title>Starting the app</title>" in page.text


async def test_reports_are_checked_and_bounded(target: Target) -> None:
    previews = Previews(BASE_URL)
    report = previews.open(target) + "__appbuilder/report"
    async with served(previews) as origin, httpx.AsyncClient() as client:

        async def send(body: Any) -> int:
            return (await client.post(origin + report, content=json.dumps(body))).status_code

        assert await send({"kind": "page", "message": "m" * 9000, "stack": 5, "evil": 1}) == 200
        assert target.findings == [{"kind": "page", "message": "m" * 4000}]
        assert await send({"kind": "other", "message": "m"}) == 400
        assert await send([1]) == 400
        codes = [await send({"kind": "page", "message": str(n)}) for n in range(80)]
        assert codes.count(200) < 60
        assert codes[-1] == 429


async def test_odd_bodies_are_refused_without_a_traceback(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    previews = Previews(BASE_URL)
    own = previews.open(target) + "__appbuilder/"
    finding = '{"kind": "page", "message": %s}'
    bodies = {
        "report": (
            "", "[1]", "null", '"text"', "{", "NaN", finding % "NaN", finding % "[1]", finding % '"\\ud800"',
            '{"kind": "ready", "duration_ms": NaN}', '{"kind": "ready", "duration_ms": 1e400}',
            '{"kind": "ready", "duration_ms": "1"}', '{"kind": "ready", "duration_ms": 1%s}' % ("0" * 5000),
            "[" * 100_000, '{"a":' * 100_000, '{"kind": {}, "message": "m"}', '{"kind": [], "message": "m"}',
        ),
        "storage": (
            '{"local": 1}', '{"local": {"set": [1]}}', '{"local": {"remove": 5}}', '{"local": {"set": {"a": {}}}}',
            '{"local": {"remove": [{}]}}', '{"local": {"set": {"a": Infinity}}}', '{"cookies": "x"}',
            '{{"local": {{"set": {{"a": "{}"}}}}, "deep": {}}}'.format("x" * 200_000, "[" * 100_000),
        ),
        "databases": ("{}", ""),
    }  # fmt: skip
    async with served(previews) as origin, httpx.AsyncClient() as client:
        client.cookies.set(previews.cookie, previews.person)
        for what, odd in bodies.items():
            for body in odd:
                answer = await client.post(origin + own + what, content=body)
                assert answer.status_code == 400, f"{what} {body[:80]}"
        # What a page keeps are JavaScript's texts: half a pair is one.
        kept = r'{"local": {"set": {"half": "\ud83d", "nul": "\u0000"}}, "cookies": {"set": {"c": ";\ud83dä"}}}'
        assert (await client.post(origin + own + "storage", content=kept)).status_code == 200
    assert target.storage.read()["local"] == {"half": "\ud83d", "nul": "\x00"}
    assert target.storage.cookie_header("/").isprintable()
    assert target.findings == []
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_bodies_over_their_limit_are_thrown_away_as_they_come(target: Target) -> None:
    import tracemalloc

    previews = Previews(BASE_URL)
    own = previews.open(target) + "__appbuilder/"

    async def much(size: int) -> Any:
        for _ in range(size // 2**20):
            yield b"1" * 2**20

    async with served(previews) as origin, httpx.AsyncClient(timeout=60) as client:
        client.cookies.set(previews.cookie, previews.person)
        for what in ("report", "storage", "databases", "start"):
            tracemalloc.start()
            answer = await client.post(origin + own + what, content=much(90 * 2**20))
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert answer.status_code == 413, what
            assert most < 70 * 2**20, what
            assert answer.json()["reason"] == "quota_exceeded"
        content = json.dumps({"local": {"set": {"a": "x" * 5_000_000}}}).encode()
        assert (await client.post(origin + own + "storage", content=content)).status_code == 200
    assert len(target.storage.read()["local"]["a"]) == 5_000_000


async def test_a_large_change_is_read_while_others_are_answered(target: Target) -> None:
    """A page may send what takes seconds to parse: the server goes on meanwhile."""
    previews = Previews(BASE_URL)
    own = previews.open(target) + "__appbuilder/"
    content = ("{" + ",".join(f'"k{n}":"v"' for n in range(900_000)) + "}").encode()
    async with served(previews) as origin, httpx.AsyncClient(timeout=60) as client:
        client.cookies.set(previews.cookie, previews.person)
        sending = asyncio.ensure_future(client.post(origin + own + "storage", content=content))
        answered = 0
        while not sending.done():
            assert (await client.get(origin + own + "status")).status_code == 200
            answered += 1
        assert sending.result().status_code == 200
        assert answered >= 5  # one held up by the whole would get two or three in between


async def test_the_capability_is_never_logged(
    target: Target, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    caplog.set_level(logging.DEBUG)
    target.server = DevServer("ready", Address(socket=tmp_path / "nobody.sock"))
    async with served(previews) as origin, httpx.AsyncClient() as client:
        await client.get(origin + prefix + "x")
        await client.post(origin + prefix + "__appbuilder/nothing")
        # A handler that fails: what it was about names the address as well.
        broken = RuntimeError(f"no such file: /tmp{prefix}page")
        monkeypatch.setattr(target.storage, "cookie_header", lambda _: (_ for _ in ()).throw(broken))
        client.cookies.set(previews.cookie, previews.person)
        assert (await client.get(origin + prefix + "y")).status_code == 500
    ours = "\n".join(
        logging.Formatter().format(record)
        for record in caplog.records
        if record.name.startswith(("jupyter_appbuilder", "tornado"))
    )
    assert "/appbuilder/preview/…/x" in ours
    assert "no such file" in ours
    assert prefix.split("/")[-2] not in ours


class Parrot(websocket.WebSocketHandler):
    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return "vite-hmr" if "vite-hmr" in subprotocols else None

    def check_origin(self, origin: str) -> bool:
        return origin == "http://localhost"

    def open(self, *args: str) -> None:
        self.write_message(json.dumps(dict(self.request.headers.get_all())))

    def on_message(self, message: str | bytes) -> None:
        if message == "close":
            self.close(4001, "because")
        else:
            self.write_message(message, binary=isinstance(message, bytes))

    def on_close(self) -> None:
        Parrot.ended.set_result(self.close_code)

    ended: asyncio.Future[int | None]


class Deaf(websocket.WebSocketHandler):
    """Says that it is there, and nothing more: it does not answer when it is asked to close, either."""

    open_ones: ClassVar[list[Deaf]] = []

    def check_origin(self, origin: str) -> bool:
        return True

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return subprotocols[0] if subprotocols else None

    def open(self, *args: str) -> None:
        Deaf.open_ones[:] = [self]
        self.write_message("here")
        assert self.ws_connection is not None
        self.ws_connection._handle_message = lambda *_: None  # pyright: ignore


async def connect(url: str, **headers: str) -> websocket.WebSocketClientConnection:
    from tornado.httpclient import HTTPRequest

    request = HTTPRequest("ws" + url.removeprefix("http"), headers=headers)
    return await websocket.websocket_connect(request, subprotocols=["vite-hmr"])


async def test_a_page_that_missed_a_change_while_it_loaded_is_told_to_load_anew(target: Target, tmp_path: Path) -> None:
    """A dev server tells of a change those who listen; who is still loading has the old files, and listens too late."""
    previews = Previews(BASE_URL)
    visit = previews.visit(previews.open(target).rstrip("/").rpartition("/")[2])
    assert visit
    visitor = previews.enter(visit.preview, new_key())
    async with upstream(tmp_path, (".*/ws", Parrot), ("/.*", Page)) as address, served(previews) as origin:
        target.server = DevServer("ready", address)

        async def load() -> None:
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"{origin}{visitor.path}", headers={"Sec-Fetch-Dest": "iframe"})
            assert "<p>hi" in answer.text

        async def told() -> bool:
            Parrot.ended = asyncio.get_running_loop().create_future()
            socket = await connect(f"{origin}{visitor.path}ws", Origin="null")
            await socket.write_message("the end")
            said: list[Any] = []
            while "the end" not in said:
                said.append(await socket.read_message())
            socket.close()
            return '{"type":"full-reload"}' in said

        target.changed_at = time.monotonic()
        await load()
        assert not await told()  # it has that change
        await load()
        target.changed_at = time.monotonic()
        assert await told()
        target.changed_at = time.monotonic()
        assert not await told()  # a page that was told of all changes lost its socket for a moment
        await load()
        assert not await told()


async def test_who_loads_a_page_or_follows_the_code_does_not_work_with_the_app(target: Target, tmp_path: Path) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    routes = ((".*/ws", Parrot), (".*", Echo))
    async with upstream(tmp_path, *routes) as address, served(previews) as origin, httpx.AsyncClient() as client:
        target.server = DevServer("ready", address)
        for method in ("GET", "HEAD"):
            await client.request(method, f"{origin}{prefix}api/tasks")
        socket = await connect(f"{origin}{prefix}ws", Origin="null")
        await socket.read_message()
        await socket.write_message("text")
        assert await socket.read_message() == "text"
        assert previews.unused("s1") < float("inf")
        assert previews.untouched("s1") == float("inf")
        await client.patch(f"{origin}{prefix}api/tasks")
        assert previews.untouched("s1") < float("inf")
        assert previews.untouched("s2") == float("inf")


async def test_a_websocket_carries_text_bytes_and_closes(target: Target, tmp_path: Path) -> None:
    from tornado.httpclient import HTTPClientError

    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with upstream(tmp_path, (".*/ws", Parrot)) as address, served(previews) as origin:
        target.server = DevServer("ready", address)
        url = f"{origin}{prefix}ws?token=x"
        Parrot.ended = asyncio.get_running_loop().create_future()
        socket = await connect(url, Origin="null", Cookie="a=b", Authorization="token t")
        assert socket.selected_subprotocol == "vite-hmr"
        seen = json.loads(str(await socket.read_message()))
        assert not {"Cookie", "Authorization"} & seen.keys()
        await socket.write_message("text")
        assert await socket.read_message() == "text"
        await socket.write_message(b"\x00\xff", binary=True)
        assert await socket.read_message() == b"\x00\xff"
        await socket.write_message("close")
        assert await socket.read_message() is None
        assert (socket.close_code, socket.close_reason) == (4001, "because")

        Parrot.ended = asyncio.get_running_loop().create_future()
        socket = await connect(url, Origin=origin)
        socket.close(4002)
        assert await asyncio.wait_for(Parrot.ended, 10) == 4002

        Parrot.ended = asyncio.get_running_loop().create_future()
        socket = await connect(url, Origin="null")
        await socket.read_message()
        previews.close("s1")
        assert await socket.read_message() is None
        assert socket.close_code == 1001
        url = url.replace(prefix, previews.open(target))
        prefix = previews.open(target)

        for refused, code in (
            (url, 403),
            (url.replace("/ws", "/none"), 404),
            (url.replace(prefix, prefix[:-5] + "/"), 404),
        ):
            with pytest.raises(HTTPClientError) as raised:
                await connect(refused, Origin="https://evil.example" if code == 403 else "null")
            assert raised.value.code == code


async def test_one_visitor_has_so_many_websockets_and_leaves_room_for_others(target: Target, tmp_path: Path) -> None:
    from tornado.httpclient import HTTPClientError

    previews = Previews(BASE_URL)
    shared = previews.visit(previews.open(target).split("/")[-2])
    assert shared is not None
    one, other = (previews.enter(shared.preview, new_key()) for _ in range(2))
    async with upstream(tmp_path, (".*/ws", Deaf)) as address, served(previews) as origin:
        target.server = DevServer("ready", address)
        with pytest.raises(HTTPClientError):
            await connect(f"{origin}{one.path}none", Origin="null")  # which holds no place afterwards
        held = [await connect(f"{origin}{one.path}ws", Origin="null") for _ in range(MOST_OF_ONE)]
        with pytest.raises(HTTPClientError) as refused:
            await connect(f"{origin}{one.path}ws", Origin="null")
        assert refused.value.code == 503
        await connect(f"{origin}{other.path}ws", Origin="null")
        held[0].close()
        async with asyncio.timeout(30):
            while shared.preview.held[one.path] == MOST_OF_ONE:
                await asyncio.sleep(0.05)
        await connect(f"{origin}{one.path}ws", Origin="null")
        previews.close("s1")
        async with asyncio.timeout(30):
            while shared.preview.held.total():
                await asyncio.sleep(0.05)


async def test_a_page_that_goes_while_its_websocket_waits_for_the_app_leaves_none_open(
    target: Target, tmp_path: Path
) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    visit = previews.visit(prefix.split("/")[-2])
    assert visit is not None
    go_on = asyncio.Event()
    Parrot.ended = asyncio.get_running_loop().create_future()
    async with upstream(tmp_path, (".*/ws", Parrot)) as address, served(previews) as origin:

        async def ensure() -> DevServer:
            target.ensured += 1
            await go_on.wait()
            target.server = DevServer("ready", address)
            return target.server

        target.server, target.ensure = DevServer("asleep"), ensure
        _, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(origin).port)
        writer.write(
            f"GET {prefix}ws HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        async with asyncio.timeout(30):
            while not target.ensured:
                await asyncio.sleep(0.01)
            assert visit.preview.held.total() == 1
            writer.transport.abort()
            while visit.preview.held.total():
                await asyncio.sleep(0.01)
            go_on.set()
            await Parrot.ended
        assert not visit.preview.sockets


@pytest.mark.parametrize("end", ["the page goes", "the preview ends", "the app sleeps and the page goes"])
async def test_nothing_goes_on_for_a_websocket_that_is_closed(target: Target, tmp_path: Path, end: str) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    capability = prefix.split("/")[-2]
    before = asyncio.all_tasks()
    async with upstream(tmp_path, (".*/ws", Deaf)) as address, served(previews) as origin:
        target.server = DevServer("ready", address)
        socket = await connect(f"{origin}{prefix}ws", Origin="null")
        assert await socket.read_message() == "here"
        visit = previews.visit(capability)
        assert visit is not None
        (handler,) = Deaf.open_ones
        if end.startswith("the app sleeps"):
            target.server = DevServer("asleep")
            handler.close()
        if end == "the preview ends":
            previews.close("s1")
        else:
            socket.close()
        async with asyncio.timeout(10):
            while visit.preview.sockets:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [task for task in asyncio.all_tasks() - before if "ProxySocketHandler._" in str(task.get_coro())] == []


async def test_an_app_that_was_stopped_leaves_no_open_connection(tmp_path: Path) -> None:
    async with app_builder(tmp_path, base_url=BASE_URL, **plain(tmp_path)) as builder:
        session = await builder.create(name="app")
        async with served(builder.previews) as origin, httpx.AsyncClient() as client:
            counts: list[int] = []
            for _ in range(4):
                assert (await session.app.ensure()).state == "ready"
                pages = [client.get(origin + session.app.base_path) for _ in range(3)]
                assert all("first" in page.text for page in await asyncio.gather(*pages))
                await session.app.stop()
                counts.append(sum(path.is_socket() for path in Path("/proc/self/fd").iterdir()))
        assert counts[1] == counts[-1], counts


class File(web.RequestHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/csv")
        self.set_header("Content-Disposition", 'Attachment; filename="report.csv"')
        self.finish("a,b\n")


async def test_going_to_a_file_that_the_browser_drops_is_told_once(target: Target, tmp_path: Path) -> None:
    for allowed in ((), ("allow-downloads",)):
        previews = Previews(BASE_URL, allow=allowed)
        previews.open(target)
        preview = previews.visit(previews.open(target).split("/")[-2]).preview  # pyright: ignore[reportOptionalMemberAccess]
        path = previews.visitor(preview, previews.person).path
        target.findings.clear()
        async with upstream(tmp_path, (".*/export", File)) as address, served(previews) as origin:
            target.server = DevServer("ready", address)
            async with httpx.AsyncClient() as client:
                for dest in ("empty", "iframe", "iframe"):
                    answer = await client.get(f"{origin}{path}export", headers={"Sec-Fetch-Dest": dest})
                    assert answer.text == "a,b\n"
        told = [finding["message"] for finding in target.findings]
        assert len(told) == (0 if allowed else 1)
        assert all(message.startswith("/export was answered as a file to save") for message in told)
