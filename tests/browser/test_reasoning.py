"""What a person sees of what a model thinks before it answers."""

from __future__ import annotations

import re
import threading

from building import write
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import violations, wait_for
from .test_accessibility import wear

THOUGHTS = (
    """\
The person wants a page about owls. I look at **what is there** first:

1. `index.html` holds the template's heading.
2. A list of species comes below it, with `a_name_without_any_space_in_it_that_is_longer_than_the_panel_is_wide_by_far`.

"""
    + "Then I weigh whether one file is enough. " * 60
)


def test_what_a_model_thinks_is_a_folded_line_and_no_part_of_its_answer(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    rest = threading.Event()
    page = "<!doctype html><html lang=en><title>Owls</title><h1>Owls</h1></html>\n"
    model.steps = [
        {"reasoning": THOUGHTS, "tool_calls": [write("index.html", page)], "held": rest, "held_after": 40},
        {"reasoning": "That was all.", "text": "The page about owls is there."},
    ]
    session = lab.new_session(title="Owls", model="custom:scripted")
    panel = open_lab(session["id"])
    panel.say("Make a page about owls")
    thinking = panel.conversation.get_by_role("button", name="Thinking…")
    expect(thinking).to_be_visible()
    panel.picture("reasoning-live-folded")
    expect(panel.conversation.get_by_text("The person wants")).to_have_count(0)
    thinking.click()
    expect(panel.conversation.get_by_text("what is there")).to_be_visible()
    panel.picture("reasoning-live-open")
    late = open_lab(session["id"])  # joins while it thinks
    expect(late.conversation.get_by_role("button", name="Thinking…")).to_be_visible()
    rest.set()
    panel.page.bring_to_front()
    panel.finished(1)
    thought = panel.conversation.get_by_role("button", name=re.compile("^Thought"))
    expect(thought).to_have_count(2)
    expect(thought.first).to_have_attribute("aria-expanded", "true")  # it stays as it was
    expect(thought.last).to_have_attribute("aria-expanded", "false")
    assert violations(panel.page, "#jp-appbuilder-panel") == []
    thought.first.scroll_into_view_if_needed()
    panel.picture("reasoning-open")
    wear(panel.page, "JupyterLab Dark")
    panel.picture("reasoning-dark")
    wear(panel.page, "JupyterLab Light")
    panel.narrow()
    panel.picture("reasoning-narrow")
    assert panel.conversation.evaluate("element => element.scrollWidth <= element.clientWidth")
    notebook = lab.root / session["notebook"]
    wait_for(lambda: notebook.exists() and "The page about owls is there." in notebook.read_text())
    assert "The person wants" not in notebook.read_text()
