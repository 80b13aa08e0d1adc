"""Who looks at a preview: what one visitor's page keeps, and what the app's server knows them by, is no other's."""

from __future__ import annotations

import asyncio
import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import httpx
import pytest
from preview.stage import BASE_URL, PanelHandler, Target, chromium, served, upstream
from preview.test_page import until
from tornado import web, websocket

from jupyter_appbuilder.preview import PageStorage, Previews
from jupyter_appbuilder.preview.renaming import PIECE, renamed, renamed_message
from jupyter_appbuilder.preview.storage import READER_FILES
from jupyter_appbuilder.sandbox.base import DevServer

NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Dest": "document"}

PAGE = """<!doctype html><title>App</title><body>
<p id="who">%s</p><form method="post" action="PREFIXsignin"><button>Sign in</button></form>
<a href="PREFIXother">Other page</a><a id="self" href="PREFIX">Self</a>
<script>
const show = (id, text) => {
  document.body.append(Object.assign(document.createElement('p'), { id, textContent: text }));
};
show('kept', localStorage.kept ?? 'nothing kept');
localStorage.kept = 'kept by ' + location.pathname.split('/').pop();
document.cookie = 'theme=dark; path=PREFIX';
fetch('PREFIXme').then(async (answer) => {
  show('me', await answer.text());
  show('visible', document.cookie);
  show('header', answer.headers.get('X-Of-The-App'));
  const request = new XMLHttpRequest();
  request.open('GET', 'PREFIXme');
  request.onload = () => show('xhr', request.getResponseHeader('X-Of-The-App') + request.responseText);
  request.send();
  const socket = new WebSocket(location.origin.replace('http', 'ws') + 'PREFIXsocket');
  socket.onmessage = ({ data }) => show('socket', data);
});
</script>"""


class App(web.RequestHandler):
    """Knows who is signed in by a cookie that no script may read."""

    prefix = ""

    def show(self) -> None:
        who = self.get_cookie("login", "nobody")
        self.set_header("Content-Type", "text/html")
        self.finish((PAGE % f"Signed in: {who}").replace("PREFIX", self.prefix))

    def get(self, rest: str) -> None:
        if rest == "me":
            self.set_header("X-Of-The-App", "own")
            self.set_cookie("csrf", "token", path=self.prefix)
            self.finish(f"{self.get_cookie('login', 'nobody')} likes it {self.get_cookie('theme', 'plain')}")
        else:
            self.show()

    def post(self, rest: str) -> None:
        self.set_cookie("login", "Ada", httponly=True, samesite="Lax")
        self.redirect(self.prefix)


class Socket(websocket.WebSocketHandler):
    def check_origin(self, origin: str) -> bool:
        return True

    def open(self, *args: str) -> None:
        self.write_message("socket of " + self.get_cookie("login", "nobody"))


ROUTES = ((".*/socket", Socket), (r".*/preview/[^/]+/(.*)", App))


async def text(page: Any, id: str) -> str:
    return await page.locator(f"#{id}").inner_text()


async def test_a_login_and_what_is_kept_belong_to_one_browser(target: Target, tmp_path: Path) -> None:
    previews = Previews(BASE_URL)
    previews.framed_is_person = True
    App.prefix = prefix = previews.open(target)
    async with (
        upstream(tmp_path, *ROUTES) as address,
        served(previews, ("/panel", PanelHandler)) as origin,
        chromium() as browser,
    ):
        target.server = DevServer("ready", address)
        mine = await browser.new_context()
        page = await mine.new_page()
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if "unsafe" in message.text else None)
        await page.goto(f"{origin}/panel?src={prefix}")
        app = page.frame_locator("#app")
        assert await text(app, "me") == "nobody likes it dark"  # a cookie that the page set a moment ago
        await app.get_by_role("button", name="Sign in").click()
        await app.get_by_text("Signed in: Ada").wait_for()
        assert await text(app, "socket") == "socket of Ada"
        assert await text(app, "xhr") == "ownAda likes it dark"
        assert await text(app, "header") == "own"
        assert set((await text(app, "visible")).split("; ")) == {"theme=dark", "csrf=token"}  # and not the login
        await app.get_by_text("Other page").click()
        await app.get_by_text("kept by other").wait_for(state="detached")
        assert await text(app, "who") == "Signed in: Ada"
        await app.locator("body").evaluate("location.reload()")
        await app.get_by_text("kept by other").wait_for()
        assert await text(app, "who") == "Signed in: Ada"

        # A tab of the same browser, at the address that all share.
        tab = await mine.new_page()
        await tab.goto(origin + prefix)
        assert await text(tab, "who") == "Signed in: Ada"
        await tab.get_by_text("Self").click()
        await tab.reload()
        assert await text(tab, "me") == "Ada likes it dark"

        # A fresh browser, at the shared address and at the one that the tab shows.
        for shared in (origin + prefix, tab.url):
            stranger = await (await browser.new_context()).new_page()
            await stranger.goto(shared)
            assert await text(stranger, "who") == "Signed in: nobody"
            assert await text(stranger, "kept") == "nothing kept"
            assert stranger.url != tab.url
            await stranger.get_by_role("button", name="Sign in").click()
            await stranger.get_by_text("Signed in: Ada").wait_for()
            await stranger.reload()
            assert await text(stranger, "who") == "Signed in: Ada"
            assert (await text(stranger, "kept")).startswith("kept by")
        assert errors == []
        await until(lambda: "kept" in target.storage.read()["local"])

        # Another server: the capability is a new one, and the visitor is known all the same.
        previews.close("s1")
        again = Previews(BASE_URL, person=lambda: previews.person)
        App.prefix = again.open(Target(PageStorage(tmp_path / "storage" / "s1.json"), DevServer("ready", address)))
        async with served(again) as moved:
            await tab.goto(moved + App.prefix)
            assert await text(tab, "who") == "Signed in: Ada"
            assert (await text(tab, "kept")).startswith("kept by")
            await stranger.goto(moved + App.prefix)
            assert await text(stranger, "who") == "Signed in: Ada"


