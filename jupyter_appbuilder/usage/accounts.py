"""Usage, cost and budgets of all sessions in one data folder."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..events import Event, timestamp
from ..log import Summary
from ..log.base import RequestRow, UsageLog
from ..log.totals import UsageTotals
from ..log.untracked import untracked
from .budgets import BudgetSettings
from .days import name_of, starts
from .ledger import Ledger, ledger
from .prices import PriceList
from .quotas import Quotas, total
from .spending import Spending

if TYPE_CHECKING:
    from ..models.base import Model

SHOWN_SESSIONS = 20
"""Of the sessions that used something, the largest so many are listed."""

MOST_DAYS = 366

COLUMNS = ("at", "session", "title", "turn", "response", "model", "input_tokens", "output_tokens", "cached_tokens")


class Accounts:
    """``settings`` also says where a day begins; ``quotas`` what may be used."""

    def __init__(self, prices: PriceList, settings: BudgetSettings, log: UsageLog, quotas: Quotas) -> None:
        self.prices = prices
        self.settings = settings
        self.quotas = quotas
        self._log = log

    async def spending(self, model: Model) -> Spending:
        """For an agent of that model."""
        # Reading the price list takes some tenths of a second the first time.
        await asyncio.to_thread(self.prices.known, model.name)
        return Spending(model.name, self.prices, self.quotas, recorded=model.recorded)

    async def of_session(self, summary: Summary, events: Sequence[Event]) -> dict[str, Any]:
        """A session's usage by turn and step, and its budgets, as JSON."""
        # A long session's take some time.
        used = await asyncio.to_thread(ledger, events)
        turns = await asyncio.to_thread(_turns, events, used)
        turn = summary.turn["turn"] if summary.turn else None
        found = await self.quotas.budgets(used, turn)  # which may tell prices
        known = await asyncio.to_thread(self.prices.known, summary.model)
        return {
            "session": summary.id,
            "title": summary.title,
            "usage": used.session.to_json(),
            "turns": turns,
            "models": [
                {"model": model, "usage": usage.to_json(), "priced": self.prices.known(model)}
                for model, usage in sorted(used.models.items(), key=lambda item: -item[1].tokens)
            ],
            "model": {"model": summary.model, "priced": known},
            "held": bool(summary.turn and summary.turn["reason"] == "budget"),
            "budgets": [budget.to_json() for budget in found],
        }

    async def of_days(self, days: int) -> dict[str, Any]:
        """Usage of all sessions in the last ``days`` days, and the budgets, as JSON."""
        log, zone, now = self._log, self.settings.timezone, time.time()
        days = max(1, min(days, MOST_DAYS))
        began = starts(zone, days, now)
        ends = [start for _, start in began[1:]] + [now + 1]
        by_day = [await log.used(start, end) for (_, start), end in zip(began, ends, strict=True)]
        every = [row for rows in by_day for row in rows]
        titles = {summary.id: summary.title for summary in await log.summaries()}
        await asyncio.to_thread(self.prices.known, "openai:gpt-5")
        models = _grouped((row.model, row.usage) for row in every)
        sessions = _grouped((row.session, row.usage) for row in every)
        return {
            "timezone": name_of(zone, now),
            "today": total(by_day[-1]).to_json(),
            "days": [
                {"day": day, "usage": total(rows).to_json()}
                for (day, _), rows in zip(began, by_day, strict=True)
                if rows
            ],
            "total": total(every).to_json(),
            "models": [
                {"model": model, "usage": usage.to_json(), "priced": self.prices.known(model)}
                for model, usage in models
            ],
            "sessions": [
                {"session": session, "title": titles.get(session), "usage": usage.to_json()}
                for session, usage in sessions[:SHOWN_SESSIONS]
            ],
            "budgets": [
                budget.to_json()
                for budget in await self.quotas.budgets(Ledger(), None)
                if budget.scope in ("day", "month")
            ],
            "settings": self.settings.to_json(),
        }

    async def requests(self, days: int) -> list[dict[str, Any]]:
        """Every request to a model of the last ``days`` days, as JSON."""
        since = starts(self.settings.timezone, max(1, min(days, MOST_DAYS)), time.time())[0][1]
        titles = {summary.id: summary.title for summary in await self._log.summaries()}

        def shown(row: RequestRow) -> dict[str, Any]:
            named = {"at": timestamp(row.at), "title": titles.get(row.session), "response": row.response or None}
            return row._asdict() | named

        rows = await self._log.requests(since)
        return await asyncio.to_thread(lambda: [shown(row) for row in rows])  # there may be many


def as_csv(requests: Iterable[Mapping[str, Any]]) -> str:
    """Requests as a table for a spreadsheet."""
    columns = (*COLUMNS, "cost", "estimated")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for request in requests:
        writer.writerow([_cell(request[column]) for column in columns])
    return text.getvalue()


def _cell(value: Any) -> Any:
    # A spreadsheet would take a title that begins so for a formula.
    dangerous = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return "" if value is None else f"'{value}" if dangerous else value


def _grouped(rows: Iterable[tuple[str, UsageTotals]]) -> list[tuple[str, UsageTotals]]:
    found: dict[str, UsageTotals] = {}
    for name, usage in rows:
        found[name] = found.get(name, UsageTotals()) + usage
    return sorted(found.items(), key=lambda item: (-item[1].dollars, -item[1].tokens))


def _turns(events: Sequence[Event], used: Ledger) -> list[dict[str, Any]]:
    """Turns that asked a model, with their steps, the last first."""
    asked: dict[str, str] = {}
    for event in events:
        if event.type == "message.user":
            asked.setdefault(event.data["turn"], event.data["text"])
    did = {
        e.data["response"]: [c["tool"] for c in e.data["tool_calls"]] for e in events if e.type == "response.completed"
    }
    steps: dict[str, list[dict[str, Any]]] = {turn: [] for turn in used.turns}
    for request in used.requests:
        data, response = request.data, request.data.get("response", "")
        step = {
            "response": response or None,
            "at": timestamp(request.at),
            "model": data["model"],
            "tools": did.get(response, []),
            "usage": data["usage"],
        }
        steps[data["turn"]].append(untracked(step))
    return [
        {"turn": turn, "request": asked.get(turn, "")[:200], "usage": usage.to_json(), "steps": steps[turn]}
        for turn, usage in reversed(used.turns.items())
    ]
