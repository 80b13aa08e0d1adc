"""What requests cost: the price list of the ``genai-prices`` package (bundled, nothing is fetched), and prices that an
administrator set.

Discounts and the price of writing into a provider's cache are not counted, so a cost is an estimate. A model that is
not listed costs None: unknown, not nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from sys import float_info
from typing import Any, cast

from ..errors import InvalidInput

FREE = frozenset({"demo", "gguf", "ollama", "lmstudio", "vllm", "llamacpp"})
"""Providers that run on the person's own machine."""

LISTED = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "bedrock": "aws",
    "azure": "azure",
    "mistral": "mistral",
    "zai": "zai",
    "deepseek": "deepseek",
    "openrouter": "openrouter",
    "groq": "groq",
    "together": "together",
}
"""Our providers' names, and what genai-prices calls them. Others are told by their address."""

log = logging.getLogger(__name__)

Price = tuple[float, float, float]


class PriceList:
    """``configured``: US dollars per million tokens by "provider:name", as (input, output, cached input); the last may
    be left out. ``base_url(provider)`` gives the address of a provider that genai-prices does not know by name.

    Raises ``InvalidInput`` for a configured price that is none.
    """

    def __init__(
        self,
        configured: Mapping[str, Sequence[float]] | None = None,
        base_url: Callable[[str], str] = lambda provider: "",
    ) -> None:
        self._configured = {model: _price(model, given) for model, given in (configured or {}).items()}
        self._base_url = base_url
        self._told: dict[str, Price] = {}

    def learn(self, prices: Mapping[str, Sequence[float]]) -> None:
        """Prices that an endpoint tells of itself, as configured ones are; those hold before them."""
        for model, given in prices.items():
            try:
                self._told[model] = _price(model, given)
            except InvalidInput:
                log.debug("%s is told with no price", model)

    def known(self, model: str) -> bool:
        """True if it can be told what a request to "provider:name" costs."""
        return self.cost(model, 1, 1) is not None

    def cost(self, model: str, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        """US dollars for one request; ``input_tokens`` include the cached ones. None where the price is not known."""
        cached = min(cached_tokens, input_tokens)
        own = self._configured.get(model) or self._told.get(model)
        if own is not None:
            per_input, per_output, per_cached = own
            fresh = input_tokens - cached
            return round((fresh * per_input + cached * per_cached + output_tokens * per_output) / 1_000_000, 8)
        provider, _, name = model.partition(":")
        if provider in FREE:
            return 0.0
        return self._listed(provider, name, input_tokens, output_tokens, cached)

    def _listed(self, provider: str, name: str, input_tokens: int, output_tokens: int, cached: int) -> float | None:
        from genai_prices import Usage, calc_price

        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached)
        try:
            if provider in LISTED:
                price = calc_price(usage, name, provider_id=LISTED[provider])
            elif url := self._base_url(provider):
                price = calc_price(usage, name, provider_api_url=url)
            else:
                return None
        except LookupError:
            return None
        except Exception as error:  # a price list that cannot be read must not end a turn
            log.warning("No price for %s:%s: %s", provider, name, error)
            return None
        return round(float(price.total_price), 8)


def _price(model: str, given: Any) -> Price:
    numbers = list(cast("Sequence[Any]", given)) if isinstance(given, (list, tuple)) else []
    fine = [isinstance(n, (int, float)) and not isinstance(n, bool) and 0 <= n <= float_info.max for n in numbers]
    if ":" not in model or len(numbers) not in (2, 3) or not all(fine):
        raise InvalidInput(
            f"c.AppBuilder.prices holds no price for {model!r}: {given!r}.",
            hint='Write {"provider:name": (input, output, cached input)} in US dollars per million tokens; '
            "the last may be left out.",
            field="prices",
        )
    per_input, per_output = float(numbers[0]), float(numbers[1])
    return per_input, per_output, float(numbers[2]) if len(numbers) == 3 else per_input
