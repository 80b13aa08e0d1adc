"""Sends a session's events and live messages to its watchers.

A watcher first gets the stored events it lacks, then one snapshot of what is not stored (the response being streamed,
the output of running tools, the preview's state), then everything as it happens. Nothing is lost or doubled in
between: see ``watch``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from ..events import LIVE, Event, PreviewStatus, Progress, PublishingStatus, VersionStatus
from ..wire import EventsMessage, LiveMessage, PartialCall, PartialResponse, SnapshotMessage, WireMessage

BATCH = 500  # events in a message
LONGEST_BATCH = 1_000_000  # characters from which on a message holds no further event
MAX_OUTPUT = 64 * 1024  # characters of a running tool's output kept for late-comers
LONGEST_PIECE = 16 * 1024  # characters up to which waiting pieces of an answer are put together
MAX_BEHIND = 2000  # messages a slow watcher may lag before its stream is cut; it reconnects and catches up

Read = Callable[[int, int], Awaitable[list[Event]]]


class Channel:
    def __init__(self, read: Read, describe: Callable[[], dict[str, Any]]) -> None:
        """``read(after, limit)`` gives stored events, and none that ``events`` has not been told of yet;
        ``describe()`` the session's summary as JSON."""
        self._read = read
        self._describe = describe
        self._watchers: set[_Watcher] = set()
        self._n = 0
        self._response: tuple[str, str] | None = None  # the one being streamed, with its turn
        self._reasoning, self._text = _Text(), _Text()
        self._calls: dict[int, tuple[PartialCall, _Text]] = {}  # with its arguments
        self._outputs: dict[str, _Text] = {}
        self._progress: dict[str, Progress] = {}
        self._preview: PreviewStatus = {"state": "stopped", "url": None, "message": "", "fraction": None, "log": ""}
        self._version: VersionStatus | None = None
        self._publishing: PublishingStatus | None = None

    @property
    def watched(self) -> bool:
        return bool(self._watchers)

    def live(self, type: str, data: dict[str, Any]) -> None:
        """Tell the watchers something that is not stored."""
        if type not in LIVE:
            raise ValueError(f"No live message type {type!r}. Add it to events.LIVE.")
        self._n += 1
        message = cast("LiveMessage", {"kind": "live", "n": self._n, "type": type, "data": data})
        self._remember(message)
        self._broadcast(message)

    def events(self, events: Sequence[Event]) -> None:
        """Tell the watchers what was stored."""
        for event in events:
            self._forget(event)
        if self._watchers:
            for batch in _batches(events):
                self._broadcast(_told(batch))

    def session(self) -> None:
        """Tell the watchers that the summary changed."""
        self._broadcast({"kind": "session", "session": self._describe()})

    async def watch(self, after: int = 0) -> AsyncGenerator[WireMessage, None]:
        """Wire messages, from the first event after ``after`` on, until the session is closed."""
        watcher = _Watcher()
        self._watchers.add(watcher)
        try:
            seq = after
            while events := await self._read(seq, BATCH):
                for batch in _batches(events):
                    seq = batch[-1].seq
                    yield _told(batch)
                    await asyncio.sleep(0)  # all that is in memory would come at once
            # From here to the snapshot nothing awaits: events stored since the last read are in the queue, and the
            # snapshot holds all that the queue's live messages said.
            missed = [message for message in watcher.take() if message["kind"] == "events"]
            snapshot = self._snapshot()
            for message in missed:
                fresh = [event for event in message["events"] if event["seq"] > seq]
                if fresh:
                    yield {"kind": "events", "events": fresh}
            yield snapshot
            while not watcher.closed:
                for message in await watcher.wait():
                    yield message
        finally:
            self._watchers.discard(watcher)

    def close(self) -> None:
        for watcher in self._watchers:
            watcher.close()

    def _broadcast(self, message: WireMessage) -> None:
        for watcher in self._watchers:
            watcher.put(message)

    def _snapshot(self) -> SnapshotMessage:
        return {
            "kind": "snapshot",
            "n": self._n,
            "session": self._describe(),
            "response": self._partial(),
            "outputs": {call: str(output)[-MAX_OUTPUT:] for call, output in self._outputs.items()},
            "preview": self._preview,
            "version": self._version,
            "publishing": self._publishing,
            "progress": list(self._progress.values()),
        }

    def _partial(self) -> PartialResponse | None:
        if self._response is None:
            return None
        turn, response = self._response
        calls: list[PartialCall] = [{**call, "arguments": str(arguments)} for call, arguments in self._calls.values()]
        text, reasoning = str(self._text), str(self._reasoning)
        return {"turn": turn, "response": response, "reasoning": reasoning, "text": text, "tool_calls": calls}

    def _remember(self, message: LiveMessage) -> None:
        match message:
            case {"type": "reasoning.delta", "data": data}:
                self._begin(data["turn"], data["response"])
                self._reasoning.add(data["text"])
            case {"type": "text.delta", "data": data}:
                self._begin(data["turn"], data["response"])
                self._text.add(data["text"])
            case {"type": "tool.delta", "data": data}:
                self._begin(data["turn"], data["response"])
                new: PartialCall = {"index": data["index"], "call": data["call"], "tool": data["tool"], "arguments": ""}
                call, arguments = self._calls.setdefault(data["index"], (new, _Text()))
                call["tool"] = call["tool"] or data["tool"]
                arguments.add(data["arguments"])
            case {"type": "tool.output", "data": data}:
                self._outputs.setdefault(data["call"], _Text(MAX_OUTPUT)).add(data["text"])
            case {"type": "progress", "data": data}:
                if data["fraction"] == 1:
                    self._progress.pop(data["what"], None)
                else:
                    self._progress[data["what"]] = data
            case {"type": "preview", "data": data}:
                self._preview = data
            case {"type": "version", "data": data}:
                self._version = None if data["state"] == "stopped" else data
            case {"type": "publishing", "data": data}:
                self._publishing = data
            case _:
                pass

    def _begin(self, turn: str, response: str) -> None:
        """Of another response than the last message's, nothing has arrived yet."""
        if self._response is None or self._response[1] != response:
            self._response = turn, response
            self._reasoning, self._text, self._calls = _Text(), _Text(), {}

    def _forget(self, event: Event) -> None:
        if event.type in ("response.completed", "turn.finished"):
            self._response = None
        if event.type == "tool.finished":
            self._outputs.pop(event.data["call"], None)
        if event.type == "turn.finished":
            self._outputs.clear()


