"""axe-core finds nothing to report, in light and dark; and everything can be reached and used by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from building import call, write
from model_server import ModelServer
from playwright.sync_api import Browser, Page, expect

from .conftest import OpenLab, visit
from .lab import Lab
from .panel import LONG, Panel, command, violations

PANEL = "#jp-appbuilder-panel"
PREVIEW = ".jp-AppBuilder-previewWidget"
STATUS = ".jp-AppBuilder-status"

ANSWER = """\
# What I did

I **changed** `index.html`, see [the page](https://example.org):

1. one
2. two

| a | b |
|---|---|
| 1 | 2 |

```html
<h1>A page</h1>
```
"""

THEMES = ("JupyterLab Dark", "JupyterLab Light")  # the last one stays, for other tests


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab in which nothing was built yet."""
    lab = Lab(tmp_path_factory.mktemp("empty"))
    lab.start()
    yield lab
    lab.stop()


def wear(page: Page, theme: str) -> None:
    command(page, "apputils:change-theme", {"theme": theme})
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    page.wait_for_timeout(500)  # colours fade


def test_axe_finds_nothing_on_the_first_screen(browser: Browser, empty: Lab, theme: str) -> None:
    page = visit(browser, empty, "open")
    panel = Panel(page)
    wear(page, theme)
    expect(panel.root.get_by_role("region", name="Or watch one being built")).to_be_visible()
    found = violations(page, PANEL)
    panel.picture(f"first-run-{theme.split()[1].lower()}")
    assert found == []
    panel.root.get_by_role("button", name="Set up a model").click()
    expect(panel.root.get_by_label("Provider")).to_be_visible()
    found = violations(page, PANEL)
    panel.picture(f"model-setup-{theme.split()[1].lower()}")
    page.context.close()
    assert found == []


def test_axe_finds_nothing_in_a_session(open_lab: OpenLab, lab: Lab, model: ModelServer, theme: str) -> None:
    """With every kind of card open, a failure, an edit by hand, a restore, a menu."""
    session = lab.new_session(title="Axe", model="custom:scripted")
    model.steps = [
        {"text": "I begin.", "tool_calls": [write("index.html", "<h1>A page</h1>\n"), call("list_files")]},
        {
            "tool_calls": [
                call("read_file", path="none.txt"),
                call("run_command", command="echo out; echo err >&2; exit 3"),
            ]
        },
        {"text": ANSWER},
        *[{"status": 401, "body": {"error": {"message": "Incorrect API key provided."}}}] * 3,
    ]
    panel = open_lab(session["id"])
    page = panel.page
    wear(page, theme)
    panel.say("Change the page")
    panel.finished(1)
    (lab.app(session) / "index.html").write_text("<h1>By hand</h1>\n")
    expect(panel.conversation.get_by_text("You edited")).to_be_visible()
    panel.turns.first.get_by_role("button", name="Restore").click()
    expect(panel.conversation.get_by_text("Went back to")).to_be_visible()
    panel.say("Go on")
    panel.finished(2)
    folded = panel.conversation.get_by_role("button", expanded=False)
    assert folded.count() >= 6
    while folded.count():
        folded.first.click()
    expect(panel.conversation.get_by_role("group", name="Output").first).to_be_visible()
    expect(panel.preview().get_by_role("heading")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Phone width").click()
    page.get_by_role("button", name="Console, requests and findings").click()
    expect(page.get_by_role("tab", name=re.compile("^Console"))).to_be_visible()
    panel.root.get_by_role("button", name="More actions").click()
    expect(page.get_by_role("menuitem").first).to_be_visible()
    found = [finding for scope in (PANEL, PREVIEW, STATUS) for finding in violations(page, scope)]
    panel.picture(f"session-{theme.split()[1].lower()}")
    page.keyboard.press("Escape")
    panel.root.get_by_role("button", name="All apps").click()
    expect(panel.root.get_by_role("button", name=re.compile("^Axe")).first).to_be_visible()
    found += violations(page, PANEL)
    panel.picture(f"list-{theme.split()[1].lower()}")
    lab.api("DELETE", f"sessions/{session['id']}?files=true")
    assert found == []


def test_axe_finds_nothing_while_it_builds(open_lab: OpenLab, lab: Lab, model: ModelServer, theme: str) -> None:
    session = lab.new_session(title="Building", model="custom:scripted")
    source = "\n".join(f"<p>{number}</p>" for number in range(2000))
    model.steps = [{"text": "I write.", "tool_calls": [write("index.html", source)], "delay": 0.05}]
    panel = open_lab(session["id"])
    wear(panel.page, theme)
    panel.say("Write a long page")
    expect(panel.conversation.get_by_text("Writing")).to_be_visible()
    expect(panel.conversation.get_by_text(re.compile(r"\d\d lines"))).to_be_visible()
    found = violations(panel.page, PANEL)
    panel.picture(f"arriving-{theme.split()[1].lower()}")
    panel.stop.click()
    panel.finished(1)
    assert found == []


def focused(page: Page) -> str:
    """The accessible name of what has the focus, as far as labels and text tell."""
    return page.evaluate(
        """() => {
            const element = document.activeElement;
            return element.getAttribute('aria-label') || element.textContent || element.tagName;
        }"""
    )


def tab_to(page: Page, name: str, key: str = "Tab", limit: int = 60) -> None:
    """Press Tab until the focus is on what is called ``name``."""
    seen: list[str] = []
    for _ in range(limit):
        if re.search(name, focused(page)):
            return
        page.keyboard.press(key)
        seen.append(focused(page)[:40])
    raise AssertionError(f"{name!r} is not reached by {key}: {seen}")


def test_everything_can_be_done_with_the_keyboard(open_lab: OpenLab, lab: Lab, model: ModelServer) -> None:
    panel = open_lab()
    page = panel.page
    keys = page.keyboard
    expect(panel.root.get_by_role("button", name=re.compile("^Model: "))).to_be_visible()
    command(page, "appbuilder:open")  # as from the palette: it puts the cursor where one writes
    expect(panel.composer).to_be_focused()
    keys.type("Make a page")
    keys.press("Shift+Enter")
    keys.type("with two lines")
    tab_to(page, "^Template: ")
    if panel.root.get_by_role("group", name="Start from").count() == 0:
        keys.press("Enter")
    tab_to(page, "^React app$")
    while focused(page) != "One page":
        keys.press("ArrowDown")
    tab_to(page, "^Model: ", "Shift+Tab")
    keys.press("Enter")
    keys.type("custom:scripted")
    keys.press("Enter")
    expect(panel.root.get_by_role("button", name="Model: scripted")).to_be_focused()
    model.steps = [{"tool_calls": [write("index.html", "<h1>Keys</h1>\n")]}, {"text": "Done by keys."}]
    tab_to(page, "^Build$")
    keys.press("Enter")
    panel.finished(1)
    expect(panel.turns.first.locator(".jp-AppBuilder-request")).to_have_text("Make a page\nwith two lines")

    panel.composer.focus()
    tab_to(page, "Wrote index.html: details", "Shift+Tab")
    keys.press("Enter")
    expect(panel.conversation.get_by_text("<h1>Keys</h1>")).to_be_visible()
    keys.press("Space")
    expect(panel.conversation.get_by_text("<h1>Keys</h1>")).to_have_count(0)
    tab_to(page, "^Conversation$", "Shift+Tab")  # which scrolls by arrow keys

    tab_to(page, "^More actions$", "Shift+Tab")
    keys.press("Enter")
    expect(page.get_by_role("menuitem", name="Open preview")).to_be_focused()
    keys.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Publish")).to_be_focused()
    keys.press("Escape")
    expect(panel.root.get_by_role("button", name="More actions")).to_be_focused()
    keys.press("Enter")
    while not re.search("Rename", focused(page)):
        keys.press("ArrowDown")
    keys.press("Enter")
    expect(panel.root.get_by_role("textbox", name="Title")).to_be_focused()
    keys.press("Control+A")
    keys.type("Renamed by keys")
    keys.press("Enter")
    expect(panel.root.get_by_role("heading", name="Renamed by keys")).to_be_visible()
    tab_to(page, "^All apps$", "Shift+Tab")
    keys.press("Enter")
    expect(panel.root.get_by_role("button", name=re.compile("^Renamed by keys"))).to_be_visible()
