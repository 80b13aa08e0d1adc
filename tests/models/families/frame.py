"""A server on loopback that takes and refuses what a family of endpoints does, and answers from a script.

A family is a file beside this one: what it checks of a request (``check`` raises ``Refused``), and how it streams an
answer (``pieces``). They are written from public documentation and from what people reported, never copied from a
recording; where the two leave something open, the stricter reading is taken.

Read for it were the issues, threads and articles that the files name, Anthropic's page on OpenAI's format, Azure's on
streaming, and the types of OpenAI's SDK. The other links say where a provider documents its format; those pages were
not at hand, and what stands there was written from general knowledge of them: correct it where it differs.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

TRIAL = "report_word"
KEY = "sk-family-not-a-secret"

Json = dict[str, Any]
Step = tuple[str, Json]  # a tool and its arguments


@dataclass
class Answer:
    """What the model says next. ``hold``: nothing is sent before ``let_go`` is set, or not its second half."""

    thought: str = ""
    text: str = ""
    calls: Sequence[Step] = ()
    hold: Literal["", "before", "middle"] = ""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)


class Refused(Exception):
    def __init__(self, body: Any, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(json.dumps(body) if not isinstance(body, str) else body)
        self.body, self.status, self.headers = body, status, headers or {}


@dataclass
class Family:
    """Told apart by ``name``. ``provider`` is what people choose for it; ``learns`` how many refusals teach what is not
    known of it beforehand, once."""

    name: str = ""
    provider: str = "custom"
    model: str = "m"
    base: str = "/v1"
    route: str = "/chat/completions"
    query: str = ""
    learns: int = 0
    thinks: bool = True  # its thinking can be read
    parallel: bool = True
    sees: bool = True  # takes images
    gave: dict[str, str] = field(init=False, default_factory=dict)  # by a call's id, the thought that led to it

    def check(self, body: Json, headers: dict[str, str]) -> None:
        """Raises ``Refused``."""
        check_conversation(body["messages"])

    def pieces(self, answer: Answer, number: int) -> Iterator[str]:
        """The stream, as it is sent. ``number`` counts answers from 0."""
        raise NotImplementedError

    def pictures(self, body: Json) -> list[bytes]:
        """Those that a request shows. Raises ``Refused`` for any in a form that is not taken."""
        return [picture for message in body["messages"] for picture in pictures_of(message)]

    def blind(self) -> Refused:
        """What it says to pictures, if it takes none: as it was reported."""
        return refusal("Invalid content type. image_url is only supported by certain models.", param="messages")

    def fails(self, number: int) -> Refused | None:
        """A failure that is nobody's fault, before the answer ``number``; once."""
        return None

    def broken(self, answer: Answer, number: int) -> list[str] | None:
        """A stream that fails after it began, in place of the answer ``number``; once."""
        return None

    def other(self, method: str, path: str) -> Any:
        """What its further routes answer; None where there is no such route."""
        if method == "GET" and path == f"{self.base}/models":
            return {"object": "list", "data": [{"id": self.model, "object": "model", "created": 0, "owned_by": "x"}]}
        return None


class FamilyServer:
    def __init__(self, family: Family, answers: Iterable[Answer]) -> None:
        self.family = family
        self.answers = list(answers)
        self.number = 0  # of the next answer
        self.taken: list[Json] = []
        self.refused: list[str] = []
        self._failed: set[int] = set()  # before an answer, which comes afterwards
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{self.family.base}{self.family.query}"

    def judge(self, request: Any) -> Json:
        """The body, if it is taken."""
        family, body = self.family, json.loads(request.body)
        try:
            family.check(body, {name.lower(): value for name, value in request.headers.get_all()})
            if family.pictures(body) and not family.sees:
                raise family.blind()
        except Refused as refusal:
            # One that stands for a fault of the server's own is asked again by every client.
            if refusal.status < 500 or str(refusal) not in self.refused:
                self.refused.append(str(refusal))
            raise
        if not is_trial(body) and self.number not in self._failed and (failure := family.fails(self.number)):
            self._failed.add(self.number)
            raise failure
        return body

    def next(self, body: Json) -> tuple[Answer, list[str]]:
        """What is answered, and the stream's pieces."""
        if is_trial(body):
            answer = Answer(calls=[(TRIAL, {"word": "ready"})])
            return answer, list(self.family.pieces(answer, 999))
        self.taken.append(body)
        number, answer = self.number, self.answers[self.number]
        if number not in self._failed and (pieces := self.family.broken(answer, number)):
            self._failed.add(number)
            return Answer(), pieces
        self.number += 1
        return answer, list(self.family.pieces(answer, number))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[FamilyServer]:
        server = HTTPServer(Application([(".*", _Handler, {"state": self})], log_function=lambda handler: None))
        (socket,) = bind_sockets(0, "127.0.0.1")
        self._port = socket.getsockname()[1]
        server.add_socket(socket)
        try:
            yield self
        finally:
            for answer in self.answers:
                answer.let_go.set()
            server.stop()
            await server.close_all_connections()


