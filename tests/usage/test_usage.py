"""Tokens and dollars."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_appbuilder.events import Draft, Event
from jupyter_appbuilder.usage.ledger import UsageTotals, ledger
from jupyter_appbuilder.usage.prices import PRICES, cost


def recorded(turn: str, model: str, input: int, output: int, dollars: float | None) -> Event:
    usage: dict[str, Any] = {"input_tokens": input, "output_tokens": output, "cached_tokens": 1, "cost": dollars}
    return Event(
        "s", 1, 0.0, "usage.recorded", Draft("usage.recorded", {"turn": turn, "model": model, "usage": usage}).data
    )


def test_totals_by_session_turn_and_model():
    totals = ledger(
        [recorded("t1", "a:x", 10, 1, 0.5), recorded("t1", "b:y", 20, 2, 0.25), recorded("t2", "a:x", 40, 4, 1)]
    )
    assert totals.session == UsageTotals(70, 7, 3, 1.75, 3)
    assert totals.turns["t1"] == UsageTotals(30, 3, 2, 0.75, 2)
    assert totals.models["a:x"] == UsageTotals(50, 5, 2, 1.5, 2)
    assert totals.session.to_json() == {"input_tokens": 70, "output_tokens": 7, "cached_tokens": 3, "cost": 1.75}


def test_one_unknown_cost_makes_the_sum_unknown():
    totals = ledger([recorded("t1", "a:x", 1, 1, None), recorded("t2", "a:x", 1, 1, 1)])
    assert totals.session.cost is None
    assert totals.turns["t2"].cost == 1


def test_a_session_without_requests_cost_nothing():
    assert ledger([]).session == UsageTotals(cost=0.0)


def test_cached_tokens_cost_less():
    per_input, per_output, per_cached = PRICES["openai:gpt-5"]
    assert per_cached is not None
    expected = (600_000 * per_input + 400_000 * per_cached + 1_000 * per_output) / 1_000_000
    assert cost("openai:gpt-5", 1_000_000, 1_000, 400_000) == pytest.approx(expected)


def test_a_dated_version_costs_what_its_model_does():
    assert cost("openai:gpt-5-2025-08-07", 1_000_000, 0) == PRICES["openai:gpt-5"][0]
    assert cost("anthropic:claude-sonnet-4-5-20250929", 1_000_000, 0) == PRICES["anthropic:claude-sonnet-4-5"][0]
    assert cost("zai:GLM-5.3", 1_000_000, 0) == PRICES["zai:glm-5.3"][0]


def test_what_is_not_known_is_not_guessed():
    assert cost("custom:whatever", 10, 10) is None
    assert cost("openai:gpt-5", 0, 0) is None  # the endpoint reported no usage
    assert cost("ollama:qwen3:8b", 10, 10) == 0.0
    assert cost("demo:recorded", 0, 0) == 0.0


def test_every_price_is_plausible():
    for model, (per_input, per_output, per_cached) in PRICES.items():
        assert model == model.lower()
        assert 0 < per_input <= per_output < 1_000
        assert per_cached is None or per_cached <= per_input
