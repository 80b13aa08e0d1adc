"""Tracks one agent's spending and decides whether its next request is allowed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from ..events import Event, UsageData
from ..models.base import PICTURE_TOKENS
from .ledger import Ledger
from .prices import PriceList
from .quotas import Expected, Quotas

CHARACTERS_A_TOKEN = 4  # for an estimate, where the provider does not say
FEWEST = 64  # a provider that reports fewer than one in so many of the tokens estimated cannot be right


def estimate(messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]] = ()) -> int:
    """About how many tokens a request takes."""
    characters = sum(len(str(message)) for message in messages) + sum(len(str(tool)) for tool in tools)
    pictures = sum(len(message.get("pictures", ())) for message in messages)
    return characters // CHARACTERS_A_TOKEN + pictures * PICTURE_TOKENS


class Spending:
    """Of the model "provider:name", in one session. Without ``quotas`` nothing is limited."""

    def __init__(
        self,
        model: str,
        prices: PriceList | None = None,
        quotas: Quotas | None = None,
        *,
        recorded: bool = False,
    ) -> None:
        self._model = model
        self._prices = prices or PriceList()
        self._quotas = quotas
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
        if self._quotas is None or self._recorded:
            return math.inf
        used = await asyncio.to_thread(self._used.take, events)
        asked = self._next_input(asked)
        per_token = (self._prices.cost(self._model, 0, 1_000_000) or 0.0) / 1_000_000
        return await self._quotas.allow(
            used, turn, Expected(asked, self._expected(used, asked), per_token, self._model)
        )

    def _next_input(self, asked: int) -> int:
        """Tokens of a request, by what the last one took: most of them hold the last one, and some more."""
        before, took = self._last
        return took + asked - before if asked >= before else took * asked // before

    def _expected(self, used: Ledger, asked: int) -> float:
        """US dollars that a request will take at least; as much of it comes from the cache as did the last time."""
        last = used.last.get(self._model)
        cached = min(asked, last.data["usage"]["cached_tokens"]) if last else 0
        return self._prices.cost(self._model, asked, 0, cached) or 0.0
