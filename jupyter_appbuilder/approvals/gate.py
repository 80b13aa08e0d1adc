"""The approval gate: allows a call of the agent's, asks the person, or denies it."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..events import ApprovalGiven, Event, RuleSource
from ..log.journal import Journal
from ..tools.base import Tool, ToolContext, ToolResult
from .judgement import Rules, Verdict, judge
from .questions import Answer
from .rule_book import changed
from .rules import COMMAND_TOOL, UNREADABLE, ApprovalRule

DENIALS = 3
"""After so many answers of no in one turn, the person is not asked any more in it."""

WRITTEN_BY: Mapping[RuleSource, str] = {
    "configuration": "the administrator's",
    "person": "the person's own",
    "app": "for this app",
    "default": "built in",
}

KINDS = ("command", "tool")


class Gate:
    """Of one session. A call that has to wait is asked for before it starts, so that a process that dies meanwhile
    leaves nothing half done: the next one asks again, unless the log holds the answer."""

    def __init__(
        self, journal: Journal, events: Callable[[], Awaitable[Sequence[Event]]], rules: Callable[[], Awaitable[Rules]]
    ) -> None:
        self._journal = journal
        self._events = events
        self._rules = rules

    async def refusal(self, tool: Tool[Any], arguments: Mapping[str, Any], context: ToolContext) -> ToolResult | None:
        """Why a call does not run, for the model; None where it may. Waits for the person where a rule says so. Raises
        ``AppBuilderError`` where the rules cannot be read."""
        rules = await self._rules()
        subjects = tool.subjects(arguments)
        # A long command takes some time.
        verdict = await asyncio.to_thread(judge, rules, tool.name, subjects, _exists_in(context.workspace.app))
        subject = "\n".join(subjects)
        if verdict.action == "deny":
            return _refused(tool, _denial(verdict), f"A rule denies it: {_short(subject)}")
        if verdict.action == "allow" or tool.asks:
            return None
        summary = f"Not allowed: {_short(subject)}"
        events = await self._events()
        earlier = _earlier(events, context.call)
        if earlier is None and (known := _answered_already(events, context.turn, subject)):
            return _refused(tool, known, summary)
        answer = earlier or await self._ask(tool, subject, verdict, context)
        if not answer.granted:
            return _refused(tool, _because(answer, verdict), summary)
        if answer.remember:
            await self._journal.append(*(changed(rule, holds=True, by="person") for rule in verdict.allows))
        return None

    async def _ask(self, tool: Tool[Any], subject: str, verdict: Verdict, context: ToolContext) -> Answer:
        command = tool.name == COMMAND_TOOL
        rule = verdict.rule
        assert rule is not None
        assert verdict.source is not None
        return await context.ask(
            "May the agent run this command?" if command else f"May the agent use {tool.name}?",
            kind="command" if command else "tool",
            subject=subject,
            reason=rule.reason,
            remember=bool(verdict.allows),
            rule={"pattern": rule.pattern, "source": verdict.source, "what": _what(verdict)},
            allows=[allowed.pattern for allowed in verdict.allows],
        )


def _exists_in(app: Path) -> Callable[[str], bool]:
    # Unlike Path.exists, this takes names that no file can have for such.
    return lambda path: os.path.exists(app / path)


def _what(verdict: Verdict) -> str:
    """The part of a call that a rule fits; empty where that is the whole, or cannot be put in words."""
    return "" if verdict.what.startswith(UNREADABLE) else verdict.what


def _earlier(events: Sequence[Event], call: str) -> Answer | None:
    """The person's answer to this very call, given to a process that died before it ran it."""
    asked: dict[str, str] = {}
    found: Answer | None = None
    for event in events:
        if event.type == "approval.requested" and event.data.get("kind") in KINDS:
            asked[event.data["approval"]] = event.data["call"]
        elif event.type == "approval.given" and asked.get(event.data["approval"]) == call and "cause" not in event.data:
            found = Answer(event.data["granted"], event.data.get("remember", False))
    return found


def _answered_already(events: Sequence[Event], turn: str | None, subject: str) -> str:
    """Why the person is not asked once more in this turn; empty where they are."""
    asked: dict[str, str] = {}
    denied: list[str] = []
    for event in events:
        if event.type == "approval.requested" and event.data["turn"] == turn and event.data.get("kind") in KINDS:
            asked[event.data["approval"]] = event.data.get("subject", "")
        elif event.type == "approval.given" and event.data["approval"] in asked and _is_no(event.data):
            denied.append(asked[event.data["approval"]])
    if turn is None:
        return ""
    if subject in denied:
        return "The person said no to this already. Do not ask again; find a way without it, or say what is missing."
    if len(denied) >= DENIALS:
        return (
            f"The person said no {len(denied)} times in this turn and is not asked any more in it. Do what can be done "
            "without, then end the turn and say what you wanted it for."
        )
    return ""


def _is_no(given: ApprovalGiven) -> bool:
    """True if a person said no; False if nobody answered."""
    return not given["granted"] and "cause" not in given


def _because(answer: Answer, verdict: Verdict) -> str:
    if answer.cause != "unattended":
        return (
            "The person does not allow it. Do not try it in another form; find a way without it, or say what is "
            "missing. delete_file deletes a file and write_file replaces one, and neither has to be asked for."
        )
    beforehand = " or ".join(f"jupyter appbuilder rules allow {_quoted(rule)}" for rule in verdict.allows[:2])
    told = f" They can allow it beforehand: {beforehand}." if beforehand else ""
    return f"It needs the person's word, and nobody could be asked. Go on without it.{told}"


def _quoted(rule: ApprovalRule) -> str:
    tool = "" if rule.tool == COMMAND_TOOL else f" --tool {rule.tool}"
    return shlex.quote(rule.pattern) + tool


def _denial(verdict: Verdict) -> str:
    assert verdict.rule is not None
    assert verdict.source is not None
    reason = f" {verdict.rule.reason}" if verdict.rule.reason else ""
    return (
        f"A rule denies {verdict.rule.pattern!r} ({WRITTEN_BY[verdict.source]}).{reason} Nobody is asked. "
        "Do not try it in another form; find a way without it, or say what is missing."
    )


def _refused(tool: Tool[Any], why: str, summary: str) -> ToolResult:
    return ToolResult(f"{tool.name} was not run. {why}", summary, ok=False, detail={"reason": "denied"})


def _short(subject: str) -> str:
    line = subject.strip().split("\n")[0]
    return line if line == subject.strip() and len(line) <= 80 else f"{line[:79]}…"
