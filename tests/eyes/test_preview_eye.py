"""A person's open preview that looks at the app: in a real browser, by the script that looked-at pages have."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from chromium import launch_options
from playwright.async_api import async_playwright
from tornado import httpserver, netutil, web

from jupyter_appbuilder.errors import InvalidInput, Unavailable
from jupyter_appbuilder.eyes.base import Look
from jupyter_appbuilder.eyes.preview import PreviewEye, PreviewPage, watch
from jupyter_appbuilder.eyes.scenarios import Listed, Scenario
from jupyter_appbuilder.eyes.viewers import STOPPED, Viewers
from jupyter_appbuilder.preview.capabilities import Previews
from jupyter_appbuilder.preview.storage import PageStorage
from jupyter_appbuilder.sandbox.base import Address, DevServer
from jupyter_appbuilder.testing.sandboxes.stage import served

from .stage import BASE, Site, html, messages

BASE_URL = BASE.partition("appbuilder/preview/")[0]

# A page around the app's, which passes on what is asked and answered, as the panel's preview does.
PANEL = """<!doctype html><title>Panel</title><body><script>
let asked = null;
const post = (act, number, details = {}) => {
  const message = { source: "jupyter-appbuilder", type: "look", number, act, ...details };
  document.querySelector("iframe").contentWindow.postMessage(message, "*");
};
addEventListener("message", ({ data }) => {
  if (data?.source !== "jupyter-appbuilder") return;
  if (data.type === "finding") findings.push(data.finding);
  if (data.type !== "looked" || !asked) return;
  if (data.number === asked.number) return answer(data.number, data.answer);
  if (data.number !== 0) return;
  if (asked.act === "open") return answer(asked.number, "{}");
  post(asked.act === "step" ? "arrived" : asked.act, asked.number, asked.details);
});
let findings = [];
window.take = (look) => {
  if (look.act === "offer") return answer(look.number, '{"idle": 5}');
  if (look.act === "end") return document.querySelector("iframe")?.remove();
  if (look.act === "outcome") return;
  if (look.act === "findings") return answer(look.number, JSON.stringify({ findings }));
  asked = look;
  if (look.act !== "open") return post(look.act, look.number, look.details);
  findings = [];
  const frame = document.createElement("iframe");
  frame.setAttribute("inert", "");
  frame.setAttribute("sandbox", "allow-scripts allow-forms allow-modals");
  Object.assign(frame, { src: look.details.url, width: look.details.width, height: 700 });
  document.body.append(frame);
};
</script>"""


class PanelHandler(web.RequestHandler):
    def get(self) -> None:
        self.finish(PANEL)


@asynccontextmanager
async def previewed(tmp_path: Path, site: Site) -> AsyncGenerator[PreviewEye]:
    """An eye over a browser that shows the panel's page."""
    path = tmp_path / "app.sock"
    server = httpserver.HTTPServer(web.Application([(".*", site.handler())], log_function=lambda _: None))
    server.add_socket(netutil.bind_unix_socket(str(path)))
    app = DevServer("ready", Address(socket=path))
    previews = Previews(BASE_URL)
    async with served(previews, ("/panel", PanelHandler)) as origin, async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        page = await browser.new_page()
        told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        asking = Viewers(told.put_nowait)
        await page.expose_function("answer", lambda number, text: asking.answered(number, "here", text))
        await page.goto(f"{origin}/panel")

        async def pass_on() -> None:
            while True:
                await page.evaluate("take", await told.get())

        passing = asyncio.create_task(pass_on())
        storage = PageStorage(tmp_path / "storage.json")
        try:
            yield PreviewEye(asking, previews, "s1", lambda: BASE, lambda _: app, storage)
        finally:
            passing.cancel()
            await browser.close()
            server.stop()
            await server.close_all_connections()


@asynccontextmanager
async def opened(tmp_path: Path, body: str | Site) -> AsyncGenerator[PreviewPage]:
    site = body if isinstance(body, Site) else Site(index=html(body))
    async with previewed(tmp_path, site) as eye, eye.open(Look()) as page:
        yield page


async def taken(page: PreviewPage, *steps: dict[str, Any]) -> list[str]:
    """What became of each step: "" or why it failed."""
    done = [await page.act(step) for step in steps]
    return ["" if one.ok else one.message for one in done]