async def test_one_without_a_browser_is_known_by_its_cookie_or_not_at_all(target: Target, tmp_path: Path) -> None:
    previews = Previews(BASE_URL)
    App.prefix = prefix = previews.open(target)
    async with upstream(tmp_path, *ROUTES) as address, served(previews) as origin:
        target.server = DevServer("ready", address)
        async with httpx.AsyncClient(base_url=origin + prefix) as ada, httpx.AsyncClient(base_url=ada.base_url) as bob:
            await ada.post("signin")
            assert (await ada.get("me")).text.startswith("Ada")
            assert (await bob.get("me")).text.startswith("nobody")
            own = (await ada.get("", headers=NAVIGATION)).headers["Location"]
            assert own != prefix
            assert "Signed in: Ada" in (await ada.get(origin + own, headers=NAVIGATION)).text
            # An address that was copied is fetched by whatever shows it: without the cookies. Pages say what they are.
            assert (await bob.get(origin + own + "me")).text.startswith("nobody")
            assert (await bob.get(origin + own + "me", headers={"Origin": "null"})).text.startswith("Ada")
            sent = await bob.get(origin + own, headers=NAVIGATION)
            assert sent.status_code == 302
            assert sent.headers["Location"] not in (own, prefix)
            # A key that somebody made up is nobody's.
            bob.cookies.set(previews.cookie, "short")
            assert (await bob.get("me")).text.startswith("nobody")
        assert not re.search(r"login|Ada", json.dumps(target.storage.read()))


async def test_visitors_are_bounded(target: Target) -> None:
    from jupyter_appbuilder.preview.capabilities import VISITORS, new_key

    previews = Previews(BASE_URL)
    prefix = previews.open(target)
    visit = previews.visit(prefix.split("/")[-2])
    assert visit
    person = previews.enter(visit.preview, previews.person)
    first = previews.enter(visit.preview, new_key())
    for _ in range(VISITORS + 5):
        previews.enter(visit.preview, new_key())
    assert len(visit.preview.visitors) == VISITORS
    assert previews.visit(person.path.split("/")[-2])
    assert not previews.visit(first.path.split("/")[-2])
    previews.close("s1")
    assert not previews.visit(person.path.split("/")[-2])


async def test_made_up_visitors_do_not_push_out_those_who_are_there(target: Target) -> None:
    from jupyter_appbuilder.preview.capabilities import VISITORS, new_key

    previews = Previews(BASE_URL)
    visit = previews.visit(previews.open(target).split("/")[-2])
    assert visit
    there = previews.enter(visit.preview, new_key())
    assert previews.visit(there.path.split("/")[-2])
    for _ in range(3 * VISITORS):
        made_up = previews.visitor(visit.preview, new_key())
    assert previews.visit(there.path.split("/")[-2])
    assert previews.visit(made_up.path.split("/")[-2]), "the latest gets in"
    assert len(visit.preview.visitors) == VISITORS


def test_an_app_with_too_many_cookies_can_still_be_asked(tmp_path: Path) -> None:
    storage = PageStorage(tmp_path / "s1.json")
    storage.receive_cookies(["login=ada; Path=/; HttpOnly"], "/", "/")
    storage.change({"cookies": {"set": {f"c{n}": ";" + "x" * 1000 for n in range(40)} | {"huge": ";" + "x" * 9000}}})
    sent = storage.cookie_header("/")
    assert len(sent) <= 8 * 1024
    assert "login=ada" in sent
    assert "c39=" in sent
    assert "c0=" not in sent


