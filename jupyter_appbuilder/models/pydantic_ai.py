"""Providers with a format of their own (Anthropic, Google, Bedrock), through pydantic-ai's model layer.

An extra: ``pip install jupyter-appbuilder[models]``. Chat messages and tools are translated on the way in, its stream
events on the way out.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from ..events import AddedData
from .additions import MOST, cleaned
from .base import (
    Delta,
    Given,
    Message,
    ModelError,
    ModelResponse,
    ModelSettings,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallRequest,
    ToolDefinition,
    Usage,
)
from .capabilities import CapabilityStore
from .dialects import known_dialect, with_images, with_own_ids
from .openai_compatible import Endpoint
from .providers import Provider
from .proxies import check_proxies
from .redaction import SecretFilter, redact
from .refusals import FARTHEST, refuses_images, without_data

if TYPE_CHECKING:
    from pydantic_ai import messages as native
    from pydantic_ai.models import Model as PydanticModel

INSTALL = "Install it: pip install jupyter-appbuilder[models]"

log = logging.getLogger(__name__)

FINISH = {"tool_call": "tool_calls"}  # the rest is called the same

# The prefix of a conversation never changes, so the provider may keep it.
CACHE = {
    "anthropic": {
        "anthropic_cache_instructions": True,
        "anthropic_cache_tool_definitions": True,
        "anthropic_cache_messages": True,
    },
    "bedrock": {
        "bedrock_cache_instructions": True,
        "bedrock_cache_tool_definitions": True,
        "bedrock_cache_messages": True,
    },
}


def native_model(
    provider: Provider, name: str, *, api_key: str = "", base_url: str = "", store: CapabilityStore | None = None
) -> NativeModel:
    """The model ``name`` of a native provider. Raises ``ModelError`` when the extra is not installed."""
    if importlib.util.find_spec("pydantic_ai") is None:
        raise ModelError(f"{provider.title} needs the package pydantic-ai.", hint=INSTALL, reason="not_installed")
    return NativeModel(provider, name, api_key, base_url, store or CapabilityStore(None))


class NativeModel:
    """See ``base.Model``."""

    recorded = False

    def __init__(self, provider: Provider, model: str, api_key: str, base_url: str, store: CapabilityStore) -> None:
        """``store`` remembers that it refused images."""
        self.name = f"{provider.name}:{model}"
        self.context_window: int | None = None
        self._provider = provider
        self._model = model
        self._api_key = api_key
        self._base_url = base_url
        self._store = store
        self._place = Endpoint(provider.name, provider.title, base_url)
        self._mark = f"{self._place.place} {model}"
        self._backend: PydanticModel[Any] | None = None

    @property
    def images(self) -> bool:
        learned = self._store.of(self._place, self._model).images
        return known_dialect(self._provider.name, self._model).images == "all" if learned is None else learned

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition], settings: ModelSettings
    ) -> AsyncIterator[Delta | ModelResponse]:
        bare = with_images(messages, "none")
        tries = [messages, bare] if self.images and len(bare) < len(messages) else [bare]
        for number, told in enumerate(tries, 1):
            begun = False
            try:
                async with aclosing(self._ask(told, tools, settings)) as items:
                    async for item in items:
                        begun = True
                        if number == 2 and isinstance(item, ModelResponse):
                            self._store.learn(self._place, self._model, images=False)
                        yield item
                return
            except ModelError:
                raise
            except Exception as error:
                if begun or number == len(tries) or not refuses_images(str(error)):
                    raise self._translate(error) from None

    async def _ask(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition], settings: ModelSettings
    ) -> AsyncGenerator[Delta | ModelResponse]:
        if self._backend is None:
            await asyncio.to_thread(importlib.import_module, "pydantic_ai.direct")
            self._backend = await asyncio.to_thread(self._connect)
        from pydantic_ai.direct import model_request_stream

        request = model_request_stream(
            self._backend,
            native_messages(messages, self._mark),
            model_settings=self._settings(settings),
            model_request_parameters=_parameters(tools),
        )
        async with request as stream:
            places: dict[int, int] = {}  # the part's index -> the call's
            async for event in stream:
                for delta in _deltas(event, places):
                    yield delta
            answer = stream.get()
        yield response(answer, self._mark, SecretFilter.factory([self._api_key]))

    def _connect(self) -> PydanticModel[Any]:
        check_proxies()
        key, url = self._api_key or None, self._base_url or None
        match self._provider.name:
            case "anthropic":
                from pydantic_ai.models.anthropic import AnthropicModel
                from pydantic_ai.providers.anthropic import AnthropicProvider

                return AnthropicModel(self._model, provider=AnthropicProvider(api_key=key, base_url=url))
            case "google":
                from pydantic_ai.models.google import GoogleModel
                from pydantic_ai.providers.google import GoogleProvider

                return GoogleModel(self._model, provider=GoogleProvider(api_key=self._api_key, base_url=url))
            case "bedrock":
                from pydantic_ai.models.bedrock import BedrockConverseModel

                return BedrockConverseModel(self._model)
            case name:
                raise ModelError(f"{name} is not a native provider.", hint="Choose anthropic, google or bedrock.")

    def _settings(self, settings: ModelSettings) -> Any:
        chosen: dict[str, Any] = dict(CACHE.get(self._provider.name, {}))
        if settings.max_output_tokens is not None:
            chosen["max_tokens"] = settings.max_output_tokens
        if settings.temperature is not None:
            chosen["temperature"] = settings.temperature
        return chosen

    def _translate(self, error: Exception) -> ModelError:
        from pydantic_ai import exceptions

        def fail(message: str, hint: str, reason: str = "") -> ModelError:
            return ModelError(redact(message, [self._api_key]), hint=redact(hint, [self._api_key]), reason=reason)

        title, provider = self._provider.title, self._provider
        said = without_data(redact(str(error)[:FARTHEST], [self._api_key]))[:300]
        match error:
            case ImportError():
                return fail(f"{title} needs a package that is not installed: {error}.", INSTALL, "not_installed")
            case exceptions.ModelAuthenticationError():
                return fail(
                    f"{title} did not accept the API key. It said: {said}",
                    f"Enter another key in the panel's model settings, or set {provider.key_variable} before starting "
                    "Jupyter.",
                    "unauthorized",
                )
            case exceptions.ModelContextWindowExceededError():
                return fail(
                    f"The conversation has grown longer than {self._model} can read.",
                    "Start a new session from this app's files, or choose a model with a larger context window.",
                    "context_length",
                )
            case exceptions.ModelNotFoundError():
                return fail(f"{title} has no model {self._model!r}.", "Check the model's name.", "unknown_model")
            case exceptions.ModelQuotaExceededError():
                return fail(
                    f"{title} refuses: the account has no credit left.", "Check the account's billing.", "quota"
                )
            case exceptions.ModelRateLimitError():
                return fail(
                    f"{title} gets too many requests. It said: {said}",
                    "Wait a minute and try again, or choose another model.",
                    "rate_limited",
                )
            case exceptions.ModelUnavailableError() | exceptions.ModelServerError():
                return fail(f"{title} has a problem of its own: {said}", "Try again in a moment.", "model_down")
            case exceptions.ModelConnectionError():
                return fail(f"Could not reach {title}: {said}", "Check your network or proxy settings.", "unreachable")
            case exceptions.UserError():
                return fail(f"{title} is not set up: {said}", f"Set {provider.key_variable}.", "not_configured")
            case _:
                return fail(f"The request to {title} failed: {said}", "Try again, or choose another model.")


def native_messages(messages: Sequence[Message], mark: str = "") -> list[native.ModelMessage]:
    """Chat messages as pydantic-ai's, an answer of whom ``mark`` names with its own parts. Results and user texts that
    follow each other become one request."""
    from pydantic_ai import messages as native

    translated: list[native.ModelMessage] = []
    parts: list[Any] = []
    tools: dict[str, str] = {}  # call id -> tool

    def close() -> None:
        if parts:
            translated.append(native.ModelRequest(parts=list(parts)))
            parts.clear()

    for message in with_own_ids(messages, mark):
        content = message.get("content") or ""
        match message["role"]:
            case "system":
                parts.append(native.SystemPromptPart(content))
            case "user":
                parts.append(native.UserPromptPart(content if isinstance(content, str) else _parts(content)))
            case "tool":
                id = message["tool_call_id"]
                parts.append(native.ToolReturnPart(tools.get(id, "tool"), content, tool_call_id=id))
            case _:
                close()
                answer: list[Any] = [native.TextPart(content)] if content else []
                for call in message.get("tool_calls", ()):
                    tools[call["id"]] = call["function"]["name"]
                    answer.append(
                        native.ToolCallPart(call["function"]["name"], call["function"]["arguments"], call["id"])
                    )
                translated.append(_own_answer(message, mark) or native.ModelResponse(parts=answer))
    close()
    return translated


def _parts(content: Sequence[dict[str, Any]]) -> list[Any]:
    from pydantic_ai.messages import BinaryContent

    return [
        part["text"] if part["type"] == "text" else BinaryContent.from_data_uri(part["image_url"]["url"])
        for part in content
    ]


def response(
    answer: native.ModelResponse, mark: str = "", secrets: Callable[[], SecretFilter] | None = None
) -> ModelResponse:
    """pydantic-ai's response as ours. Thinking is no part of its text; it is kept in what ``mark`` added."""
    from pydantic_ai import messages as native

    text = "".join(part.content for part in answer.parts if isinstance(part, native.TextPart))
    calls = tuple(
        ToolCallRequest(part.tool_call_id, part.tool_name, part.args_as_json_str())
        for part in answer.parts
        if isinstance(part, native.ToolCallPart)
    )
    finish = FINISH.get(answer.finish_reason or "", answer.finish_reason or "stop")
    usage = answer.usage
    return ModelResponse(
        text,
        calls,
        "tool_calls" if calls and finish == "stop" else finish,
        Usage(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens),
        _added(answer, mark, secrets or SecretFilter.factory(())),
    )


