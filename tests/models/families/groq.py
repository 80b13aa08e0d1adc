"""Groq and Cerebras: fields that they do not know are refused, calls that do not fit the schema fail with 400, and 429
says when to come back.

https://console.groq.com/docs/errors, https://console.groq.com/docs/rate-limits,
https://console.groq.com/docs/tool-use; the refusals' words as reported in
https://github.com/karthink/gptel/issues/774 (fields) and https://github.com/groq/groq-typescript/issues/28 (failed
calls). https://inference-docs.cerebras.ai/resources/openai: parameters that are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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

FIELDS = {
    "system": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls"},
    "tool": {"role", "content", "tool_call_id", "name"},
}


@dataclass
class Groq(Family):
    name: str = "Groq"
    provider: str = "groq"
    model: str = "openai/gpt-oss-120b"
    base: str = "/openai/v1"
    learns: int = 1  # that its reasoning is not taken back

    def check(self, body: Json, headers: dict[str, str]) -> None:
        for place, message in enumerate(body["messages"]):
            role = message["role"]
            for name in message.keys() - FIELDS[role]:
                where = f"'messages.{place}'"
                raise refusal(
                    f"{where} : for 'role:{role}' the following must be satisfied[({where} : property '{name}' is "
                    "unsupported, did you mean 'role'?)]"
                )
        check_conversation(body["messages"])

    def blind(self) -> Refused:
        # https://github.com/OpenHands/OpenHands/issues/4643
        where = "messages.4"
        return refusal(
            f"'{where}' : for 'role:user' the following must be satisfied[('{where}.content' : value must be a string)]"
        )

    def fails(self, number: int) -> Refused | None:
        if number == 1:
            message = (
                "Rate limit reached for model `openai/gpt-oss-120b` in organization `org_1` on tokens "
                "per minute (TPM): Limit 8000, Used 7990, Requested 900. Please try again in 0.1s. Need more tokens? "
                "Upgrade to Dev Tier today at https://console.groq.com/settings/billing"
            )
            error = {"message": message, "type": "tokens", "code": "rate_limit_exceeded"}
            return Refused({"error": error}, 429, {"Retry-After": "1"})
        if number == 3:
            return refusal(
                "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.",
                code="tool_use_failed",
                failed_generation='<function=check_app{"a": }</function>',
            )
        if number == 4:
            return refusal(
                "tool call validation failed: parameters for tool write_file did not match schema: errors: "
                "[`/content`: expected string, but got object]",
                code="tool_use_failed",
                failed_generation='{"name": "write_file", "arguments": {"path": "a", "content": {}}}',
            )
        return None

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        yield data({**chunk({"role": "assistant", "content": None}), "x_groq": {"id": "req_1"}})
        for word in words(answer.thought):
            yield data(chunk({"reasoning": word, "channel": "analysis"}))
        for word in words(answer.text):
            yield data(chunk({"content": word}))
        for index, step in enumerate(answer.calls):
            yield data(chunk({"tool_calls": [call_of(step, f"fc_{number:03d}-{index}-4a1c-9e", index)]}))
        yield data({**chunk({}, "tool_calls" if answer.calls else "stop"), "x_groq": {"usage": usage_chunk()["usage"]}})
        yield data(usage_chunk())
        yield DONE


@dataclass
class Cerebras(Family):
    name: str = "Cerebras"
    provider: str = "cerebras"
    model: str = "qwen-3-coder-480b"
    learns: int = 1

    def check(self, body: Json, headers: dict[str, str]) -> None:
        for name in ("frequency_penalty", "logit_bias", "presence_penalty", "parallel_tool_calls", "service_tier"):
            if name in body:
                raise self._wrong(f"body.{name}: property '{name}' is unsupported")
        for place, message in enumerate(body["messages"]):
            role = message["role"]
            for name in message.keys() - FIELDS[role]:
                raise self._wrong(f"body.messages.{place}.{role}.{name}: property '{name}' is unsupported")
        for call in all_calls(body["messages"]):
            if call.keys() - {"id", "type", "function"}:
                raise self._wrong("body.messages.2.assistant.tool_calls.0: extra fields are unsupported")
        check_conversation(body["messages"])

    def blind(self) -> Refused:
        return self._wrong("body.messages.4.user.content: value should be a valid string")

    def _wrong(self, message: str) -> Refused:
        wrong = {"message": message, "type": "invalid_request_error", "param": "validation_error"}
        return Refused({**wrong, "code": "wrong_api_format"})

    def fails(self, number: int) -> Refused | None:
        if number != 2:
            return None
        busy = {"message": "We're experiencing high traffic right now! Please try again soon."}
        return Refused({**busy, "type": "too_many_requests_error", "param": "queue", "code": "queue_exceeded"}, 429)

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        yield data(chunk({"role": "assistant"}))
        for word in words(answer.thought):
            yield data(chunk({"reasoning": word}))
        for word in words(answer.text):
            yield data(chunk({"content": word}))
        for index, step in enumerate(answer.calls):
            yield data(chunk({"tool_calls": [call_of(step, f"{number:04x}{index}a7c9", index)]}))
        yield data({**chunk({}, "tool_calls" if answer.calls else "stop"), "usage": usage_chunk()["usage"]})
        yield DONE
