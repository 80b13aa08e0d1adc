"""What helps to write a request: files that go with it, and what was written before."""

from __future__ import annotations

import json
import re
import threading

from attachments.test_reading import png
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations
from .test_accessibility import PANEL, wear

PASTE = """(name) => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1600, height: 1000 });
  const context = canvas.getContext('2d');
  context.fillStyle = 'teal';
  context.fillRect(0, 0, 800, 1000);
  return new Promise(resolve => canvas.toBlob(blob => {
    const data = new DataTransfer();
    data.items.add(new File([blob], name, { type: 'image/png' }));
    const place = document.activeElement;
    place.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    resolve();
  }));
}"""
DROP = """(box) => {
  const data = new DataTransfer();
  data.items.add(new File(['<svg onload="document.title=1"></svg>'], 'logo.svg', { type: 'image/svg+xml' }));
  data.items.add(new File([new Uint8Array(11e6)], 'film.mp4', { type: 'video/mp4' }));
  for (const type of ['dragover', 'drop']) {
    box.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


def test_files_go_with_a_request_and_stay_in_the_conversation(lab: Lab, model: ModelServer, open_lab: OpenLab) -> None:
    model.steps = [{"text": "As in the mock."}]
    session = lab.new_session(title="Mocked", model="custom:scripted")["id"]
    panel = open_lab(session)
    page = panel.page
    panel.composer.fill("Like this, please")
    panel.composer.focus()
    page.evaluate(PASTE, "mock.png")
    files = panel.root.get_by_role("list", name="Attached files")
    expect(files.get_by_role("listitem")).to_have_text(["mock.png"])
    panel.root.get_by_role("button", name="Attach files").click()
    panel.picture("attach-menu-light")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="Choose files…").click()
    chooser.value.set_files(
        [
            {"name": "notes.md", "mimeType": "text/markdown", "buffer": b"# Blue\nand round"},
            {"name": "small.png", "mimeType": "image/png", "buffer": png(30, 20)},
        ]
    )
    panel.root.locator(".jp-AppBuilder-composer").evaluate(DROP)
    expect(panel.root.get_by_text("film.mp4 is too large")).to_be_visible()
    expect(files.get_by_role("listitem")).to_have_text(["mock.png", "notes.md", "small.png", "logo.svg"])
    expect(panel.root.get_by_text("scripted is not known to see pictures")).to_be_visible()
    panel.picture("attachments-light")
    assert violations(page, PANEL) == []
    panel.root.get_by_role("button", name="Dismiss").click()
    panel.root.get_by_role("button", name="Remove small.png").click()
    panel.composer.press("Enter")
    panel.finished(1)
    expect(files).to_have_count(0)
    asked = json.dumps(model.requests[-1].body)
    assert all(said in asked for said in ("mock.png", "and round", "logo.svg"))
    request = panel.turns.first.locator(".jp-AppBuilder-request")
    shown = request.get_by_role("img", name="mock.png")
    expect(shown).to_be_visible()
    size = shown.evaluate("image => image.naturalWidth * image.naturalHeight")
    assert 0 < size <= 1_000_000, "a picture is shown as models are shown it"
    expect(request.locator("svg:not([aria-hidden])")).to_have_count(0)
    request.get_by_role("button", name=re.compile("^notes.md")).click()
    expect(request.get_by_text("and round")).to_be_visible()
    panel.picture("attached-light")
    wear(page, "JupyterLab Dark")
    panel.picture("attached-dark")
    assert violations(page, PANEL) == []
    panel.narrow()
    panel.picture("attached-narrow")
    wear(page, "JupyterLab Light")
    request.get_by_text("Put into the app").click()
    request.get_by_role("button", name="logo.svg into public/").click()
    expect(panel.card("Copied into the app")).to_be_visible()
    assert (lab.root / "appbuilder/mocked/app/public/logo.svg").read_text().startswith("<svg")

    # What was asked before, and what is being written, is there again.
    panel.composer.fill("half a thought")
    panel.composer.press("Home")
    panel.composer.press("ArrowUp")
    expect(panel.composer).to_have_value("Like this, please")
    panel.composer.press("ArrowDown")
    expect(panel.composer).to_have_value("half a thought")
    page.reload()
    expect(request.get_by_role("img", name="mock.png")).to_be_visible(timeout=LONG)
    expect(panel.composer).to_have_value("half a thought")


def test_names_and_acts_are_completed_and_requests_wait_their_turn(
    lab: Lab, model: ModelServer, open_lab: OpenLab
) -> None:
    held = threading.Event()
    model.steps = [{"text": "First.", "held": held}, *[{"text": "Done."} for _ in range(3)]]
    (lab.root / "prices.csv").write_text("city,price\nRome,3\n")
    session = lab.new_session(title="Queued", model="custom:scripted")["id"]
    panel = open_lab(session)
    page = panel.page
    offers = panel.root.get_by_role("listbox")
    panel.composer.press_sequentially("Look at @ind")
    expect(offers.get_by_role("option").first).to_contain_text("index.html")
    panel.picture("mentions-light")
    assert violations(page, PANEL) == []
    panel.composer.press("Enter")
    expect(panel.composer).to_have_value("Look at @index.html ")
    panel.composer.press_sequentially("with @pri")
    expect(offers.get_by_role("option", name=re.compile("prices.csv"))).to_be_visible()
    panel.composer.press("Tab")
    expect(panel.composer).to_have_value("Look at @index.html with prices.csv ")
    expect(panel.root.get_by_role("list", name="Attached files")).to_contain_text("prices.csv")
    expect(panel.root.get_by_role("button", name="Send")).to_be_enabled()  # it has been sent by then
    panel.composer.press("Enter")
    expect(panel.stop).to_be_visible()

    queue = panel.root.get_by_role("region", name="Next, when the agent is done")
    for text in ("Make it blue", "Make it round", "Make it loud"):
        panel.composer.fill(text)
        panel.composer.press("Alt+Enter")
    waiting = queue.get_by_role("listitem")
    expect(waiting).to_have_text(["Make it blue", "Make it round", "Make it loud"])
    queue.get_by_role("button", name="Earlier: Make it round").click()
    queue.get_by_role("button", name="Drop: Make it loud").click()
    queue.get_by_role("button", name="Edit: Make it blue").click()
    expect(panel.composer).to_have_value("Make it blue")
    panel.composer.press("Alt+Enter")
    expect(waiting).to_have_text(["Make it round", "Make it blue"])
    panel.picture("queue-light")
    assert violations(page, PANEL) == []

    # They are there after a reload, and in a second page; each is asked once.
    page.reload()
    expect(waiting).to_have_text(["Make it round", "Make it blue"], timeout=LONG)
    second = page.context.new_page()
    second.goto(f"{lab.url}lab/workspaces/second?appbuilder={session}")
    expect(second.locator("#jp-appbuilder-panel .jp-AppBuilder-queue li")).to_have_count(2, timeout=LONG)

    # The person turns to something else: the end of each is told there.
    page.evaluate("document.hasFocus = () => false")
    held.set()
    panel.finished(3)
    expect(second.locator("#jp-appbuilder-panel .jp-AppBuilder-queue li")).to_have_count(0)
    second.close()
    assert sum(request.body is not None for request in model.requests) == 3
    asked = [request.body["messages"][-1]["content"] for request in model.requests if request.body]
    assert [words in said for words, said in zip(("round", "blue"), asked[-2:], strict=True)] == [True, True]
    expect(page.get_by_text("Queued is done.").first).to_be_visible()
    assert page.title().startswith("✓ Queued is done.")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    assert not page.title().startswith("✓")
    panel.picture("notice-light")

    panel.composer.fill("/")
    panel.composer.press("End")
    panel.composer.press_sequentially("pl")
    expect(offers.get_by_role("option")).to_have_count(1)
    panel.picture("commands-light")
    panel.composer.press("Enter")
    expect(panel.composer).to_have_value("")
    expect(panel.root.get_by_role("radio", name="Plan")).to_be_checked()
