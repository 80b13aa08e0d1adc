"""The running app below a notebook's cell: its page does not get what a person types, and its downloads are offered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from jupyter_appbuilder.client.bundled import STATIC

from .panel import LONG, POINT_AT_FRAME

Notebook = Callable[[str], tuple[Page, FrameLocator]]

PAGES = {
    "/thief": """<!doctype html><h1>Thief</h1><input aria-label="Trap">
<script>setInterval(() => { document.querySelector("input").focus(); window.focus(); }, 15);</script>""",
    "/calm": """<!doctype html><h1>Calm</h1><input aria-label="Name"><button onclick="save()">Export</button>
<script>
const save = () => parent.postMessage({
  source: "jupyter-appbuilder", type: "save", name: "../list.csv", content: new Blob(["a;b"]),
}, "*");
</script>""",
}

NOTEBOOK = """<!doctype html><link rel="stylesheet" href="/preview.css">
<textarea aria-label="Another cell"></textarea><div id="output"></div>
<script type="module">
import widget from "/preview.js";
const traits = { title: "Preview of the app", open_label: "Open in a tab", app: "tasks", height: 200 };
const heard = {};
const tell = (name, content) => (heard[name] ?? []).forEach((callback) => callback(content));
window.kernel = { answers: true, tell };
const model = {
  get: (name) => traits[name],
  set: (name, value) => { traits[name] = value; tell(`change:${name}`); },
  save_changes: () => undefined,
  on: (name, callback) => (heard[name] ??= []).push(callback),
  off: () => undefined,
  send: () => kernel.answers && tell("msg:custom", { url: `${location.origin}/${location.hash.slice(1)}` }),
};
widget.render({ model, el: document.getElementById("output") });
</script>"""
"""A notebook's page as the preview sees it: somewhere else to type, and a comm that knows the app's address."""

BUNDLED = {"/preview.js": "text/javascript", "/preview.css": "text/css"}
SERVED = {path: ("text/html", page.encode()) for path, page in {**PAGES, "/": NOTEBOOK}.items()}


@pytest.fixture
def notebook(browser: Browser) -> Iterator[Notebook]:
    """``notebook("thief")``: a notebook with the preview of that page below a cell."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = SERVED.get(self.path, ("text/plain", b""))
            if self.path in BUNDLED:
                kind, body = BUNDLED[self.path], (STATIC / self.path[1:]).read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()

    def open_(name: str) -> tuple[Page, FrameLocator]:
        page.goto(f"http://127.0.0.1:{server.server_port}/#{name}")
        return page, page.frame_locator('iframe[title="Preview of the app"]')

    yield open_
    page.close()
    server.shutdown()


def test_what_a_person_types_in_a_cell_is_not_taken_by_the_page_below_another(notebook: Notebook) -> None:
    page, _ = notebook("thief")
    # Until then it may get a key that comes right after a click. What Playwright asks counts as one, and the page that
    # took the focus would be thought to have been clicked: the browser is asked here in a way that does not.
    asked = page.context.new_cdp_session(page)
    closed = {"expression": "document.querySelector('[role=alert]')?.textContent ?? ''"}
    deadline = time.monotonic() + LONG / 1000
    while "kept taking keyboard focus" not in asked.send("Runtime.evaluate", closed)["result"]["value"]:
        assert time.monotonic() < deadline, "The page was not closed"
        page.wait_for_timeout(100)
    cell = page.get_by_role("textbox", name="Another cell")
    cell.click()
    page.keyboard.type("all of these stay in the cell that they are typed in", delay=25)
    expect(cell).to_have_value("all of these stay in the cell that they are typed in")
    page.get_by_role("button", name="Show it again").click()
    expect(closed_in(page)).to_have_count(0)


def closed_in(page: Page) -> Locator:
    return page.get_by_role("alert").filter(has_text="kept taking keyboard focus")


def test_its_edge_is_moved_a_newer_cell_takes_it_over_and_what_to_do_after_a_restart_is_said(
    notebook: Notebook,
) -> None:
    page, app = notebook("calm")
    expect(app.get_by_role("heading", name="Calm")).to_be_visible(timeout=LONG)
    frame, edge = page.get_by_title("Preview of the app"), page.get_by_role("separator", name="Height of the app")
    edge.focus()
    page.keyboard.press("ArrowDown")
    expect(frame).to_have_css("height", "220px")
    box = edge.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for to in (300, -400):  # outwards, and over the frame
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y + to, steps=5)
        page.mouse.up()
        y += to
        expect(edge).to_have_attribute("aria-valuenow", "520" if to > 0 else "120")
    expect(frame).to_have_css("height", "120px")

    page.evaluate("kernel.tell('msg:custom', {elsewhere: true, picture: 'iVBORw=='})")
    expect(page.get_by_text("A newer cell shows the running app.")).to_be_visible()
    expect(page.get_by_role("img", name="The app tasks")).to_have_count(1)
    expect(frame).to_have_count(0)
    page.get_by_role("button", name="Show it here").click()
    expect(app.get_by_role("heading", name="Calm")).to_be_visible()

    page.evaluate("kernel.answers = false; kernel.tell('comm_live_update')")
    expect(page.get_by_text("%appbuilder open tasks")).to_be_visible(timeout=LONG)
    expect(frame).to_have_count(0)
    page.evaluate("kernel.answers = true; kernel.tell('comm_live_update')")
    expect(app.get_by_role("heading", name="Calm")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("%appbuilder open tasks")).to_have_count(0)


def test_downloads_of_the_page_below_a_cell_are_offered_above_it_and_saved_by_a_click_there(notebook: Notebook) -> None:
    page, app = notebook("calm")
    expect(app.get_by_role("heading", name="Calm")).to_be_visible(timeout=LONG)
    offer = page.get_by_role("status").filter(has_text="wants to save list.csv (3 B)")
    app.get_by_role("button", name="Export").click()
    expect(offer).to_be_visible()
    offer.get_by_role("button", name="Dismiss").click()
    expect(offer).to_have_count(0)

    app.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        offer.get_by_role("button", name="Save").click()
    assert download.value.suggested_filename == "list.csv"
    assert Path(download.value.path()).read_text() == "a;b"
    expect(offer).to_have_count(0)

    page.evaluate(POINT_AT_FRAME)
    app.get_by_label("Name").click()
    page.keyboard.type("Ada")
    expect(app.get_by_label("Name")).to_have_value("Ada")
