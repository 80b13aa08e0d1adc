"""Gemini at an address in OpenAI's format: an array around each error, calls without number and id, signatures.

https://ai.google.dev/gemini-api/docs/openai, https://ai.google.dev/gemini-api/docs/thought-signatures (missing ones are
refused in the current turn), errors and ``extra_content`` as reported in
https://discuss.ai.google.dev/t/openai-api-compatibility-broken-due-to-thought-signature-on-gemini-3-pro-preview/109823
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .frame import (
    DONE,
    Answer,
    Family,
    Json,
    Refused,
    all_calls,
    call_of,
    check_conversation,
    chunk,
    data,
    usage_chunk,
    words,
)

UNSIGNED = "skip_thought_signature_validator"  # Google's own word for a call that another model made
FIELDS = {"role", "content", "tool_calls", "tool_call_id", "name", "extra_content", "refusal"}


def invalid(message: str) -> Refused:
    return Refused([{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}])


def signature(number: int) -> str:
    return f"c2lnbmF0dXJl{number}=="


@dataclass
class Gemini(Family):
    name: str = "Gemini"
    provider: str = "gemini-gateway"
    model: str = "gemini-3.8-pro"
    base: str = "/v1beta/openai"
    learns: int = 1  # plain schemas, by another name than Google's
    thinks: bool = False

    def check(self, body: Json, headers: dict[str, str]) -> None:
        for tool in body.get("tools") or ():
            check_schema(tool["function"].get("parameters"), tool["function"]["name"])
        messages = body["messages"]
        for place, message in enumerate(messages):
            for name in message.keys() - FIELDS:
                raise invalid(
                    f"Invalid JSON payload received. Unknown name \"{name}\" at 'messages[{place}]': Cannot find field."
                )
        check_conversation(messages)
        people = [place for place, m in enumerate(messages) if m["role"] == "user"]
        for place, message in enumerate(messages):
            calls = message.get("tool_calls") or ()
            if calls and messages[place - 1]["role"] not in ("user", "tool"):
                raise invalid(
                    "Please ensure that function call turn comes immediately after a user turn or after a function "
                    "response turn."
                )
            if calls and place > people[-1] and not signed(calls[0]):
                raise invalid(
                    "Function call is missing a thought_signature in functionCall parts. This is required for tools to "
                    f"work correctly. Additional data, function call `default_api:{calls[0]['function']['name']}`, "
                    f"position {place}."
                )
        issued = {signature(number) for number in range(1000)} | {UNSIGNED}
        for call in all_calls(messages):
            if signed(call) and signed(call) not in issued:
                raise invalid("Corrupted thought signature.")

    def blind(self) -> Refused:
        return invalid(f"Image input modality is not enabled for models/{self.model}")

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        extra = {"google": {"thought_signature": signature(number)}}
        for place, word in enumerate(words(answer.text)):
            more = {} if place or answer.calls else {"extra_content": extra}
            yield data(chunk({"role": "assistant", "content": word, **more}))
        for place, step in enumerate(answer.calls):
            call = call_of(step, "", None)
            yield data(
                chunk({"role": "assistant", "tool_calls": [call if place else {**call, "extra_content": extra}]})
            )
        yield data({**chunk({"role": "assistant"}, "stop"), "usage": usage_chunk()["usage"]})
        yield DONE


def signed(call: Json) -> Any:
    return call.get("extra_content", {}).get("google", {}).get("thought_signature")


def check_schema(schema: Json | None, where: str) -> None:
    if schema is None:
        return
    tools = f"tools[0].function_declarations[{where}].parameters"
    for name in ("$ref", "$defs", "oneOf", "const", "additionalProperties", "default"):
        if name in json.dumps(schema):
            raise invalid(f"Invalid JSON payload received. Unknown name \"{name}\" at '{tools}': Cannot find field.")
    if schema.get("type") == "object" and not schema.get("properties"):
        raise invalid(f"GenerateContentRequest.{tools}.properties: should be non-empty for OBJECT type")
