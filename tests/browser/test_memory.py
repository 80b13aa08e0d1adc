"""What a person sees of a history that was shortened."""

from __future__ import annotations

import re

from building import write
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import violations
from .test_accessibility import wear

SUMMARY = """\
## Goal
A page about **owls**, with a list of species and their calls.

## What stands where
- `index.html`: the page, its heading and the list
- `js/owls.js`: the species, one object each: `{ name, size, call }`

## Open problems
The call of the barn owl is missing: `TypeError: call is undefined` in `js/owls.js:12`.

## Next step
Add the call, then check the app.
"""


def test_a_shortened_memory_is_a_line_that_opens_to_its_summary(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    long = {"prompt_tokens": 182_000, "completion_tokens": 20}
    page = "<!doctype html><html lang=en><title>Owls</title><h1>Owls</h1></html>\n"
    model.steps = [
        {"text": "I look at owls at length. " * 150, "tool_calls": [write("notes.txt", "owls\n")], "size": 400},
        {"tool_calls": [write("index.html", page)], "usage": long},
        {"text": SUMMARY, "delay": 0.02},
        {"text": "The page about owls is there."},
    ]
    summary = lab.new_session(title="Owls", model="custom:scripted")
    panel = open_lab(summary["id"])
    panel.say("Make a page about owls, with all their calls")
    panel.finished(1)
    line = panel.conversation.get_by_text(
        re.compile(r"^Shortened what the model remembers: 1\d\d,\d{3} → [\d,]+ tokens$")
    )
    expect(line).to_be_visible()
    panel.picture("memory-closed")
    opener = panel.conversation.get_by_role("button", name="Shortened memory: the summary")
    opener.click()
    expect(panel.conversation.get_by_role("heading", name="Open problems")).to_be_visible()
    assert violations(panel.page, "#jp-appbuilder-panel") == []
    line.scroll_into_view_if_needed()
    panel.picture("memory-open")
    wear(panel.page, "JupyterLab Dark")
    panel.picture("memory-dark")
    wear(panel.page, "JupyterLab Light")
