"""A real HTTP server on loopback that speaks the OpenAI chat-completions wire format, from a script.

In tests::

    async with model_server([{"text": "Hello"}, {"tool_calls": [{"name": "list_files", "arguments": {}}]}]) as server:
        ...  # server.url is "http://127.0.0.1:PORT/v1"; server.requests holds what was asked

For a browser test, in a process of its own: ``python tests/model_server.py --script file.json --port 8001``. It prints
its URL as the first line. The file holds a list of steps, or ``{"steps": […], "models": […], "repeat": true}``.

One step answers one request, in order. After the last one every request is answered with "Done." (or the script starts
again, with ``repeat``). Keys of a step, all optional:

    text            what the model says
    refusal         sent as ``refusal``, as OpenAI's models do
    raw_usage       sent as the usage, whatever it is
    reasoning       sent as ``reasoning_content`` before the text
    deltas          sent before the text, each as it is
    tool_calls      [{"name", "arguments": object or raw text, "id"?, "more"?: further fields of the call}]
    finish_reason   worked out from the rest by default
    usage           {"prompt_tokens", "completion_tokens", "cached_tokens"}; null sends none
    size            characters a chunk carries (12)
    delay           seconds between chunks (0)
    first_byte      seconds before anything is sent (0)
    held            a ``threading.Event``: nothing is sent until it is set
    held_after      … after this many chunks (0)
    unless          skip this step when the request's messages hold this text
    status, body, headers   answer with this instead
    drop_after      close the connection after this many chunks
    hang_after      send nothing more after this many chunks, and keep the connection open
    malformed       send this text as one event's data, in the middle
    error           send this object as an event's data, as gateways do when they fail late
    plain           answer with one JSON document although a stream was asked for
    refuse_usage    answer 400 when ``stream_options`` was sent (the step stays for the next request)
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

Step = dict[str, Any]
TRIAL = "report_word"


@dataclass
class Request:
    """One request as it arrived. ``body`` is the parsed JSON, None for GET."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class ModelServer:
    steps: Sequence[Step] = ()
    models: Sequence[str] = ("scripted",)
    repeat: bool = False
    ollama: bool = False  # also answer Ollama's own routes
    loading: float = 0  # seconds that it takes to load a model, as Ollama
    tools: str = "native"  # "ignored": answers a trial of tools in words; "refused": answers 400 to tools
    formats: Sequence[str] = ("json_schema", "json_object")  # kinds of response_format that are taken
    window: int | None = None  # context window told with the models, in tokens
    key: str = ""  # the only one that is taken; any, if empty
    lists_to_all: bool = False  # the list of models needs no key
    judge: Callable[[Any], str] = lambda body: ""  # what is said to a request that it refuses with 400
    requests: list[Request] = field(default_factory=list)  # the model's, in order
    other_requests: list[Request] = field(default_factory=list)
    closed_early: int = 0  # streams that the client hung up on
    port: int = 0

    def __post_init__(self) -> None:
        self._next = 0
        self._loaded = False
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.closed_early += 1
        except asyncio.CancelledError:
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; True when the connection may carry another."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return False
        method, path, _ = head[0].split(" ", 2)
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(method, path, headers, json.loads(raw) if raw else None)
        route = path.partition("?")[0]
        listing = method == "GET" and route.endswith("/models")
        if self.key and headers.get("authorization") != f"Bearer {self.key}" and not (listing and self.lists_to_all):
            self.other_requests.append(request)
            await _respond(writer, 401, {"error": {"message": "Incorrect API key provided."}})
            return True
        if method == "POST" and route.endswith("/chat/completions"):
            if _is_trial(request.body):
                self.other_requests.append(request)
                step: Step | None = {"text": "ready", "usage": {"prompt_tokens": 90, "completion_tokens": 10}}
                if self.tools == "native":
                    step |= {"text": "", "tool_calls": [{"name": TRIAL, "arguments": {"word": "ready"}}]}
            else:
                self.requests.append(request)
                step = None
            if said := self._refusal(request.body):
                await _respond(writer, 400, {"error": {"message": said}})
                return True
            return await self._complete(request, reader, writer, step)
        self.other_requests.append(request)
        if listing:
            told = {"max_model_len": self.window} if self.window else {}
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "test"} | told for name in self.models]
            await _respond(writer, 200, {"object": "list", "data": listed})
        elif method == "GET" and route == "/api/tags" and self.ollama:
            await _respond(writer, 200, {"models": [{"name": name, "model": name} for name in self.models]})
        elif method == "POST" and route == "/api/show" and self.ollama:
            able = ["completion", *(["tools"] if self.tools == "native" else [])]
            await _respond(writer, 200, {"capabilities": able, "model_info": {"x.context_length": 1_000_000}})
        elif method == "POST" and route == "/api/generate" and self.ollama:
            await asyncio.sleep(self.loading)
            self._loaded = True
            await _respond(writer, 200, {"done": True, "done_reason": "load", "response": ""})
        elif method == "GET" and route == "/api/ps" and self.ollama:
            loaded = [{"name": name, "context_length": self.window} for name in self.models] if self._loaded else []
            await _respond(writer, 200, {"models": loaded})
        else:
            await _respond(writer, 404, {"error": {"message": f"No route {method} {route}."}})
        return True

    def _refusal(self, body: Any) -> str:
        """What is said, as Ollama and LM Studio say it, to what this server does not take."""
        if body.get("tools") and self.tools == "refused":
            return f"registry.ollama.ai/library/{body['model']} does not support tools"
        if said := self.judge(body):
            return said
        kind = (body.get("response_format") or {}).get("type")
        if kind and kind not in self.formats:
            return f"'response_format.type' must be one of {list(self.formats)}: {kind} is not supported"
        return ""

    def _step(self, body: Any) -> Step:
        while self._next < len(self.steps) and _is_skipped(self.steps[self._next], body):
            self._next += 1
        if self._next >= len(self.steps):
            if not (self.repeat and self.steps):
                return {"text": "Done."}
            self._next = 0
        self._next += 1
        return dict(self.steps[self._next - 1])

    async def _complete(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, step: Step | None = None
    ) -> bool:
        step = step or self._step(request.body)
        if step.get("refuse_usage") and "stream_options" in request.body:
            self._next -= 1
            await _respond(writer, 400, {"error": {"message": "Unknown parameter: 'stream_options'."}})
            return True
        await asyncio.sleep(step.get("first_byte", 0))
        if not step.get("held_after"):
            await _let_go(step)
        if "status" in step:
            await _respond(writer, step["status"], step.get("body", {"error": {"message": "It failed."}}), step)
            return True
        if step.get("plain") or not request.body.get("stream"):
            await _respond(writer, 200, _document(request.body["model"], step))
            return True
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        gone = asyncio.ensure_future(reader.read(1))  # ends when the client hangs up
        try:
            for count, event in enumerate(_events(request.body["model"], step)):
                if count == step.get("drop_after"):
                    writer.transport.abort()
                    return False
                if count == step.get("hang_after"):
                    await gone
                if count == step.get("held_after"):
                    await _let_go(step, gone)
                if gone.done():
                    self.closed_early += 1
                    return False
                data = f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
                writer.write(b"%x\r\n%b\r\n" % (len(data), data))
                await writer.drain()
                if step.get("delay"):
                    await asyncio.sleep(step["delay"])
        finally:
            gone.cancel()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return False


