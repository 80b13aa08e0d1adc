"""Asks model servers for what they say of a model (context window, tools, images) without running it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from .capabilities import as_window
from .clients import client_of
from .completions import as_object, as_objects
from .openai_compatible import Endpoint

PATIENCE = 3.0  # seconds for all of it
LOADING = 30.0  # seconds for Ollama to load a model: only then it knows how much it will read

# The window in use comes first, the one the model was trained for last.
WINDOWS = (
    "loaded_context_length",
    "max_model_len",
    "n_ctx",
    "context_length",
    "context_window",
    "max_context_length",
    "n_ctx_train",
)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """None: not told. ``answered``: the endpoint is there, and that is all it tells."""

    context_window: int | None = None  # tokens
    tools: bool | None = None
    images: bool | None = None
    answered: bool = False


async def ask_server(endpoint: Endpoint, model: str) -> ServerFacts:
    """Ask the endpoint about ``model``. Never fails: unanswered questions are None."""
    try:
        async with asyncio.timeout(PATIENCE + (LOADING if endpoint.provider == "ollama" else 0)):
            if endpoint.provider == "ollama":
                return await _of_ollama(endpoint, model)
            listing, props, card = await asyncio.gather(
                _get(endpoint, f"{_base(endpoint)}/models"),
                _get(endpoint, f"{_root(endpoint)}/props"),
                _get(endpoint, f"{_root(endpoint)}/api/v0/models/{quote(model)}"),
            )
    except TimeoutError:
        return ServerFacts()
    entries = as_objects(listing) or as_objects(as_object(listing).get("data"))
    entry = next((entry for entry in entries if entry.get("id") == model), entries[0] if len(entries) == 1 else {})
    settings = as_object(as_object(props).get("default_generation_settings"))
    window = (
        _window(as_object(card))
        or as_window(settings.get("n_ctx"))
        or _window(entry)
        or _window(as_object(entry.get("meta")))
    )
    return ServerFacts(
        window,
        images=_images(as_object(props), as_object(card), entry),
        answered=any(told is not None for told in (listing, props, card)),
    )


async def _of_ollama(endpoint: Endpoint, model: str) -> ServerFacts:
    """Ollama reads less than a model could, and cuts off the rest without a word: what counts is what it has loaded."""
    root = _root(endpoint)
    shown = as_object(await _post(endpoint, f"{root}/api/show", {"model": model}))
    if not shown:
        return ServerFacts()
    named = shown.get("capabilities")
    able: list[Any] | None = named if isinstance(named, list) else None  # pyright: ignore[reportUnknownVariableType]
    set_by_hand = re.search(r"^num_ctx\s+(\d+)", str(shown.get("parameters") or ""), re.MULTILINE)
    window = int(set_by_hand[1]) if set_by_hand else None
    if window is None:
        await _post(endpoint, f"{root}/api/generate", {"model": model, "stream": False}, LOADING)  # loads it, no more
        running = as_objects(as_object(await _get(endpoint, f"{root}/api/ps")).get("models"))
        entries = [entry for entry in running if model in (entry.get("name"), entry.get("model"))]
        window = next((as_window(entry.get("context_length")) for entry in entries), None)
    return ServerFacts(
        as_window(window),
        tools=None if able is None else "tools" in able,
        images=None if able is None else "vision" in able,
        answered=True,
    )


def _window(entry: dict[str, Any]) -> int | None:
    return next((window for key in WINDOWS if (window := as_window(entry.get(key)))), None)


def _images(props: dict[str, Any], card: dict[str, Any], entry: dict[str, Any]) -> bool | None:
    """As LM Studio, llama.cpp, OpenRouter and Mistral say it."""
    if card.get("type"):
        return card["type"] == "vlm"
    kinds: Any = as_object(entry.get("architecture")).get("input_modalities")
    if isinstance(kinds, list):
        return "image" in kinds
    told = (as_object(props.get("modalities")).get("vision"), as_object(entry.get("capabilities")).get("vision"))
    return next((vision for vision in told if isinstance(vision, bool)), None)


def _base(endpoint: Endpoint) -> str:
    return endpoint.base_url.partition("?")[0].rstrip("/")


def _root(endpoint: Endpoint) -> str:
    """Where the server's own routes are: above ``/v1``."""
    parts = urlsplit(_base(endpoint))
    return urlunsplit((parts.scheme, parts.netloc, parts.path.removesuffix("/v1"), "", "")).rstrip("/")


async def _get(endpoint: Endpoint, url: str, timeout: float = PATIENCE) -> Any:
    return await _ask(endpoint, "get", url, None, timeout)


async def _post(endpoint: Endpoint, url: str, body: dict[str, Any], timeout: float = PATIENCE) -> Any:
    return await _ask(endpoint, "post", url, body, timeout)


async def _ask(endpoint: Endpoint, method: str, url: str, body: dict[str, Any] | None, timeout: float) -> Any:
    """The JSON that a route answers with, None for anything else."""
    client = (await client_of(endpoint)).with_options(max_retries=0, timeout=timeout)
    options: Any = {"headers": endpoint.headers}
    try:
        if method == "get":
            return await client.get(url, cast_to=object, options=options)
        return await client.post(url, cast_to=object, body=body, options=options)
    except Exception:  # it knows no such route, or is not there at all
        return None
