"""Servers on one's own machine, each with a chat template that raises: vLLM, Ollama, LM Studio, llama.cpp.

vLLM: https://docs.vllm.ai/en/latest/features/tool_calling.html; its errors as reported in
https://github.com/vllm-project/vllm/issues/6862 and, in the newer shape, its ``ErrorResponse``. Ollama:
https://docs.ollama.com/api/openai-compatibility. LM Studio: https://lmstudio.ai/docs/developer/openai-compat/tools.
llama.cpp: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md (``return_progress``, the shape of
errors).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
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

ALTERNATE = "After the optional system message, conversation roles must alternate user/assistant/user/assistant/..."


def take_turns(messages: list[Json]) -> bool:
    """As the templates of Mistral's open models have it: calls and their results do not count."""
    rest = messages[messages[0]["role"] == "system" :]
    counted = [m["role"] for m in rest if m["role"] == "user" or (m["role"] == "assistant" and not m.get("tool_calls"))]
    return counted[:1] == ["user"] and all(a != b for a, b in pairwise(counted))


@dataclass
class VLLM(Family):
    name: str = "vLLM"
    provider: str = "vllm"
    model: str = "served"  # by a name of one's own, which tells nothing
    learns: int = 2  # the order of roles, and the form of ids

    def check(self, body: Json, headers: dict[str, str]) -> None:
        messages = body["messages"]
        check_conversation(messages)
        if not take_turns(messages):
            raise self._bad(ALTERNATE)
        if any(not re.fullmatch("[a-zA-Z0-9]{9}", call["id"]) for call in all_calls(messages)):
            raise self._bad("Tool call IDs should be alphanumeric strings with length 9!")

    def blind(self) -> Refused:
        # https://github.com/studio-dots-ai/dots.ocr/issues/61
        return self._bad(f"{self.model} is not a multimodal model None")

    def _bad(self, message: str) -> Refused:
        error = {"message": message, "type": "BadRequestError", "param": None, "code": 400}
        return Refused({"error": error})

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        yield data(chunk({"role": "assistant", "content": ""}))
        for word in words(answer.thought):
            yield data(chunk({"reasoning": word}))
        for word in words(answer.text):
            yield data(chunk({"content": word}))
        for index, (name, arguments) in enumerate(answer.calls):
            id = f"chatcmpl-tool-{number:08d}{index}"
            begun = {"id": id, "type": "function", "index": index, "function": {"name": name}}
            yield data(chunk({"tool_calls": [begun]}))
            for word in words(json.dumps(arguments)):
                yield data(chunk({"tool_calls": [{"index": index, "function": {"arguments": word}}]}))
        yield data(chunk({"content": ""}, "tool_calls" if answer.calls else "stop", stop_reason=None))
        yield data(usage_chunk())
        yield DONE


@dataclass
class Ollama(Family):
    name: str = "Ollama"
    provider: str = "ollama"
    model: str = "qwen3:8b"
    said: tuple[str, ...] = ()  # further things that it can do

    def check(self, body: Json, headers: dict[str, str]) -> None:
        for message in body["messages"]:
            if message.get("content") is None and not message.get("tool_calls"):
                raise refusal("invalid message content type: <nil>")
            if isinstance(message.get("content"), list) and any(
                part["type"] not in ("text", "image_url") for part in message["content"]
            ):
                raise refusal("invalid message format")
        check_conversation(body["messages"])

    def blind(self) -> Refused:
        # https://github.com/ollama/ollama/issues/17301
        return refusal("this model does not support image input (ref: b8bd630e)")

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        for word in words(answer.thought):
            yield data(chunk({"role": "assistant", "content": "", "reasoning": word}))
        for word in words(answer.text):
            yield data(chunk({"role": "assistant", "content": word}))
        for index, step in enumerate(answer.calls):  # older ones number every call 0
            yield data(
                chunk(
                    {
                        "role": "assistant",
                        "content": "",
                        "tool_calls": [call_of(step, f"call_{number:04d}{index}x7", 0)],
                    }
                )
            )
        yield data(chunk({"role": "assistant", "content": ""}, "tool_calls" if answer.calls else "stop"))
        yield data(usage_chunk())
        yield DONE

    def other(self, method: str, path: str) -> Any:
        match path:
            case "/api/show":
                return {
                    "capabilities": ["completion", "tools", "thinking", *self.said],
                    "model_info": {"qwen3.context_length": 40960},
                }
            case "/api/generate":
                return {"done": True, "done_reason": "load", "response": ""}
            case "/api/ps":
                return {"models": [{"name": self.model, "model": self.model, "context_length": 32768}]}
            case _:
                return super().other(method, path)


