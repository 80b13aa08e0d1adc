"""What a person changes in JupyterLab's editor, or on disk, is theirs: shown, kept, and live in the preview."""

from __future__ import annotations

import json
from typing import Any

import pytest
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, Panel, violations, wait_for


@pytest.fixture
def session(lab: Lab) -> dict[str, Any]:
    return lab.new_session(title="By hand", template="react-vite")


@pytest.fixture
def panel(open_lab: OpenLab, session: dict[str, Any]) -> Panel:
    panel = open_lab(session["id"])
    expect(panel.preview().get_by_role("heading", level=1)).to_be_visible(timeout=LONG)
    return panel


def test_edits_in_the_editor_and_on_disk_show_in_the_feed_and_in_the_preview(
    panel: Panel, lab: Lab, session: dict[str, Any], model: ModelServer
) -> None:
    source = lab.app(session) / "src" / "App.tsx"
    source.write_text("export default function App() {\n  return <h1>By hand</h1>;\n}\n")
    heading = panel.preview().get_by_role("heading", level=1)
    expect(heading).to_have_text("By hand", timeout=LONG)
    feed = panel.conversation
    expect(feed.get_by_text("You edited")).to_be_visible()

    feed.get_by_role("button", name="Open src/App.tsx in the editor").click()
    editor = panel.page.locator(".jp-FileEditor .cm-content")
    expect(editor).to_contain_text("By hand")
    editor.get_by_text("By hand").dblclick()
    panel.page.keyboard.press("End")
    for _ in "</h1>;":
        panel.page.keyboard.press("ArrowLeft")
    panel.page.keyboard.type(" indeed")
    panel.page.keyboard.press("Control+Home")
    panel.page.keyboard.press("Enter")  # what follows stands a line further down from now on
    panel.page.keyboard.press("Control+s")
    expect(heading).to_have_text("By hand indeed", timeout=LONG)
    expect(feed.get_by_text("You edited")).to_have_count(2)
    feed.get_by_role("button", name="You edited src/App.tsx: details").last.click()
    expect(feed.get_by_text("<h1>By hand indeed</h1>")).to_be_visible()

    (source.parent / "notes.txt").write_text("remember\n")
    expect(feed.get_by_text("You created")).to_be_visible()
    panel.picture("by-hand-light")

    # What is pointed at in the page goes along with the next request, with the line that was just edited.
    chips = panel.root.get_by_role("list", name="Pointed at in the page")
    point = panel.page.get_by_role("button", name="Point at it")
    point.click()
    expect(panel.page.get_by_text("Click on something in the page")).to_be_visible()

    def pointed() -> bool:  # what a page says counts for some seconds after a click, which a slow machine may need
        panel.preview().get_by_role("heading", level=1).click()
        return chips.count() > 0

    wait_for(pointed, panel.page)
    expect(chips.get_by_text("h1 “By hand indeed”")).to_be_visible()
    expect(chips.get_by_role("button", name="Open src/App.tsx:3 in the editor")).to_be_visible()
    on_top = panel.preview().locator("appbuilder-pointing").evaluate("mark => mark.matches(':popover-open')")
    assert on_top, "the mark would be below a dialog of the page's"
    # How it looks comes a little later, from a page of the sandbox's own.
    looked = "Show the picture larger: How h1 “By hand indeed” looked"
    chips.get_by_role("button", name=looked).click(timeout=LONG)
    large = panel.page.get_by_role("dialog", name="How h1 “By hand indeed” looked")
    expect(large.get_by_role("img")).to_be_visible()
    panel.picture("pointing-picture-large")
    panel.page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    panel.picture("pointing-light")
    # A text that is written there is changed there, without a model: an edit like any other.
    chips.get_by_role("button", name="Change the text of h1 “By hand indeed”").click()
    chips.get_by_role("textbox", name="New text").fill("By hand indeed, in place")
    chips.get_by_role("button", name="Change", exact=True).click()
    expect(heading).to_have_text("By hand indeed, in place", timeout=LONG)
    expect(panel.card("Edited src/App.tsx")).to_be_visible()
    expect(panel.conversation.get_by_role("button", name="Undo")).to_be_enabled()
    expect(panel.composer).to_be_focused()
    expect(chips).to_have_count(0)
    panel.preview().get_by_role("heading", level=1).click()
    expect(chips.get_by_text("h1 “By hand indeed, in place”")).to_be_visible()
    # So are its simple styles: tried on in the page at once, taken back with Escape, written when one says so.
    chips.get_by_role("button", name="Change the style of h1").click()
    styles = panel.page.get_by_role("region", name="Style of h1 “By hand indeed, in place”")
    plain = heading.evaluate("element => getComputedStyle(element).fontSize")
    styles.get_by_label("Text size").select_option("4xl")
    expect(heading).to_have_css("font-size", "36px")
    panel.picture("style-light")
    panel.page.keyboard.press("Escape")
    expect(styles).to_have_count(0)
    expect(heading).to_have_css("font-size", plain)
    panel.page.get_by_role("button", name="Style", exact=True).click()
    styles.get_by_label("Text size").select_option("4xl")
    styles.get_by_role("radio", name="primary", exact=True).check(force=True)
    styles.get_by_role("button", name="Change", exact=True).click()
    expect(styles.get_by_text("Changed, as an edit that can be undone.")).to_be_visible(timeout=LONG)
    assert '<h1 className="text-4xl text-primary">' in source.read_text()
    expect(panel.card("Edited src/App.tsx")).to_have_count(2)
    expect(heading).to_have_attribute("style", "", timeout=LONG)  # by its class now
    expect(heading).to_have_css("font-size", "36px")
    expect(styles.get_by_label("Text size")).to_have_value("4xl")
    assert violations(panel.page, ".jp-AppBuilder-styling") == []
    styles.get_by_role("button", name="Done").click()
    expect(chips).to_have_count(0)
    panel.preview().get_by_role("heading", level=1).click()
    expect(chips.get_by_text("h1 “By hand indeed, in place”")).to_be_visible()
    expect(chips.get_by_role("button", name="Show the picture larger: How h1")).to_be_visible(timeout=LONG)
    point.click()
    expect(point).to_have_attribute("aria-pressed", "false")
    chips.get_by_role("button", name="Open src/App.tsx:3 in the editor").click()
    expect(panel.page.get_by_text("Ln 3, Col 1")).to_be_visible()

    # The agent's next turn begins with what the person left, and the notebook keeps it.
    lab.api("PATCH", f"sessions/{session['id']}", {"model": "custom:scripted"})
    model.steps = [{"tool_calls": [{"name": "read_file", "arguments": {"path": "src/App.tsx"}}]}, {"text": "I see."}]
    panel.say("Look at my change")
    panel.finished(1)
    assert "By hand indeed" in str(model.requests[1].body["messages"])
    (asked,) = [m["content"] for m in model.requests[0].body["messages"] if "Look at my change" in str(m["content"])]
    assert "Written at src/App.tsx:3:10" in str(asked)
    assert '3|   return <h1 className="text-4xl text-primary">By hand indeed, in place</h1>;' in str(asked)
    along = feed.get_by_role("list", name="Pointed at in the page")
    expect(along).to_contain_text("h1 “By hand indeed, in place”")
    expect(along.get_by_role("button", name="Show the picture larger: How h1")).to_be_visible()
    panel.picture("pointed-in-conversation")
    expect(chips).to_have_count(1)  # none is left for the next
    assert source.read_text().count("By hand indeed") == 1
    panel.menu("Open notebook")
    expect(panel.page.get_by_role("tab", name=f"{session['name']}.ipynb")).to_be_visible(timeout=LONG)

    def written(part: str, *, begins: bool = False) -> bool:  # JupyterLab, which has the notebook open, saves it
        cells = json.loads((lab.root / session["notebook"]).read_text())["cells"]
        sources = ["".join(cell["source"]) for cell in cells]
        return any(source.startswith(part) if begins else part in source for source in sources)

    wait_for(lambda: written("%%appbuilder patch", begins=True), panel.page)
    wait_for(lambda: written("- h1 “By hand indeed, in place” (src/App.tsx:3)"), panel.page)


def test_a_large_file_put_in_by_hand_is_named_and_not_shown(panel: Panel, lab: Lab, session: dict[str, Any]) -> None:
    rows = lab.app(session) / "public" / "rows.csv"
    rows.parent.mkdir(exist_ok=True)
    rows.write_text("".join(f"{number},{number * number}\n" for number in range(200_000)))
    feed = panel.conversation
    expect(feed.get_by_text("You created")).to_be_visible(timeout=LONG)
    feed.get_by_role("button", name="You created public/rows.csv: details").click()
    expect(feed.get_by_text("Too large to show. Its content is kept.")).to_be_visible()
    panel.picture("large-file-light")
