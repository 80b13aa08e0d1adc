"""A browser behind the wall sees an app as the person does."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest
from eyes.stage import Site, eye, html, messages, opened

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.eyes.base import Look


async def test_a_page_is_described_by_roles_and_names_and_a_picture_taken(tmp_path: Path) -> None:
    async with opened(tmp_path, "<h1>Tasks</h1><label>New <input></label><button>Add</button>") as page:
        told = await page.describe()
        shot = await page.picture()
    assert '- heading "Tasks" [level=1]' in told
    assert '- button "Add"' in told
    assert shot is not None
    assert shot.width * shot.height <= 751_000
    assert shot.width > shot.height


async def test_what_goes_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    site = Site(index=html('<h1>Hi</h1><script src="app.js"></script>'), **{"app.js": "\n\nnull.x;\n"})
    async with opened(tmp_path, site) as page:
        (finding,) = await page.findings()
    assert finding["message"].startswith("Uncaught TypeError: Cannot read properties of null")
    assert finding["source"] == "app.js:3:6"


async def test_a_page_that_shows_nothing_is_blank(tmp_path: Path) -> None:
    async with opened(tmp_path, '<div id="root"></div>') as page:
        assert "blank" in " ".join(messages(await page.findings()))


async def test_a_page_that_never_pauses_hangs_and_the_next_one_opens(tmp_path: Path) -> None:
    site = Site(
        index=html("<h1>Hi</h1><script>onload = () => setTimeout(() => { for (;;); }, 50)</script>"),
        other=html("<h1>Other</h1>"),
    )
    async with eye(tmp_path, site) as chromium:
        async with chromium.open(Look()) as page:
            assert any(message.startswith("The page hangs") for message in messages(await page.findings()))
        async with chromium.open(Look("/other")) as page:
            assert "Other" in await page.describe()


async def test_steps_are_done_by_role_and_name_and_say_what_changed(tmp_path: Path) -> None:
    body = """<script>function add(event) {
        event.preventDefault();
        list.append(Object.assign(document.createElement('li'), { textContent: what.value }));
      }</script><form onsubmit="add(event)"><label>New task <input id=what></label><button>Add</button></form>
      <ul id=list></ul>
      <a download="tasks.csv" href="data:text/csv,title%0Amilk">Export</a>"""
    async with opened(tmp_path, body) as page:
        assert (await page.act({"do": "fill", "name": "New task", "value": "Milk"})).ok
        added = await page.act({"do": "click", "role": "button", "name": "Add"})
        assert "- listitem: Milk" in added.appeared
        assert (await page.act({"do": "expect", "role": "listitem", "is": "count", "count": 1})).ok
        saved = (await page.act({"do": "click", "name": "Export"})).saved[0]
        assert (saved.name, saved.size, saved.head) == ("tasks.csv", 10, "title\nmilk")
        assert (await page.act({"do": "expect", "is": "download", "value": "*.csv"})).ok
        missing = await page.act({"do": "click", "role": "button", "name": "Remove"})
    assert not missing.ok
    assert missing.message == 'There is no button "Remove" on the page. There are: button "Add".'


SORTED = """<style>li { padding: 8px; user-select: none; touch-action: none }</style>
  <ul id="list"><li draggable="DRAGGABLE">Milk</li><li draggable="DRAGGABLE">Bread</li>
  <li draggable="DRAGGABLE">Tea</li></ul><p id="told">-</p><script>
    let held, from;
    const say = () => { told.textContent = [...list.children].map((one) => one.textContent).join(", "); };
    SCRIPT
  </script>"""
DRAGS = {
    "drag and drop of HTML": """
      list.ondragstart = ({ target, dataTransfer }) => { held = target; dataTransfer.setData("text/plain", "it"); };
      list.ondragover = (event) => event.preventDefault();
      list.ondrop = (event) => { event.preventDefault(); event.target.after(held); say(); };""",
    # As libraries do it: it begins some px away, and where it goes is looked up at the next frame.
    "pointer events": """
      list.onpointerdown = ({ target, clientX, clientY, pointerId }) => {
        [held, from] = [target, [clientX, clientY]];
        list.setPointerCapture(pointerId);
      };
      list.onpointermove = ({ clientX, clientY }) => {
        if (!held) return;
        if (from) return void (from = Math.hypot(clientX - from[0], clientY - from[1]) < 5 && from);
        requestAnimationFrame(() => {
          const over = document.elementFromPoint(clientX, clientY);
          if (held && over !== held && over.matches("li")) over.after(held);
        });
      };
      list.onpointerup = () => { held = null; say(); };""",
}


@pytest.mark.parametrize("way", DRAGS)
async def test_a_list_is_sorted_by_dragging(tmp_path: Path, way: str) -> None:
    draggable = "true" if "HTML" in way else "false"
    async with opened(tmp_path, SORTED.replace("DRAGGABLE", draggable).replace("SCRIPT", DRAGS[way])) as page:
        dragged = await page.act({"do": "drag", "text": "Milk", "to": "Tea"})
        assert dragged.ok, dragged.message
        told = await page.describe()
    assert "- paragraph: Bread, Tea, Milk" in told


async def test_the_step_open_loads_another_page_and_the_same_one_afresh(tmp_path: Path) -> None:
    home = "<h1 id=told>Home</h1><button onclick=\"told.textContent = 'Changed'\">Change</button>"
    site = Site(index=html(home), **{"about.html": html("<h1>About us</h1>")})
    async with opened(tmp_path, site) as page:
        there = await page.act({"do": "open", "path": "/about.html"})
        assert (there.path, there.appeared) == ("/about.html", ['- heading "About us" [level=1]'])
        assert (await page.act({"do": "open", "path": "/"})).path == "/"
        await page.act({"do": "click", "name": "Change"})
        assert '- heading "Home" [level=1]' in (await page.act({"do": "open", "path": "/"})).appeared


async def test_pages_of_one_app_share_nothing_that_they_store(tmp_path: Path) -> None:
    body = (
        "<h1 id=told></h1><script>told.textContent = localStorage.seen ?? 'new'; localStorage.seen = 'again'</script>"
    )
    async with eye(tmp_path, Site(index=html(body))) as chromium:
        for _ in range(2):
            async with chromium.open(Look()) as page:
                assert 'heading "new"' in await page.describe()


async def test_three_widths_are_looked_at_at_once_in_one_browser(tmp_path: Path) -> None:
    body = """<h1 id=told></h1><script>
      told.textContent = innerWidth + (matchMedia('(prefers-color-scheme: dark)').matches ? ' dark' : ' light');
    </script>"""
    async with eye(tmp_path, Site(index=html(body))) as chromium:

        async def look(width: int) -> str:
            async with chromium.open(Look(width=width, theme="dark")) as page:
                return await page.describe()

        assert [
            f"{width} dark" in told
            for width, told in zip((360, 768, 1280), await asyncio.gather(*map(look, (360, 768, 1280))), strict=True)
        ] == [True] * 3


async def test_a_browser_that_was_killed_says_so_and_the_next_look_starts_another(tmp_path: Path) -> None:
    async with eye(tmp_path, Site(index=html("<h1>Hi</h1>"))) as chromium:
        async with chromium.open(Look()) as page:
            assert chromium._running
            assert chromium._running._program
            await chromium._running._program.stop()
            with pytest.raises(Unavailable, match="browser"):
                await page.describe()
        async with chromium.open(Look()) as page:
            assert "Hi" in await page.describe()


IDLE = 3.0


async def test_a_browser_ends_when_nobody_looks_any_more_and_a_look_in_between_keeps_it(tmp_path: Path) -> None:
    async with eye(tmp_path, Site(index=html("<h1>Hi</h1>")), idle_seconds=IDLE) as chromium:
        browsers: list[set[int]] = []
        for _ in range(5):  # longer than it may idle
            async with chromium.open(Look()):
                browsers.append(browsing())
            await asyncio.sleep(IDLE / 4)
        assert browsers[0]
        assert all(one == browsers[0] for one in browsers)
        async with asyncio.timeout(60):
            while browsing():
                await asyncio.sleep(0.1)
        async with chromium.open(Look()):  # another one
            assert browsing()
            assert not browsing() & browsers[0]


def browsing() -> set[int]:
    """Processes below this one that drive a browser, or are one that drives pages."""
    parents: dict[int, int] = {}
    found: set[int] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_text(errors="replace").split("\0")
            if "--type=" not in " ".join(words) and any(word.endswith(("/looker.mjs", "--headless")) for word in words):
                found.add(int(folder.name))

    def is_ours(pid: int) -> bool:
        while pid and pid != os.getpid():
            pid = parents.get(pid, 0)
        return pid != 0

    return {pid for pid in found if is_ours(pid)}
