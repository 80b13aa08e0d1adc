"""Who is watching a session, and what they are told.

A watcher first gets the stored events it lacks, then one snapshot of what is not stored (the response being streamed,
the output of running tools, the preview's state), then everything as it happens. Nothing is lost or doubled in
between: see ``watch``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from ..events import LIVE, Event

BATCH = 500  # events in a message
LONGEST_BATCH = 1_000_000  # characters from which on a message holds no further event
MAX_OUTPUT = 64 * 1024  # characters of a running tool's output kept for late-comers
LONGEST_PIECE = 16 * 1024  # characters up to which waiting pieces of an answer are put together
GROWING = ("reasoning.delta", "text.delta")  # live messages that may be joined
MAX_BEHIND = 2000  # messages a slow watcher may lag before its stream is cut; it reconnects and catches up

Message = dict[str, Any]
Read = Callable[[int, int], Awaitable[list[Event]]]


class Channel:
    def __init__(self, read: Read, describe: Callable[[], Message]) -> None:
        """``read(after, limit)`` gives stored events, and none that ``events`` has not been told of yet;
        ``describe()`` the session's summary as JSON."""
        self._read = read
        self._describe = describe
        self._watchers: set[_Watcher] = set()
        self._n = 0
        self._response: Message | None = None
        self._reasoning, self._text = _Text(), _Text()
        self._calls: dict[int, tuple[Message, _Text]] = {}  # with its arguments
        self._outputs: dict[str, _Text] = {}
        self._progress: dict[str, Message] = {}
        self._preview: Message = {"state": "stopped", "url": None, "message": "", "fraction": None, "log": ""}

    @property
    def watched(self) -> bool:
        return bool(self._watchers)

    def live(self, type: str, data: Message) -> None:
        """Tell the watchers something that is not stored."""
        if type not in LIVE:
            raise ValueError(f"No live message type {type!r}. Add it to events.LIVE.")
        self._n += 1
        self._remember(type, data)
        self._tell({"kind": "live", "n": self._n, "type": type, "data": data})

    def events(self, events: Sequence[Event]) -> None:
        """Tell the watchers what was stored."""
        for event in events:
            self._forget(event)
        if self._watchers:
            for batch in _batches(events):
                self._tell({"kind": "events", "events": [event.to_json() for event in batch]})

    def session(self) -> None:
        """Tell the watchers that the summary changed."""
        self._tell({"kind": "session", "session": self._describe()})

    async def watch(self, after: int = 0) -> AsyncGenerator[Message, None]:
        """Wire messages, from the first event after ``after`` on, until the session is closed."""
        watcher = _Watcher()
        self._watchers.add(watcher)
        try:
            seq = after
            while events := await self._read(seq, BATCH):
                for batch in _batches(events):
                    seq = batch[-1].seq
                    yield {"kind": "events", "events": [event.to_json() for event in batch]}
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

    def _tell(self, message: Message) -> None:
        for watcher in self._watchers:
            watcher.put(message)

    def _snapshot(self) -> Message:
        response = self._response and {
            **self._response,
            "reasoning": str(self._reasoning),
            "text": str(self._text),
            "tool_calls": [{**call, "arguments": str(arguments)} for call, arguments in self._calls.values()],
        }
        return {
            "kind": "snapshot",
            "n": self._n,
            "session": self._describe(),
            "response": response,
            "outputs": {call: str(output)[-MAX_OUTPUT:] for call, output in self._outputs.items()},
            "preview": self._preview,
            "progress": list(self._progress.values()),
        }

    def _remember(self, type: str, data: Message) -> None:
        match type:
            case "reasoning.delta" | "text.delta" | "tool.delta":
                response = self._response
                if response is None or response["response"] != data["response"]:
                    self._response = {"turn": data["turn"], "response": data["response"]}
                    self._reasoning, self._text, self._calls = _Text(), _Text(), {}
                if type != "tool.delta":
                    (self._reasoning if type == "reasoning.delta" else self._text).add(data["text"])
                    return
                new = {"index": data["index"], "call": data["call"], "tool": data["tool"]}
                call, arguments = self._calls.setdefault(data["index"], (new, _Text()))
                call["tool"] = call["tool"] or data["tool"]
                arguments.add(data["arguments"])
            case "tool.output":
                self._outputs.setdefault(data["call"], _Text(MAX_OUTPUT)).add(data["text"])
            case "progress":
                if data.get("fraction") == 1:
                    self._progress.pop(data["what"], None)
                else:
                    self._progress[data["what"]] = data
            case _:
                self._preview = data

    def _forget(self, event: Event) -> None:
        if event.type in ("response.completed", "turn.finished"):
            self._response = None
        if event.type == "tool.finished":
            self._outputs.pop(event.data["call"], None)
        if event.type == "turn.finished":
            self._outputs.clear()


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
    """Of the texts in JSON."""
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
        self._queue: deque[Message] = deque()
        self._waiting = asyncio.Event()
        self.closed = False

    def put(self, message: Message) -> None:
        last = self._queue[-1] if self._queue else None
        if last is not None and message.get("type") in GROWING and last.get("type") == message["type"]:
            # Whoever reads slower than the model writes gets longer pieces, not a longer queue.
            old, new = last["data"], message["data"]
            if old["response"] == new["response"] and len(old["text"]) < LONGEST_PIECE:
                merged = {**new, "text": old["text"] + new["text"]}
                self._queue[-1] = {**message, "data": merged}
                return
        if len(self._queue) >= MAX_BEHIND:
            self.close()
            return
        self._queue.append(message)
        self._waiting.set()

    def take(self) -> list[Message]:
        taken = list(self._queue)
        self._queue.clear()
        self._waiting.clear()
        return taken

    async def wait(self) -> list[Message]:
        await self._waiting.wait()
        return self.take()

    def close(self) -> None:
        self.closed = True
        self._waiting.set()
