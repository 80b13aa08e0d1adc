"""Anthropic, in its own format (through pydantic-ai) and at its address in OpenAI's format.

https://platform.claude.com/docs/en/api/messages, https://platform.claude.com/docs/en/build-with-claude/extended-thinking
(thinking comes back unmodified), https://platform.claude.com/docs/en/api/openai-sdk.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
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
    refusal,
    usage_chunk,
    words,
)

ID = "[a-zA-Z0-9_-]+"
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")


def invalid(message: str) -> Refused:
    return Refused({"type": "error", "error": {"type": "invalid_request_error", "message": message}, "request_id": "r"})


def event(kind: str, **fields: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


@dataclass
class Anthropic(Family):
    name: str = "Anthropic"
    provider: str = "anthropic"
    model: str = "claude-sonnet-5-5"
    base: str = ""
    route: str = "/v1/messages"

    def check(self, body: Json, headers: dict[str, str]) -> None:
        if "max_tokens" not in body:
            raise invalid("max_tokens: Field required")
        if "anthropic-version" not in headers or not (headers.get("x-api-key") or headers.get("authorization")):
            raise invalid("anthropic-version: header is required")
        messages: list[Json] = body["messages"]
        if messages[0]["role"] != "user":
            raise invalid('messages: first message must use the "user" role')
        for place, message in enumerate(messages):
            if message["role"] not in ("user", "assistant"):
                raise invalid(f"messages.{place}.role: Input should be 'user' or 'assistant'")
            if not message["content"]:
                raise invalid(f"messages.{place}: all messages must have non-empty content")
            for block in blocks(message):
                self._check_block(block, f"messages.{place}.content")
            called = [block["id"] for block in blocks(message) if block["type"] == "tool_use"]
            if any(self.gave.get(id) for id in called) and blocks(message)[0]["type"] != "thinking":
                raise invalid(f"messages.{place}.content.0.type: Expected `thinking`, but found `tool_use`.")
        for before, after in pairwise([*messages, {"role": "user", "content": []}]):
            called = [block["id"] for block in blocks(before) if block["type"] == "tool_use"]
            given = [block["tool_use_id"] for block in blocks(after) if block["type"] == "tool_result"]
            if sorted(called) != sorted(given):
                raise invalid("messages: `tool_use` ids were found without `tool_result` blocks immediately after")
            kinds = [block["type"] for block in blocks(after)]
            if "tool_result" in kinds[len(given) :]:
                raise invalid("messages: tool_result blocks have to come first in the content")

    def _check_block(self, block: Json, where: str) -> None:
        match block["type"]:
            case "text" if not block["text"].strip():
                raise invalid(f"{where}: text content blocks must contain non-whitespace text")
            case "tool_use" if not re.fullmatch(ID, block["id"]):
                raise invalid(f"{where}.tool_use.id: String should match pattern '^{ID}$'")
            case "thinking" if block["signature"] != signature(block["thinking"]):
                raise invalid(f"{where}: Invalid `signature` in `thinking` block")
            case _:
                return

    def pictures(self, body: Json) -> list[bytes]:
        images = [b for message in body["messages"] for b in blocks(message) if b["type"] == "image"]
        for image in images:
            if image["source"]["type"] != "base64" or image["source"]["media_type"] not in IMAGE_TYPES:
                raise invalid("messages.1.content.1.image.source: Input should be a valid image")
        return [base64.b64decode(image["source"]["data"], validate=True) for image in images]

    def blind(self) -> Refused:
        # https://github.com/anthropics/claude-code/issues/1747: an image that it cannot read
        return invalid("Could not process image")

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        usage = {"input_tokens": 100, "output_tokens": 1}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": self.model, "content": []}
        yield event("message_start", message={**message, "stop_reason": None, "stop_sequence": None, "usage": usage})
        yield event("ping")
        for index, (block, deltas) in enumerate(written(answer, number)):
            yield event("content_block_start", index=index, content_block=block)
            for delta in deltas:
                yield event("content_block_delta", index=index, delta=delta)
            yield event("content_block_stop", index=index)
        self.gave |= {f"toolu_01{number:03d}{index}": answer.thought for index in range(len(answer.calls))}
        reason = "tool_use" if answer.calls else "end_turn"
        yield event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 25})
        yield event("message_stop")

    def other(self, method: str, path: str) -> Any:
        return None


def blocks(message: Json) -> Sequence[Json]:
    content: Any = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def signature(thought: str) -> str:
    return f"c2ln{len(thought)}"


def written(answer: Answer, number: int) -> Iterator[tuple[Json, list[Json]]]:
    if answer.thought:
        deltas: list[Json] = [{"type": "thinking_delta", "thinking": word} for word in words(answer.thought)]
        signed: Json = {"type": "signature_delta", "signature": signature(answer.thought)}
        yield {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]
    if answer.text:
        yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": word} for word in words(answer.text)]
    for index, (name, arguments) in enumerate(answer.calls):
        call = {"type": "tool_use", "id": f"toolu_01{number:03d}{index}", "name": name, "input": {}}
        pieces = words(json.dumps(arguments))
        yield call, [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces]]


@dataclass
class AnthropicInOpenAIFormat(Family):
    name: str = "Anthropic in OpenAI's format"
    provider: str = "claude-gateway"
    model: str = "claude-sonnet-5-5"
    thinks: bool = False

    def check(self, body: Json, headers: dict[str, str]) -> None:
        for place, message in enumerate(body["messages"]):
            if message["role"] in ("system", "developer", "tool"):
                continue
            empty = message.get("content") == "" or (not message.get("content") and not message.get("tool_calls"))
            if empty:
                raise refusal(f"messages.{place}: text content blocks must be non-empty")
        for call in all_calls(body["messages"]):
            if not re.fullmatch(ID, call["id"]):
                raise refusal(f"messages.1.content.0.tool_use.id: String should match pattern '^{ID}$'")
        check_conversation(body["messages"])

    def blind(self) -> Refused:
        return refusal("messages.3.content.1.image: Could not process image")

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        for word in ["", *words(answer.text)]:
            yield data(chunk({"role": "assistant", "content": word}))
        for index, (name, arguments) in enumerate(answer.calls):
            begun = call_of((name, {}), f"toolu_01{number:03d}{index}", index)
            yield data(chunk({"tool_calls": [{**begun, "function": {"name": name, "arguments": ""}}]}))
            for piece in words(json.dumps(arguments)):
                yield data(chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
        yield data(chunk({}, "tool_calls" if answer.calls else "stop"))
        yield data(usage_chunk())
        yield DONE
