"""What a hostile page can make of the browser that looks at it: nothing outside, and not for long."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from eyes.stage import Site, behind, eye, eyes, html, messages, opened
from running import that_run
from tornado import httpserver, netutil, web

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.eyes.base import Look
from jupyter_appbuilder.eyes.chromium import IDLE_SECONDS, Chromium

REACH = """<h1>Hi</h1><ul id="told"></ul><script type="module">
const tell = (what, got) =>
  told.append(Object.assign(document.createElement("li"), { textContent: `${what}: ${got}` }));
const made = (one) => new Promise((ok, no) => Object.assign(one, { onopen: ok, onload: ok, onerror: no }));
const other = "/user/ada/appbuilder/preview/" + "c".repeat(43) + "/";
const image = Object.assign(new Image(), { src: "http://127.0.0.1:PORT/a.png" });
const tries = {
  fetch: () => fetch("http://127.0.0.1:PORT/", { mode: "no-cors" }),
  name: () => fetch("http://localhost:PORT/", { mode: "no-cors" }),
  any: () => fetch("http://0.0.0.0:PORT/", { mode: "no-cors" }),
  six: () => fetch("http://[::1]:PORT/", { mode: "no-cors" }),
  debugger: () => fetch("http://127.0.0.1:9222/json", { mode: "no-cors" }),
  file: () => fetch("file:///etc/passwd"),
  program: () => fetch("file:///opt/eyes/program/looker.mjs"),
  other: () => fetch(other).then((answer) => { if (!answer.ok) throw answer.status; }),
  socket: () => made(new WebSocket("ws://127.0.0.1:PORT/")),
  events: () => made(new EventSource("http://127.0.0.1:PORT/")),
  image: () => made(image),
  top: () => { top.location = "http://127.0.0.1:PORT/"; },
  opener: () => { top.heard.push({ type: "save", saved: { name: "x" } }); },
  storage: () => { if (localStorage.length) return 1; throw new Error("empty"); },
};
for (const [what, act] of Object.entries(tries)) {
  const late = new Promise((_, no) => setTimeout(no, 1500));
  await Promise.race([Promise.resolve().then(act), late]).then(() => tell(what, "REACHED"), () => tell(what, "no"));
}
tell("all", "tried");
</script>"""


WALLS = ["bubblewrap", "landlock"]


@pytest.mark.parametrize("isolation", WALLS)
async def test_a_page_reaches_nothing_but_its_app(tmp_path: Path, isolation: str) -> None:
    asked: list[str] = []

    class Handler(web.RequestHandler):
        def get(self) -> None:
            asked.append(self.request.path)
            self.finish("secret")

    server = httpserver.HTTPServer(web.Application([(".*", Handler)]))
    sockets = netutil.bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    async with opened(tmp_path, REACH.replace("PORT", str(port)), isolation=isolation) as page:
        waited = await page.act({"do": "wait", "text": "all: tried"})
        for _ in range(6):
            if waited.ok:
                break
            waited = await page.act({"do": "wait", "text": "all: tried"})
        told = await page.describe()
        gone = await page.act({"do": "open", "path": "file:///etc/passwd"})
    server.stop()
    assert waited.ok, told
    assert "REACHED" not in told.replace("top: REACHED", "")  # the frame may not leave, without an error
    assert asked == []
    assert not gone.ok


BOMBS = {
    "a long line": "console.error('x'.repeat(2 ** 28)); console.error('x'.repeat(2 ** 28))",
    "many lines": "for (let i = 0; i < 200000; i++) console.error('line ' + i)",
    "questions": "for (let i = 0; i < 200; i++) alert(i)",
    "windows": "for (let i = 0; i < 300; i++) open('about:blank#' + i)",
    "frames": "for (let i = 0; i < 3000; i++) document.body.append(document.createElement('iframe'))",
    "a large file": "Object.assign(document.createElement('a'), { download: 'x', href: URL.createObjectURL("
    "new Blob([new Uint8Array(2 ** 29)])) }).click()",
    "many files": "for (let i = 0; i < 500; i++) Object.assign(document.createElement('a'), "
    "{ download: 'x' + i, href: 'data:,x' }).click()",
    "messages": "for (let i = 0; i < 100000; i++) parent.postMessage({ source: 'jupyter-appbuilder', type: 'finding', "
    "finding: { kind: 'page', message: 'forged ' + i + 'y'.repeat(1e4) } }, '*')",
    "a deep page": "let at = document.body; for (let i = 0; i < 20000; i++) "
    "at = at.appendChild(document.createElement('div'))",
    "broken natives": "Object.prototype.toString = Array.prototype.map = JSON.stringify = document.querySelectorAll = "
    "() => { throw 1 }; Object.defineProperty(document, 'body', { get() { throw 2 } })",
    "a title": "document.title = 'z'.repeat(1e8)",
    "navigation": "setInterval(() => location.reload(), 20)",
}


EVERY = int(os.environ.get("EYES_EVERY", "1"))
"""In CI every so-manieth is tried."""


@pytest.mark.parametrize("bomb", list(BOMBS.values())[::EVERY], ids=list(BOMBS)[::EVERY])
async def test_a_bomb_ends_with_its_page(tmp_path: Path, bomb: str) -> None:
    site = Site(index=html(f"<h1>Hi</h1><button>Go</button><script>setTimeout(() => {{ {bomb} }})</script>"))
    site.pages["well"] = html("<h1>Well</h1>")
    async with eye(tmp_path, site) as chromium:
        async with chromium.open(Look("/well")) as page:
            await page.describe()
        before = psutil.Process().memory_info().rss
        try:
            async with chromium.open(Look()) as page:
                found = await page.findings()
                assert len(str(found)) < 1_000_000
                assert len(await page.describe()) < 10_000
                await page.act({"do": "click", "name": "Go"})
                await page.picture()
        except Unavailable:
            pass  # the browser had enough, and said so
        grown = psutil.Process().memory_info().rss - before
        assert grown < 150 * 1024 * 1024
        async with chromium.open(Look("/well")) as page:
            assert "Well" in await page.describe()


LIES = [
    "say('finding', { finding: null })",
    "say('finding', { finding: { kind: 'page', message: { toString: 1 } } })",
    "say('finding', { finding: { kind: { toString: 1 }, message: 'no text', stack: { toString: 1 }, source: [] } })",
    "for (let i = 0; i < 20; i++) say('finding', { finding: { kind: 'page', message: i + 'x'.repeat(1e6) } })",
    "say('open', { url: { toString: 1 } })",
    "Object.defineProperty(document, 'title', { get: () => ({ slice: () => 'x'.repeat(9e6) }) })",
    "document.body.append('x'.repeat(9e6))",
]


@pytest.mark.parametrize("lie", LIES)
async def test_a_page_cannot_keep_what_goes_wrong_in_it_from_being_told(tmp_path: Path, lie: str) -> None:
    said = "const say = (type, more) => parent.postMessage({ source: 'jupyter-appbuilder', type, ...more }, '*');"
    body = (
        f"<h1>Hi</h1><button>Go</button><script>setTimeout(() => {{ throw new Error('real') }}); {said} {lie}</script>"
    )
    async with opened(tmp_path, body) as page:
        found = await page.findings()
        assert any("real" in message for message in messages(found))
        assert len(str(found)) < 1_000_000
        assert (await page.act({"do": "click", "name": "Go"})).ok
        assert page.state.title in ("App", "")


async def test_a_page_that_tells_of_many_errors_does_not_hide_what_is_seen_of_it(tmp_path: Path) -> None:
    lies = """<h1>Hi</h1><script>
      for (let n = 0; n < 150; n++) parent.postMessage(
        { source: "jupyter-appbuilder", type: "finding", finding: { kind: "page", message: `Lie ${n}` } }, "*");
      document.body.replaceChildren();
    </script>"""
    async with opened(tmp_path, lies) as page:
        told = messages(await page.findings())
    assert sum("Lie" in one for one in told) < 60
    assert any("blank" in one for one in told)


async def test_a_pattern_of_many_stars_is_tried_at_once(tmp_path: Path) -> None:
    body = f"<label>Name <textarea>{'a' * 5000}</textarea></label>"
    async with opened(tmp_path, body) as page:
        step = {"do": "expect", "name": "Name", "is": "value"}
        assert (await page.act(step | {"value": "a" + "*a" * 40 + "*"})).ok
        assert not (await page.act(step | {"value": "*a" * 40 + "*b"})).ok


async def test_a_number_that_json_cannot_hold_does_not_end_the_browser(tmp_path: Path) -> None:
    async with opened(tmp_path, '<label>Age <input type="number"></label>') as page:
        assert not (await page.act({"do": "fill", "name": "Age", "value": float("nan")})).ok
        assert (await page.act({"do": "fill", "name": "Age", "value": 7})).ok


async def _ends(chromium: Chromium) -> bool:
    """Whether the browser, or the page's tab, comes to its end by itself."""
    try:
        async with chromium.open(Look()) as page:
            for _ in range(20):
                await asyncio.sleep(0.5)
                if "crash" in " ".join(messages(await page.findings())):
                    return True
    except Unavailable:
        return True
    return False


@pytest.mark.parametrize("isolation", WALLS)
async def test_memory_is_the_sandboxs(tmp_path: Path, isolation: str) -> None:
    body = "<h1>Hi</h1><script>const kept = []; setInterval(() => kept.push(new Uint8Array(5e7).fill(1)), 1)</script>"
    site = Site(index=html(body), well=html("<h1>Well</h1>"))
    async with eye(tmp_path, site, memory=700 * 1024 * 1024, **behind(isolation)) as chromium:
        assert await _ends(chromium)
        async with chromium.open(Look("/well")) as page:
            assert "Well" in await page.describe()


async def test_who_wants_a_third_browser_waits_and_leaves_nothing_when_tired_of_it(tmp_path: Path) -> None:
    async with eyes(tmp_path, Site(index=html("<h1>Hi</h1>")), count=2, most=1) as (one, two):
        async with one.open(Look()):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1), two.open(Look()):
                    pass
            waiting = asyncio.create_task(_look(two))
            await asyncio.sleep(0.2)
            assert not waiting.done()
        await waiting


@pytest.mark.walk
async def test_a_browser_that_idles_makes_room_for_who_wants_one(tmp_path: Path) -> None:
    site = Site(index=html("<h1>Hi</h1>"))
    async with eyes(tmp_path, site, count=4, most=2, idle_seconds=4 * IDLE_SECONDS) as those:
        async with asyncio.timeout(3 * IDLE_SECONDS):  # nobody waits until another's time is up
            for one in those:
                await _look(one)
            await asyncio.gather(*map(_look, those))
            async with those[0].open(Look()):
                await asyncio.gather(*map(_look, those[1:]))


