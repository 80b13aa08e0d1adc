"""What helps to write a request: files that go with it, and what was written before."""

from __future__ import annotations

import json
import re

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
    with page.expect_file_chooser() as chooser:
        panel.root.get_by_role("button", name="Attach files").click()
    chooser.value.set_files(
        [
            {"name": "notes.md", "mimeType": "text/markdown", "buffer": b"# Blue\nand round"},
            {"name": "small.png", "mimeType": "image/png", "buffer": png(30, 20)},
        ]
    )
    panel.root.locator(".jp-AppBuilder-composer").evaluate(DROP)
    expect(panel.root.get_by_text("film.mp4 is too large")).to_be_visible()
    expect(files.get_by_role("listitem")).to_have_text(["mock.png", "notes.md", "small.png", "logo.svg"])
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
    page.reload()
    expect(request.get_by_role("img", name="mock.png")).to_be_visible(timeout=LONG)
