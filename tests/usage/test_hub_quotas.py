"""Budgets of a JupyterHub's service, on a server that reaches it and on one that does not."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from hub.service_process import hub_api, service
from hub.test_gateway import in_ledger

from jupyter_appbuilder.log.base import RequestRow
from jupyter_appbuilder.usage.budgets import BudgetSettings, OverBudget
from jupyter_appbuilder.usage.hub import HubQuotas, HubService
from jupyter_appbuilder.usage.ledger import Ledger
from jupyter_appbuilder.usage.prices import PriceList
from jupyter_appbuilder.usage.quotas import Expected, LocalQuotas


class Log:
    """Requests that were made. ``LocalQuotas`` has nothing to ask of it here."""

    def __init__(self) -> None:
        self.rows: list[RequestRow] = []

    def add(self, model: str, cost: float) -> None:
        self.rows.append(RequestRow("s", time.time(), "t", f"r{len(self.rows)}", model, 100, 10, 0, cost, False))

    async def requests(self, since: float) -> list[RequestRow]:
        return [row for row in self.rows if row.at >= since]


async def test_a_server_that_cannot_reach_the_service_has_its_grace_and_settles_it_later(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    settings: dict[str, Any] = {
        "database": url,
        "providers": {"p": {"base_url": "http://127.0.0.1:9/v1"}},
        "models": {"coder": {"provider": "p", "price": (2.0, 8.0)}},
    }
    log = Log()
    local = LocalQuotas(BudgetSettings(tmp_path / "budgets.json", {}))
    expected = Expected(1000, 0.10, 0.001, "vllm:big")
    with hub_api() as api:
        token = api.add("ada", "staff")

        def quotas_at(place: str, grace: float = 0.5) -> HubQuotas:
            made = HubService(f"{place}v1", token)
            return HubQuotas(local, made, log, tmp_path / "hub.json", ["vllm"], grace)  # type: ignore[arg-type]

        gone = quotas_at("http://127.0.0.1:9/services/appbuilder/")
        with pytest.raises(OverBudget, match="does not answer"):
            await quotas_at("http://127.0.0.1:9/", 0.0).allow(Ledger(), "t", expected)
        assert await gone.allow(Ledger(), "t", expected) == pytest.approx(400)
        log.add("vllm:big", 0.45)
        log.add("openai:own", 7.0)  # its own key: none of the Hub's budget
        with pytest.raises(OverBudget, match=r"\$0.45 were used meanwhile"):
            await gone.allow(Ledger(), "t", expected)
        assert await gone.allow(Ledger(), "t", Expected(1000, 0.1, 0.001, "openai:own")) == float("inf")

        with service(tmp_path, api, **settings) as found:
            await in_ledger(url, lambda money: money.set_limit("everyone", "", "month", 1_000_000, "root"))
            quotas = quotas_at(found.url)
            prices = PriceList()
            quotas._service.on_prices = prices.learn
            assert await quotas.allow(Ledger(), "t", expected) == pytest.approx(450)
            assert prices.cost("hub:coder", 1_000_000, 1_000_000) == pytest.approx(10)
            [budget] = await quotas.budgets(Ledger(), None)
            assert (budget.scope, budget.source, budget.limit, budget.used) == ("month", "hub", 1.0, 0.45)
            log.add("vllm:big", 0.50)
            log.rows.append(
                log.rows[0]._replace(response="beside", cost=0.001)
            )  # at the same moment as one that was told
            await asyncio.gather(*(quotas_at(found.url).budgets(Ledger(), None) for _ in range(3)))
            with pytest.raises(OverBudget, match=r"Your budget of \$1.00 for this month has \$0.0\d* left"):
                await quotas_at(found.url).allow(Ledger(), "t", expected)
    rows = await in_ledger(url, lambda money: money.database.read("SELECT micros, outcome, user_name FROM usage"))
    assert [(row["micros"], row["outcome"], row["user_name"]) for row in rows] == [
        (450_000, "told later", "ada"),
        (1_000, "told later", "ada"),
        (500_000, "told later", "ada"),
    ]
    assert await in_ledger(url, lambda money: money.differences()) == []
