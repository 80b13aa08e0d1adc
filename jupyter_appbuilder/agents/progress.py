"""A turn's progress, read from the log: steps, tokens, whether the app was checked, loops."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..events import Event
from ..tools.names import CHECK

if TYPE_CHECKING:
    from ..tools.base import ToolCall

SAME_RESULT = 4  # the same action with the same result, so many times in a row
SAME_FAILURE = 3  # the same action failing, so many times in a row
ROUNDS = 3  # two or three actions in turns with the same results, so many times around
CUT_OFFS = 3  # answers cut off at the output limit, so many in a row

UNREAD = "unread_call"  # how an answer finished that holds a call as text which was not run
BROKEN_OFF = "stopped"  # … that was stopped, by the person, a limit or its connection; it calls nothing
NOT_WHOLE = ("length", UNREAD)
"""How answers finished that were not the model's last word, though they call nothing."""

_DURATION = re.compile(r"\b\d+(?:\.\d+)?\s?(?:ms|s)\b")


@dataclass(frozen=True, slots=True)
class Action:
    """One tool call of the model and how it ended. Equal actions are the same call."""

    tool: str
    arguments: str
    ok: bool = field(compare=False)
    result: str = field(compare=False)

    @property
    def with_result(self) -> tuple[str, str, bool, str]:
        return (self.tool, self.arguments, self.ok, self.result)

    @property
    def name(self) -> str:
        """For people: ``edit_file src/App.tsx``."""
        try:
            arguments = json.loads(self.arguments)
            subject = arguments.get("path") or arguments.get("command") or arguments.get("query") or ""
        except (ValueError, AttributeError, RecursionError):
            subject = ""
        return f"{self.tool} {subject}".strip()[:80]


@dataclass(slots=True)
class TurnProgress:
    steps: int = 0  # model responses
    tokens: int = 0  # input and output, as reported
    actions: list[Action] = field(default_factory=list[Action])
    cut_offs: int = 0  # in a row, up to now
    unread: int = 0  # answers whose calls were written as text and not run, in a row
    changed: bool = False  # files changed since the last check
    check_failed: bool = False  # the last check of this turn found problems
    checked: Mapping[str, Any] = field(default_factory=dict[str, Any])  # its details

    @property
    def needs_check(self) -> bool:
        return self.changed or self.check_failed


def turn_progress(events: Iterable[Event], turn: str) -> TurnProgress:
    """The progress of one turn, read from the log."""
    from ..tools.problems import without_news

    progress, asked, checks = TurnProgress(), dict[str, tuple[str, str]](), set[str]()
    for event in events:
        if event.type == "usage.recorded" and event.data["turn"] == turn:
            progress.tokens += event.data["usage"]["input_tokens"] + event.data["usage"]["output_tokens"]
        elif event.type == "response.completed" and event.data["turn"] == turn:
            progress.steps += 1
            progress.cut_offs = progress.cut_offs + 1 if event.data["finish_reason"] == "length" else 0
            progress.unread = progress.unread + 1 if event.data["finish_reason"] == UNREAD else 0
            asked |= {call["call"]: (call["tool"], call["arguments"]) for call in event.data["tool_calls"]}
        elif event.type == "tool.finished" and event.data["turn"] == turn:
            if event.data["tool"] == CHECK:
                progress.changed, progress.check_failed = False, not event.data["ok"]
                progress.checked = event.data["detail"]
                checks.add(event.data["call"])
            if event.data["call"] in asked:
                tool, arguments = asked[event.data["call"]]
                result = _DURATION.sub("", without_news(event.data["text"], event.data["detail"]))
                progress.actions.append(Action(tool, _canonical(arguments), event.data["ok"], result))
        elif event.type == "file.changed" and progress.steps and event.data["by"] in ("agent", "command"):
            # What a check leaves behind itself (a build cache) is no reason to check again.
            progress.changed = progress.changed or event.data.get("call") not in checks
    return progress


@dataclass(frozen=True, slots=True)
class Left:
    """The calls of a turn's last stored response that have not run, after the turn's process died.

    ``calls`` are those of its tool calls that have no result. A response without any was the model's last word:
    what remains is the check, which may have been ``check_started``.
    """

    response: str
    calls: list[ToolCall]
    finish_reason: str
    check_started: bool = False


def unheard(events: Sequence[Event], turn: str) -> bool:
    """True if the person said something in the turn that no request to the model held yet."""
    said = max((e.seq for e in events if e.type == "message.user" and e.data["turn"] == turn), default=0)
    read = [e.data.get("read", e.seq) for e in events if e.type == "response.completed" and e.data["turn"] == turn]
    return said > max(read, default=0)


def left_over(events: Sequence[Event], turn: str) -> Left | None:
    """None where the next thing to do is to ask the model."""
    from ..tools.base import ToolCall

    last: Event | None = None
    started, finished = set[str](), dict[str, bool]()
    for event in events:
        if event.type == "response.completed" and event.data["turn"] == turn:
            last = event
        elif event.type == "tool.started":
            started.add(event.data["call"])
        elif event.type == "tool.finished":
            finished[event.data["call"]] = event.data["ok"]
    if last is None:
        return None
    response, asked = last.data["response"], last.data["tool_calls"]
    calls = [
        ToolCall(call["call"], call["tool"], call["arguments"], already_started=call["call"] in started)
        for call in asked
        if call["call"] not in finished
    ]
    check = f"{response}.check"
    if not asked and unheard(events, turn):
        return None
    cut_off = last.data["finish_reason"] in NOT_WHOLE
    if (asked and not calls) or (not asked and (cut_off or finished.get(check) is False)):
        return None
    return Left(response, calls, last.data["finish_reason"], check in started and check not in finished)


def going_in_circles(actions: Sequence[Action]) -> str:
    """A sentence for people that names the repetition; empty if there is none."""
    last = actions[-SAME_RESULT:]
    if len(last) == SAME_RESULT and len({action.with_result for action in last}) == 1:
        return f"The agent did the same thing {SAME_RESULT} times with the same result: {last[0].name}."
    last = actions[-SAME_FAILURE:]
    if len(last) == SAME_FAILURE and len(set(last)) == 1 and not any(action.ok for action in last):
        return f"The agent tried the same thing {SAME_FAILURE} times and it failed each time: {last[0].name}."
    for length in (2, 3):
        last = [action.with_result for action in actions[-ROUNDS * length :]]
        if len(last) == ROUNDS * length and last == last[:length] * ROUNDS:
            names = [action.name for action in actions[-length:]]
            return f"The agent went back and forth between {', '.join(names[:-1])} and {names[-1]}."
    return ""


def _canonical(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments
