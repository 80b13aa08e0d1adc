"""The usage of a session: its ``usage.recorded`` events, added up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..events import Event, UsageData


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Tokens and US dollars. ``cost`` is None as soon as one request's cost is not known: a part would mislead."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = 0.0
    requests: int = 0

    def plus(self, usage: UsageData) -> UsageTotals:
        unknown = self.cost is None or usage["cost"] is None
        return UsageTotals(
            self.input_tokens + usage["input_tokens"],
            self.output_tokens + usage["output_tokens"],
            self.cached_tokens + usage["cached_tokens"],
            None if unknown else round((self.cost or 0.0) + (usage["cost"] or 0.0), 8),
            self.requests + 1,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
            "cost": self.cost,
        }


@dataclass(frozen=True, slots=True)
class Ledger:
    session: UsageTotals = UsageTotals()
    turns: dict[str, UsageTotals] = field(default_factory=dict[str, UsageTotals])  # by turn, in order
    models: dict[str, UsageTotals] = field(default_factory=dict[str, UsageTotals])  # by "provider:name"


def ledger(events: Iterable[Event]) -> Ledger:
    """Totals of the session, of each turn and of each model."""
    session, turns, models = UsageTotals(), dict[str, UsageTotals](), dict[str, UsageTotals]()
    for event in events:
        if event.type != "usage.recorded":
            continue
        usage = event.data["usage"]
        session = session.plus(usage)
        turn, model = event.data["turn"], event.data["model"]
        turns[turn] = turns.get(turn, UsageTotals()).plus(usage)
        models[model] = models.get(model, UsageTotals()).plus(usage)
    return Ledger(session, turns, models)
