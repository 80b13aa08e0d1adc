"""Anthropic's own format through pydantic-ai, against a server on loopback that speaks it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")
pytest.importorskip("anthropic")

from agents.memory_session import MemorySession
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from jupyter_appbuilder.agents.loop import Limits
from jupyter_appbuilder.models.base import ModelError, ModelResponse, ModelSettings, TextDelta, ToolCallDelta
from jupyter_appbuilder.models.catalog import Catalog
from jupyter_appbuilder.models.providers import Credentials
from jupyter_appbuilder.models.pydantic_ai import native_messages, response
from jupyter_appbuilder.tools.base import ToolResult

KEY = "sk-ant-secret-12345678"
TOOL = {
    "type": "function",
    "function": {
        "name": "write_file",
        "description": "Write a file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    },
}
CONVERSATION = [
    {"role": "system", "content": "You build apps."},
    {"role": "user", "content": "Build it"},
    {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "list_files", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "a.txt"},
    {"role": "user", "content": "A note"},
]


@dataclass
class AnthropicServer:
    status: int = 200
    hang: bool = False
    thinks: bool = False
    port: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)


def _thinking() -> list[dict[str, Any]]:
    begun = {"type": "thinking", "thinking": "", "signature": ""}
    pieces: list[dict[str, Any]] = [
        {"type": "thinking_delta", "thinking": "I should "},
        {"type": "thinking_delta", "thinking": "write."},
        {"type": "signature_delta", "signature": "c2lnbmVk"},
    ]
    return [
        {"type": "content_block_start", "index": 0, "content_block": begun},
        *({"type": "content_block_delta", "index": 0, "delta": piece} for piece in pieces),
        {"type": "content_block_stop", "index": 0},
    ]


def _thinking_first(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    later = [event | {"index": event["index"] + 1} if "index" in event else event for event in events[1:]]
    return [events[0], *_thinking(), *later]


def _events(hang: bool) -> list[dict[str, Any]]:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 0, "output_tokens": 1}
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "claude", "content": [], "usage": usage}
    text, call = {"type": "text", "text": ""}, {"type": "tool_use", "id": "toolu_1", "name": "write_file", "input": {}}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message | {"stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": text},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "I "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "write."}},
    ]
    if hang:
        return events
    return [
        *events,
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": call},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"path": '}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '"a.txt"}'}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 25}},
        {"type": "message_stop"},
    ]


@contextlib.asynccontextmanager
async def anthropic_server(**options: Any) -> AsyncIterator[AnthropicServer]:
    state = AnthropicServer(**options)

    class Messages(RequestHandler):
        async def post(self) -> None:
            state.requests.append({"headers": dict(self.request.headers), "body": json.loads(self.request.body)})
            if state.status != 200:
                self.set_status(state.status)
                error = {"type": "authentication_error", "message": f"invalid x-api-key {KEY}"}
                self.finish({"type": "error", "error": error})
                return
            self.set_header("Content-Type", "text/event-stream")
            events = _events(state.hang)
            for event in _thinking_first(events) if state.thinks else events:
                self.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n")
                await self.flush()
            if state.hang:
                with contextlib.suppress(StreamClosedError):
                    while True:
                        self.write(": still here\n\n")
                        await self.flush()
                        await asyncio.sleep(0.01)
                state.hung_up.set()

    server = HTTPServer(Application([("/v1/messages", Messages)]))
    (socket,) = bind_sockets(0, "127.0.0.1")
    state.port = socket.getsockname()[1]
    server.add_socket(socket)
    try:
        yield state
    finally:
        server.stop()
        await server.close_all_connections()


def claude(tmp_path: Path, server: AnthropicServer, name: str = "claude-sonnet-5-5"):
    environment = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.port}"}
    return Catalog(Credentials(tmp_path / "providers.json", {}, environment)).resolve(f"anthropic:{name}")


async def test_a_conversation_goes_to_claude_and_its_answer_comes_back(tmp_path: Path):
    async with anthropic_server() as server:
        model = claude(tmp_path, server)
        items = [item async for item in model.stream(CONVERSATION, [TOOL], ModelSettings())]
        (request,) = server.requests
    *deltas, response = items
    assert isinstance(response, ModelResponse)
    assert response.text == "I write."
    (call,) = response.tool_calls
    assert (call.id, call.name, json.loads(call.arguments)) == ("toolu_1", "write_file", {"path": "a.txt"})
    assert response.finish_reason == "tool_calls"
    assert (response.usage.input_tokens, response.usage.cached_tokens, response.usage.output_tokens) == (100, 90, 25)
    assert "".join(d.text for d in deltas if isinstance(d, TextDelta)) == "I write."
    pieces = [d for d in deltas if isinstance(d, ToolCallDelta)]
    assert [(p.index, p.id, p.name) for p in pieces if p.name] == [(0, "toolu_1", "write_file")]
    assert json.loads("".join(p.arguments for p in pieces)) == {"path": "a.txt"}

    body = request["body"]
    assert KEY in json.dumps(request["headers"])
    assert "You build apps." in json.dumps(body["system"])
    assert "cache_control" in json.dumps(body["system"])
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][1]["content"][1]["name"] == "list_files"
    assert [part["type"] for part in body["messages"][2]["content"]] == ["tool_result", "text"]
    assert body["tools"][0]["input_schema"]["required"] == ["path"]
    assert body["max_tokens"] >= 8_000  # a whole file must fit


async def test_thinking_is_told_apart_and_comes_back_signed_to_its_model_alone(tmp_path: Path):
    async with anthropic_server(thinks=True) as server:
        model = claude(tmp_path, server)
        session = MemorySession(model, {"write_file": lambda arguments: ToolResult("Wrote it.", "Wrote")}, ())
        session.agent._limits = Limits(max_steps=2)  # pyright: ignore[reportPrivateUsage]
        await session.ask("Build it")
        first, second = server.requests
        other = claude(tmp_path, server, "claude-haiku-5")
        _ = [item async for item in other.stream(session.history.messages(), [TOOL], ModelSettings())]
        elsewhere = server.requests[-1]
    (stored, _) = session.journal.of("response.completed")
    assert (stored["text"], stored["reasoning"]) == ("I write.", "I should write.")
    thought = "".join(d["text"] for k, d in session.journal.shown if k == "reasoning.delta" and d["response"] == "r1")
    assert thought == "I should write."
    answer = second["body"]["messages"][1]["content"]
    assert [block["type"] for block in answer] == ["thinking", "text", "tool_use"]
    assert (answer[0]["thinking"], answer[0]["signature"]) == ("I should write.", "c2lnbmVk")
    assert (answer[2]["id"], answer[2]["input"]) == ("toolu_1", {"path": "a.txt"})
    assert second["body"]["messages"][2]["content"][0]["tool_use_id"] == "toolu_1"
    assert "c2lnbmVk" not in json.dumps(elsewhere["body"])
    assert "I should" not in json.dumps(elsewhere["body"])
    assert "thinking" not in json.dumps(first["body"]["messages"])


async def test_a_refused_key_is_explained_without_showing_it(tmp_path: Path):
    async with anthropic_server(status=401) as server:
        with pytest.raises(ModelError) as caught:
            [item async for item in claude(tmp_path, server).stream(CONVERSATION, [], ModelSettings())]
    assert caught.value.reason == "unauthorized"
    assert "ANTHROPIC_API_KEY" in caught.value.hint
    assert KEY not in str(caught.value)


async def test_stopping_hangs_up(tmp_path: Path):
    async with anthropic_server(hang=True) as server:
        model = claude(tmp_path, server)
        arrived = asyncio.Event()

        async def listen() -> None:
            async with contextlib.aclosing(model.stream(CONVERSATION, [], ModelSettings())) as stream:  # pyright: ignore
                async for _ in stream:
                    arrived.set()

        task = asyncio.create_task(listen())
        await asyncio.wait_for(arrived.wait(), 20)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(server.hung_up.wait(), 5)


def test_a_signature_on_a_call_comes_back_with_the_arguments_as_they_are_told_now():
    from pydantic_ai import messages as native

    part = native.ToolCallPart(
        "write_file",
        {"path": "a.txt", "content": "x" * 900},
        "own-1",
        provider_name="google",
        provider_details={"thought_signature": "c2lnbmVk"},
    )
    added = response(native.ModelResponse(parts=[part], provider_name="google"), "google gemini-3").added
    assert added
    call = {"id": "abcdefghi", "type": "function", "function": {"name": "write_file", "arguments": '{"path": "a.txt"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call], "given": {"ids": ["own-1"], "added": added}}
    (told,) = native_messages([message], "google gemini-3")
    (back,) = told.parts
    assert isinstance(back, native.ToolCallPart)
    assert (back.args, back.tool_call_id) == ('{"path": "a.txt"}', "own-1")
    assert back.provider_details == {"thought_signature": "c2lnbmVk"}
    (elsewhere,) = native_messages([message], "google gemini-4")
    assert elsewhere.parts[0].provider_details is None
    assert "xxx" not in json.dumps(added)
