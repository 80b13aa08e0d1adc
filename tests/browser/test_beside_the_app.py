"""What JupyterLab has beside the app and a request takes along: files that are dragged, variables, versions, a picture
of the page; and the browser's own notice."""

from __future__ import annotations

import json
import re

from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations
from .test_accessibility import PANEL

NOTICES = """() => {
  window.told = [];
  window.asked = 0;
  window.Notification = class {
    static permission = 'default';
    static requestPermission() { window.asked += 1; this.permission = 'granted'; return Promise.resolve('granted'); }
    constructor(text) { window.told.push(text); }
    close() {}
  };
}"""
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": "a",
            "metadata": {},
            "source": "prices = {'Rome': 3}\nrate = 0.5\n_hidden = 1",
            "outputs": [],
            "execution_count": None,
        }
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def test_a_request_takes_along_what_is_beside_it(lab: Lab, model: ModelServer, open_lab: OpenLab) -> None:
    write = {"name": "write_file", "arguments": {"path": "about.html", "content": "<h1>About</h1>"}}
    model.steps = [{"text": "First.", "tool_calls": [write]}, {"text": "Done."}, {"text": "Done."}]
    (lab.root / "towns.csv").write_text("town\nRome\n")
    (lab.root / "study.ipynb").write_text(json.dumps(NOTEBOOK))
    session = lab.new_session(title="Beside", model="custom:scripted")["id"]
    panel = open_lab(session)
    page = panel.page
    page.evaluate(NOTICES)
    page.evaluate("document.hasFocus = () => false")
    panel.say("Add a page about us")
    panel.finished(1)
    notice = page.get_by_text("Beside is done.").first
    expect(notice).to_be_visible()
    assert page.evaluate("[window.asked, window.told.length]") == [0, 0], "nobody is asked but at a click"
    page.get_by_role("button", name="Also outside JupyterLab").click()
    assert page.evaluate("window.asked") == 1

    # A file of JupyterLab's browser is dragged here.
    item = page.locator(".jp-DirListing-item:not(.lm-mod-drag-image)", has_text="towns.csv")
    expect(item).to_be_visible(timeout=LONG)
    item.hover()
    page.mouse.down()
    box = panel.composer.bounding_box()
    assert box
    for step in (0.2, 0.6, 1.0):
        start = item.bounding_box() or box
        page.mouse.move(
            start["x"] + (box["x"] + 40 - start["x"]) * step, start["y"] + (box["y"] + 10 - start["y"]) * step, steps=4
        )
    panel.picture("dragging-light")
    page.mouse.up()
    files = panel.root.get_by_role("list", name="Attached files")
    expect(files.get_by_role("listitem")).to_have_text(["towns.csv"])

    # A variable of a notebook's kernel, by name and type.
    item = page.locator(".jp-DirListing-item", has_text="study.ipynb")
    item.dblclick()
    cell = page.locator(".jp-Notebook .jp-Cell")
    expect(cell).to_have_count(1, timeout=LONG)
    # What is run before its kernel answers is not run at all.
    expect(page.get_by_role("button", name=re.compile("^Python 3 .*Idle$"))).to_be_visible(timeout=LONG)
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-InputPrompt", has_text="[1]")).to_be_visible(timeout=LONG)
    panel.composer.click()
    panel.composer.press_sequentially("Chart @pric")
    offers = panel.root.get_by_role("listbox")
    variable = offers.get_by_role("option", name=re.compile("^prices.*dict in study.ipynb"))
    expect(variable).to_be_visible()
    panel.picture("variables-light")
    variable.click()
    expect(panel.composer).to_have_value("Chart `prices` (dict in study.ipynb) ")
    panel.composer.press_sequentially("as in @Add a page")
    panel.composer.press("Escape")
    panel.composer.fill("Chart `prices` as in @Add")
    panel.composer.press("End")
    panel.composer.press_sequentially(" ")
    panel.composer.press("Backspace")
    version = offers.get_by_role("option", name=re.compile("^Add a page about us.*version"))
    expect(version).to_be_visible()
    version.click()
    expect(panel.composer).to_have_value(
        re.compile("^Chart `prices` as in version [0-9a-f]{8} .“Add a page about us”. $")
    )

    # A picture of the page.
    panel.narrow()
    panel.root.get_by_role("button", name="Attach files").click()
    panel.picture("attach-menu-narrow")
    page.get_by_role("menuitem", name="Screenshot: phone").click()
    expect(files.get_by_role("listitem").last).to_have_text("screenshot-390x844.png")
    expect(files.locator("img")).to_have_count(1, timeout=LONG)
    panel.picture("screenshot-attached")
    assert violations(page, PANEL) == []
    panel.composer.press("Enter")
    panel.finished(2)
    expect(panel.turns.last.get_by_role("img", name="screenshot-390x844.png")).to_be_visible()
    assert page.evaluate("window.told") == ["Beside is done."]
    said = json.dumps(model.requests[-1].body)
    assert all(part in said for part in ("towns.csv", "screenshot-390x844.png", "version "))
