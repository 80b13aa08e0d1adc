"""Starting, retrying and continuing turns, read from the log.

A turn is dropped when the person has it asked again: its files are gone back on, and whatever reads the log for the
model leaves it out (``without_dropped``), so that a new try is not led by the one that failed. The log keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import Conflict
from ..events import (
    Attachment,
    CheckpointCreated,
    Draft,
    Event,
    EventOf,
    Mode,
    Person,
    PointedData,
    TurnStarted,
)

CONTINUE = "Continue."
"""What the person is shown to have said when a turn goes on from another."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a turn begins with. ``accepted``: the plan it builds (the data of ``plan.accepted`` but for the turn);
    ``dropping``: the turn it takes the place of; ``continues``: the one it goes on from; ``pointed``: at what the
    person pointed; ``by_whom``: who they are, where that is known."""

    text: str
    mode: Mode = "build"
    accepted: Mapping[str, Any] | None = None
    dropping: str = ""
    continues: str | None = None
    attachments: Sequence[Attachment] = ()
    pointed: Sequence[PointedData] = ()
    by_whom: Person | None = None

    def drafts(self, turn: str, model: str) -> list[Draft]:
        """What to store of it, as ``turn`` of ``model``."""
        started: dict[str, Any] = {"turn": turn, "model": model}
        if self.mode != "build":
            started["mode"] = self.mode
        if self.continues:
            started["continues"] = self.continues
        plan = [Draft("plan.accepted", {**self.accepted, "turn": turn})] if self.accepted else []
        said = message(turn, self.text, self.attachments, self.pointed, self.by_whom)
        return [Draft("turn.started", started), *plan, said]


def message(
    turn: str,
    text: str,
    attachments: Sequence[Attachment] = (),
    pointed: Sequence[PointedData] = (),
    by_whom: Person | None = None,
) -> Draft:
    """What the person said, with the files that came with it and at what they pointed."""
    said: dict[str, Any] = {"turn": turn, "text": text}
    along = {"attachments": list(attachments), "pointed": list(pointed), "by_whom": by_whom}
    return Draft("message.user", said | {name: some for name, some in along.items() if some})


@dataclass(frozen=True, slots=True)
class Request:
    """The full request of a turn, and its mode."""

    turn: str
    text: str
    mode: Mode
    continues: str | None  # the turn it goes on from
    attachments: tuple[Attachment, ...] = ()
    pointed: tuple[PointedData, ...] = ()


def without_dropped(events: Sequence[Event]) -> list[Event]:
    """The events less all from the start of a dropped turn to the start of the one that took its place.

    Checkpoints stay: a later event may name them.
    """
    dropped = {event.data["turn"] for event in events if event.type == "turn.dropped"}
    if not dropped:
        return list(events)
    kept: list[Event] = []
    inside = False
    for event in events:
        if event.type == "turn.started":
            inside = event.data["turn"] in dropped
        elif event.type == "session.forked":
            inside = False
        if not inside or event.type == "checkpoint.created":
            kept.append(event)
    return kept


def start_of(events: Sequence[Event], turn: str | None) -> EventOf[str, TurnStarted] | None:
    """The event with which a turn began."""
    return next((e for e in reversed(events) if e.type == "turn.started" and e.data["turn"] == turn), None)


def since_start(events: Sequence[Event], turn: str) -> Sequence[Event]:
    """The events from the start of a turn on; all of them where it is not known."""
    for place in range(len(events) - 1, -1, -1):
        if (event := events[place]).type == "turn.started" and event.data["turn"] == turn:
            return events[place:]
    return events


def request_of(events: Sequence[Event], turn: str) -> Request:
    """The request of a turn: its message, and messages sent during it."""
    said = [event.data for event in events if event.type == "message.user" and event.data["turn"] == turn]
    pointed = tuple(one for data in said for one in data.get("pointed", []))
    started = _started(events, turn)
    attached = (attachments_of(event) for event in events if event.data.get("turn") == turn)
    files = {one["sha256"] + one["name"]: one for some in attached for one in some}
    whole = "\n\n".join(data["text"] for data in said)
    mode, continues = started.get("mode", "build"), started.get("continues")
    return Request(turn, whole, mode, continues, tuple(files.values()), pointed)


def attachments_of(event: Event) -> Sequence[Attachment]:
    """The files that came with a message; none with any other event."""
    return event.data.get("attachments", ()) if event.type == "message.user" else ()


def last_request(events: Sequence[Event]) -> Request:
    """The request of the last turn. Raises ``Conflict`` if there is none."""
    for event in reversed(events):
        if event.type == "message.user":
            return request_of(events, event.data["turn"])
    raise Conflict("Nothing was asked yet.", hint="Send a message first.", reason="nothing_to_retry")


def open_request(events: Sequence[Event]) -> Request:
    """The request of the last turn, if that did not complete. Raises ``Conflict`` if it did."""
    for event in reversed(events):
        if event.type == "turn.finished":
            if event.data["reason"] != "done":
                return request_of(events, event.data["turn"])
            break
    raise Conflict(
        "There is nothing to continue: the last request was carried out to its end.",
        hint="Say what to do next.",
        reason="nothing_to_continue",
    )


def first_request(events: Sequence[Event], turn: str) -> str:
    """What a turn is about: its own first message, or that of the turn it goes on from in the end."""
    while continues := _started(events, turn).get("continues"):
        turn = continues
    said = (event.data["text"] for event in events if event.type == "message.user" and event.data["turn"] == turn)
    return next(said, "")


def checkpoint_before(events: Sequence[Event], turn: str) -> CheckpointCreated:
    """The checkpoint (its event's data) of the files before a turn."""
    last: CheckpointCreated | None = None
    for event in events:
        if event.type == "turn.started" and event.data["turn"] == turn:
            break
        if event.type == "checkpoint.created":
            last = event.data
    if last is None:
        raise Conflict("No version of the app from before this request was kept.", hint="Ask for the change again.")
    return last


def _started(events: Sequence[Event], turn: str) -> TurnStarted:
    event = start_of(events, turn)
    return event.data if event else TurnStarted(turn=turn, model="")