TASKS = """<main><h1>Tasks</h1>
<form id="form"><label>New task <input id="title"></label>
<label>List <select id="kind"><option>Home</option><option value="w">Work</option></select></label>
<label><input type="checkbox" id="urgent"> Urgent</label><button>Add</button></form>
<button disabled>Add all</button> <a href="more">More</a> <input type="file" aria-label="Import">
<output id="out"></output>
<div hidden>Nobody sees this</div><ul id="list"></ul></main>
<script>
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const item = document.createElement("li");
    item.textContent = `${title.value} (${kind.value}${urgent.checked ? ", urgent" : ""})`;
    list.append(item);
    localStorage.setItem("tasks", list.children.length);
  });
  const file = document.querySelector("[type=file]");
  file.addEventListener("change", async () => (out.value = await file.files[0].text()));
  out.value = localStorage.getItem("tasks") ?? "none stored";
</script>"""


async def test_a_page_is_described_with_its_roles_names_and_texts(tmp_path: Path) -> None:
    async with opened(tmp_path, TASKS) as page:
        description = await page.describe()
        assert await page.picture() is None
    assert '- heading "Tasks" [level=1]' in description
    assert re.search(r'- textbox "New task"$', description, re.MULTILINE)
    assert '- combobox "List": Home' in description
    assert '- checkbox "Urgent"' in description
    assert '- button "Add all" [disabled]' in description
    assert '- link "More"' in description
    assert "Nobody sees this" not in description


async def test_it_is_used_as_a_browser_would_and_says_what_changed(tmp_path: Path) -> None:
    async with opened(tmp_path, TASKS) as page:
        done = await taken(
            page,
            {"do": "fill", "name": "New task", "value": "Milk"},
            {"do": "select", "name": "List", "value": "Work"},
            {"do": "check", "name": "Urgent"},
            {"do": "expect", "role": "button", "name": "Add all", "is": "disabled"},
        )
        assert done == ["", "", "", ""]
        added = await page.act({"do": "click", "role": "button", "name": "Add"})
        assert added.ok
        assert "- listitem: Milk (w, urgent)" in added.appeared
        assert await taken(page, {"do": "press", "name": "New task", "key": "Enter"}) == [""]
        more = await taken(
            page,
            {"do": "expect", "role": "listitem", "is": "count", "count": 2},
            {"do": "upload", "name": "Import", "files": [{"name": "a.txt", "content": "from a file"}]},
            {"do": "expect", "text": "from a file"},
            {"do": "click", "role": "button", "name": "Remove"},
        )
        assert more[:3] == ["", "", ""]
        assert 'There is no button "Remove" on the page. There are: button "Add", button "Add all"' in more[3]


async def test_a_link_to_another_page_is_followed(tmp_path: Path) -> None:
    site = Site(index=html(TASKS), more=html("<h1>More</h1><a href='./'>Back</a>"))
    async with opened(tmp_path, site) as page:
        followed = await page.act({"do": "click", "role": "link", "name": "More"})
        assert followed.ok
        assert followed.path == "/more"
        assert '- heading "More" [level=1]' in followed.appeared
        assert await taken(page, {"do": "open", "path": "/"}, {"do": "expect", "role": "heading", "name": "Tasks"}) == [
            "",
            "",
        ]


REACT_LIKE = """<h1>App</h1><label>Name <input id="name"></label><p id="told"></p><script>
  // As React does: an input keeps what it was told on the element itself, and takes no other value for news.
  const { get, set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
  let known = "";
  Object.defineProperty(document.getElementById("name"), "value", {
    get() { return get.call(this); },
    set(value) { known = value; set.call(this, value); },
  });
  document.getElementById("name").addEventListener("input", ({ target }) => {
    if (target.value !== known) document.getElementById("told").textContent = `Hello ${(known = target.value)}`;
  });
</script>"""


async def test_a_framework_that_watches_its_inputs_hears_of_what_is_filled_in(tmp_path: Path) -> None:
    async with opened(tmp_path, REACT_LIKE) as page:
        steps = {"do": "fill", "name": "Name", "value": "Ada"}, {"do": "expect", "text": "Hello Ada"}
        assert await taken(page, *steps) == ["", ""]


async def test_what_cannot_be_done_from_inside_a_page_says_so(tmp_path: Path) -> None:
    body = "<h1>A</h1><div draggable=true>Card</div><div>Place</div><input type=range aria-label=Size>"
    async with opened(tmp_path, body) as page:
        done = await taken(
            page,
            {"do": "drag", "text": "Card", "to": "Place"},
            {"do": "press", "role": "slider", "name": "Size", "key": "ArrowUp"},
            {"do": "expect", "is": "download"},
        )
    assert all("preview" in one for one in done)
    assert "a browser can" in done[0]


