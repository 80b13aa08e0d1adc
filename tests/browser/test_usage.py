"""What a person sees of tokens, costs and budgets."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from building import write
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations

USAGE = {"prompt_tokens": 8_000, "completion_tokens": 400, "cached_tokens": 4_000}


@pytest.fixture
def own_budgets(lab: Lab) -> Iterator[None]:
    """A person's own budgets hold for all sessions: other tests must find none."""
    yield
    lab.api("PUT", "usage/budgets", {"session": {"tokens": None, "dollars": None}})


@pytest.mark.usefixtures("own_budgets")
def test_a_budget_set_in_the_panel_ends_a_turn_and_raised_there_lets_it_go_on(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    panel = open_lab(lab.new_session(title="Spender", model="custom:scripted")["id"])
    page, root = panel.page, panel.root
    panel.menu("Usage and budgets")
    expect(root.get_by_role("heading", name="This session")).to_be_visible()
    expect(root.get_by_text("Nothing yet: tokens and cost of each request will be listed here.")).to_be_visible()
    root.get_by_label("Each session, Tokens").fill("20000")
    root.get_by_label("Each session, US dollars").fill("5")
    root.get_by_role("button", name="Save").click()
    expect(root.get_by_role("meter", name="This session: 0 tokens of 20.0k tokens")).to_be_visible()
    expect(root.get_by_text("The price of scripted is unknown, so dollar budgets do not apply to it.")).to_be_visible()
    panel.picture("usage-empty-light")
    root.get_by_role("button", name="Back").click()

    steps = [{"tool_calls": [write(f"{n}.txt", "x\n")], "usage": USAGE} for n in range(9)]
    model.steps = [{"text": "I look around.", "usage": USAGE}]
    panel.say("What is there?")
    panel.finished(1)
    model.steps, model._next = steps, 0
    panel.say("Write files")
    panel.finished(2)
    ended = panel.turns.last.locator("footer")
    expect(ended).to_contain_text(re.compile(r"This session has used 16,\d+ tokens of its budget of 20,000 tokens"))
    expect(
        root.get_by_role("status").get_by_text(re.compile(r"^This session: 16\.\dk tokens of 20\.0k tokens used\.$"))
    ).to_be_visible()
    panel.picture("over-budget-light")

    ended.get_by_role("button", name="Usage and budgets").click()
    expect(root.get_by_text("price not known").first).to_be_visible()
    root.locator("summary").first.click()
    expect(root.get_by_text("write_file")).to_be_visible()
    panel.picture("usage-light")
    assert violations(page, "#jp-appbuilder-panel") == []
    with page.expect_download() as download:
        root.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == "app-builder-usage.csv"
    assert "custom:scripted" in download.value.path().read_text()
    root.get_by_label("Raise for this session to (tokens)").fill("80000")
    root.get_by_role("button", name="Raise", exact=True).click()
    expect(root.get_by_role("meter", name=re.compile("^This session: .* of 80.0k tokens"))).to_be_visible()
    root.get_by_role("button", name="Back").click()
    expect(panel.conversation.get_by_text("You set this session’s budget to 80.0k tokens.")).to_be_visible()

    model.steps, model._next = [{"text": "All is written.", "usage": USAGE}], 0
    panel.turns.last.get_by_role("button", name="Continue").click()
    expect(panel.conversation.get_by_text("All is written.")).to_be_visible(timeout=LONG)
    panel.finished(3)
