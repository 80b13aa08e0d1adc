"""What a page may not do by itself, and a person in front of it may: copy, save, open."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, Panel

CALM = """<!doctype html><title>Calm</title><h1>Calm</h1>
<input aria-label="Name" autofocus>
<button id="copy" onclick="navigator.clipboard.writeText('hello').then(() => this.textContent = 'Copied')">Copy</button>
<button id="full"
  onclick="document.documentElement.requestFullscreen().then(() => this.textContent = 'Is full')">Full</button>
<a id="csv" download="list.csv">Export CSV</a>
<a id="held" href="data:text/plain,held" download="held.txt" onclick="event.stopPropagation()">Held</a>
<button id="made" onclick="made()">Export made</button>
<a id="tab" href="about" target="_blank">About</a>
<a id="out" href="https://example.org/docs">Plain link</a>
<button id="popup" onclick="this.textContent = String(window.open('about', 'w', 'width=200'))">Pop-up</button>
<script>
document.querySelector("input").focus();
csv.href = URL.createObjectURL(new Blob(["a;b\\n1;2\\n"], { type: "text/csv" }));
function made() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["<script>alert(1)<\\/script>"], { type: "text/html" }));
  link.download = "../made\\u202e.html";
  link.click();
  URL.revokeObjectURL(link.href);
}
</script>"""


def open_page(open_lab: OpenLab, lab: Lab, html: str, title: str) -> Panel:
    session = lab.new_session(title=title)
    (lab.app(session) / "index.html").write_text(html)
    panel = open_lab(session["id"])
    expect(panel.preview().get_by_role("heading", name=title)).to_be_visible(timeout=LONG)
    return panel


@pytest.fixture
def panel(open_lab: OpenLab, lab: Lab) -> Panel:
    return open_page(open_lab, lab, CALM, "Calm")


def test_a_copy_button_and_full_screen_work(panel: Panel) -> None:
    app = panel.preview()
    app.locator("#copy").click()
    expect(app.locator("#copy")).to_have_text("Copied")
    app.locator("#full").click()
    expect(app.locator("#full")).to_have_text("Is full")


def offer(panel: Panel, button: str) -> str:
    notice = panel.page.locator(".jp-AppBuilder-pageNotice:visible")
    text = notice.inner_text()
    notice.get_by_role("button", name=button).click()
    expect(notice).to_have_count(0)
    return text


def saved(panel: Panel, app: FrameLocator, id: str) -> tuple[str, str]:
    """What the person's click in the panel saves: its name and content."""
    app.locator(id).click()
    expect(panel.page.locator(".jp-AppBuilder-pageNotice:visible")).to_contain_text("wants to save")
    with panel.page.expect_download() as download:
        offer(panel, "Save")
    return download.value.suggested_filename, Path(download.value.path()).read_text()


def test_downloads_are_offered_in_the_panel_and_saved_by_a_click_there(panel: Panel) -> None:
    app = panel.preview()
    assert saved(panel, app, "#csv") == ("list.csv", "a;b\n1;2\n")
    assert saved(panel, app, "#held") == ("held.txt", "held")
    assert saved(panel, app, "#made") == ("made.html", "<script>alert(1)</script>")
    app.locator("#csv").click()
    panel.picture("save-light")
    assert "list.csv" in offer(panel, "Dismiss")


def test_new_tabs_and_pop_ups_are_opened_by_a_click_in_the_panel_and_the_app_stays(panel: Panel) -> None:
    app = panel.preview()
    for id in ("#tab", "#popup"):
        app.locator(id).click()
        with panel.page.context.expect_page() as opened:
            offer(panel, "Open")
        assert opened.value.url.endswith("/about")
        assert opened.value.evaluate("window.opener") is None
        opened.value.close()
    expect(app.locator("#popup")).to_have_text("null")
    app.locator("#out").click()
    assert "https://example.org/docs" in offer(panel, "Dismiss")
    expect(app.get_by_role("heading", name="Calm")).to_be_visible()