async def test_what_goes_wrong_is_found(tmp_path: Path) -> None:
    body = "<h1>A</h1><button onclick='nowhere()'>Break</button><div style='width: 3000px'>wide</div>"
    async with opened(tmp_path, body) as page:
        await page.act({"do": "click", "role": "button", "name": "Break"})
        found = messages(await page.findings())
        seen = messages(await page.audit())
    assert any("nowhere is not defined" in one for one in found)
    assert any("wider than the screen" in one for one in seen)


async def test_nothing_of_the_persons_is_stored_or_read(tmp_path: Path) -> None:
    """Each look begins with nothing stored, and leaves nothing."""
    async with previewed(tmp_path, Site(index=html(TASKS))) as eye:
        person = PageStorage(tmp_path / "storage.json")
        person.change({"local": {"set": {"tasks": "7"}}})
        for _ in range(2):
            async with eye.open(Look()) as page:
                assert await taken(page, {"do": "expect", "text": "none stored"}) == [""]
                assert await taken(page, {"do": "click", "role": "button", "name": "Add"}) == [""]
        assert PageStorage(tmp_path / "storage.json").read()["local"] == {"tasks": "7"}


async def test_a_page_that_lies_is_cut_short() -> None:
    """Nothing that is no answer, comes from another preview or is too long gets further than the one who reads it."""
    sent: list[dict[str, Any]] = []
    asking = Viewers(sent.append)
    for told in ("x" * 500_000, "{", "[]", "null", '{"error": "' + "z" * 5000 + '"}'):
        answer = asyncio.create_task(asking.ask("describe", "here"))
        await asyncio.sleep(0)
        asking.answered(sent[-1]["number"], "another", '{"description": "not asked"}')
        asking.answered(sent[-1]["number"], "here", told)
        with pytest.raises(Unavailable) as refused:
            await answer
        assert len(refused.value.message) < 600


async def test_the_preview_that_was_used_last_is_asked_and_none_says_so() -> None:
    told: list[dict[str, Any]] = []
    asking = Viewers(told.append)
    choosing = asyncio.create_task(asking.choose())
    await asyncio.sleep(0)
    for viewer, idle in (("one", 9000), ("two", 20), ("three", "soon"), ("four", 300)):
        asking.answered(told[0]["number"], viewer, json.dumps({"idle": idle}))
    assert await choosing == "two"
    with pytest.raises(Unavailable, match="No preview of the app is open"):
        await asking.choose(0.05)


async def test_a_preview_that_is_being_opened_is_waited_for() -> None:
    told: list[dict[str, Any]] = []
    asking = Viewers(told.append)
    choosing = asyncio.create_task(asking.choose(30))
    while len(told) < 2:  # the first came before it was there
        await asyncio.sleep(0.01)
    asking.answered(told[-1]["number"], "opened", '{"idle": 1}')
    assert await choosing == "opened"


async def test_a_person_who_stopped_it_is_left_alone_until_they_ask_again() -> None:
    told: list[dict[str, Any]] = []
    asking = Viewers(told.append)
    answer = asyncio.create_task(asking.ask("step", "here"))
    await asyncio.sleep(0)
    asking.answered(told[0]["number"], "here", '{"stopped": true}')
    with pytest.raises(Unavailable) as stopped:
        await answer
    assert stopped.value.reason == STOPPED
    with pytest.raises(Unavailable, match="stopped it"):
        await asking.choose()
    asking.allow()
    choosing = asyncio.create_task(asking.choose())
    await asyncio.sleep(0)
    asking.answered(told[-1]["number"], "here", '{"idle": 1}')
    assert await choosing == "here"


ADDING = [
    {"do": "fill", "name": "New task", "value": "Milk"},
    {"do": "click", "role": "button", "name": "Add"},
    {"do": "expect", "role": "listitem", "text": "Milk"},
]


async def test_a_scenario_is_watched_step_by_step(tmp_path: Path) -> None:
    async with previewed(tmp_path, Site(index=html(TASKS))) as eye:
        works = Scenario.model_validate({"title": "A task can be added", "steps": ADDING})
        outcome = await watch(eye, Listed("add", works))
        assert outcome.ok, outcome.message
        fails = Scenario.model_validate(
            {"title": "All can go", "steps": [*ADDING[:1], {"do": "expect", "text": "Nothing left"}]}
        )
        outcome = await watch(eye, Listed("go", fails))
        with pytest.raises(InvalidInput, match="is not valid YAML"):
            await watch(eye, Listed("torn", None, "scenarios/torn.yaml is not valid YAML."))
    assert (outcome.ok, outcome.step) == (False, 2)
