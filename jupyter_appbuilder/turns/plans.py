"""Plans, read from the log: those that plan turns wrote, and which were accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import Conflict, InvalidInput, NotFound
from ..events import Draft, Event
from .modes import TICK_PLAN, WRITE_PLAN
from .requests import first_request, without_dropped

MOST = 60  # characters of a plan's name
FENCE = re.compile(r"^[ \t]*(```|~~~)")
BOX = re.compile(r"^[ \t]*(?:[-*+]|[0-9]+[.)])[ \t]+\[[ xX]\][ \t]+([^ \t\r].*)$")


@dataclass(frozen=True, slots=True)
class Plan:
    """``text`` is Markdown, as the agent wrote it. ``built`` is the turn that builds it, "" as long as it is open.
    ``done`` are the numbers, from 1, of the accepted text's items that were ticked off."""

    id: str
    turn: str
    text: str
    built: str = ""
    edited: bool = False  # before it was accepted
    done: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "plan": self.id,
            "turn": self.turn,
            "text": self.text,
            "built": self.built or None,
            "edited": self.edited,
            "done": list(self.done),
        }


def plans(events: Sequence[Event]) -> list[Plan]:
    """Every plan of a session, the oldest first. What a dropped turn wrote or accepted does not count."""
    found: dict[str, Plan] = {}
    for event in without_dropped(events):
        if event.type == "plan.written":
            found[event.data["plan"]] = Plan(event.data["plan"], event.data["turn"], event.data["text"])
        elif event.type == "plan.accepted" and event.data["plan"] in found:
            plan = found[event.data["plan"]]
            found[plan.id] = replace(plan, built=event.data["turn"], edited=event.data["edited"])
        elif event.type == "tool.finished" and event.data["tool"] == TICK_PLAN and event.data["ok"]:
            plan = found.get(event.data["detail"]["plan"])
            if plan:
                found[plan.id] = replace(plan, done=tuple(sorted({*plan.done, *event.data["detail"]["done"]})))
    return list(found.values())


def built_by(events: Sequence[Event], turn: str) -> Mapping[str, Any] | None:
    """The acceptance of the plan that a turn builds, if it builds one."""
    return next((e.data for e in events if e.type == "plan.accepted" and e.data["turn"] == turn), None)


def open_plan(events: Sequence[Event], id: str) -> Plan:
    """A plan that can be accepted. Raises ``NotFound``, and ``Conflict`` (reason ``plan_accepted``)."""
    plan = next((plan for plan in plans(events) if plan.id == id), None)
    if plan is None:
        hint = "Ask for one: send a message in plan mode."
        raise NotFound(f"There is no plan {id[:40]!r} in this session.", hint=hint, reason="unknown_plan")
    if plan.built:
        hint = "Ask for a change, or restore an earlier version and ask for a new plan."
        raise Conflict("This plan was accepted already.", hint=hint, reason="plan_accepted")
    return plan


@dataclass(frozen=True, slots=True)
class Checklist:
    """The items of the plan that was accepted last, and the numbers, from 1, of those that are done."""

    plan: str
    items: Sequence[str]
    done: Sequence[int]


def checklist(events: Sequence[Event]) -> Checklist | None:
    """The items to tick off; None if no plan was accepted."""
    accepted = next((e.data["plan"] for e in reversed(without_dropped(events)) if e.type == "plan.accepted"), "")
    plan = next((plan for plan in plans(events) if plan.id == accepted), None)
    return Checklist(plan.id, items(first_request(events, plan.built)), plan.done) if plan else None


def items(text: str) -> list[str]:
    """The texts beside the check boxes of a Markdown text, in order."""
    found: list[str] = []
    fenced = False
    for line in text.split("\n"):  # as the panel counts
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and (box := BOX.match(line)):
            found.append(box[1].strip())
    return found


def is_handed_over(events: Sequence[Event], turn: str) -> bool:
    """True if the last response of a turn wrote its plan: there is nothing more to do."""
    last = next((e for e in reversed(events) if e.type == "response.completed" and e.data["turn"] == turn), None)
    handed = _handed_over(events, turn)
    return last is not None and any(call["call"] in handed for call in last.data["tool_calls"])


def left_by(events: Sequence[Event], turn: str, *, done: bool) -> Draft | None:
    """The plan that a turn in plan mode leaves: what it handed over last, else its last words if it is ``done``."""
    text, source = "", ""
    if handed := _handed_over(events, turn):
        source, text = list(handed.items())[-1]
    elif done:
        said = [e.data for e in events if e.type == "response.completed" and e.data["turn"] == turn]
        source, text = (said[-1]["response"], str(said[-1]["text"]).strip()) if said else ("", "")
    if not text:
        return None
    number = 1 + sum(e.type == "plan.written" for e in events)
    return Draft("plan.written", {"plan": f"p{number}", "turn": turn, "text": text, "source": source})


def request(text: str) -> str:
    """The request that the person makes by accepting a plan."""
    text = text.strip()
    if not text:
        raise InvalidInput("The plan is empty.", hint="Leave it as it was, or say what to build instead.", field="text")
    return f"Build this plan: {name_of(text)}\n\n{text}"


def name_of(text: str) -> str:
    """A plan's first heading, or else its first line."""
    heading = re.search(r"^#{1,6}\s+(.+)$", text, re.MULTILINE)
    line = (heading[1] if heading else text.strip().partition("\n")[0]).strip().rstrip("#: ")
    line = re.sub(r"^plan\s*[:–—-]\s*", "", line, flags=re.IGNORECASE) or line
    return line if len(line) <= MOST else line[: MOST - 2].rsplit(" ", 1)[0] + " …"


def _handed_over(events: Sequence[Event], turn: str) -> dict[str, str]:
    """The plans that calls of a turn handed over, in their order."""
    written: dict[str, str] = {}
    finished: set[str] = set()
    for event in events:
        if event.type == "tool.started" and event.data["turn"] == turn and event.data["tool"] == WRITE_PLAN:
            written[event.data["call"]] = str(event.data["arguments"].get("text", "")).strip()
        elif event.type == "tool.finished" and event.data["ok"]:
            finished.add(event.data["call"])
    return {call: text for call, text in written.items() if call in finished}
