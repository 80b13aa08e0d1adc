"""Usage and budgets over the API."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import pytest

USAGE = {"prompt_tokens": 20_000, "completion_tokens": 400, "cached_tokens": 15_000}


@pytest.fixture
def app_config(app_config: dict[str, Any]) -> dict[str, Any]:
    app_config["AppBuilder"] |= {"prices": {"custom:scripted": (10, 50, 1)}, "session_budget": 1.0, "timezone": "UTC"}
    return app_config


async def asked(call, session: str) -> dict[str, Any]:
    await call("POST", "sessions", session, "messages", json={"text": "Say hello."})
    for _ in range(400):
        summary = (await call("GET", "sessions", session)).data
        if summary["turn"] and summary["turn"]["reason"]:
            return summary
        await asyncio.sleep(0.05)
    raise AssertionError("The turn did not end.")


async def test_usage_is_told_by_session_step_model_and_day_and_taken_home_as_a_table(call, new_session, model):
    empty = (await call("GET", "usage")).data
    assert (empty["today"]["requests"], empty["days"], empty["models"]) == (0, [], [])
    model.steps = [{"text": "Hello.", "usage": USAGE}]
    session = await new_session(title="=1+1")
    assert (await asked(call, session))["turn"]["reason"] == "done"
    found = (await call("GET", "sessions", session, "usage")).data
    used = found["usage"]
    assert used["cached_tokens"] == 15_000
    assert used["input_tokens"] >= 20_000  # what it took to find out how to talk to the model counts as well
    cost = ((used["input_tokens"] - 15_000) * 10 + 15_000 * 1 + used["output_tokens"] * 50) / 1_000_000
    assert used["cost"] == pytest.approx(cost)
    [turn] = found["turns"]
    assert (turn["request"], [step["response"] for step in turn["steps"]]) == ("Say hello.", ["r1"])
    assert found["model"] == {"model": "custom:scripted", "priced": True}
    kinds = {(it["scope"], it["unit"]): (it["limit"], it["source"]) for it in found["budgets"]}
    assert kinds == {("turn", "tokens"): (2_000_000, "configuration"), ("session", "dollars"): (1, "configuration")}

    report = (await call("GET", "usage", days=7)).data
    assert report["today"]["cost"] == report["total"]["cost"] == pytest.approx(cost)
    assert [row["model"] for row in report["models"]] == ["custom:scripted"]
    assert [row["title"] for row in report["sessions"]] == ["=1+1"]
    assert report["timezone"] == "UTC"

    table = await call("GET", "usage", "requests", format="csv")
    [row] = csv.DictReader(io.StringIO(table.body.decode()))
    assert float(row["cost"]) == pytest.approx(cost)
    assert row["title"] == "'=1+1", "a spreadsheet must not run it"
    assert (await call("GET", "usage", "requests")).data[0]["cached_tokens"] == 15_000

    assert (await call("DELETE", "sessions", session, files="true")).status == 204
    report = (await call("GET", "usage")).data
    assert report["today"]["cost"] == pytest.approx(cost)
    assert [row["title"] for row in report["sessions"]] == [None]


async def test_ones_own_budgets_are_kept_and_never_above_the_administrators(call, builder):
    kept = await call("PUT", "usage", "budgets", json={"day": {"dollars": 5}, "session": {"dollars": 0.5}})
    assert kept.data["own"]["day"] == {"dollars": 5, "tokens": None}
    assert kept.data["configured"]["session"] == {"dollars": 1, "tokens": None}
    refused = await call("PUT", "usage", "budgets", json={"session": {"dollars": 2}})
    assert (refused.status, refused.data["field"]) == (400, "session.dollars")
    assert "$1.00" in refused.data["message"]
    kept = await call("PUT", "usage", "budgets", json={"session": {"dollars": None}, "timezone": "Asia/Tokyo"})
    assert kept.data["own"] == {
        "turn": {"dollars": None, "tokens": None},
        "session": {"dollars": None, "tokens": None},
        "day": {"dollars": 5, "tokens": None},
    }
    report = (await call("GET", "usage")).data
    assert (report["timezone"], report["settings"]) == ("Asia/Tokyo", kept.data)
    assert [(it["limit"], it["source"]) for it in report["budgets"]] == [(5, "person")]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"week": {"dollars": 1}},
        {"day": 5},
        {"day": {"euros": 5}},
        {"day": {"dollars": -1}},
        {"day": {"dollars": "5"}},
        {"day": {"dollars": True}},
        {"day": {"tokens": 1e13}},
        {"timezone": "Middle/Earth"},
    ],
    ids=str,
)
async def test_what_is_no_budget_is_refused(call, body):
    assert (await call("PUT", "usage", "budgets", json=body)).status == 400


async def test_a_session_that_came_to_its_end_goes_on_once_it_is_raised(call, new_session, model):
    await call("PUT", "usage", "budgets", json={"session": {"dollars": 0.25}})
    model.steps = [{"text": "Hello.", "usage": USAGE | {"cached_tokens": 0}}] * 9
    session = await new_session()
    assert (await asked(call, session))["turn"]["reason"] == "done"
    over = (await asked(call, session))["turn"]
    assert (over["reason"], len(model.requests)) == ("budget", 1)
    assert "$0.25" in over["message"]
    refused = await call("POST", "sessions", session, "budget", json={"dollars": 3})
    assert (refused.status, refused.data["field"]) == (400, "session.dollars")
    for nothing in ({}, {"dollars": 0.05}):
        assert (await call("POST", "sessions", session, "budget", json=nothing)).status == 400
    raised = await call("POST", "sessions", session, "budget", json={"dollars": 0.4})
    assert [it["source"] for it in raised.data["budgets"] if it["scope"] == "session"] == ["session"]
    assert (await asked(call, session))["turn"]["reason"] == "done"
    assert len(model.requests) == 2
