"""Several tabs, several runs, a server that dies: nothing is lost, doubled or mixed up."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest
from building import write
from model_server import ModelServer, model_server_in_thread
from playwright.sync_api import TimeoutError, expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, Panel

WORDS = " ".join(f"word{number}" for number in range(300))


def last_words(panel: Panel) -> str:
    return panel.turns.last.locator(".jp-AppBuilder-markdown").last.inner_text().strip()


def test_two_tabs_stay_in_sync_during_a_turn(open_lab: OpenLab, lab: Lab, model: ModelServer) -> None:
    rest = threading.Event()
    model.steps = [{"text": WORDS, "held": rest, "held_after": 10}]
    session = lab.new_session(title="Two tabs", model="custom:scripted")["id"]
    first = open_lab(session)
    first.say("Count to three hundred")
    expect(first.conversation.get_by_text("word9 ")).to_be_visible()
    second = open_lab(session)  # joins in the middle
    expect(second.turns.last).to_contain_text("word0 word1 ")
    expect(second.stop).to_be_visible()
    first.page.reload()
    expect(first.turns.last).to_contain_text("word0 word1 ", timeout=LONG)
    rest.set()
    for panel in (first, second):
        panel.finished(1)
        assert last_words(panel) == WORDS
    assert first.text() == second.text()
    second.page.bring_to_front()
    model.steps = [*model.steps, {"text": "And on."}]
    second.say("Go on")
    first.finished(2)
    assert last_words(first) == "And on."


def test_a_server_killed_in_a_turn_comes_back_with_everything(open_lab: OpenLab, lab: Lab, model: ModelServer) -> None:
    rest = threading.Event()  # the server dies before
    model.steps = [{"text": "Done before."}, {"text": WORDS, "held": rest, "held_after": 10}, {"text": "Done after."}]
    session = lab.new_session(title="Killed", model="custom:scripted")
    panel = open_lab(session["id"])
    panel.say("First")
    panel.finished(1)
    expect(panel.preview().get_by_role("heading", name="One page")).to_be_visible(timeout=LONG)
    panel.say("Second")
    expect(panel.conversation.get_by_text("word0 word1 ")).to_be_visible()
    notice = panel.page.get_by_role("dialog", name="Server Connection Error")  # JupyterLab's own, at some time
    panel.page.add_locator_handler(notice, lambda: notice.get_by_role("button", name="Close").click())
    lab.kill()
    try:
        expect(panel.root.get_by_text("Connection lost.")).to_be_visible()
        panel.picture("connection-lost-light")
    finally:
        lab.start()
    with contextlib.suppress(TimeoutError):  # it comes back by itself, too
        panel.root.get_by_role("button", name="Try now").click(timeout=3000)
    expect(panel.root.get_by_text("Connection lost.")).to_have_count(0, timeout=LONG)
    resumed = panel.turns.nth(1)
    expect(resumed.get_by_text("Resumed after a server restart.")).to_be_visible(timeout=LONG)
    expect(resumed.locator("footer")).to_be_visible(timeout=LONG)
    panel.finished(2)
    expect(panel.stop).to_have_count(0)
    expect(panel.conversation.get_by_text("Done before.")).to_have_count(1)
    expect(panel.turns).to_have_count(2)
    panel.picture("after-crash-light")
    assert last_words(panel) == "Done after."
    expect(panel.preview().get_by_role("heading", name="One page")).to_be_visible(timeout=LONG)


@pytest.mark.walk
def test_two_runs_at_once_do_not_mix(open_lab: OpenLab, lab: Lab) -> None:
    with model_server_in_thread() as red, model_server_in_thread() as blue:
        both = threading.Event()  # run
        panels: dict[str, Panel] = {}
        sessions: dict[str, dict[str, Any]] = {}
        for name, server in (("red", red), ("blue", blue)):
            lab.api("PUT", f"providers/{name}", {"base_url": server.url, "api_key": "sk-test"})
            page = f"<!doctype html><html lang=en><title>{name}</title><h1>A {name} page</h1>"
            server.steps = [
                {"text": f"I begin {name}. ", "tool_calls": [write("index.html", page)], "held": both, "held_after": 2},
                {"text": " ".join([name] * 200), "delay": 0.01},
            ]
            sessions[name] = lab.new_session(title=name, model=f"{name}:scripted")
            panels[name] = open_lab(sessions[name]["id"])
        for name, panel in panels.items():
            panel.say(f"Make it {name}")
        for panel in panels.values():
            expect(panel.stop).to_be_visible()
        both.set()
        for name, panel in panels.items():
            other = {"red": "blue", "blue": "red"}[name]
            panel.finished(1)
            assert last_words(panel) == " ".join([name] * 200)
            assert other not in panel.text()
            panel.page.get_by_role("button", name="Reload the page").click()
            expect(panel.preview().get_by_role("heading", name=f"A {name} page")).to_be_visible(timeout=LONG)
            assert f"A {name} page" in (lab.app(sessions[name]) / "index.html").read_text()
        for name in panels:
            lab.api("DELETE", f"providers/{name}")
