"""The chat-completions wire format: server-sent events in, deltas and one response out.

Servers differ in what they get wrong; what can be understood is understood.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from .additions import Additions, reasoning_in, text_in
from .base import Delta, ModelResponse, ReasoningDelta, TextDelta, ToolCallDelta, ToolCallRequest, Usage
from .redaction import SecretFilter
from .refusals import reported_in, said_in, status_of

DRAIN_TIMEOUT = 0.2  # seconds

MOST_TOKENS = 1_000_000_000  # of one answer; more is no number of tokens

FINISHES = {name: name for name in ("stop", "tool_calls", "length", "content_filter", "function_call")} | {
    "max_tokens": "length",
    "model_length": "length",
}
"""Reasons to finish as we know them, and other servers' names for them. Anything else is a stop."""

DAMAGED = "The model's answer could not be read: the stream is damaged."


LONGEST_LINE = 16_000_000  # bytes: more than an answer's limit in characters, as JSON writes them
TEXT, REASONING = -1, -2  # beside the calls, which have their numbers


class BadStream(Exception):
    """The stream held something that is not an answer."""


class ReportedError(Exception):
    """The endpoint reports an error where an answer was to come, with the status 200. ``status`` is the one that it
    stands for, 0 where that is not said."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


def as_object(value: Any) -> dict[str, Any]:
    """A JSON value as an object; empty for anything that is none."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_objects(value: Any) -> list[dict[str, Any]]:
    """A JSON array's objects; empty for anything that is no array."""
    return [as_object(entry) for entry in cast("list[Any]", value)] if isinstance(value, list) else []


def listed_names(listing: Any) -> list[str]:
    """The names in an answer to GET /models."""
    entries = as_objects(listing) or as_objects(as_object(listing).get("data"))
    return [str(entry["id"]) for entry in entries if entry.get("id")]


async def stream_events(chunks: AsyncIterator[bytes], strange: list[str] | None = None) -> AsyncIterator[bytes]:
    """The data of each server-sent event. Every known endpoint sends it as a single line.

    Also errors that a server writes between them without the form of one. ``strange`` takes the first line of another
    kind. Raises ``BadStream`` for a line that does not end.
    """
    rest: list[bytes] = []
    length = 0
    async for chunk in chunks:
        rest.append(chunk)
        length += len(chunk)
        if length > LONGEST_LINE:
            raise BadStream("The model's answer has a line without an end.")
        if b"\n" not in chunk:
            continue
        *lines, last = b"".join(rest).split(b"\n")
        rest, length = [last], len(last)
        for line in lines:
            if data := _data_of(line, strange):
                yield data
    if data := _data_of(b"".join(rest), strange):
        yield data


def _data_of(line: bytes, strange: list[str] | None) -> bytes:
    if line.startswith(b"data:"):
        return line[5:].strip()
    if line.startswith((b'{"', b"[{")):  # servers that fail outside of their stream
        return line.strip()
    if line.startswith(b"error:"):  # llama.cpp, once
        said = line[6:].strip()
        return b'{"error": %b}' % (
            said if said.startswith(b"{") else json.dumps(said.decode("utf-8", "replace")).encode()
        )
    if (
        strange is not None
        and not strange
        and line.strip()
        and not line.startswith((b":", b"event:", b"id:", b"retry:"))
    ):
        strange.append(line[:1000].decode("utf-8", "replace"))
    return b""


async def whole_body(chunks: AsyncIterator[bytes]) -> bytes:
    """A body that is no stream. Raises ``BadStream`` when it is too large for an answer."""
    pieces: list[bytes] = []
    length = 0
    async for chunk in chunks:
        pieces.append(chunk)
        length += len(chunk)
        if length > LONGEST_LINE:
            raise BadStream("The model's answer is too large.")
    return b"".join(pieces)


async def drain(chunks: AsyncIterator[bytes]) -> None:
    """Read what follows the last event, usually nothing: only a response read to its end leaves its connection open."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_TIMEOUT):
            async for _ in chunks:
                pass


def parsed(data: bytes) -> dict[str, Any]:
    """One event's data. Raises ``BadStream`` when it is no JSON object."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        raise BadStream(DAMAGED) from None
    if isinstance(event, list) and event and isinstance(event[0], dict):  # as Google reports errors
        event = cast("list[Any]", event)[0]
    if not isinstance(event, dict):
        raise BadStream(DAMAGED)
    return cast("dict[str, Any]", event)


def reading_of(event: dict[str, Any]) -> tuple[int, int]:
    """How many tokens of the request llama.cpp has read, and of how many."""
    progress = as_object(event["prompt_progress"])
    return _tokens(progress.get("processed")), _tokens(progress.get("total"))


