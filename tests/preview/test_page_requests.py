"""What a page asks its own server and other hosts for, in Chromium: headers, pictures, referrers, wrong addresses."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from building import app_builder
from plain_app import plain
from preview.stage import BASE_URL, PanelHandler, Target, chromium, served, upstream
from preview.test_page import until
from tornado import web, websocket

from jupyter_appbuilder.apps.findings import MOST_FINDINGS
from jupyter_appbuilder.apps.running import FINDINGS_AT_ONCE
from jupyter_appbuilder.preview import Previews
from jupyter_appbuilder.sandbox.base import DevServer

PHOTO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Site(web.RequestHandler):
    """Serves ``pages``, a picture, a worker, and what it was asked with."""

    pages: dict[str, str] = {}  # noqa: RUF012

    def get(self, name: str) -> None:
        if name == "photo.png":
            self.set_header("Content-Type", "image/png")
            self.finish(PHOTO)
        elif name == "elsewhere.png":
            self.redirect(self.pages["elsewhere"])
        elif name == "worker.js":
            self.set_header("Content-Type", "text/javascript")
            self.finish(
                "onmessage = async ({ data }) =>"
                " postMessage(await (await fetch(data, { headers: { 'X-Mine': 'w' } })).text());"
            )
        elif name == "echo":
            self.set_header("X-Answer", "42")
            self.finish({name.lower(): value for name, value in self.request.headers.get_all()})
        elif name in self.pages:
            self.set_header("Content-Type", "text/html")
            self.finish(self.pages[name])
        else:
            self.set_status(404)


class Elsewhere(web.RequestHandler):
    """Another host, as far as the browser knows: no CORS."""

    referrers: list[str | None] = []  # noqa: RUF012

    def get(self) -> None:
        self.referrers.append(self.request.headers.get("Referer"))
        self.set_header("Content-Type", "image/png")
        self.finish(PHOTO)


@asynccontextmanager
async def site(target: Target, tmp_path: Path, *routes: Any, **pages: str) -> AsyncIterator[tuple[Any, Any, str]]:
    """The panel's page, the frame in it and the other host's address; ``index`` is the app's page."""
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with (
        upstream(tmp_path, *routes, (r".*/preview/[^/]+/(.*)", Site)) as address,
        served(previews, ("/panel", PanelHandler), ("/other", Elsewhere)) as origin,
        chromium() as browser,
    ):
        target.server = DevServer("ready", address)
        other = f"http://other.localhost:{origin.rpartition(':')[2]}/other"
        Elsewhere.referrers.clear()
        Site.pages = {"": pages["index"].replace("OTHER", other), "elsewhere": other}
        page = await (await browser.new_context()).new_page()
        await page.goto(f"{origin}/panel?src={prefix}")
        yield page, page.frame_locator("#app"), origin


CANVAS = """<!doctype html><title>Meme</title><h1>Meme</h1>
<img id="own" src="photo.png" alt=""><img id="moved" src="elsewhere.png" alt="">
<pre id="out"></pre>
<script>
const results = [];
const read = (image) => {
  const canvas = document.createElement('canvas');
  canvas.getContext('2d').drawImage(image, 0, 0);
  return canvas.toDataURL().slice(0, 14);
};
const attempt = (image) => { try { return read(image); } catch (error) { return error.name; } };
const load = (set) => new Promise((yes, no) => {
  const image = new Image();
  image.onload = () => yes(attempt(image));
  image.onerror = () => yes('did not load');
  set(image);
});
addEventListener('load', async () => {
  results.push(attempt(document.getElementById('own')));
  results.push(await load((image) => { image.src = 'photo.png'; }));
  results.push(await load((image) => image.setAttribute('src', 'photo.png')));
  document.body.insertAdjacentHTML('beforeend', '<img id="late" src="photo.png?late">');
  results.push(await new Promise((yes) => { late.onload = () => setTimeout(() => yes(attempt(late)), 300); }));
  results.push(await load((image) => { image.src = 'OTHER'; }));
  results.push(await load((image) => { image.src = 'elsewhere.png?again'; }));
  results.push(moved.naturalWidth);
  out.textContent = JSON.stringify(results) + ' end';
});
</script>"""