def _added(answer: native.ModelResponse, mark: str, secrets: Callable[[], SecretFilter]) -> AddedData | None:
    """The answer's parts, if there is more in them than text and calls: thinking, signatures. Without the arguments of
    calls, which are in the log anyway, and may be told in short later."""
    from pydantic_ai import messages as native

    if not mark:
        return None

    def clean(text: str) -> str:
        kept = secrets()
        return kept.feed(text) + kept.rest()

    (told,) = native.ModelMessagesTypeAdapter.dump_python([answer], mode="json", include={0: {"parts"}})
    parts: list[dict[str, Any]] = cleaned(told["parts"], clean)
    for part in parts:
        part.pop("args", None)
    plain = {"part_kind", "content", "tool_name", "tool_call_id"}
    message: dict[str, Any] = {}
    if any(part.keys() - plain or part.get("part_kind") == "thinking" for part in parts):
        message = {"parts": parts, "provider_name": answer.provider_name}
        if len(json.dumps(message)) > MOST:
            log.debug("What %s added to an answer is over %s characters: it is left out.", mark, MOST)
            message = {}
    return {"by": mark, "message": message, "calls": []}


def _own_answer(message: Message, mark: str) -> native.ModelResponse | None:
    """An answer with the parts that its model gave, for that model; None for any other."""
    from pydantic_ai import messages as native

    given: Given | None = message.get("given")
    if not given or given["added"]["by"] != mark or not given["added"]["message"].get("parts"):
        return None
    added = given["added"]["message"]
    calls = iter(cast("list[dict[str, Any]]", message.get("tool_calls") or []))
    parts: list[dict[str, Any]] = []
    for part in added["parts"]:
        if part.get("part_kind") != "tool-call":
            parts.append({"content": "", **part})
        elif call := next(calls, None):
            parts.append({**part, "tool_call_id": call["id"], "args": call["function"]["arguments"]})
    told = {"kind": "response", "parts": parts, "provider_name": added.get("provider_name")}
    try:
        (answer,) = native.ModelMessagesTypeAdapter.validate_python([told])
    except ValueError:  # of another version of pydantic-ai
        return None
    return answer if next(calls, None) is None and isinstance(answer, native.ModelResponse) else None


