"""What well-known models cost: US dollars per million tokens, as ``(input, output, cached input)``.

Taken from the MIT-licensed table of the genai-prices package 0.2.3 (2026-11), which quotes the providers' own price
pages. Standard tier and short prompts; discounts, long-context surcharges and cache writes are not counted, so a cost
shown here is an estimate. A model that is not listed costs None: unknown, not nothing.
"""

from __future__ import annotations

import re

Price = tuple[float, float, float | None]

PRICES: dict[str, Price] = {
    "openai:gpt-6-astra": (10, 50, 1),
    "openai:gpt-6.1-sol": (2, 10, 0.1),
    "openai:gpt-6.1-terra": (1, 5, 0.05),
    "openai:gpt-6-sol": (2, 10, 0.2),
    "openai:gpt-6-luna": (0.1, 0.5, 0.01),
    "openai:gpt-5.6-sol": (4, 20, 0.4),
    "openai:gpt-5.6-terra": (2, 12, 0.2),
    "openai:gpt-5.6-luna": (0.2, 1.2, 0.02),
    "openai:gpt-5.5": (5, 30, 0.5),
    "openai:gpt-5.4": (2.5, 15, 0.25),
    "openai:gpt-5.4-mini": (0.75, 4.5, 0.075),
    "openai:gpt-5.4-nano": (0.2, 1.25, 0.02),
    "openai:gpt-5.2": (1.75, 14, 0.175),
    "openai:gpt-5.1": (1.25, 10, 0.125),
    "openai:gpt-5": (1.25, 10, 0.125),
    "openai:gpt-5-mini": (0.25, 2, 0.025),
    "openai:gpt-5-nano": (0.05, 0.4, 0.005),
    "openai:gpt-4.1": (2, 8, 0.5),
    "openai:gpt-4.1-mini": (0.4, 1.6, 0.1),
    "openai:gpt-4.1-nano": (0.1, 0.4, 0.025),
    "openai:gpt-4o": (2.5, 10, 1.25),
    "openai:gpt-4o-mini": (0.15, 0.6, 0.075),
    "openai:o3": (2, 8, 0.5),
    "openai:o4-mini": (1.1, 4.4, 0.275),
    "anthropic:claude-opus-5-5": (4, 20, 0.2),
    "anthropic:claude-opus-5": (5, 25, 0.5),
    "anthropic:claude-opus-4-8": (5, 25, 0.5),
    "anthropic:claude-opus-4-5": (5, 25, 0.5),
    "anthropic:claude-sonnet-5-5": (2, 10, 0.1),
    "anthropic:claude-sonnet-5": (2, 10, 0.2),
    "anthropic:claude-sonnet-4-6": (3, 15, 0.3),
    "anthropic:claude-sonnet-4-5": (3, 15, 0.3),
    "anthropic:claude-haiku-5-5": (0.1, 0.5, 0.01),
    "anthropic:claude-haiku-4-5": (1, 5, 0.1),
    "google:gemini-3.8-flash": (1.5, 7.5, 0.15),
    "google:gemini-3.5-flash": (1.5, 9, 0.15),
    "google:gemini-3.5-flash-lite": (0.3, 2.5, 0.03),
    "google:gemini-3.1-pro-preview": (2, 12, 0.2),
    "google:gemini-2.5-pro": (1.25, 10, 0.125),
    "google:gemini-2.5-flash": (0.3, 2.5, 0.03),
    "deepseek:deepseek-v4-pro": (1.32, 3.96, 0.044),
    "deepseek:deepseek-v4-flash": (0.3, 1.2, 0.006),
    "zai:glm-5.3": (1.4, 4.4, 0.26),
    "zai:glm-5.3-flash": (0.15, 0.5, 0.03),
    "zai:glm-5": (1, 3.2, 0.2),
    "zai:glm-4.7": (0.6, 2.2, 0.11),
    "zai:glm-4.6": (0.6, 2.2, 0.11),
    "mistral:mistral-large-4": (0.7, 2.1, 0.07),
    "mistral:mistral-medium-3-5": (1.5, 7.5, 0.15),
    "mistral:codestral-2508": (0.3, 0.9, 0.03),
}

FREE = frozenset({"demo", "ollama", "lmstudio", "vllm", "llamacpp"})  # they run on the person's own machine

_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2})$")


def price(model: str) -> Price | None:
    """The price of "provider:name"; a dated version costs what its model does. None where it is not known."""
    provider = model.partition(":")[0]
    if provider in FREE:
        return (0, 0, 0)
    name = model.lower()
    return PRICES.get(name) or PRICES.get(_DATE.sub("", name))


def cost(model: str, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
    """US dollars for one request; ``input_tokens`` include the cached ones. None where price or usage is unknown."""
    known = price(model)
    if known is None:
        return None
    if not any(known):
        return 0.0
    if not input_tokens and not output_tokens:
        return None  # the endpoint reported no usage
    per_input, per_output, per_cached = known
    cached = min(cached_tokens, input_tokens)
    dollars = (
        (input_tokens - cached) * per_input
        + cached * (per_input if per_cached is None else per_cached)
        + output_tokens * per_output
    ) / 1_000_000
    return round(dollars, 8)
