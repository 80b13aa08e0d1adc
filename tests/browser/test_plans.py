"""Plans and questions, as a person sees them in the panel."""

from __future__ import annotations

import re
import threading

from building import call, write
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations
from .test_accessibility import wear

PANEL = "#jp-appbuilder-panel"
PLAN = """\
# A board for the reading group

Members see what the group reads, when it meets, and leave notes that stay in their browser.

- [ ] `src/books.ts`: the books, with a type and three of them to begin with
- [ ] `src/Board.tsx`: a column for each month, books as cards, notes below a card
- [ ] `src/App.tsx`: the board in the page, a heading, an empty state

**Decided for you:** no accounts, since everything stays in one browser.

| Size | Files |
| --- | --- |
| small | 3 |
"""


def test_a_plan_is_read_edited_and_built_and_a_question_answered(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    seen = threading.Event()
    model.steps = [
        {"text": "I look at what is there.", "tool_calls": [call("list_files")]},
        {"tool_calls": [call("write_plan", text=PLAN)], "size": 40},
        {
            "text": "Building the plan.",
            "tool_calls": [write("books.txt", "Middlemarch\n"), call("tick_plan", items=[1])],
        },
        {"text": "Now the notes.", "held": seen},
        {"text": "It keeps them in `books.txt`, one title a line."},
    ]
    panel = open_lab(lab.new_session(title="Reading group", model="custom:scripted")["id"])
    page, root = panel.page, panel.root
    root.get_by_role("radio", name="Build").focus()
    page.keyboard.press("ArrowRight")
    expect(root.get_by_role("radio", name="Plan")).to_be_checked()
    panel.say("A board for our reading group")
    card = panel.conversation.get_by_role("region", name="Plan")
    build = card.get_by_role("button", name="Build this plan")
    expect(build).to_be_enabled()
    panel.finished(1)
    expect(root.get_by_role("radio", name="Plan")).to_be_checked()
    panel.picture("plan-light")
    assert violations(page, PANEL) == []
    wear(page, "JupyterLab Dark")
    panel.picture("plan-dark")
    assert violations(page, PANEL) == []
    page.set_viewport_size({"width": 640, "height": 900})
    panel.picture("plan-narrow")
    card.get_by_role("button", name="Edit").click()
    panel.picture("plan-editing-narrow")
    page.set_viewport_size({"width": 1400, "height": 900})
    wear(page, "JupyterLab Light")
    area = card.get_by_role("textbox", name="The plan, in Markdown")
    expect(area).to_have_value(PLAN.strip())
    area.fill("# A list of books\n\n- [ ] `books.txt`\n- [ ] notes")
    panel.picture("plan-editing-light")
    assert violations(page, PANEL) == []
    page.keyboard.press("Escape")
    expect(card.get_by_role("heading", name="A list of books")).to_be_visible()
    build.click()
    progress = panel.turns.last.get_by_role("button", name=re.compile("^The plan, as edited"))
    expect(progress).to_have_text(re.compile("1 of 2 done$"), timeout=LONG)
    expect(progress).to_have_attribute("aria-expanded", "true")
    expect(panel.turns.last.get_by_role("group", name="Ticked off")).to_contain_text("books.txt")
    panel.picture("plan-building-light")
    wear(page, "JupyterLab Dark")
    page.set_viewport_size({"width": 640, "height": 900})
    panel.picture("plan-building-dark-narrow")
    assert violations(page, PANEL) == []
    page.set_viewport_size({"width": 1400, "height": 900})
    wear(page, "JupyterLab Light")
    seen.set()
    panel.finished(2)
    expect(progress).to_have_attribute("aria-expanded", "false")
    expect(panel.conversation.get_by_text("Plan accepted, with edits")).to_be_visible()
    expect(panel.turns.last.get_by_text("Build this plan: A list of books")).to_be_visible()
    expect(root.get_by_role("radio", name="Build")).to_be_checked()
    assert "- [ ] `books.txt`" in str(model.requests[2].body["messages"])
    panel.picture("plan-built-light")

    page.reload()
    expect(panel.conversation.get_by_text("Plan accepted, with edits")).to_be_visible()
    root.get_by_text("Ask", exact=True).click()
    panel.say("Where does it keep the books?")
    expect(panel.turns.last.get_by_text("one title a line")).to_be_visible()
    panel.finished(3)
    panel.turns.nth(1).get_by_text("The plan, as edited").click()
    panel.picture("plan-and-question-light")
    assert violations(page, PANEL) == []
