"""The note that tells a model to continue interrupted work: what is done and what was in progress."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..events import Event, ToolCallData, ToolFinished
from ..turns.requests import first_request

LONGEST_REQUEST = 2000  # characters of the request that are said again
MOST_FILES = 40

HOW = {
    "stopped": "The person stopped it",
    "limit": "A limit ended it",
    "budget": "It was ended because the budget was used up",
    "failed": "It broke off",
}


def going_on(events: Sequence[Event], turn: str) -> str:
    """The note for a turn that continues ``turn``, read from the log."""
    request = first_request(events, turn).strip()
    if len(request) > LONGEST_REQUEST:
        request = request[:LONGEST_REQUEST] + " …"
    lines = [
        "Go on with this request of the person's, which was cut short before it was carried out:",
        "",
        *(f"> {line}" for line in request.splitlines()),
        "",
        _ended(events, turn),
        *_changed(events, turn),
        *_interrupted(events, turn),
        "",
        "Do not begin again: see what is there, finish what is missing, and do once more what was interrupted if it is "
        "still needed.",
    ]
    return "\n".join(lines)


def _ended(events: Sequence[Event], turn: str) -> str:
    for event in reversed(events):
        if event.type == "turn.finished" and event.data["turn"] == turn:
            how, message = HOW.get(event.data["reason"], "It ended"), str(event.data["message"]).rstrip(".")
            return f"{how}." if event.data["reason"] == "stopped" or not message else f"{how}: {message}."
    return "It was cut short."


def _changed(events: Sequence[Event], turn: str) -> list[str]:
    """The files that the turn changed, with what became of each in the end."""
    files: dict[str, str] = {}
    running = False
    for event in events:
        if event.type in ("turn.started", "turn.finished") and event.data.get("turn") == turn:
            running = event.type == "turn.started"
        elif running and event.type == "file.changed":
            path, change = event.data["path"], event.data["change"]
            created = files.get(path) == "created" and change == "modified"
            files[path] = "created" if created else change
    if not files:
        return ["No file was changed by then."]
    shown = [f"- {path} ({change})" for path, change in sorted(files.items())]
    more = len(shown) - MOST_FILES
    return ["Changed by then:", *shown[:MOST_FILES], *([f"- and {more} more"] if more > 0 else [])]


def _interrupted(events: Sequence[Event], turn: str) -> list[str]:
    """The calls that were asked for last and did not run to their end."""
    asked: list[ToolCallData] = []
    finished: dict[str, ToolFinished] = {}
    for event in events:
        if event.type == "response.completed" and event.data["turn"] == turn:
            asked = event.data["tool_calls"]
        elif event.type == "tool.finished":
            finished[event.data["call"]] = event.data
    cut = [call for call in asked if call["call"] not in finished or _stopped(finished[call["call"]])]
    return ["Interrupted, or not begun:", *(f"- {_named(call)}" for call in cut)] if cut else []


def _stopped(finished: ToolFinished) -> bool:
    detail = finished["detail"]
    return bool(detail.get("interrupted")) or detail.get("reason") == "stopped"


def _named(call: ToolCallData) -> str:
    try:
        arguments = json.loads(call["arguments"])
        subject = arguments.get("path") or arguments.get("command") or ", ".join(arguments.get("packages") or ())
    except (ValueError, AttributeError, TypeError, RecursionError):
        subject = ""
    return f"{call['tool']} {subject}".strip()[:200]