def test_what_readers_store_is_read_again_where_memory_holds_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_appbuilder.preview.storage.IN_MEMORY", 3_000_000)
    person = PageStorage(tmp_path / "app.json")
    readers = [person.of(f"{number:032x}", READER_FILES) for number in range(100)]
    tracemalloc.start()
    for number, reader in enumerate(readers):
        reader.change({"local": {"set": {"text": f"{number} " + "x" * 1_000_000}}})
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 10_000_000
    for number in (0, 50, 99):
        readers[number].change({"local": {"set": {"more": "kept"}}})
        local = readers[number].read()["local"]
        assert local["text"].startswith(f"{number} ")
        assert local["more"] == "kept"


def test_what_other_visitors_keep_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_appbuilder.preview.storage.VISITOR_BYTES", 10_000)
    storage = PageStorage(tmp_path / "s1.json")
    storage.write_databases(b"[" + b" " * 9000 + b"]")
    visitors = [storage.of(f"v{n}") for n in range(4)]
    for visitor in visitors:
        visitor.write_databases(b"[" + b" " * 4000 + b"]")
    assert [len(visitor.databases()) for visitor in visitors] == [0, 0, 4002, 4002]
    assert len(storage.databases()) == 9002, "the person's are their own"


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("session", ";mine"),
        ("session;/", ";mine"),
        ("session=mine", ";"),
        ("session =mine", ";"),
        ("", ";session=mine"),
        ("x", ";1; session=mine"),
    ],
)
def test_a_page_cannot_set_a_cookie_that_only_its_server_may_read(tmp_path: Path, key: str, kept: str) -> None:
    storage = PageStorage(tmp_path / "s1.json")
    storage.receive_cookies(["session=theirs; Path=/; HttpOnly"], "/", "/")
    storage.change({"cookies": {"set": {key: kept, "theme;/": ";dark", "sessions": ";2"}}})
    assert sorted(storage.cookie_header("/").split("; ")) == ["session=theirs", "sessions=2", "theme=dark"]
    assert storage.read()["cookies"] == {"theme": ";dark", "sessions": ";2"}


async def test_a_visitors_capability_stands_in_for_the_servers_own_in_whatever_passes() -> None:
    for cut in range(1, 30):
        whole = b"a known" + b"word known/known knowledge know"

        async def pieces(cut: int = cut, whole: bytes = whole) -> Any:
            for at in range(0, len(whole), cut):
                yield whole[at : at + cut]

        out = b"".join([chunk async for chunk in renamed(pieces(), b"known", b"other")])
        assert out == whole.replace(b"known", b"other")


async def test_visitors_are_told_apart_on_plain_http_where_browsers_say_less(target: Target, tmp_path: Path) -> None:
    """No word of frames, and no cookie where a page navigates its own frame."""
    from chromium import launch_options
    from playwright.async_api import async_playwright

    previews = Previews(BASE_URL)
    App.prefix = prefix = previews.open(target)
    options = launch_options()
    options["args"] = [*options["args"], "--host-resolver-rules=MAP hub.example 127.0.0.1"]
    async with (
        upstream(tmp_path, *ROUTES) as address,
        served(previews, ("/panel", PanelHandler)) as loopback,
        async_playwright() as playwright,
    ):
        target.server = DevServer("ready", address)
        browser = await playwright.chromium.launch(**options)
        origin = loopback.replace("127.0.0.1", "hub.example")
        mine = await browser.new_context()
        page = await mine.new_page()
        await page.goto(f"{origin}/panel?src={prefix}")
        app = page.frame_locator("#app")
        await app.get_by_role("button", name="Sign in").click()
        await app.get_by_text("Signed in: Ada").wait_for()
        await app.get_by_text("Other page").click()
        await app.get_by_text("kept by other").wait_for(state="detached")
        await app.locator("#who").wait_for()
        await app.locator("body").evaluate("location.reload()")
        await app.get_by_text("kept by other").wait_for()
        assert await text(app, "who") == "Signed in: Ada"
        tab = await mine.new_page()
        await tab.goto(origin + prefix)
        assert await text(tab, "who") == "Signed in: Ada"
        stranger = await (await browser.new_context()).new_page()
        await stranger.goto(tab.url + "other?x=1")
        assert await text(stranger, "who") == "Signed in: nobody"
        assert stranger.url.endswith("/other?x=1")
        await browser.close()


async def test_in_a_large_message_an_address_is_replaced_wherever_it_lies_while_others_have_their_turn():
    old, new, turns = "/known-address/", "/other-address/", 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    at_work = asyncio.create_task(others())
    for shift in range(0, len(old) + 2):
        message = "é" * (PIECE - shift) + old * 3 + "x" * PIECE + old
        expected = message.replace(old, new)
        assert await renamed_message(message, old, new) == expected
        assert await renamed_message(message.encode(), old, new) == expected.encode()
    at_work.cancel()
    assert turns >= (len(old) + 2) * 5
    assert await renamed_message("", old, new) == ""
    assert await renamed_message(b"as it is", "", "") == b"as it is"
