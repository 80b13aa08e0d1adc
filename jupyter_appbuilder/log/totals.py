"""Sums of model usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..events import UsageData


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

    def plus(self, usage: UsageData) -> UsageTotals:
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
