"""Tests in about a second whether a provider works as configured: lists its models, asks for a short answer.

``model_probe`` finds out what a model can do; this is for whoever has just typed an address and a key.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from .adaptive import TRIAL_MESSAGES, TRIAL_SETTINGS, TRIAL_TOOLS, AdaptiveModel, has_called, trial
from .base import ModelError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from .base import Answer
    from .catalog import Catalog

    _Ask = Callable[..., AsyncGenerator[Answer]]

GGUF = "gguf"
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Connection:
    """``message`` says what was found or why the provider cannot be used, ``hint`` what to do then. ``model`` is the
    one that was asked, by its id; empty for none."""

    provider: str
    ok: bool
    message: str
    hint: str
    model: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


async def check_connection(catalog: Catalog, name: str, model: str = "") -> Connection:
    """Ask the provider for its models and one of them for a tool call. ``model`` is its name, by default the
    provider's usual or first one. A server on this machine is asked for an answer only where ``model`` is given: it
    may have to load it first.

    Raises ``InvalidInput`` for a provider that is none.
    """
    provider = catalog.credentials.provider(name)
    catalog.forget(name)
    offered = await catalog.offers(name)
    if problem := catalog.problem(name):
        return Connection(name, False, problem.message, problem.hint, "")
    listed = [info for info in offered if info.configured]
    if not listed and not model:
        hint = next((info.hint for info in offered if info.hint), "")
        if name == GGUF or not catalog.credentials.is_configured(name):
            return Connection(name, False, f"{provider.title} is not set up.", hint, "")
        return Connection(name, False, f"{provider.title} lists no models.", "Enter the name of a model.", "")
    count = f"It lists {len(listed)} model{'' if len(listed) == 1 else 's'}."
    if provider.local and not model:
        return Connection(name, True, f"{provider.title} answers. {count}", "", "")
    asked = f"{name}:{model}" if model else listed[0].id
    usual = asked == f"{name}:{provider.default_model}"
    ok, hint = True, ""
    try:
        found = catalog.resolve(asked)
        ask = found.backend.ask if isinstance(found, AdaptiveModel) else cast("_Ask", found.stream)
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await trial(ask(TRIAL_MESSAGES, TRIAL_TOOLS, TRIAL_SETTINGS))
        message = "answers and calls tools." if has_called(answer) else "answers; test it to see how it will be used."
        message = f"{asked} {message}" + (f" {count}" if len(listed) > 1 else "")
    except TimeoutError:
        ok, message, hint = False, f"{asked} did not answer in time.", "Try again, or test another model."
    except ModelError as error:
        ok, message, hint = False, error.message, error.hint
        if error.reason == "no_tools":
            ok, message, hint = True, f"{asked} answers. It calls no tools by itself: it is asked for JSON.", ""
        elif error.reason == "unauthorized":
            catalog.refused(name, error)
        elif error.reason != "unreachable" and not (model or usual):
            # The first of a long list may be one that cannot chat; the key was taken all the same.
            message, hint = f"{provider.title} answers. {count}", "Test the model that you want to use."
            return Connection(name, True, message, hint, asked)
    if ok:
        catalog.credentials.remember(name, asked.removeprefix(f"{name}:"))
    return Connection(name, ok, message, hint, asked)
