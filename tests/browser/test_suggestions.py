"""Requests to choose from: what an app can begin with, and what the agent suggests to ask for next."""

from __future__ import annotations

import re

from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import violations
from .test_accessibility import PANEL, wear

LONG_ONE = "Let people export the whole list as CSV, with the columns that they chose"


def test_a_request_is_chosen_changed_and_sent(lab: Lab, model: ModelServer, open_lab: OpenLab) -> None:
    said = f"The page is there.\n\n- **Next:** Add a search box\nNext: {LONG_ONE}\nNext: Sort by name"
    model.steps = [{"text": said}, {"text": "Added."}]
    panel = open_lab()
    page = panel.page
    page.reload()  # the model is there by now
    panel.choose_model("custom:scripted")  # other tests set up others
    panel.choose_template("Plain website")
    examples = panel.root.get_by_role("group", name="For example")
    expect(examples.get_by_role("button")).to_have_count(4)
    panel.composer.scroll_into_view_if_needed()
    panel.picture("starters-light")
    assert violations(page, PANEL) == []
    first = examples.get_by_role("button").first
    words = first.inner_text()
    first.press("Enter")
    expect(panel.composer).to_be_focused()
    expect(panel.composer).to_have_value(words)
    panel.composer.press("End")
    panel.composer.press_sequentially(" in Rome")
    expect(examples).to_have_count(0)
    panel.composer.press("Enter")
    panel.finished(1)
    expect(panel.turns.first).to_contain_text(f"{words} in Rome")

    suggested = panel.root.get_by_role("group", name="Next, perhaps")
    expect(suggested.get_by_role("button")).to_have_text(["Add a search box", LONG_ONE, "Sort by name"])
    expect(panel.turns.first).not_to_contain_text(re.compile("Next:"))
    panel.picture("suggestions-light")
    wear(page, "JupyterLab Dark")
    panel.picture("suggestions-dark")
    assert violations(page, PANEL) == []
    panel.narrow()
    panel.picture("suggestions-narrow")
    page.reload()
    suggested.get_by_role("button", name="Sort by name").click()
    expect(panel.composer).to_have_value("Sort by name")
    expect(panel.turns).to_have_count(1)
    panel.composer.press("Enter")
    panel.finished(2)
    expect(suggested).to_have_count(0)
    wear(page, "JupyterLab Light")
