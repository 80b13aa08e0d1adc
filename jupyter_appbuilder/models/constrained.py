"""Tool calls for models that cannot make them: each answer is one JSON object with a tool and its arguments.

To the loop it is a model like any other. What it writes comes out as text and tool calls while it is written.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from .base import (
    Delta,
    Message,
    ModelError,
    ModelResponse,
    ModelSettings,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolDefinition,
    Usage,
)
from .capabilities import Calling
from .object_answer import Answer, ObjectReader, Thoughts
from .openai_compatible import OpenAICompatibleModel
from .tool_objects import REPAIR, answer_schema, plain_messages

LADDER: tuple[Calling, ...] = ("schema", "loose_schema", "object", "text")
"""How answers are held to an object, the strictest first. What an endpoint refuses is never asked of it again."""

LONGEST_QUOTE = 2000  # characters of an answer that a repair shows the model again


class ConstrainedModel:
    """Drives ``backend``. ``calling`` is the way to begin with; ``settled`` is told the way that worked."""

    def __init__(
        self, backend: OpenAICompatibleModel, calling: Calling = "", settled: Callable[[Calling], None] | None = None
    ) -> None:
        self._backend = backend
        self._calling: Calling = calling if calling in LADDER else LADDER[0]
        self._settled = settled

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition], settings: ModelSettings
    ) -> AsyncGenerator[Delta | ModelResponse]:
        """See ``base.Model``. An answer that names no tool is sent back once, then taken for the model's last word."""
        told = plain_messages(messages, tools)
        used, said = Usage(), ""
        for repairing in (False, True):
            reader = ObjectReader({tool["function"]["name"] for tool in tools})
            async with aclosing(self._ask(told, tools, settings, reader)) as items:
                async for item in items:
                    if not isinstance(item, ModelResponse):
                        yield item
                        continue
                    used = add(used, item.usage)
                    answer = reader.close()
                    if not tools and answer.calls:
                        answer = Answer(item.text.strip())  # nothing was offered: it is a text that holds objects
                    if answer.understood or repairing or not tools or item.finish_reason == "content_filter":
                        for delta in _unshown(answer, reader):
                            yield delta
                        yield _response(answer, item, used)
                        return
                    said = item.text[:LONGEST_QUOTE]
            told = [*told, {"role": "assistant", "content": said}, {"role": "user", "content": REPAIR}]

    async def _ask(
        self,
        told: Sequence[Message],
        tools: Sequence[ToolDefinition],
        settings: ModelSettings,
        reader: ObjectReader,
    ) -> AsyncGenerator[Delta | ModelResponse]:
        """One answer, in the strictest way that the endpoint knows."""
        while True:
            try:
                async with aclosing(self._read(told, tools, settings, reader)) as items:
                    async for item in items:
                        if isinstance(item, ModelResponse) and tools and self._settled:
                            self._settled(self._calling)
                        yield item
                return
            except ModelError as error:
                rung = LADDER.index(self._calling)
                if error.reason != "no_format" or not tools or rung + 1 == len(LADDER):
                    raise
                self._calling = LADDER[rung + 1]

    async def _read(
        self,
        told: Sequence[Message],
        tools: Sequence[ToolDefinition],
        settings: ModelSettings,
        reader: ObjectReader,
    ) -> AsyncGenerator[Delta | ModelResponse]:
        thoughts = Thoughts()
        asked = self._backend.ask(told, (), settings, held_to(self._calling, tools) if tools else None)
        said: list[str] = []

        def take(text: str) -> list[TextDelta | ToolCallDelta]:
            said.append(text)
            return reader.feed(text)

        async with aclosing(asked) as items:
            async for item in items:
                match item:
                    case TextDelta(text):
                        shown = thoughts.feed(text)
                        if thought := thoughts.taken():
                            yield ReasoningDelta(thought)
                        for delta in take(shown):
                            yield delta
                        if reader.lost:
                            yield ModelResponse("".join(said), (), "length", Usage())
                            return
                    case ModelResponse():
                        for delta in take(thoughts.rest()):
                            yield delta
                        yield replace(item, text="".join(said))
                    case ReasoningDelta():
                        yield item
                    case _:
                        pass  # nobody offered it tools


def held_to(calling: Calling, tools: Sequence[ToolDefinition]) -> dict[str, Any]:
    """The fields of a request that hold the answer to an object."""
    match calling:
        case "schema":
            described = {"name": "action", "strict": True, "schema": answer_schema(tools)}
            return {"response_format": {"type": "json_schema", "json_schema": described}}
        case "loose_schema":
            schema = answer_schema(tools)  # llama.cpp's and Ollama's own names for it; others ignore them
            return {
                "response_format": {"type": "json_object", "schema": schema},
                "json_schema": schema,
                "format": schema,
            }
        case "object":
            return {"response_format": {"type": "json_object"}}
        case _:
            return {}


def add(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_tokens + other.cached_tokens,
    )


def _unshown(answer: Answer, reader: ObjectReader) -> list[TextDelta | ToolCallDelta]:
    """The text and calls of an answer of which nothing was shown while it came."""
    if reader.showing:
        return []
    text: list[TextDelta | ToolCallDelta] = [TextDelta(answer.text)] if answer.text else []
    return text + [ToolCallDelta(n, call.arguments, call.id, call.name) for n, call in enumerate(answer.calls)]


def _response(answer: Answer, item: ModelResponse, used: Usage) -> ModelResponse:
    finish = item.finish_reason
    if finish in ("stop", "tool_calls", "function_call"):
        finish = "tool_calls" if answer.calls else "stop"
    return ModelResponse(answer.text, answer.calls, finish, used)