def _told(events: Sequence[Event]) -> EventsMessage:
    return cast("EventsMessage", {"kind": "events", "events": [event.to_json() for event in events]})


def _batches(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """The events in messages that take little time to write."""
    first = long = 0
    for at, event in enumerate(events):
        size = _characters(event.data)
        if at > first and (at - first == BATCH or long + size > LONGEST_BATCH):
            yield events[first:at]
            first, long = at, 0
        long += size
    if events:
        yield events[first:]


def _characters(data: Any) -> int:
    """The length of all texts in the values of JSON data, at any depth: most of what writing it takes."""
    found, waiting = 0, [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found += len(value)
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found


def _joined(last: WireMessage, message: WireMessage) -> LiveMessage | None:
    """Two pieces of a growing text as one message; None for what cannot be joined."""
    match last, message:
        case ({"type": "reasoning.delta", "data": old}, {"type": "reasoning.delta", "data": new}) | (
            {"type": "text.delta", "data": old},
            {"type": "text.delta", "data": new},
        ):
            if old["response"] == new["response"] and len(old["text"]) < LONGEST_PIECE:
                return cast("LiveMessage", {**message, "data": {**new, "text": old["text"] + new["text"]}})
        case _:
            pass
    return None


class _Text:
    """A text that arrives in pieces, of which the last ``most`` characters count: adding one takes the same time
    however long it is already."""

    __slots__ = ("_length", "_most", "_pieces")

    def __init__(self, most: int | None = None) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._most = most

    def add(self, piece: str) -> None:
        self._pieces.append(piece)
        self._length += len(piece)
        if self._most is not None and (self._length > 2 * self._most or len(self._pieces) > self._most):
            self._pieces = [str(self)[-self._most :]]
            self._length = len(self._pieces[0])

    def __str__(self) -> str:
        return "".join(self._pieces)


class _Watcher:
    def __init__(self) -> None:
        self._queue: deque[WireMessage] = deque()
        self._waiting = asyncio.Event()
        self.closed = False

    def put(self, message: WireMessage) -> None:
        # Whoever reads slower than the model writes gets longer pieces, not a longer queue.
        if self._queue and (joined := _joined(self._queue[-1], message)):
            self._queue[-1] = joined
            return
        if len(self._queue) >= MAX_BEHIND:
            self.close()
            return
        self._queue.append(message)
        self._waiting.set()

    def take(self) -> list[WireMessage]:
        taken = list(self._queue)
        self._queue.clear()
        self._waiting.clear()
        return taken

    async def wait(self) -> list[WireMessage]:
        await self._waiting.wait()
        return self.take()

    def close(self) -> None:
        self.closed = True
        self._waiting.set()