class _Handler(RequestHandler):
    def initialize(self, state: FamilyServer) -> None:
        self.state = state
        self.gone = asyncio.Event()

    def on_connection_close(self) -> None:
        self.gone.set()

    def _respond(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.set_status(status)
        if not isinstance(body, str):
            self.set_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.set_header(name, value)
        self.finish(body if isinstance(body, str) else json.dumps(body))

    def get(self) -> None:
        found = self.state.family.other("GET", self.request.path)
        self._respond({"error": {"message": "not found"}} if found is None else found, 404 if found is None else 200)

    async def post(self) -> None:
        family = self.state.family
        if self.request.path != family.base + family.route:
            found = family.other("POST", self.request.path)
            self._respond({"error": "not found"} if found is None else found, 404 if found is None else 200)
            return
        try:
            answer, pieces = self.state.next(self.state.judge(self.request))
        except Refused as refusal:
            self._respond(refusal.body, refusal.status, refusal.headers)
            return
        self.set_header("Content-Type", "text/event-stream")
        if answer.hold == "before":
            await self._hold(answer)
        with contextlib.suppress(StreamClosedError):
            for place, piece in enumerate(pieces):
                if answer.hold == "middle" and place == len(pieces) // 2:
                    await self._hold(answer)
                self.write(piece)
                await self.flush()

    async def _hold(self, answer: Answer) -> None:
        answer.reached.set()
        waits = [asyncio.ensure_future(event.wait()) for event in (answer.let_go, self.gone)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def is_trial(body: Json) -> bool:
    """Whether a request only tries if tools are called: it takes no answer of the script."""
    names = [tool.get("name") or tool.get("function", {}).get("name") for tool in body.get("tools") or ()]
    return names == [TRIAL]


# What all chat endpoints have in common


def data(event: Any) -> str:
    return f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n"


DONE = data("[DONE]")


def chunk(delta: Json, finish: str | None = None, **more: Any) -> Json:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish, **more}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def usage_chunk() -> Json:
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return {**chunk({}), "choices": [], "usage": usage}


def call_of(step: Step, id: str, index: int | None = 0) -> Json:
    call: Json = {"id": id, "type": "function", "function": {"name": step[0], "arguments": json.dumps(step[1])}}
    return call if index is None else {"index": index, **call}


def words(text: str) -> list[str]:
    return re.findall(r"\S+\s*", text)


def refusal(message: str, status: int = 400, **more: Any) -> Refused:
    """In the shape that OpenAI gave its errors."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}
    return Refused({"error": error}, status)


def check_conversation(messages: Sequence[Json]) -> None:
    """Calls are answered, once each, by the messages behind them; arguments are JSON objects."""
    for place, message in enumerate(messages):
        role = message["role"]
        if role not in ("system", "developer", "user", "assistant", "tool"):
            raise refusal(f"Invalid value: '{role}'.", param=f"messages[{place}].role")
        if role != "assistant":
            continue
        ids = [call["id"] for call in message.get("tool_calls") or ()]
        if len(set(ids)) != len(ids):
            raise refusal(f"Duplicate value for 'tool_call_id' of {ids} in message[{place}]")
        answered: list[str] = []
        for later in messages[place + 1 :]:
            if later["role"] != "tool":
                break
            answered.append(later["tool_call_id"])
        if sorted(ids) != sorted(answered):
            raise refusal(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                f"'tool_call_id'. The following were wanted: {ids}; there were: {answered}"
            )
        for call in message.get("tool_calls") or ():
            if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", call["function"]["name"]):
                raise refusal(
                    f"Invalid 'messages[{place}].tool_calls[0].function.name': string does not match pattern."
                )
            if not isinstance(json.loads(call["function"]["arguments"]), dict):
                raise refusal("invalid tool call arguments")


def pictures_of(message: Json) -> list[bytes]:
    """The pictures of a message in OpenAI's form: a person's alone may have some."""
    content = message.get("content")
    parts = [part for part in content if part["type"] == "image_url"] if isinstance(content, list) else []
    if parts and message["role"] != "user":
        raise refusal(f"Invalid 'messages': image_url is not allowed in a message of the role {message['role']}.")
    found: list[bytes] = []
    for part in parts:
        address = re.fullmatch("data:image/(?:png|jpeg|webp|gif);base64,([A-Za-z0-9+/]+=*)", part["image_url"]["url"])
        if part.keys() != {"type", "image_url"} or part["image_url"].keys() - {"url", "detail"} or not address:
            raise refusal("Invalid image_url.")
        found.append(base64.b64decode(address[1], validate=True))
    return found


def all_calls(messages: Sequence[Json]) -> list[Json]:
    return [call for message in messages for call in message.get("tool_calls") or ()]
