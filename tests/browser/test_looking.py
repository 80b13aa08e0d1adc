"""Where there is no browser, the person's open preview looks at the app, and shows what it can do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import call, write
from model_server import ModelServer, model_server_in_thread
from playwright.sync_api import Browser, expect

from .conftest import SECRET, visit
from .lab import Lab
from .panel import LONG, Panel, violations
from .test_accessibility import wear
from .test_what_works import ADDING, PAGE, SCRIPT


@pytest.fixture
def blind(tmp_path: Path) -> Iterator[Lab]:
    """A JupyterLab without a browser to look at apps with."""
    lab = Lab(tmp_path / "lab", browser="none")
    lab.start()
    yield lab
    lab.stop()


@pytest.fixture
def model(blind: Lab) -> Iterator[ModelServer]:
    with model_server_in_thread() as server:
        blind.api("PUT", "providers/custom", {"base_url": server.url, "api_key": SECRET})
        yield server


def test_the_agent_looks_through_the_preview_and_a_scenario_is_watched_in_it(
    blind: Lab, model: ModelServer, browser: Browser
) -> None:
    model.steps = [
        {"tool_calls": [write("index.html", PAGE), write("js/tasks.js", SCRIPT)]},
        {"text": "Done."},
        {"tool_calls": [call("look_at_app", path="/")]},
        {"tool_calls": [call("write_scenario", title="A task can be added", steps=ADDING)]},
        *[{"text": "Done."} for _ in range(4)],
    ]
    session = blind.new_session(title="Tasks", model="custom:scripted", template="static")["id"]
    panel = Panel(visit(browser, blind, session))
    page = panel.page
    panel.say("Tasks that can be added")
    panel.finished(1)
    app = panel.preview()
    app.get_by_label("New task").fill("My own")
    app.get_by_role("button", name="Add").click()
    expect(app.get_by_role("listitem")).to_have_text(["My own"])

    panel.say("Look at it")
    preview = page.get_by_role("region", name="Preview", exact=True)
    expect(preview.get_by_text("The agent is trying the app.")).to_be_visible(timeout=LONG)
    panel.finished(2)
    panel.card("Looked at").click()
    expect(panel.conversation.get_by_text("Seen in the person's open preview")).to_be_visible()
    expect(panel.conversation.get_by_text(re.compile('heading "Tasks"')).first).to_be_visible()
    expect(preview.get_by_text("The agent is trying the app.")).to_be_hidden()
    # Their own page and what they did in it waited behind.
    expect(app.get_by_role("listitem")).to_have_text(["My own"])

    works = page.get_by_role("region", name="What works")
    works.get_by_role("button", name="1 of 1 thing works").click()
    watch = works.get_by_role("button", name="Watch it in the preview: A task can be added")
    watch.click()
    notice = preview.get_by_role("status").filter(has_text="A task can be added")
    expect(notice).to_contain_text("2/3: click button", timeout=LONG)
    panel.picture("watching-light")
    expect(preview.get_by_text("Works: A task can be added")).to_be_visible(timeout=LONG)
    assert violations(page, ".jp-AppBuilder-previewWidget") == []
    wear(page, "JupyterLab Dark")
    panel.picture("watched-dark")
    preview.get_by_role("button", name="Dismiss").click()

    page.set_viewport_size({"width": 760, "height": 900})
    watch.click()
    expect(notice).to_contain_text("1/3: fill", timeout=LONG)
    panel.picture("watching-dark-narrow")
    preview.get_by_role("button", name="Stop").click()
    expect(notice).to_be_hidden()
    expect(watch).to_be_enabled()
    expect(app.get_by_role("listitem")).to_have_text(["My own"])
