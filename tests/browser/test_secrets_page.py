"""Secrets and functions of an app in the panel: asked for, set without being shown, used by a call by hand."""

from __future__ import annotations

import json

from building import write
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations
from .test_data_in_an_app import themed

VALUE = "wx-4f9c-secret-key"
FUNCTION = """import type { Context } from "app";

export function GET(_request: Request, { env, log, db }: Context) {
  log.info("key", env.WEATHER_KEY);
  db.run("INSERT INTO tasks (title) VALUES ('Umbrella')");
  return { characters: env.WEATHER_KEY?.length ?? 0, region: env.REGION_CODE ?? null };
}
"""
WHY = "The weather service wants a key: weather.example.org gives one."


def test_a_secret_that_the_agent_asks_for_is_set_and_a_function_called_with_it(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    ask = {"name": "request_secret", "arguments": {"name": "WEATHER_KEY", "why": WHY}}
    asked = [ask, write("functions/weather.ts", FUNCTION)]
    model.steps = [{"text": "It needs a key.", "tool_calls": asked}, {"text": "Done."}, {"text": "Done."}]
    new = {"title": "Weather", "template": "serverless", "model": "custom:scripted"}
    session = lab.api("POST", "sessions", new)
    panel = open_lab(session["id"])
    page = panel.page
    panel.say("Show the weather")
    card = panel.conversation.get_by_role("group", name="The app needs the secret WEATHER_KEY.")
    expect(card).to_contain_text("The weather service wants a key", timeout=LONG)
    panel.picture("secret-asked")
    assert violations(page, "#jp-appbuilder-panel") == []
    card.get_by_label("Value of WEATHER_KEY").fill(VALUE)
    card.get_by_role("button", name="Set", exact=True).click()
    expect(panel.conversation.get_by_text("Set.", exact=True)).to_be_visible(timeout=LONG)
    panel.finished(1)

    page.get_by_role("group", name="What is shown").get_by_role("button", name="Its data").click(timeout=LONG)
    behind = page.get_by_role("group", name="Behind the page")
    behind.get_by_role("button", name="Secrets").click(timeout=LONG)
    secrets = page.get_by_role("region", name="Secrets")
    expect(secrets.get_by_text("not set yet")).to_be_visible(timeout=LONG)  # REGION_CODE
    expect(secrets.get_by_label("Value of REGION_CODE")).to_have_value("")
    expect(secrets.get_by_text("Read by functions/weather.ts.").first).to_be_visible()
    expect(secrets.get_by_text("encrypted with a key of this server")).to_be_visible()
    themed(page, panel, "secrets-page")
    assert violations(page, ".jp-AppBuilder-preview") == []
    secrets.get_by_label("Value of REGION_CODE").fill("abc")
    secrets.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_role("alert").get_by_text("too short")).to_be_visible(timeout=LONG)
    secrets.get_by_label("Value of REGION_CODE").fill("north-by-northwest")
    secrets.get_by_role("button", name="Set", exact=True).click()
    expect(secrets.get_by_text("not set yet")).to_have_count(0, timeout=LONG)

    behind.get_by_role("button", name="Functions").click()
    functions = page.get_by_role("region", name="Functions")
    functions.get_by_role("button", name="weather", exact=True).click(timeout=LONG)
    functions.get_by_role("button", name="Call", exact=True).click()
    answer = functions.get_by_label("What it answered")
    expect(answer).to_contain_text(f'"characters": {len(VALUE)}', timeout=LONG)
    expect(answer).to_contain_text('"region": "•••"')
    expect(functions.get_by_label("What the call said")).to_contain_text("info: key •••")
    expect(functions.get_by_text("tasks: 1 inserted")).to_be_visible()
    functions.get_by_role("button", name="Last lines").click()
    expect(functions.get_by_label("What it said last")).to_contain_text("key •••")
    themed(page, panel, "functions-page")
    assert violations(page, ".jp-AppBuilder-preview") == []
    told = json.dumps(lab.api("GET", f"sessions/{session['id']}/secrets")) + page.content()
    assert VALUE not in told
    assert VALUE not in str(model.requests)

    behind.get_by_role("button", name="Secrets").click()
    secrets.get_by_role("button", name="Remove WEATHER_KEY").click()
    expect(secrets.get_by_label("Value of WEATHER_KEY")).to_be_visible(timeout=LONG)
