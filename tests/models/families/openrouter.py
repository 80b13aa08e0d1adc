"""OpenRouter: comment lines while it waits, ``reasoning_details`` that come back as they were, errors in the stream.

https://openrouter.ai/docs/guides/best-practices/reasoning-tokens (preserving reasoning blocks),
https://openrouter.ai/docs/api/reference/errors-and-debugging (errors within a stream). "Provider returned error" as
reported in https://github.com/charmbracelet/crush/issues/279
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from .frame import (
    DONE,
    Answer,
    Family,
    Json,
    Refused,
    call_of,
    check_conversation,
    chunk,
    data,
    usage_chunk,
    words,
)


def invalid(message: str) -> Refused:
    raw = json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": message}})
    metadata = {"raw": raw, "provider_name": "Anthropic"}
    return Refused({"error": {"message": "Provider returned error", "code": 400, "metadata": metadata}, "user_id": "u"})


def details(thought: str) -> list[Json]:
    text = {"type": "reasoning.text", "text": thought, "signature": f"c2ln{len(thought)}"}
    return [{**text, "format": "anthropic-claude-v1", "index": 0}]


@dataclass
class OpenRouter(Family):
    name: str = "OpenRouter"
    provider: str = "openrouter"
    model: str = "anthropic/claude-sonnet-5.5"
    base: str = "/api/v1"

    def check(self, body: Json, headers: dict[str, str]) -> None:
        for place, message in enumerate(body["messages"]):
            told = message.get("reasoning_details")
            if told is not None and told != details(told[0].get("text", "")):
                raise invalid(f"messages.{place}: `thinking` blocks cannot be modified: {told}")
            wanted = [self.gave[call["id"]] for call in message.get("tool_calls") or () if self.gave.get(call["id"])]
            if wanted and told != details(wanted[0]):
                raise invalid(f"messages.{place}.content.0.type: Expected `thinking`, but found `tool_use`.")
        check_conversation(body["messages"])

    def blind(self) -> Refused:
        # https://github.com/aaif-goose/goose/issues/5396
        return Refused({"error": {"message": "No endpoints found that support image input", "code": 404}}, 404)

    def broken(self, answer: Answer, number: int) -> list[str] | None:
        if number != 1:
            return None
        said = chunk({"role": "assistant", "content": "I begin"}, native_finish_reason=None)
        late = {**chunk({"content": ""}, "error"), "error": {"code": 502, "message": "Provider disconnected"}}
        return [": OPENROUTER PROCESSING\n\n", data(said), data(late)]

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        yield ": OPENROUTER PROCESSING\n\n"
        yield ": OPENROUTER PROCESSING\n\n"
        base = {"role": "assistant", "content": ""}
        for word in words(answer.thought):
            piece = {"type": "reasoning.text", "text": word, "format": "anthropic-claude-v1", "index": 0}
            yield data(chunk({**base, "reasoning": word, "reasoning_details": [piece]}, native_finish_reason=None))
        if answer.thought:
            last = {**details(answer.thought)[0]}
            del last["text"]
            yield data(chunk({**base, "reasoning_details": [last]}, native_finish_reason=None))
        for word in words(answer.text):
            yield data(chunk({**base, "content": word}, native_finish_reason=None))
        for index, (name, arguments) in enumerate(answer.calls):
            begun = call_of((name, {}), f"toolu_vrtx_01{number:03d}{index}", index)
            self.gave[begun["id"]] = answer.thought
            yield data(
                chunk({**base, "content": None, "tool_calls": [{**begun, "function": {"name": name, "arguments": ""}}]})
            )
            for word in words(json.dumps(arguments)):
                yield data(
                    chunk(
                        {**base, "tool_calls": [{"index": index, "function": {"arguments": word}, "type": "function"}]}
                    )
                )
        yield data(chunk(base, "tool_calls" if answer.calls else "stop", native_finish_reason="tool_use"))
        yield data({**usage_chunk(), "choices": [{"index": 0, "delta": base, "finish_reason": None}]})
        yield DONE
