"""What was used: ``usage.recorded`` events, added up. In a fork, what was used before it was forked is its source's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..events import Event


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Tokens, and US dollars as far as prices are known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    dollars: float = 0.0  # of the requests whose price is known
    requests: int = 0
    unpriced: int = 0  # requests whose price is not known
    estimated: int = 0  # requests whose tokens the provider did not say

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def cost(self) -> float | None:
        """None as soon as one request's cost is not known: a part would mislead."""
        return None if self.unpriced else self.dollars

    def plus(self, usage: Mapping[str, Any]) -> UsageTotals:
        """With one more request, as in an event (``UsageData``)."""
        cost = usage["cost"]
        return UsageTotals(
            self.input_tokens + usage["input_tokens"],
            self.output_tokens + usage["output_tokens"],
            self.cached_tokens + usage["cached_tokens"],
            round(self.dollars + (cost or 0.0), 8),
            self.requests + 1,
            self.unpriced + (cost is None),
            self.estimated + bool(usage.get("estimated")),
        )

    def __add__(self, other: UsageTotals) -> UsageTotals:
        return UsageTotals(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            round(self.dollars + other.dollars, 8),
            self.requests + other.requests,
            self.unpriced + other.unpriced,
            self.estimated + other.estimated,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
            "cost": self.cost,
            "dollars": self.dollars,
            "requests": self.requests,
            "unpriced": self.unpriced,
            "estimated": self.estimated,
        }


@dataclass(slots=True)
class Ledger:
    """Of one session, whose events it is given as they come: each is counted once."""

    session: UsageTotals = UsageTotals()
    turns: dict[str, UsageTotals] = field(default_factory=dict[str, UsageTotals])  # by turn, in order
    models: dict[str, UsageTotals] = field(default_factory=dict[str, UsageTotals])  # by "provider:name"
    requests: list[Event] = field(default_factory=list[Event])  # each request's ``usage.recorded``, in order
    last: dict[str, Event] = field(default_factory=dict[str, Event])  # the last of them, by model
    raised: dict[str, float] = field(default_factory=dict[str, float])  # what the person let the session use, by unit
    _counted: int = 0

    def take(self, events: Sequence[Event]) -> Ledger:
        """Add what is new in ``events``, all of the session's until now; the ledger itself."""
        for event in events[self._counted :]:
            match event.type:
                case "usage.recorded":
                    self._add(event)
                case "budget.raised":
                    self.raised |= {unit: float(value) for unit, value in event.data.items()}
                case "session.forked":
                    self.session = UsageTotals()
                    for kept in (self.turns, self.models, self.requests, self.last):
                        kept.clear()
                case _:
                    pass
        self._counted = len(events)
        return self

    def _add(self, event: Event) -> None:
        usage, turn, model = event.data["usage"], event.data["turn"], event.data["model"]
        self.session = self.session.plus(usage)
        self.turns[turn] = self.turns.get(turn, UsageTotals()).plus(usage)
        self.models[model] = self.models.get(model, UsageTotals()).plus(usage)
        self.requests.append(event)
        self.last[model] = event


def ledger(events: Sequence[Event]) -> Ledger:
    """Totals of a session, of each turn and of each model, and each request."""
    return Ledger().take(events)