def numbers(length: int) -> str:
    """A long text that does not repeat itself, as a model that does is hung up on."""
    return "\n".join(map(str, range(length)))[:length]


def _is_skipped(step: Step, body: Any) -> bool:
    return "unless" in step and step["unless"] in json.dumps(body.get("messages"), ensure_ascii=False)


async def _let_go(step: Step, gone: asyncio.Future[bytes] | None = None) -> None:
    while "held" in step and not step["held"].is_set() and not (gone and gone.done()):
        await asyncio.sleep(0.01)


def _is_trial(body: Any) -> bool:
    """Whether a request only tries if tools are called: it takes no step of the script."""
    return [tool.get("function", {}).get("name") for tool in body.get("tools") or ()] == [TRIAL]


async def _respond(writer: asyncio.StreamWriter, status: int, body: Any, step: Step | None = None) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    headers = dict((step or {}).get("headers") or {})
    kind = headers.pop("content-type", "text/html" if text.lstrip().startswith("<") else "application/json")
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    data = text.encode()
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    head = f"{line}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{extra}"
    writer.write(head.encode() + b"\r\n" + data)
    await writer.drain()


def _calls(step: Step) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    for index, call in enumerate(step.get("tool_calls", ())):
        arguments = call["arguments"]
        calls.append(
            {
                "id": call.get("id", f"call_{id(step) % 99991}_{index}"),
                "name": call["name"],
                "more": call.get("more", {}),
                "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
            }
        )
    return calls


