"""Tokens and dollars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage, calc_price

from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.events import Draft, Event
from jupyter_appbuilder.log.totals import UsageTotals
from jupyter_appbuilder.models.providers import HUB, PROVIDERS
from jupyter_appbuilder.usage.budgets import BudgetSettings
from jupyter_appbuilder.usage.ledger import ledger
from jupyter_appbuilder.usage.prices import FREE, LISTED, PriceList
from jupyter_appbuilder.usage.quotas import LocalQuotas
from jupyter_appbuilder.usage.spending import Spending

PRICES = PriceList()


def recorded(turn: str, model: str, input: int, output: int, dollars: float | None, **more: Any) -> Event:
    usage: dict[str, Any] = {"input_tokens": input, "output_tokens": output, "cached_tokens": 1, "cost": dollars}
    data = {"turn": turn, "model": model, "usage": usage, **more}
    return Event("s", 1, 0.0, "usage.recorded", Draft("usage.recorded", data).data)


def test_totals_by_session_turn_and_model():
    totals = ledger(
        [recorded("t1", "a:x", 10, 1, 0.5), recorded("t1", "b:y", 20, 2, 0.25), recorded("t2", "a:x", 40, 4, 1)]
    )
    assert totals.session == UsageTotals(70, 7, 3, 1.75, 3)
    assert totals.turns["t1"] == UsageTotals(30, 3, 2, 0.75, 2)
    assert totals.models["a:x"] == UsageTotals(50, 5, 2, 1.5, 2)
    assert [request.data["turn"] for request in totals.requests] == ["t1", "t1", "t2"]


def test_one_unknown_cost_makes_the_sum_unknown_and_the_known_part_is_kept():
    totals = ledger([recorded("t1", "a:x", 1, 1, None), recorded("t2", "a:x", 1, 1, 1)])
    assert totals.session.cost is None
    assert (totals.session.dollars, totals.session.unpriced) == (1, 1)
    assert totals.turns["t2"].cost == 1


def test_a_session_without_requests_cost_nothing():
    assert ledger([]).session == UsageTotals()
    assert ledger([]).session.cost == 0


def test_what_a_fork_brings_along_belongs_to_its_source():
    forked = Event("s", 2, 0.0, "session.forked", {"source": "x", "name": "x", "message": 1})
    totals = ledger([recorded("t1", "a:x", 10, 1, 0.5), forked, recorded("t2", "a:x", 40, 4, 1)])
    assert totals.session == UsageTotals(40, 4, 1, 1, 1)
    assert list(totals.turns) == ["t2"]


class Counted(list[Event]):
    """Events, and how many of them were looked at."""

    looked_at = 0

    def __getitem__(self, key: Any) -> Any:
        found: Any = super().__getitem__(key)
        self.looked_at += len(found) if isinstance(key, slice) else 1
        return found

    def __iter__(self) -> Iterator[Event]:
        self.looked_at += len(self)
        return super().__iter__()


async def test_before_a_request_only_what_is_new_is_counted(tmp_path: Path):
    settings = BudgetSettings(tmp_path / "budgets.json", {("session", "tokens"): 2_000.0})
    spending = Spending("a:x", PRICES, LocalQuotas(settings))
    events = Counted([recorded("t1", "a:x", 1, 0, None) for _ in range(1_000)])
    for number in range(100):
        assert await spending.allow(events, "t1", 0) == 1_000 - number
        events.append(recorded("t1", "a:x", 1, 0, None))
    assert events.looked_at < 2 * len(events)


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("openai:gpt-5", "openai", "gpt-5"),
        ("openai:gpt-5-2025-08-07", "openai", "gpt-5"),
        ("anthropic:claude-sonnet-4-5-20250929", "anthropic", "claude-sonnet-4-5"),
        ("google:gemini-2.5-pro", "google", "gemini-2.5-pro"),
        ("deepseek:deepseek-v4-pro", "deepseek", "deepseek-v4-pro"),
        ("zai:GLM-5.3", "zai", "glm-5.3"),
        ("groq:llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"),
        ("openrouter:anthropic/claude-sonnet-4.5", "openrouter", "anthropic/claude-sonnet-4.5"),
        ("bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ],
)
def test_a_cost_is_what_the_price_list_says_cached_tokens_too(model: str, provider: str, name: str):
    usage = Usage(input_tokens=250_000, output_tokens=1_000, cache_read_tokens=200_000)
    expected = float(calc_price(usage, name, provider_id=provider).total_price)
    assert expected > 0
    assert PRICES.cost(model, 250_000, 1_000, 200_000) == pytest.approx(expected)
    whole = PRICES.cost(model, 250_000, 1_000)
    assert whole is not None
    assert whole >= expected


def test_every_default_model_has_a_price_and_every_hosted_provider_a_place_in_the_list():
    for provider in PROVIDERS.values():
        if provider.default_model:
            assert PRICES.known(f"{provider.name}:{provider.default_model}"), provider.name
        assert provider.name in ({"custom", HUB} | FREE | LISTED.keys())
        assert not provider.local or provider.name in FREE


def test_an_endpoint_of_another_name_is_known_by_its_address():
    prices = PriceList(base_url={"mine": "https://api.x.ai/v1", "other": "http://127.0.0.1:9/v1"}.__getitem__)
    expected = float(calc_price(Usage(input_tokens=1000, output_tokens=10), "grok-4", provider_id="x-ai").total_price)
    assert prices.cost("mine:grok-4", 1000, 10) == pytest.approx(expected)
    assert prices.cost("other:grok-4", 1000, 10) is None


def test_what_is_not_known_is_not_guessed():
    assert PRICES.cost("custom:whatever", 10, 10) is None
    assert PRICES.cost("openai:no-such-model", 10, 10) is None
    assert PRICES.cost("ollama:qwen3:8b", 10, 10) == 0.0
    assert PRICES.cost("demo:recorded", 0, 0) == 0.0


def test_a_configured_price_comes_first():
    prices = PriceList({"custom:whatever": (2, 10, 0.5), "ollama:rented": (1, 1), "openai:gpt-5": [0, 0]})
    assert prices.cost("custom:whatever", 1_000_000, 100_000, 400_000) == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 1)
    assert prices.cost("ollama:rented", 1_000_000, 0, 500_000) == pytest.approx(1)  # no word on cached ones: as input
    assert prices.cost("openai:gpt-5", 1_000_000, 0) == 0


@pytest.mark.parametrize("given", [(1,), (1, 2, 3, 4), "12", (1, "2"), (1, -2), (1, float("nan")), 5, (True, 1)])
def test_a_configured_price_that_is_none_is_refused_by_name(given: Any):
    with pytest.raises(InvalidInput, match="custom:whatever"):
        PriceList({"custom:whatever": given})


@pytest.mark.parametrize(
    ("reported", "kept"),
    [
        ((900, 50, 400), (900, 50, 400, False)),
        ((0, 0, 0), (1000, 10, 0, True)),  # said nothing
        ((900, 0, 0), (900, 10, 0, True)),  # half of it
        ((1, 50, 0), (1000, 50, 0, True)),  # four thousand characters are not one token
        ((300, 50, 900), (300, 50, 300, False)),  # more from the cache than was sent
    ],
)
def test_what_a_provider_does_not_say_or_cannot_be_is_estimated(
    reported: tuple[int, int, int], kept: tuple[int, int, int, bool]
):
    usage = Spending("custom:x").usage(asked=1000, said=40, reported=reported)
    numbers = (usage["input_tokens"], usage["output_tokens"], usage["cached_tokens"], usage.get("estimated", False))
    assert numbers == kept
