"""Spending of one agent: what each request used, and whether the next may be made."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ..events import Event, UsageData
from .budgets import Budget, BudgetSettings, Limit, over
from .days import starts
from .ledger import Ledger, UsageTotals
from .prices import PriceList

CHARACTERS_A_TOKEN = 4  # for an estimate, where the provider does not say
FEWEST = 64  # a provider that reports fewer than one in so many of the tokens estimated cannot be right

UsedSince = Callable[[float], Awaitable[UsageTotals]]
"""What all sessions used since a moment (Unix seconds)."""


def estimate(messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]] = ()) -> int:
    """About how many tokens a request takes."""
    return (
        sum(len(str(message)) for message in messages) + sum(len(str(tool)) for tool in tools)
    ) // CHARACTERS_A_TOKEN


async def _nothing(since: float) -> UsageTotals:
    return UsageTotals()


class Spending:
    """Of the model "provider:name", in one session. Without ``settings`` nothing is limited."""

    def __init__(
        self,
        model: str,
        prices: PriceList | None = None,
        settings: BudgetSettings | None = None,
        used_since: UsedSince = _nothing,
        *,
        recorded: bool = False,
    ) -> None:
        self._model = model
        self._prices = prices or PriceList()
        self._settings = settings
        self._used_since = used_since
        self._recorded = recorded
        self._used = Ledger()
        self._last = (0, 0)  # input tokens of the last request: as estimated, and as reported

    def usage(self, asked: int, said: int, reported: tuple[int, int, int]) -> UsageData:
        """What one request used: as ``reported`` (input, output, cached tokens), estimated where that is missing or
        cannot be. ``asked`` is the estimate of the request, in tokens; ``said`` the characters of the answer.
        """
        input_tokens, output_tokens, cached = reported
        estimated = False
        if not self._recorded:
            if input_tokens * FEWEST < asked:
                input_tokens, estimated = self._next_input(asked), True
            if not output_tokens and said >= CHARACTERS_A_TOKEN:
                output_tokens, estimated = said // CHARACTERS_A_TOKEN, True
        self._last = (asked, input_tokens)
        cached = min(cached, input_tokens)
        data: UsageData = {
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cached_tokens": cached,
            "cost": self._prices.cost(self._model, input_tokens, output_tokens, cached),
        }
        if estimated:
            data["estimated"] = True
        return data

    async def allow(self, events: Sequence[Event], turn: str, asked: int) -> float:
        """Raise ``OverBudget`` unless the session, all of whose events these are, may make a request of about ``asked``
        tokens. How many tokens its answer may take (infinite: any number)."""
        room = math.inf
        if self._settings is None or self._recorded:
            return room
        used = await asyncio.to_thread(self._used.take, events)
        asked = self._next_input(asked)
        dollars = self._expected(used, asked)
        per_token = (self._prices.cost(self._model, 0, 1_000_000) or 0.0) / 1_000_000
        for budget in await budgets(self._settings, used, turn, self._used_since):
            takes, each = (asked, 1.0) if budget.unit == "tokens" else (dollars, per_token)
            # Where the price is not known a budget in dollars cannot hold; what costs nothing it does not hold back.
            left = budget.limit - budget.used - takes
            if takes and left < 0:
                raise over(budget, takes)
            if each:
                room = min(room, left / each)
        return room

    def _next_input(self, asked: int) -> int:
        """Tokens of a request, by what the last one took: most of them hold the last one, and some more."""
        before, took = self._last
        return took + asked - before if asked >= before else took * asked // before

    def _expected(self, used: Ledger, asked: int) -> float:
        """US dollars that a request will take at least; as much of it comes from the cache as did the last time."""
        last = used.last.get(self._model)
        cached = min(asked, last.data["usage"]["cached_tokens"]) if last else 0
        return self._prices.cost(self._model, asked, 0, cached) or 0.0


async def budgets(settings: BudgetSettings, used: Ledger, turn: str | None, used_since: UsedSince) -> list[Budget]:
    """Every budget that holds for a turn of the session that ``used`` is of, with what is used of it."""
    days: dict[str, UsageTotals] = {}

    async def spent(limit: Limit) -> UsageTotals:
        if limit.scope == "turn":
            return used.turns.get(turn or "", UsageTotals())
        if limit.scope == "session":
            return used.session
        where = settings.configured_timezone if limit.source == "configuration" else settings.timezone
        if where not in days:
            days[where] = await used_since(starts(where, 1, time.time())[0][1])
        return days[where]

    found: list[Budget] = []
    for limit in settings.limits(used.raised):
        totals = await spent(limit)
        value = totals.dollars if limit.unit == "dollars" else float(totals.tokens)
        found.append(Budget(limit.scope, limit.unit, limit.limit, limit.source, value))
    return found
