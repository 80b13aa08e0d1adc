"""OpenAI's chat completions, as its reasoning models take them.

Parameters and fields: the types of OpenAI's own SDK. https://platform.openai.com/docs/api-reference/chat/create
max_tokens: https://github.com/openai/openai-python/issues/2046. Temperature:
https://portkey.ai/error-library/unsupported-parameter-error-10525
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

from .frame import (
    DONE,
    Answer,
    Family,
    Json,
    all_calls,
    call_of,
    check_conversation,
    chunk,
    data,
    refusal,
    usage_chunk,
    words,
)

LONGEST_ID = 40


def parameters() -> set[str]:
    from openai.types.chat.completion_create_params import CompletionCreateParamsBase

    return {*CompletionCreateParamsBase.__annotations__, "stream"}


def message_fields() -> dict[str, set[str]]:
    from openai.types import chat

    kinds: dict[str, Any] = {
        "system": chat.ChatCompletionSystemMessageParam,
        "developer": chat.ChatCompletionDeveloperMessageParam,
        "user": chat.ChatCompletionUserMessageParam,
        "assistant": chat.ChatCompletionAssistantMessageParam,
        "tool": chat.ChatCompletionToolMessageParam,
    }
    return {role: {*get_type_hints(kind)} for role, kind in kinds.items()}


@dataclass
class OpenAI(Family):
    name: str = "OpenAI"
    provider: str = "openai"
    model: str = "gpt-6.1-sol"
    thinks: bool = False  # not told in this format

    def check(self, body: Json, headers: dict[str, str]) -> None:
        for name in body.keys() - parameters():
            raise refusal(f"Unrecognized request argument supplied: {name}")
        if "max_tokens" in body:
            raise refusal(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
                "instead.",
                param="max_tokens",
                code="unsupported_parameter",
            )
        if body.get("temperature", 1) != 1:
            raise refusal(
                "Unsupported value: 'temperature' does not support this value with this model.",
                code="unsupported_value",
            )
        known = message_fields()
        for place, message in enumerate(body["messages"]):
            for name in message.keys() - known.get(message["role"], set()):
                raise refusal(f"Unknown parameter: 'messages[{place}].{name}'.", code="unknown_parameter")
        for call in all_calls(body["messages"]):
            if len(call["id"]) > LONGEST_ID:
                raise refusal(f"Invalid 'tool_calls[0].id': string too long. At most {LONGEST_ID} characters.")
            for name in call.keys() - {"id", "type", "function"}:
                raise refusal(f"Unknown parameter: 'tool_calls[0].{name}'.", code="unknown_parameter")
        check_conversation(body["messages"])

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        def told(event: Json) -> str:
            return data({**event, "service_tier": "default", "system_fingerprint": None, "obfuscation": "x7"})

        yield told(chunk({"role": "assistant", "content": None if answer.calls else "", "refusal": None}))
        for word in words(answer.text):
            yield told(chunk({"content": word}))
        for index, (name, arguments) in enumerate(answer.calls):
            begun = call_of((name, {}), f"call_{number}{index}AbCdEfGhIjKlMnOpQr", index)
            yield told(chunk({"tool_calls": [{**begun, "function": {"name": name, "arguments": ""}}]}))
            for word in words(json.dumps(arguments)):
                yield told(chunk({"tool_calls": [{"index": index, "function": {"arguments": word}}]}))
        yield told(chunk({}, "tool_calls" if answer.calls else "stop"))
        yield told(usage_chunk())
        yield DONE
