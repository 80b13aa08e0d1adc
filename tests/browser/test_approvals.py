"""Questions of the agent, the network of an app, and where it runs, as a person sees them."""

from __future__ import annotations

import re

from building import call
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import violations
from .test_accessibility import tab_to, wear

ASK = {
    "text": "The weather comes from a public service, so the app has to reach it.",
    "tool_calls": [
        call("request_network", host="api.weather.example.org", reason="It answers with the forecast for a place.")
    ],
}
PANEL = "#jp-appbuilder-panel"


def test_a_question_survives_a_reload_and_is_answered_with_the_keyboard(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    model.steps = [ASK, {"text": "Done."}]
    panel = open_lab(lab.new_session(title="Weather board", model="custom:scripted")["id"])
    page, root = panel.page, panel.root
    panel.say("Show the weather of my town")
    card = panel.conversation.get_by_role("group", name="May this app reach api.weather.example.org?")
    expect(card).to_contain_text("It answers with the forecast for a place.")
    expect(root.get_by_text("Waiting for you").first).to_be_visible()
    expect(page.get_by_title("App Builder: Weather board is waiting for you")).to_be_visible()
    panel.picture("approval-light")
    assert violations(page, PANEL) == []

    page.reload()
    expect(card).to_be_visible()
    wear(page, "JupyterLab Dark")
    panel.picture("approval-dark")
    page.set_viewport_size({"width": 640, "height": 900})
    panel.picture("approval-narrow")
    page.set_viewport_size({"width": 1400, "height": 900})
    assert violations(page, PANEL) == []
    wear(page, "JupyterLab Light")

    panel.composer.focus()
    tab_to(page, "^Allow for this app$", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(panel.conversation.get_by_text("Allowed for this app.")).to_be_visible()
    panel.finished(1)

    root.get_by_role("button", name=re.compile("^Sandbox: .*, 1 host$")).click()
    hosts = root.get_by_role("list", name="Allowed hosts")
    expect(hosts).to_have_text(re.compile("api.weather.example.org"))
    root.get_by_label("Host to allow").fill("127.0.0.1")
    page.keyboard.press("Enter")
    expect(root.get_by_text("belongs to this machine")).to_be_visible()
    root.get_by_label("Host to allow").fill("*.tiles.example.org")
    page.keyboard.press("Enter")
    expect(hosts.get_by_role("listitem")).to_have_count(2)
    panel.picture("network-light")
    assert violations(page, PANEL) == []
    page.set_viewport_size({"width": 640, "height": 900})
    panel.picture("network-narrow")
    page.set_viewport_size({"width": 1400, "height": 900})
    hosts.get_by_role("button", name="Remove api.weather.example.org").click()
    expect(hosts.get_by_role("listitem")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(hosts).to_have_count(0)
    expect(panel.conversation.get_by_text("The app may no longer reach api.weather.example.org.")).to_be_visible()


def test_templates_are_cards_and_the_sandbox_is_named(open_lab: OpenLab, lab: Lab, model: ModelServer) -> None:
    panel = open_lab(width=1000)
    page, root = panel.page, panel.root
    panel.choose_template("One page")
    expect(root.get_by_role("radio", name="One page")).to_be_checked()
    assert root.get_by_role("radio").count() >= 4
    panel.picture("templates-light")
    assert violations(page, PANEL) == []
    wear(page, "JupyterLab Dark")
    panel.picture("templates-dark")
    assert violations(page, PANEL) == []
    wear(page, "JupyterLab Light")
    model.steps = [{"text": "Here it is."}]
    panel.choose_model("custom:scripted")
    panel.say("Say hello")
    panel.finished(1)
    chip = root.get_by_role("button", name=re.compile("^Sandbox: "))
    expect(chip).to_have_attribute("title", re.compile("\\w"))
    chip.click()
    expect(root.get_by_text("the app\u2019s code has no network")).to_be_visible()
