"""Sums ``usage.recorded`` events. Usage from before a fork counts for its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from ..events import Event, EventOf, UsageRecorded
from ..log.totals import UsageTotals

Recorded: TypeAlias = EventOf[str, UsageRecorded]


@dataclass(slots=True)
class Ledger:
    """Of one session, whose events it is given as they come: each is counted once."""

    session: UsageTotals = field(default_factory=UsageTotals)
    turns: dict[str, UsageTotals] = field(default_factory=dict[str, UsageTotals])  # by turn, in order
    models: dict[str, UsageTotals] = field(default_factory=dict[str, UsageTotals])  # by "provider:name"
    requests: list[Recorded] = field(default_factory=list[Recorded])  # each request's ``usage.recorded``, in order
    last: dict[str, Recorded] = field(default_factory=dict[str, Recorded])  # the last of them, by model
    raised: dict[str, float] = field(default_factory=dict[str, float])  # what the person let the session use, by unit
    _counted: int = 0

    def take(self, events: Sequence[Event]) -> Ledger:
        """Add what is new in ``events``, all of the session's until now; the ledger itself."""
        for event in events[self._counted :]:
            match event.type:
                case "usage.recorded":
                    self._add(event)
                case "budget.raised":
                    raised = cast("Mapping[str, float]", event.data)
                    self.raised |= {unit: float(value) for unit, value in raised.items()}
                case "session.forked":
                    self.session = UsageTotals()
                    for kept in (self.turns, self.models, self.requests, self.last):
                        kept.clear()
                case _:
                    pass
        self._counted = len(events)
        return self

    def _add(self, event: Recorded) -> None:
        usage, turn, model = event.data["usage"], event.data["turn"], event.data["model"]
        self.session = self.session.plus(usage)
        self.turns[turn] = self.turns.get(turn, UsageTotals()).plus(usage)
        self.models[model] = self.models.get(model, UsageTotals()).plus(usage)
        self.requests.append(event)
        self.last[model] = event


def ledger(events: Sequence[Event]) -> Ledger:
    """Totals of a session, of each turn and of each model, and each request."""
    return Ledger().take(events)
