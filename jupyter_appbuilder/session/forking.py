"""Forks a session: a new one that starts from another's state before a message or at a checkpoint.

Its log is the other's up to there, event by event with the same numbers, and then ``session.forked``. Nothing of the
other session is changed, and no part of it is needed but its log and its repository: it may be working at that moment,
or belong to another process.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..approvals.rule_book import app_rules, changed
from ..apps.network import allowed_hosts
from ..errors import Conflict, InvalidInput, NotFound
from ..events import Attachment, Draft, Event, Mode, PointedData
from ..turns.requests import request_of
from .holdings import held_in
from .version_pictures import pictured
from .versions import names_of


@dataclass(frozen=True, slots=True)
class ForkPoint:
    """Where a fork begins. ``events`` are taken over; ``checkpoint`` (git commit) is the last version by then, and
    ``tree`` (git tree) what the files were."""

    events: Sequence[Event]
    checkpoint: str
    tree: str
    message: int | None = None  # number of the message it begins in place of
    mode: Mode = "build"  # of that message's turn
    attachments: tuple[Attachment, ...] = ()  # of that turn
    pointed: tuple[PointedData, ...] = ()  # of that turn


def fork_point(
    events: Sequence[Event], *, message: int | None = None, turn: str = "", checkpoint: str = ""
) -> ForkPoint:
    """Find where to fork: before the turn of a message (its event's number), before a turn, or after a checkpoint.

    Raises ``InvalidInput`` unless exactly one is given, ``NotFound`` for what the session does not have, ``Conflict``
    where its files did not stand yet.
    """
    if sum((message is not None, bool(turn), bool(checkpoint))) != 1:
        raise InvalidInput(
            "Say where to fork: before a message or a turn, or at a checkpoint.",
            hint="Give one of 'message' (an event's number), 'turn' and 'checkpoint'.",
        )
    if checkpoint:
        return _point(events[: _end_of(events, checkpoint)])
    if message is not None:
        turn = _turn_of(events, message)
    at = next((i for i, e in enumerate(events) if e.type == "turn.started" and e.data["turn"] == turn), None)
    if at is None:
        raise NotFound(
            f"This app has no request {turn!r}.", hint=_requests(events), reason="unknown_turn", field="turn"
        )
    said = next(e.seq for e in events[at:] if e.type == "message.user" and e.data["turn"] == turn)
    request = request_of(events, turn)
    point, mode = _point(events[:at]), request.mode
    return replace(point, message=said, mode=mode, attachments=request.attachments, pointed=request.pointed)


def inherited(point: ForkPoint, source: Sequence[Event], created: Mapping[str, Any], model: str) -> list[Draft]:
    """What the fork's log holds after what it takes over: where it is from, and what still has to be said of it.

    ``source`` are all events of the other session, ``created`` is the fork's ``session.created``. A host that the
    person took back in the other session since then is taken back here, too; so is a command they allowed, and what
    they denied holds.
    """
    origin = next(event for event in source if event.type == "session.created")
    forked: dict[str, Any] = {"source": origin.session, "name": origin.data["name"]}
    if point.message is not None:
        forked["message"] = point.message
    drafts = [Draft("session.forked", forked)]
    if (holds := held_in(source, point.checkpoint)) and not held_in(point.events, point.checkpoint):
        drafts.append(Draft("database.recorded", {"checkpoint": point.checkpoint, "database": holds}))
    had = names_of(point.events)
    made = {event.data["checkpoint"] for event in point.events if event.type == "checkpoint.created"}
    for checkpoint, called in names_of(source).items():
        if checkpoint in made and had.get(checkpoint) != called:
            drafts.append(Draft("version.named", {"checkpoint": checkpoint, "name": called}))
    now_pictured, before = pictured(source), pictured(point.events)
    for event in point.events:
        if event.type == "checkpoint.created" and (tree := event.data["tree"]) not in before and tree in now_pictured:
            told = {"tree": tree, "pictures": list(now_pictured.pop(tree).values())}
            drafts.append(Draft("preview.pictured", told))
    title, chosen = created["title"], created["model"]
    for event in point.events:
        if event.type == "session.updated":
            title, chosen = event.data.get("title", title), event.data.get("model", chosen)
    changes = {"title": created["title"]} if title != created["title"] else {}
    changes |= {"model": model} if model != chosen else {}
    if changes:
        drafts.append(Draft("session.updated", changes))
    now = allowed_hosts(source)
    for host in allowed_hosts(point.events):
        if host not in now:
            drafts.append(Draft("network.changed", {"host": host, "allowed": False, "by": "person"}))
    then, since = app_rules(point.events), app_rules(source)
    drafts += [changed(rule, holds=False, by="person") for rule in then if rule.action == "allow" and rule not in since]
    drafts += [changed(rule, holds=True, by="person") for rule in since if rule.action != "allow" and rule not in then]
    return drafts


def names(name: str, title: str) -> tuple[str, str]:
    """The folder's name and the title that a fork asks for: ``tasks`` -> ``tasks-fork``, also from another fork."""
    return re.sub(r"-fork(-\d+)?$", "", name)[:50] + "-fork", re.sub(r" \(fork( \d+)?\)$", "", title)


def fork_title(title: str, name: str) -> str:
    """The title of the fork in the folder ``name``: numbered as that is."""
    number = re.search(r"-fork-(\d+)$", name)
    return f"{title} (fork {number[1]})" if number else f"{title} (fork)"


def copy_storage(source: Path, target: Path) -> None:
    """Give a fork what the other app's pages keep (``preview.storage``): the file ``source`` and those beside it."""
    for suffix in ("", ".indexeddb"):
        file = source.with_name(source.name + suffix)
        if file.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.with_name(target.name + suffix).write_bytes(file.read_bytes())


def _point(events: Sequence[Event]) -> ForkPoint:
    last = next((e.data for e in reversed(events) if e.type == "checkpoint.created"), None)
    if last is None or not any(event.type == "session.ready" for event in events):
        raise Conflict(
            "The app's files did not exist yet at that point.", hint="Start a new app.", reason="session_creating"
        )
    tree = next(e.data.get("tree", "") for e in reversed(events) if e.data.get("tree") and e.type in _NAMING)
    return ForkPoint(events, last["checkpoint"], tree)


_NAMING = ("file.changed", "checkpoint.created", "session.restored")
"""Events that name the tree of all the log accounts for with them."""


def _turn_of(events: Sequence[Event], message: int) -> str:
    if 0 < message <= len(events) and (said := events[message - 1]).type == "message.user":
        return said.data["turn"]
    raise NotFound(
        f"Event {message} is not a message of this app.",
        hint=_requests(events),
        reason="unknown_message",
        field="message",
    )


def _end_of(events: Sequence[Event], checkpoint: str) -> int:
    """How many events there are up to a checkpoint, with the end of the turn that made it."""
    for at, event in enumerate(events):
        if event.type == "checkpoint.created" and event.data["checkpoint"] == checkpoint:
            turn = event.data["turn"]
            end = (i for i, e in enumerate(events) if e.type == "turn.finished" and e.data["turn"] == turn)
            # The first version is there just before the session is ready.
            ready = next((i for i, e in enumerate(events) if e.type == "session.ready"), at)
            return max(at, ready, next(end, at) if turn else at) + 1
    raise NotFound(
        f"There is no checkpoint {checkpoint[:60]!r}.", hint="Choose one of the listed ones.", field="checkpoint"
    )


def _requests(events: Sequence[Event]) -> str:
    turns = [event.data["turn"] for event in events if event.type == "turn.started"]
    return f"Its requests are {turns[0]} to {turns[-1]}." if turns else "Nothing was asked in it yet."