def _finish(step: Step) -> str:
    return step.get("finish_reason", "tool_calls" if step.get("tool_calls") else "stop")


def _usage(step: Step) -> Any:
    if "raw_usage" in step:
        return step["raw_usage"]
    usage = step.get("usage", {})
    if usage is None:
        return None
    prompt, completion = usage.get("prompt_tokens", 100), usage.get("completion_tokens", 20)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": usage.get("cached_tokens", 0)},
    }


def _events(model: str, step: Step) -> Iterator[dict[str, Any] | str]:
    size = step.get("size", 12)

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": model,
            "choices": [choice],
        }

    yield chunk({"role": "assistant", "content": ""})
    for piece in _pieces(step.get("reasoning", ""), size):
        yield chunk({"reasoning_content": piece})
    for delta in step.get("deltas", ()):
        yield chunk(delta)
    for piece in _pieces(step.get("text", ""), size):
        yield chunk({"content": piece})
    for piece in _pieces(step.get("refusal", ""), size):
        yield chunk({"refusal": piece})
    if "malformed" in step:
        yield str(step["malformed"])
    if "error" in step:
        yield {"error": step["error"]}
        return
    for index, call in enumerate(_calls(step)):
        function = {"name": call["name"], "arguments": ""}
        begun = {"index": index, "id": call["id"], "type": "function", "function": function}
        yield chunk({"tool_calls": [begun | call["more"]]})
        for piece in _pieces(call["arguments"], size):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, _finish(step))
    usage = _usage(step)
    if usage:
        yield {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": model, "choices": [], "usage": usage}
    yield "[DONE]"


def _document(model: str, step: Step) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": step.get("text", "")}
    calls = _calls(step)
    if calls:
        message["tool_calls"] = [
            {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
            for c in calls
        ]
    choice = {"index": 0, "message": message, "finish_reason": _finish(step)}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": model, "choices": [choice], "usage": _usage(step)}


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@contextlib.asynccontextmanager
async def model_server(steps: Sequence[Step] = (), **options: Any) -> AsyncIterator[ModelServer]:
    """A server in this event loop. Options are ``ModelServer``'s fields."""
    server = ModelServer(steps, **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@contextlib.contextmanager
def model_server_in_thread(steps: Sequence[Step] = (), **options: Any) -> Iterator[ModelServer]:
    """A server for code that has no event loop of its own running."""
    server = ModelServer(steps, **options)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result()
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(arguments: argparse.Namespace) -> None:
    script = json.loads(Path(arguments.script).read_text(encoding="utf-8")) if arguments.script else []
    options = script if isinstance(script, dict) else {"steps": script}
    server = ModelServer(**options)
    await server.start(arguments.port)
    print(server.url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A scripted model on loopback.")
    parser.add_argument("--script", help="JSON file: a list of steps, or an object with steps, models, repeat")
    parser.add_argument("--port", type=int, default=0)
    try:
        asyncio.run(_serve(parser.parse_args()))
    except KeyboardInterrupt:
        sys.exit(0)