async def test_a_canvas_with_the_apps_own_pictures_can_be_read(target: Target, tmp_path: Path) -> None:
    async with site(target, tmp_path, index=CANVAS) as (_, app, origin):
        results = json.loads((await app.get_by_text("end").inner_text()).removesuffix(" end"))
        assert results[:4] == ["data:image/png"] * 4
        assert results[4:] == ["SecurityError", "SecurityError", 1]  # another host's show, as they would anywhere
        # Nothing of the address, whatever the page asks for.
        assert set(Elsewhere.referrers) <= {None, f"{origin}/"}
        assert target.problems() == []


HEADERS = """<!doctype html><title>Headers</title><p>content</p><script type="module">
const results = {};
const headers = { Authorization: 'Bearer own', 'X-Mine': 'a', 'HX-Request': 'true' };
const answer = await fetch('echo', { headers });
results.fetch = await answer.json();
results.answer = [answer.headers.get('X-Answer'), (await fetch('echo')).clone().headers.get('x-answer')];
results.names = [...answer.headers.keys()].join();
results.xhr = await new Promise((yes) => {
  const request = new XMLHttpRequest();
  request.open('GET', 'echo');
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  request.onload = () => {
    const { responseText } = request;
    yes([JSON.parse(responseText), request.getResponseHeader('x-answer'), request.getAllResponseHeaders()]);
  };
  request.send();
});
for (const type of ['classic', 'module']) {
  results[type] = await new Promise((yes) => {
    const worker = new Worker('worker.js', { type });
    worker.onmessage = ({ data }) => yes(JSON.parse(data));
    worker.postMessage(new URL('echo', location.href).href);
  });
}
const pre = document.createElement('pre');
pre.textContent = JSON.stringify(results) + ' end';
document.body.append(pre);
</script>"""


async def test_headers_that_the_page_sets_reach_its_server_and_its_servers_the_page(
    target: Target, tmp_path: Path
) -> None:
    async with site(target, tmp_path, index=HEADERS) as (_, app, _origin):
        results = json.loads((await app.get_by_text("end").inner_text()).removesuffix(" end"))
        for seen in (results["fetch"], results["xhr"][0]):
            assert (seen["authorization"], seen["x-mine"], seen["hx-request"]) == ("Bearer own", "a", "true")
            assert not [name for name in seen if name.startswith("x-appbuilder")]
        assert results["answer"] == ["42", "42"]
        assert "x-appbuilder" not in results["names"]
        assert results["xhr"][1] == "42"
        assert "x-answer: 42" in results["xhr"][2]
        assert "x-appbuilder" not in results["xhr"][2]
        assert results["classic"]["x-mine"] == results["module"]["x-mine"] == "w"


MISTAKEN = """<!doctype html><title>Mistaken</title><p>content</p><a href="/about">About</a><script>
fetch('/api/items').catch(() => {});
const request = new XMLHttpRequest();
request.open('GET', '/api/xhr');
request.send();
new EventSource('/api/stream');
new WebSocket(location.origin.replace('http', 'ws') + '/api/socket');
</script>"""


async def test_an_address_with_a_leading_slash_is_told_with_what_mends_it(target: Target, tmp_path: Path) -> None:
    async with site(target, tmp_path, index=MISTAKEN) as (_, app, _origin):
        wanted = ["GET /api/items", "GET /api/xhr", "EventSource /api/stream", "WebSocket /api/socket"]
        await until(lambda: all(any(word in told for told in target.problems()) for word in wanted))
        await app.get_by_role("link", name="About").click()
        await until(lambda: any("link to /about" in told for told in target.problems()))
        for told in target.problems():
            assert "leave out the leading slash" in told
            assert "import.meta.env.BASE_URL" in told


SOCKETS = """<!doctype html><title>Sockets</title><p>content</p><pre id="out"></pre><script>
const open = (path, ...protocols) => new Promise((yes) => {
  const socket = new WebSocket(new URL(path, document.baseURI).href.replace('http', 'ws'), protocols);
  socket.onopen = () => { socket.close(); yes('open'); };
  socket.onerror = () => yes('failed');
  if (path === 'closed') socket.close();
});
(async () => {
  const told = [];
  for (const path of ['live', 'closed', 'webpack-hmr', 'missing']) told.push(await open(path));
  told.push(await open('vite', 'vite-hmr'));
  for (let n = 0; n < 4; n++) await open(`missing?try=${n}`);
  out.textContent = told.join() + ' end';
})();
</script>"""


class Live(websocket.WebSocketHandler):
    """A socket that opens."""

    def check_origin(self, origin: str) -> bool:
        return True

    def on_message(self, message: str | bytes) -> None: ...