def _parameters(tools: Sequence[ToolDefinition]) -> Any:
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.tools import ToolDefinition as NativeTool

    functions = [tool["function"] for tool in tools]
    return ModelRequestParameters(
        function_tools=[
            NativeTool(name=f["name"], description=f.get("description"), parameters_json_schema=f["parameters"])
            for f in functions
        ]
    )


def _deltas(event: Any, places: dict[int, int]) -> list[Delta]:
    from pydantic_ai import messages as native

    match event:
        case native.PartStartEvent(part=native.TextPart(content=text)):
            return [TextDelta(text)] if text else []
        case native.PartStartEvent(part=native.ThinkingPart(content=text)):
            return [ReasoningDelta(text)] if text else []
        case native.PartDeltaEvent(delta=native.ThinkingPartDelta(content_delta=text)):
            return [ReasoningDelta(text)] if text else []
        case native.PartStartEvent(index=index, part=native.ToolCallPart() as part):
            place = places.setdefault(index, len(places))
            return [ToolCallDelta(place, _arguments(part.args), part.tool_call_id, part.tool_name)]
        case native.PartDeltaEvent(delta=native.TextPartDelta(content_delta=text)):
            return [TextDelta(text)] if text else []
        case native.PartDeltaEvent(index=index, delta=native.ToolCallPartDelta(args_delta=arguments)):
            return [ToolCallDelta(places.setdefault(index, len(places)), _arguments(arguments))]
        case _:
            return []


def _arguments(arguments: Any) -> str:
    """A piece of arguments as JSON text; nothing for the empty object that starts a call."""
    if not arguments:
        return ""
    return arguments if isinstance(arguments, str) else json.dumps(arguments)
