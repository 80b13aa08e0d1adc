"""Quotas: which usage is allowed, by local budgets or by a service for many people."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..errors import InvalidInput
from ..log.base import Used
from ..log.totals import UsageTotals
from .budgets import Budget, BudgetSettings, Limit, Unit, amount, over
from .days import starts
from .ledger import Ledger


@dataclass(frozen=True, slots=True)
class Expected:
    """What a request to a model will take at least: ``tokens`` and US ``dollars`` without its answer, ``per_token``
    dollars for each token of that. 0 dollars where the price is not known. ``model``: "provider:name"."""

    tokens: int
    dollars: float = 0.0
    per_token: float = 0.0
    model: str = ""


class Quotas(Protocol):
    """``used`` is the ledger of the session that is asked for, ``turn`` its running or last turn."""

    async def allow(self, used: Ledger, turn: str | None, request: Expected) -> float:
        """Asked before every request to a model: raise ``OverBudget``, which ends the turn, or say how many tokens the
        answer may take (infinite: any number)."""
        ...

    async def may_raise(self, used: Ledger, amounts: Mapping[Unit, float]) -> None:
        """Raise ``InvalidInput`` unless a person may let this session use ``amounts`` from now on."""
        ...

    async def budgets(self, used: Ledger, turn: str | None) -> list[Budget]:
        """Every budget that holds, with what is used of it, as people see it."""
        ...

    async def used_since(self, moment: float) -> UsageTotals:
        """Usage of all sessions since then (Unix seconds)."""
        ...


def total(rows: Iterable[Used]) -> UsageTotals:
    return sum((row.usage for row in rows), UsageTotals())


async def _nothing(since: float) -> list[Used]:
    return []


class LocalQuotas:
    """Budgets from ``settings``. ``log``: what all sessions used since a moment, as ``EventStore.used``."""

    def __init__(self, settings: BudgetSettings, log: Callable[[float], Awaitable[Iterable[Used]]] = _nothing) -> None:
        self._settings = settings
        self._log = log

    async def allow(self, used: Ledger, turn: str | None, request: Expected) -> float:
        room = math.inf
        for budget in await self.budgets(used, turn):
            in_tokens = budget.unit == "tokens"
            takes, each = (request.tokens, 1.0) if in_tokens else (request.dollars, request.per_token)
            # Where the price is not known a budget in dollars cannot hold; what costs nothing it does not hold back.
            left = budget.limit - budget.used - takes
            if takes and left < 0:
                raise over(budget, takes)
            if each:
                room = min(room, left / each)
        return room

    async def may_raise(self, used: Ledger, amounts: Mapping[Unit, float]) -> None:
        """Not for nothing, for what is used up already, and above what the administrator set."""
        if not amounts:
            raise InvalidInput("There is nothing to raise.", hint="Send 'dollars', 'tokens' or both.", field="dollars")
        for unit, value in amounts.items():
            self._settings.check(("session", unit), value)
            spent = used.session.dollars if unit == "dollars" else used.session.tokens
            if value <= spent:
                raise InvalidInput(
                    f"This session has used {amount(unit, spent)} already.", hint="Name more than that.", field=unit
                )

    async def budgets(self, used: Ledger, turn: str | None) -> list[Budget]:
        settings, days = self._settings, dict[str, UsageTotals]()

        async def spent(limit: Limit) -> UsageTotals:
            if limit.scope == "turn":
                return used.turns.get(turn or "", UsageTotals())
            if limit.scope == "session":
                return used.session
            where = settings.configured_timezone if limit.source == "configuration" else settings.timezone
            if where not in days:
                days[where] = await self.used_since(starts(where, 1, time.time())[0][1])
            return days[where]

        found: list[Budget] = []
        for limit in settings.limits(used.raised):
            totals = await spent(limit)
            value = totals.dollars if limit.unit == "dollars" else float(totals.tokens)
            found.append(Budget(limit.scope, limit.unit, limit.limit, limit.source, value))
        return found

    async def used_since(self, moment: float) -> UsageTotals:
        return total(await self._log(moment))
