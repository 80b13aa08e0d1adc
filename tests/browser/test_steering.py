"""Retry, Continue and messages that are edited, as a person meets them."""

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


def page_that_says(words: str) -> dict[str, object]:
    head = "<head><meta charset=utf-8><title>Page</title></head>"
    return write("index.html", f"<!doctype html>\n<html lang=en>{head}<body><h1>{words}</h1></body></html>\n")


def test_a_retry_takes_the_app_back_and_what_it_dropped_can_be_brought_back(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    asked_again = threading.Event()
    model.steps = [
        {"tool_calls": [page_that_says("A first page")]},
        {"text": "There is a page."},
        {"text": "I make it ugly.", "tool_calls": [page_that_says("An ugly page")]},
        {"text": "It is ugly now."},
        {"held": asked_again, "tool_calls": [page_that_says("A pretty page")]},
        {"text": "It is pretty now."},
    ]
    summary = lab.new_session(title="Again", template="static", model="custom:scripted")
    panel = open_lab(summary["id"])
    panel.say("Make a page")
    panel.finished(1)
    panel.say("Make it beautiful")
    panel.finished(2)
    expect(panel.preview().get_by_role("heading", name="An ugly page")).to_be_visible(timeout=LONG)
    (lab.app(summary) / "mine.txt").write_text("by hand\n")
    panel.picture("retry-before")

    panel.turns.last.get_by_role("button", name="Retry").click()
    # The model has not answered yet: the page is what it was before the request.
    expect(panel.preview().get_by_role("heading", name="A first page")).to_be_visible(timeout=LONG)
    dropped = panel.conversation.get_by_role("button", name=re.compile("Dropped attempt and edits"))
    expect(dropped).to_be_visible()
    panel.picture("retry-running")
    asked_again.set()
    panel.finished(3)
    expect(panel.preview().get_by_role("heading", name="A pretty page")).to_be_visible(timeout=LONG)
    assert not (lab.app(summary) / "mine.txt").exists()
    expect(panel.conversation.get_by_text("It is ugly now.")).to_have_count(0)
    dropped.click()
    expect(panel.conversation.get_by_text("It is ugly now.")).to_be_visible()
    panel.picture("retry-opened")
    assert violations(panel.page, "#jp-appbuilder-panel") == []
    panel.conversation.get_by_role("button", name="Bring back").click()
    expect(panel.preview().get_by_role("heading", name="An ugly page")).to_be_visible(timeout=LONG)
    expect(panel.conversation.get_by_role("button", name="Undo")).to_be_visible()
    assert (lab.app(summary) / "mine.txt").read_text() == "by hand\n"


def test_a_stopped_turn_goes_on_and_an_edited_message_is_asked_in_a_fork(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    slow = call("run_command", command="echo at work; sleep 300", timeout_seconds=300)
    model.steps = [
        {"tool_calls": [page_that_says("A clock"), slow]},
        {"text": "The rest is done."},
        {"tool_calls": [page_that_says("A calendar")]},
        {"text": "It is a calendar."},
    ]
    source = lab.new_session(title="Clock", template="static", model="custom:scripted")
    panel = open_lab(source["id"])
    panel.say("Make a clock")
    expect(panel.card("Running echo at work")).to_be_visible(timeout=LONG)
    panel.stop.click()
    go_on = panel.root.get_by_role("button", name="Continue", exact=True)
    expect(go_on).to_be_visible()
    panel.picture("stopped-light")
    go_on.click()
    panel.finished(2)
    expect(panel.root.get_by_role("button", name="Continue", exact=True)).to_have_count(0)
    assert "sleep 300" in model.requests[1].body["messages"][-1]["content"]

    first = panel.turns.first
    first.get_by_text("Make a clock").hover()
    first.get_by_role("button", name="Edit: Make a clock").click()
    box = panel.root.get_by_role("textbox", name="Edited message")
    expect(box).to_be_focused()
    box.fill("Make a calendar")
    panel.picture("edit-light")
    wear(panel.page, "JupyterLab Dark")
    panel.picture("edit-dark")
    panel.root.get_by_role("button", name="Ask in a copy").click()
    expect(panel.root.get_by_role("heading", name="Clock (fork)")).to_be_visible(timeout=LONG)
    panel.finished(1)
    expect(panel.preview().get_by_role("heading", name="A calendar")).to_be_visible(timeout=LONG)
    panel.picture("fork-dark")
    assert "A clock" in (lab.app(source) / "index.html").read_text()

    panel.conversation.get_by_role("button", name=source["name"], exact=True).click()
    expect(panel.root.get_by_role("heading", name="Clock", exact=True)).to_be_visible()
    panel.finished(2)
    panel.root.get_by_role("button", name="All apps").click()
    expect(panel.root.get_by_text(f"Forked from {source['name']}")).to_be_visible()
    panel.picture("fork-list")