class Assembly:
    """Puts a response together from its events."""

    def __init__(self, make_filter: Callable[[], SecretFilter] | None = None, by: str = "") -> None:
        """``make_filter`` makes what takes secrets out of the text and of each call's arguments. ``by`` is who
        answers, for what it adds to the answer."""
        self._make_filter = make_filter or SecretFilter.factory(())
        self._by = by
        self._filters: dict[int, SecretFilter] = {}  # by call, or TEXT, or REASONING
        self._additions = Additions()
        self.done = False  # the stream said so
        self._text: list[str] = []
        self._calls: list[tuple[str, str, list[str]]] = []  # id, name, pieces of arguments
        self._places: dict[Any, int] = {}  # the server's index -> ours
        self._finish = ""
        self._usage = Usage()

    @property
    def begun(self) -> bool:
        return bool(self._text or self._calls)

    @property
    def complete(self) -> bool:
        return self.done or bool(self._finish)

    def take(self, event: dict[str, Any]) -> list[Delta]:
        """What one event adds. Raises ``ReportedError`` when it reports one."""
        if error := reported_in(event):
            raise ReportedError(status_of(error), said_in(error) or "it gave no reason")
        if event.get("usage"):
            self._usage = _usage(as_object(event["usage"]))
        for choice in as_objects(event.get("choices")):
            deltas = self._take_delta(as_object(choice.get("delta")))
            if choice.get("finish_reason"):
                self._finish = FINISHES.get(str(choice["finish_reason"]), "stop")
                deltas += self._held_back()
            return deltas
        return []

    def take_document(self, document: dict[str, Any]) -> list[Delta]:
        """A whole answer, from a server that does not stream."""
        choices = as_objects(document.get("choices"))
        if not choices and not reported_in(document):
            raise BadStream("The model's answer holds no choices.")
        self.done = True
        return self.take(document | {"choices": [choice | {"delta": choice.get("message")} for choice in choices]})

    def response(self) -> ModelResponse:
        self._held_back()
        calls = tuple(ToolCallRequest(id, name, "".join(pieces) or "{}") for id, name, pieces in self._calls)
        finish = self._finish or "stop"
        if calls and finish in ("stop", "function_call"):
            finish = "tool_calls"
        added = self._additions.whole(self._by, len(calls), self._clean) if self._by else None
        return ModelResponse("".join(self._text), calls, finish, self._usage, added)

    def _take_delta(self, delta: dict[str, Any]) -> list[Delta]:
        deltas: list[Delta] = []
        self._additions.take_message(delta)
        if (thought := reasoning_in(delta)) and (shown := self._filter(REASONING).feed(thought)):
            deltas.append(ReasoningDelta(shown))
        content: Any = delta.get("content")
        if isinstance(content, (str, list)):
            self._additions.take_content(content, self._text)  # pyright: ignore[reportUnknownArgumentType]
        for text in (text_in(content), delta.get("refusal")):
            if isinstance(text, str) and text and (shown := self._filter(TEXT).feed(text)):
                self._text.append(shown)
                deltas.append(TextDelta(shown))
        deltas += [self._take_call(call) for call in as_objects(delta.get("tool_calls"))]
        return deltas

    def _take_call(self, call: dict[str, Any]) -> ToolCallDelta:
        function = as_object(call.get("function"))
        name, id = self._clean(function.get("name")), self._clean(call.get("id"))
        raw = function.get("arguments")
        arguments = raw if isinstance(raw, str) else json.dumps(raw) if raw is not None else ""
        place = self._place(call.get("index"), id, name)
        if place == len(self._calls):
            id = id or f"call_{place}"
            self._calls.append((id, name, []))
        else:
            known, named, pieces = self._calls[place]
            id, name = "", "" if named else name  # a name may come behind the id, and behind arguments
            self._calls[place] = (known, named or name, pieces)
        self._additions.take_call(place, call)
        arguments = self._filter(place).feed(arguments)
        self._calls[place][2].append(arguments)
        return ToolCallDelta(place, arguments, id, name)

    def _filter(self, place: int) -> SecretFilter:
        return self._filters.setdefault(place, self._make_filter())

    def _clean(self, value: Any) -> str:
        secrets = self._make_filter()
        return secrets.feed(str(value or "")) + secrets.rest()

    def _held_back(self) -> list[Delta]:
        """What the filters kept, in case it became a secret."""
        deltas: list[Delta] = []
        for place, kept in self._filters.items():
            rest = kept.rest()
            if rest and place == REASONING:
                deltas.append(ReasoningDelta(rest))
            elif rest and place == TEXT:
                self._text.append(rest)
                deltas.append(TextDelta(rest))
            elif rest:
                self._calls[place][2].append(rest)
                deltas.append(ToolCallDelta(place, rest))
        return deltas

    def _place(self, index: Any, id: str, name: str) -> int:
        """Which call a piece belongs to; the number of calls so far for a new one.

        Some servers give every call the index 0, or none at all: a new id with a name is then a new call.
        """
        place = self._places.get(index)
        if place is None and index is None and not name and self._calls:
            return len(self._calls) - 1
        if place is None or (id and name and self._calls[place][0] != id):
            place = self._places[index] = len(self._calls)
        return place


def _usage(usage: dict[str, Any]) -> Usage:
    """What the server says it used; what cannot be true (a negative number, a word) counts as not said."""
    details = as_object(usage.get("prompt_tokens_details"))
    input_tokens = _tokens(usage.get("prompt_tokens"))
    cached = _tokens(details.get("cached_tokens")) or _tokens(usage.get("prompt_cache_hit_tokens"))
    return Usage(input_tokens, _tokens(usage.get("completion_tokens")), min(cached, input_tokens))


def _tokens(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_TOKENS:
        return 0
    return int(value)
