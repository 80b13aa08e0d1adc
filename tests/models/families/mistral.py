"""Mistral: nine letters or digits in a call's id, no person's words behind a result, thinking in parts of the content.

https://docs.mistral.ai/capabilities/function_calling, https://docs.mistral.ai/capabilities/reasoning. Errors as
reported in https://github.com/karthink/gptel/issues/1203 (ids),
https://github.com/datapizza-labs/datapizza-ai/issues/98 (order, code 3230).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

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

FIELDS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "prefix"},
    "tool": {"role", "content", "tool_call_id", "name"},
}
PARAMETERS = {
    "model", "messages", "stream", "stream_options", "tools", "tool_choice", "temperature", "top_p", "max_tokens",
    "response_format", "parallel_tool_calls", "stop", "random_seed", "n", "safe_prompt", "prompt_mode",
}  # fmt: skip


def invalid(message: str, kind: str = "invalid_request_error", code: str | None = None) -> Refused:
    return Refused({"object": "error", "message": message, "type": kind, "param": None, "code": code})


def forbidden(*where: str | int) -> Refused:
    """As its validation says it: the message is an object."""
    detail = [{"type": "extra_forbidden", "loc": ["body", *where], "msg": "Extra inputs are not permitted", "input": 1}]
    return Refused(
        {"object": "error", "message": {"detail": detail}, "type": "invalid_request_error", "code": None}, 422
    )


@dataclass
class Mistral(Family):
    name: str = "Mistral"
    provider: str = "mistral"
    model: str = "magistral-medium-4"

    def check(self, body: Json, headers: dict[str, str]) -> None:
        messages = body["messages"]
        for name in body.keys() - PARAMETERS:
            raise forbidden(name)
        for place, message in enumerate(messages):
            role = message["role"]
            if role not in FIELDS:
                raise invalid(f"Unexpected role {role}")
            for name in message.keys() - FIELDS[role]:
                raise forbidden("messages", place, role, name)
            if role == "assistant" and not message.get("content") and not message.get("tool_calls"):
                raise invalid("Assistant message must have either content or tool_calls, but not none.", code="3240")
        for call in all_calls(messages):
            if not re.fullmatch("[a-zA-Z0-9]{9}", call["id"]):
                raise invalid(f"Tool call id was {call['id']} but must be a-z, A-Z, 0-9, with a length of 9.")
        for a, b in pairwise(message["role"] for message in messages):
            if (a, b) in (("tool", "user"), ("tool", "system"), ("assistant", "system")):
                raise invalid(f"Unexpected role '{b}' after role '{a}'", "invalid_request_message_order", "3230")
        if messages[-1]["role"] not in ("user", "tool"):
            raise invalid("Expected last role User or Tool (or Assistant with prefix True) for serving", code="3230")
        check_conversation(messages)

    def blind(self) -> Refused:
        return invalid("Image input is not enabled for this model", code="3051")

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        yield data(chunk({"role": "assistant", "content": ""}))
        for word in words(answer.thought):
            thinking = {"type": "thinking", "thinking": [{"type": "text", "text": word}]}
            yield data(chunk({"content": [thinking]}))
        for place, word in enumerate(words(answer.text)):
            yield data(chunk({"content": [{"type": "text", "text": word}] if place == 0 else word}))
        calls = [call_of(step, f"aB3dE{number:03d}{index}", index) for index, step in enumerate(answer.calls)]
        end = {"content": "", **({"tool_calls": calls} if calls else {})}
        yield data({**chunk(end, "tool_calls" if calls else "stop"), "usage": usage_chunk()["usage"]})
        yield DONE