async def test_a_socket_whose_handshake_fails_is_told_once(target: Target, tmp_path: Path) -> None:
    """Not one that the page closed itself, nor the dev server's own for its updates."""
    async with site(target, tmp_path, (r".*/live", Live), index=SOCKETS) as (_, app, _origin):
        assert (await app.get_by_text("end").inner_text()) == "open,failed,failed,failed,failed end"
        await until(lambda: bool(target.problems()))
        assert target.problems() == ["WebSocket /missing could not be opened: the handshake failed"]


THEIR_MACHINE = """<!doctype html><title>Local</title><p>content</p><script>
fetch('http://localhost:9/api/items').catch(() => {});
fetch('http://127.0.0.1:9/api/more').catch(() => {});
new WebSocket('ws://localhost:9/socket');
new EventSource('http://localhost:9/stream');
fetch('OTHER').catch(() => {});
</script>"""


async def test_a_server_of_the_persons_own_machine_is_told_with_what_mends_it(target: Target, tmp_path: Path) -> None:
    """A page that asks localhost:8000 works where its author sits, and nowhere else."""
    wanted = ["GET http://localhost:9/api/items", "GET http://127.0.0.1:9/api/more"]
    wanted += ["WebSocket ws://localhost:9/socket", "EventSource http://localhost:9/stream"]
    async with site(target, tmp_path, index=THEIR_MACHINE) as (_, _app, _origin):
        await until(lambda: all(any(told.startswith(word) for told in target.problems()) for word in wanted))
        for told in target.problems():
            assert "is the machine of the person who looks at it" in told
            assert "without a leading slash" in told
            assert "server.proxy in Vite" in told


@pytest.mark.parametrize("digits", ["9" * 400, "1e400", "9" * 5000, "-" + "9" * 400])
async def test_a_number_of_hundreds_of_digits_is_no_fault_of_the_server(target: Target, digits: str) -> None:
    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    async with served(previews) as origin, httpx.AsyncClient() as client:
        body = f'{{"kind": "ready", "duration_ms": {digits}}}'
        told = await client.post(f"{origin}{prefix}__appbuilder/report", content=body)
        assert told.status_code in (200, 400), told.text


async def test_a_page_cannot_fill_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Loud")
        await session.ready()
        for n in range(400):
            await session.app.report({"kind": "page", "message": f"error {n}", "stack": "x" * 8000})
            await session.app.report({"kind": "page", "message": "error 0"})
        events = [event for event in await session.events() if event.type == "preview.error"]
        assert FINDINGS_AT_ONCE <= len(events) <= FINDINGS_AT_ONCE + 3
        assert "not all of them are in the log" in events[-1].data["message"]
        problems = await session.app.problems()
        assert len(problems) == MOST_FINDINGS + 1
        assert problems[-1]["message"] == "300 more errors of the page were not kept."
        # What is found out otherwise is stored all the same, and a change of the files begins anew.
        session.app.files_changed()
        assert await session.app.problems() == []


def resident() -> int:
    """Bytes of memory that this process takes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_many_large_uploads_at_once_take_no_memory(target: Target, tmp_path: Path) -> None:
    size, chunk = 20 * 1024 * 1024, b" " * 65536
    previews = Previews(BASE_URL)
    previews.open(target)
    preview = previews.visit(previews.open(target).split("/")[-2]).preview  # pyright: ignore[reportOptionalMemberAccess]
    visitor = previews.visitor(preview, previews.person)
    async with served(previews) as origin, httpx.AsyncClient() as client:
        address = origin.removeprefix("http://").partition(":")
        head = (
            f"POST {visitor.path}__appbuilder/databases HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
        )
        senders = [await asyncio.open_connection(address[0], int(address[2])) for _ in range(8)]
        before = resident()
        for _, writer in senders:
            writer.write(head + b"[")
            for _ in range(size // len(chunk) - 1):
                writer.write(chunk)
                await writer.drain()
        most = resident() - before
        for number, (_, writer) in enumerate(senders[:-1]):
            writer.write(b" " * (len(chunk) - 3) + f"{number}]".encode())
        for reader, _ in senders[:-1]:
            assert b" 200 " in await asyncio.wait_for(reader.readline(), 30)
        senders[-1][1].close()
        assert most < 3 * size, f"{most >> 20} MB"
        kept = await client.get(f"{origin}{visitor.path}__appbuilder/databases")
        assert len(kept.content) == size
        assert kept.json()[0] in range(7)
        for _, writer in senders:
            writer.close()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and ".indexeddb" not in path.name] == []