async def test_who_stops_waiting_for_an_idle_browser_to_end_takes_no_place_along(tmp_path: Path) -> None:
    async with eyes(tmp_path, Site(index=html("<h1>Hi</h1>")), count=2, most=1) as (one, two):
        await _look(one)
        waiting = asyncio.create_task(_look(two))
        while one.runs:
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        async with asyncio.timeout(IDLE_SECONDS):
            await _look(two)


async def test_an_eye_that_is_closed_while_its_browser_starts_leaves_none(tmp_path: Path) -> None:
    async with eye(tmp_path, Site(index=html("<h1>Hi</h1>"))) as chromium:
        looking = asyncio.create_task(_look(chromium))
        while not _lookers():
            await asyncio.sleep(0.01)
        await chromium.close()
        with pytest.raises(Unavailable, match="was ended while it started"):
            await looking
        assert _lookers() == []
        await _look(chromium)  # and the next look starts one


async def test_a_browser_that_is_about_to_end_for_idling_stays_for_who_looks(tmp_path: Path) -> None:
    async with eye(tmp_path, Site(index=html("<h1>Hi</h1>"))) as chromium:
        await _look(chromium)
        chromium.end_idle()
        async with chromium.open(Look()) as page:
            assert "Hi" in await page.describe()


def _lookers() -> list[psutil.Process]:
    """The programs of browsers that run in this process's sandboxes."""
    return [one for one in psutil.Process().children(recursive=True) if "looker.mjs" in " ".join(_command(one))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def _look(chromium: Chromium) -> None:
    async with chromium.open(Look()):
        pass


KILLED = """
import asyncio, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from eyes.stage import *
async def main():
    async with opened(Path({folder!r}), "<h1>Hi</h1>", isolation={isolation!r}) as page:
        print("open", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.parametrize("isolation", WALLS)
async def test_nothing_is_left_of_a_process_that_was_killed_while_it_looked(tmp_path: Path, isolation: str) -> None:
    behind(isolation)
    script = KILLED.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path), isolation=isolation)
    started = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert started.stdout
    assert started.stdout.readline() == "open\n"
    family = psutil.Process(started.pid).children(recursive=True)
    assert any("headless" in " ".join(one.cmdline()) or "chrom" in one.name() for one in family)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    for _ in range(200):
        left = that_run(family)
        if not left:
            break
        await asyncio.sleep(0.05)
    assert left == []