@dataclass
class LMStudio(Family):
    """Its template is only used when the stream has begun: what it raises is an event of the stream."""

    name: str = "LM Studio"
    provider: str = "lmstudio"
    model: str = "local-model"
    type: str = "llm"
    learns: int = 1

    def check(self, body: Json, headers: dict[str, str]) -> None:
        for tool in body.get("tools") or ():
            if tool["type"] != "function" or "function" not in tool:
                raise Refused({"error": "'tools.0.function' is required"})
        check_conversation(body["messages"])
        if not take_turns(body["messages"]):
            said = f'Error rendering prompt with jinja template: "{ALTERNATE}".'
            raise Refused(
                f"event: error\ndata: {json.dumps({'error': {'message': said}})}\n\n",
                200,
                {"Content-Type": "text/event-stream"},
            )

    def blind(self) -> Refused:
        # https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/908
        return Refused({"error": "Model does not support images. Please use a model that does."})

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        for word in words(answer.thought):
            yield data(chunk({"role": "assistant", "reasoning_content": word}))
        for word in words(answer.text):
            yield data(chunk({"role": "assistant", "content": word}))
        for index, (name, arguments) in enumerate(answer.calls):
            begun = call_of((name, {}), f"{number:05d}{index:04d}", index)
            yield data(chunk({"tool_calls": [{**begun, "function": {"name": name, "arguments": ""}}]}))
            for word in words(json.dumps(arguments)):
                yield data(
                    chunk({"tool_calls": [{"index": index, "type": "function", "function": {"arguments": word}}]})
                )
        yield data(chunk({}, "tool_calls" if answer.calls else "stop"))
        yield data(usage_chunk())
        yield DONE

    def other(self, method: str, path: str) -> Any:
        if path == f"/api/v0/models/{self.model}":
            return {"id": self.model, "type": self.type, "loaded_context_length": 32768}
        return super().other(method, path)


@dataclass
class LlamaCpp(Family):
    name: str = "llama.cpp"
    provider: str = "llamacpp"
    model: str = "local.gguf"
    vision: bool = False
    learns: int = 2  # the order of roles, and no null beside calls

    def check(self, body: Json, headers: dict[str, str]) -> None:
        messages = body["messages"]
        for message in messages:
            if message["role"] == "assistant" and "content" in message and message["content"] is None:
                raise self._error(500, "[json.exception.type_error.302] type must be string, but is null: content")
        check_conversation(messages)
        if not take_turns(messages):
            raise self._error(
                500, f"Value is not callable: null at row 1, column 9: {{{{ raise_exception('{ALTERNATE}') }}}}"
            )

    def blind(self) -> Refused:
        # https://github.com/ggml-org/llama.cpp/issues/15377
        hint = "if this is unexpected, you may need to provide the mmproj"
        return self._error(500, f"image input is not supported - hint: {hint}")

    def fails(self, number: int) -> Refused | None:
        return self._error(503, "Loading model", "unavailable_error") if number == 0 else None

    def broken(self, answer: Answer, number: int) -> list[str] | None:
        if number != 3:
            return None
        failure = {"code": 500, "message": "slot lost", "type": "server_error"}
        return [data(chunk({"role": "assistant", "content": "I"})), f"error: {json.dumps(failure)}\n\n"]

    def _error(self, status: int, message: str, kind: str = "server_error") -> Refused:
        return Refused({"error": {"code": status, "message": message, "type": kind}}, status)

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        yield data(chunk({"role": "assistant", "content": None}))
        for word in words(answer.thought):
            yield data(chunk({"reasoning_content": word}))
        for word in words(answer.text):
            yield data(chunk({"content": word}))
        for index, (name, arguments) in enumerate(answer.calls):
            begun = {"index": index, "id": f"Q{number:03d}{index}pYkZ0", "type": "function"}
            yield data(chunk({"tool_calls": [{**begun, "function": {"name": name, "arguments": "{"}}]}))
            for word in words(json.dumps(arguments)[1:]):
                yield data(chunk({"tool_calls": [{"index": index, "function": {"arguments": word}}]}))
        yield data(chunk({}, "tool_calls" if answer.calls else "stop"))
        yield data({**usage_chunk(), "timings": {"prompt_n": 100, "predicted_n": 20}})
        yield DONE

    def other(self, method: str, path: str) -> Any:
        if path == "/props":
            return {"default_generation_settings": {"n_ctx": 32768}, "modalities": {"vision": self.vision}}
        return super().other(method, path)
