"""The model's view of a session: its events as chat messages.

``messages`` is a pure function, and appending events only ever appends messages (as long as every request is made
after the tools of the last response ended), so that a provider's prompt cache stays warm.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol

from ..events import Event
from .models.base import Message

NOTE = "[Note from the app builder, not from the person]"
"""How every user-side message starts that the person did not write."""

INTERRUPTED = "Interrupted: it may have partly run. Look at the current state before you go on."
NOT_RUN = "Not run: the turn was stopped before this call's turn came."
CUT_OFF = (
    "Your last answer was cut off at the output limit. Whatever was cut off did not run. Go on in smaller pieces: "
    "shorter files, several edit_file calls instead of one large write_file."
)
STOPPED = {
    "stopped": "The person stopped your work here. Files keep what was written so far.",
    "limit": "Your work was ended here by a limit: ",
    "budget": "Your work was ended here because the budget was used up.",
}


def is_note(message: Message) -> bool:
    """Whether a message was put in by us: it has the user's role, but is no prompt."""
    return message["role"] == "user" and str(message.get("content", "")).startswith(NOTE)


class History(Protocol):
    """What the loop needs to know of the past."""

    @property
    def events(self) -> Sequence[Event]: ...

    async def refresh(self) -> None: ...

    def messages(self) -> list[Message]: ...


class SessionHistory:
    """The history of a session: ``SessionHistory(session.events, prompt)``. Reads only what is new."""

    def __init__(self, read: Callable[[int], Awaitable[Sequence[Event]]], system_prompt: str) -> None:
        self._read = read
        self._system_prompt = system_prompt
        self._events: list[Event] = []

    @property
    def events(self) -> Sequence[Event]:
        """Every event up to the last ``refresh``."""
        return self._events

    async def refresh(self) -> None:
        self._events += await self._read(self._events[-1].seq if self._events else 0)

    def messages(self) -> list[Message]:
        return messages(self._events, self._system_prompt)


def messages(events: Iterable[Event], system_prompt: str) -> list[Message]:
    """The conversation in OpenAI chat format.

    Results are found by call id. What a person did in between is told in notes (see ``NOTE``), in its place, but
    never between a response and its tools' results, which providers refuse.
    """
    events = list(events)
    writer = _Writer(system_prompt, {e.data["call"]: e for e in events if e.type == "tool.finished"})
    writer.started = {e.data["call"] for e in events if e.type == "tool.started"}
    begun: set[str] = set()  # turns
    # What was said during a turn, until its place is known: a request under way had it or not.
    waiting: list[Event] = []
    for event in events:
        match event.type:
            case "message.user" if event.data["turn"] not in begun:
                begun.add(event.data["turn"])
                writer.say("user", event.data["text"])
            case "message.user":
                waiting.append(event)
            case "response.completed":
                read = event.data.get("read", event.seq)
                for said in [said for said in waiting if said.seq <= read]:
                    writer.say("user", said.data["text"])
                writer.respond(event)
                waiting = [said for said in waiting if said.seq > read]
            case "tool.finished":
                writer.finish(event)
            case "file.changed":
                writer.file_changed(event)
            case "checkpoint.created":
                writer.titles[event.data["checkpoint"]] = event.data["title"]
            case "session.restored":
                title = writer.titles.get(event.data["checkpoint"], "an earlier version")
                writer.note(
                    f'The person put the app back to the version "{title}". Files are now as they were then: what you '
                    "remember of later changes no longer holds. Read a file before you edit it."
                )
            case "turn.finished":
                for said in waiting:
                    writer.say("user", said.data["text"])
                waiting = []
                writer.end_turn(event)
            case _:
                pass
    for said in waiting:
        writer.say("user", said.data["text"])
    writer.flush()
    return writer.messages


class _Writer:
    def __init__(self, system_prompt: str, results: dict[str, Event]) -> None:
        self.messages: list[Message] = [{"role": "system", "content": system_prompt}]
        self.started: set[str] = set()
        self.titles: dict[str, str] = {}
        self._results = results
        self._notes: list[str] = []
        self._ids: set[str] = set()  # of the calls so far
        self._edits: dict[str, str] = {}  # path -> what the person did to it

    def say(self, role: str, text: str) -> None:
        self.flush()
        self.messages.append({"role": role, "content": text})

    def note(self, text: str) -> None:
        self._flush_edits()
        self._notes.append(text)

    def respond(self, event: Event) -> None:
        data = event.data
        text, calls = data["text"], data["tool_calls"]
        if not text.strip() and not calls:
            return
        self.flush()
        message: Message = {"role": "assistant", "content": text or None}
        ids = [self._id(call) for call in calls]
        if calls:
            message["tool_calls"] = [_call(call, id) for call, id in zip(calls, ids, strict=True)]
        self.messages.append(message)
        for call, id in zip(calls, ids, strict=True):
            self.messages.append({"role": "tool", "tool_call_id": id, "content": self._result(call["call"])})
        if data["finish_reason"] == "length":
            self.note(CUT_OFF)

    def _id(self, call: dict[str, Any]) -> str:
        """The model's own id of a call; ours where it gave none, or one that it gave another call before."""
        id = call["id"] if call["id"] and call["id"] not in self._ids else call["call"]
        self._ids.add(id)
        return id

    def finish(self, event: Event) -> None:
        """The end of a call that no response asked for: the loop's own, or one by the person or a notebook."""
        data = event.data
        if data["call"].endswith(".check"):
            verdict = "found nothing wrong" if data["ok"] else "found problems. Repair them"
            self.note(f"The app was checked ({data['tool']}): it {verdict}.\n\n{_bounded(data['text'])}")

    def file_changed(self, event: Event) -> None:
        if event.data["by"] in ("person", "notebook"):
            data = event.data
            self._edits[data["path"]] = f"{data['change']} {data['path']} (+{data['added']} −{data['removed']})"

    def end_turn(self, event: Event) -> None:
        text = STOPPED.get(event.data["reason"])
        if text:
            self.note(text + event.data["message"] if text.endswith(": ") else text)

    def flush(self) -> None:
        """Write the notes gathered so far as one message."""
        self._flush_edits()
        if self._notes:
            self.messages.append({"role": "user", "content": "\n\n".join([NOTE, *self._notes])})
            self._notes = []

    def _flush_edits(self) -> None:
        if self._edits:
            lines = "\n".join(f"- {line}" for line in self._edits.values())
            self._notes.append(f"The person changed files by hand. Keep these changes; read before you edit:\n{lines}")
            self._edits = {}

    def _result(self, call: str) -> str:
        finished = self._results.get(call)
        if finished is None:
            return INTERRUPTED if call in self.started else NOT_RUN
        return _bounded(finished.data["text"])


def _call(call: dict[str, Any], id: str) -> dict[str, Any]:
    # Some servers parse the arguments they are shown again, and fail on what is not a JSON object.
    arguments = call["arguments"]
    try:
        valid = isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        valid = False
    function = {"name": call["tool"], "arguments": arguments if valid else "{}"}
    return {"id": id, "type": "function", "function": function}


def _bounded(text: str) -> str:
    from ..tools.bounds import bounded

    return bounded(text)
