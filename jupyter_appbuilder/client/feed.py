"""A running turn as text: what the agent says, and a line for each thing it does.

Takes the wire messages of a session (docs/architecture.md, "Wire"); shown below a notebook cell as Markdown, and in a
terminal line by line.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ..approvals.shell import DISGUISES
from ..events import ApprovalRequested, Mode, PreviewStatus, of_newer_version
from ..notebook.markdown import inert
from ..turns.suggestions import whole
from ..wire import EventJson, LiveMessage, SnapshotMessage, WireMessage

HIDDEN = "\N{REPLACEMENT CHARACTER}"
"""In place of letters that make text read other than it is."""

MARKS = {"running": "◌", "done": "✓", "failed": "✗"}

TOLD = 160  # characters of what the agent said, in the line on a turn that is done

LABELLED = 4000  # characters of the arguments that arrive, looked at for what a call is about


@dataclass(eq=False)
class Entry:
    """One thing in the feed, known by itself. ``text`` grows while it streams; ``output`` is a running command's."""

    kind: Literal["text", "tool", "note"]
    text: str
    state: Literal["running", "done", "failed"] = "running"
    call: str = ""
    tool: str = ""
    arguments: str = ""
    output: str = ""
    code: str = ""  # what a question is about, in full
    recorded: bool = False
    response: str = ""  # that it came with, while that was streamed

    @property
    def mark(self) -> str:
        """What stands before it. A note on what is done says what nobody saw, or what is still broken."""
        return "⚠" if self.kind == "note" and self.state == "done" else MARKS[self.state]


@dataclass
class Feed:
    """The state of one turn's feed. ``reason`` is None while it runs."""

    turn: str = ""
    entries: list[Entry] = field(default_factory=list[Entry])
    reason: str | None = None
    message: str = ""
    hint: str = ""
    preview: PreviewStatus | None = None
    usage: dict[str, int] = field(default_factory=dict[str, int])
    cost: float | None = 0.0  # US dollars; None where the price of something is not known
    began: str = ""  # when, as the log has it
    ended: str = ""
    version: str = ""  # that it left
    files: list[str] = field(default_factory=list[str])
    text: str = ""  # what the agent said last, in full
    mode: Mode = "build"
    plan: str = ""  # the plan it came to, by its id; the text is its
    recorded: bool = False
    suggestions: tuple[str, ...] = ()  # what the agent thinks may be asked for next
    waiting: str = ""  # what is waited for: a model is loaded, an endpoint is asked again
    thinking: bool = False  # the model thinks before it answers; what, is not shown here
    _responses: set[str] = field(default_factory=set[str])
    _streaming: Entry | None = None
    _arriving: str = ""  # the response that is streamed

    @property
    def begun(self) -> bool:
        """True if there is something to show."""
        return bool(self.entries or self.waiting or self.thinking)

    def take(self, message: WireMessage) -> list[Entry]:
        """Take in a wire message; the entries it touched."""
        match message["kind"]:
            case "events":
                return [entry for event in message["events"] for entry in self._event(event)]
            case "live":
                return self._live(message)
            case "snapshot":
                return self._snapshot(message)
            case "session" | "tail":  # what a tail has, comes with the events, too
                return []

    def _snapshot(self, snapshot: SnapshotMessage) -> list[Entry]:
        self.preview = snapshot["preview"]
        response = snapshot["response"]
        if response is None or self.turn not in ("", response["turn"]):
            return []
        self._streaming = None
        self.thinking = bool(response["reasoning"] and not response["tool_calls"])
        if not response["text"] or response["response"] in self._responses:
            return []
        return [self._said(response["response"], response["text"])]

    def _said(self, response: str, text: str) -> Entry:
        """Add to what the agent is saying."""
        self.thinking = False
        self._begin(response)
        if self._streaming is None:
            self._streaming = Entry("text", "", response=response)
            self.entries.append(self._streaming)
        self._streaming.text += text
        return self._streaming

    def _begin(self, response: str) -> None:
        """Drop what came of the response before, if that was thrown away: nothing stored it."""
        if self._arriving not in ("", response, *self._responses):
            self.entries = [entry for entry in self.entries if entry.response != self._arriving]
            self._streaming = None
        self._arriving = response

    def _live(self, message: LiveMessage) -> list[Entry]:
        match message:
            case {"type": "reasoning.delta", "data": data}:
                self.thinking = data["response"] not in self._responses
                if self.thinking:
                    self._begin(data["response"])
            case {"type": "text.delta", "data": data} if data["response"] not in self._responses:
                return [self._said(data["response"], data["text"])]
            case {"type": "tool.delta", "data": data} if data["response"] not in self._responses:
                self.thinking = False
                self._begin(data["response"])
                entry = self._tool(data["call"], data["tool"])
                entry.response = data["response"]
                if len(entry.arguments) < LABELLED:
                    entry.arguments += data["arguments"]
                    entry.text = label(entry.tool, entry.arguments)
                return [entry]
            case {"type": "tool.output", "data": data}:
                entry = next((entry for entry in self.entries if entry.call == data["call"]), None)
                if entry:
                    entry.output = (entry.output + data["text"])[-8000:]
                    return [entry]
            case {"type": "preview", "data": data}:
                self.preview = data
            case {"type": "progress", "data": data}:
                self.waiting = data["message"] if data["fraction"] != 1 else ""
            case _:
                pass
        return []

    def _event(self, event: EventJson) -> list[Entry]:
        if self.turn and event["data"].get("turn") not in (None, self.turn):
            return []
        match event["type"]:
            case "turn.started":
                data = event["data"]
                self.turn = data["turn"]
                self.mode = data.get("mode", "build")
                self.began = event["at"]
            case "plan.written":
                data = event["data"]
                self.plan, self.text = data["plan"], data["text"]
                if data["source"] not in self._responses:  # else it was shown as what was said
                    entry = Entry("text", data["text"], "done")
                    self.entries.append(entry)
                    return [entry]
            case "session.restored":
                data = event["data"]
                kept = data["previous"][:8]
                text = f"Files are as they were before the request. What was there until now is version {kept}."
                entry = Entry("tool", text, "done", call=f"restored {kept}")
                self.entries.append(entry)
                return [entry]
            case "response.completed":
                data = event["data"]
                self._begin(data["response"])
                self._responses.add(data["response"])
                self.thinking = False
                entry, self._streaming = self._streaming, None
                self.recorded = self.recorded or data["recorded"]
                self.suggestions = tuple(data.get("suggestions", ()))
                for key in ("input_tokens", "output_tokens"):
                    self.usage[key] = self.usage.get(key, 0) + data["usage"][key]
                cost = data["usage"]["cost"]
                self.cost = None if cost is None or self.cost is None else self.cost + cost
                if said := whole(data).strip():
                    if entry is None:
                        entry = Entry("text", "")
                        self.entries.append(entry)
                    entry.text, entry.state, entry.recorded = said, "done", data["recorded"]
                    self.text = data["text"]
                    return [entry]
                if entry:
                    self.entries.remove(entry)
            case "tool.started":
                data = event["data"]
                entry = self._tool(data["call"], data["tool"])
                entry.arguments = json.dumps(data["arguments"])
                entry.text = label(entry.tool, entry.arguments)
                return [entry]
            case "tool.finished":
                data = event["data"]
                entry = self._tool(data["call"], data["tool"])
                entry.state = "done" if data["ok"] else "failed"
                entry.text = data["summary"] or entry.text
                entry.output = data["text"]
                if data["detail"].keys() & {"diagnostics", "page_news"}:
                    from ..tools.problems import headline

                    entry.text += f" · {headline(data['detail'])}"
                return [entry]
            case "checkpoint.created":
                if event["data"]["turn"] == self.turn:
                    self.version = event["data"]["checkpoint"]
            case "file.changed":
                data = event["data"]
                if data["path"] not in self.files:
                    self.files.append(data["path"])
            case "approval.requested":
                data = event["data"]
                entry = Entry("tool", wording(data), call=data["approval"], tool="approval")
                if "rule" in data:
                    entry.code = DISGUISES.sub(HIDDEN, data.get("subject", ""))
                self.entries.append(entry)
                return [entry]
            case "approval.given":
                data = event["data"]
                entry = next((entry for entry in self.entries if entry.call == data["approval"]), None)
                if entry:
                    entry.state = "done" if data["granted"] else "failed"
                    how = "for this app" if data.get("remember") else "once"
                    entry.text += f" Allowed {how}." if data["granted"] else " Not allowed."
                    return [entry]
            case "network.refused":
                data = event["data"]
                text = f"Blocked: {data['host'].removesuffix(':443')} is not on this app's list."
                entry = Entry("tool", text, "failed", call=f"refused {len(self.entries)}")
                self.entries.append(entry)
                return [entry]
            case "history.compacted":
                data = event["data"]
                before, after = data["tokens_before"], data["tokens_after"]
                text = f"Shortened what the model remembers: {before:,} → {after:,} tokens."
                entry = Entry("tool", text, "done", call=f"compacted {data['upto']}")
                self.entries.append(entry)
                return [entry]
            case "turn.finished":
                data = event["data"]
                self.reason, self.message, self.hint = data["reason"], data["message"], data["hint"]
                self.ended = event["at"]
                if data["reason"] != "done" or data["message"]:
                    text = f"{data['message']} {data['hint']}".strip()
                    entry = Entry("note", text, "done" if data["reason"] == "done" else "failed")
                    self.entries.append(entry)
                    return [entry]
            case (  # not told of a turn
                "session.created"
                | "session.ready"
                | "session.updated"
                | "session.failed"
                | "session.ended"
                | "session.forked"
                | "sandbox.slept"
                | "sandbox.woke"
                | "turn.resumed"
                | "turn.briefed"
                | "turn.dropped"
                | "message.user"
                | "plan.accepted"
                | "database.recorded"
                | "preview.ready"
                | "preview.error"
                | "preview.pictured"
                | "network.changed"
                | "rule.changed"
                | "usage.recorded"
                | "budget.raised"
                | "version.named"
                | "app.published"
                | "app.unpublished"
                | "publication.rolled_back"
                | "data.refreshed"
            ):
                pass
            case _:
                of_newer_version(event)
        return []

    def _tool(self, call: str, tool: str) -> Entry:
        for entry in self.entries:
            if entry.call == call and call:
                return entry
        entry = Entry("tool", label(tool, ""), call=call, tool=tool)
        self.entries.append(entry)
        return entry

    def markdown(self) -> str:
        """The whole feed as Markdown, for Jupyter; once the turn is done, a line on it and what it shows, with the feed
        folded below."""
        parts = self._parts()
        if self.recorded:
            parts.append("*A recorded answer of the demo model: no model was asked.*")
        if self.reason != "done":
            return inert("\n\n".join(parts))
        steps = sum(entry.kind == "tool" for entry in self.entries)
        shown = [f"{entry.mark} {_escape(entry.text)}" for entry in self.entries if entry.kind == "note"]
        if self.mode != "build":
            shown.insert(0, _closed(self.text.strip()))
        told = inert("\n\n".join([self.summary(), *shown]))
        title = f"{steps} step{'' if steps == 1 else 's'}" if steps else "What was said"
        # Ours are the only tags: `inert` leaves none of what was said, so none of it can end the fold.
        return f"{told}\n\n<details><summary>{title}</summary>\n\n{inert(_JOIN.join(parts))}\n\n</details>"

    def _parts(self) -> list[str]:
        parts: list[str] = []
        for entry in self.entries:
            if entry.kind == "text":
                parts.append(_closed(entry.text.strip()) + ("" if entry.state == "done" else " ▌"))
            else:
                parts.append(f"{entry.mark} {_escape(entry.text)}")
                if entry.code:
                    parts.append("\n".join("    " + line for line in entry.code.split("\n")))
                if entry.state == "running" and entry.output:
                    parts.append("\n".join("    " + line for line in entry.output.rstrip().split("\n")[-6:]))
        if self.waiting and self.reason is None:
            parts.append(f"◌ {_escape(self.waiting)}")
        elif self.thinking and self.reason is None:
            parts.append("◌ Thinking …")
        return parts

    def summary(self) -> str:
        """One line on a turn that is done, in Markdown: what was done, the version, how long it took, its cost."""
        if self.mode != "build":
            facts = ["A plan; nothing was changed yet" if self.plan else "Nothing was changed"]
        else:
            what = _sentence(self.text)
            facts = [f"**{_escape(what)}**"] if what else []
            facts.append(f"{len(self.files)} file{'' if len(self.files) == 1 else 's'} changed")
        facts += [f"version {self.version[:7]}"] if self.version else []
        facts += [took] if (took := _took(self.began, self.ended)) else []
        if self.recorded:
            facts.append("a recorded answer: no model was asked")
        else:
            tokens = sum(self.usage.values())
            facts += [f"{tokens:,} tokens"] if tokens else []
            facts += [_dollars(self.cost)] if self.cost else []
        return f"✓ {' · '.join(facts)}"


_JOIN = "\n\n"


def _sentence(text: str) -> str:
    """The first of what was said, as plain text: what stands in a heading, a list or code says too little by itself."""
    for line in (one[: 10 * TOLD] for one in text[: 1000 * TOLD].split("\n")):
        if re.match(r"\s*([#>|`~<]|[-*+] |\d+[.)] )", line) or not line.strip():
            continue
        plain = " ".join(re.sub(r"[*`]|!?\[([^\]]*)\]\([^)]*\)", r"\1", line).split())
        first = re.split(r"(?<=[.!?。！？])\s", plain, maxsplit=1)[0]
        told = plain if len(first) < 12 else first  # "Done." is no more than the mark
        return told if len(told) <= TOLD else f"{told[:TOLD].rsplit(' ', 1)[0]} …"
    return ""


def _closed(text: str) -> str:
    """A text with the end of a code block that it leaves open: what stands below is no part of it."""
    fence = ""
    for line in text.split("\n"):
        found = re.match(r" {0,3}(`{3,}|~{3,})(.*)", line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


def _took(began: str, ended: str) -> str:
    """How long that is, for people; "" where it is not known."""
    try:
        seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    except (ValueError, TypeError):
        return ""
    if seconds < 60:
        return f"{max(seconds, 0):.0f} s" if seconds >= 1 else ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _dollars(cost: float) -> str:
    return f"\\${cost:.2f}" if cost >= 0.01 else "less than \\$0.01"


def questions(message: WireMessage) -> list[ApprovalRequested]:
    """What a wire message asks of the person, without what it has the answer to."""
    if message["kind"] != "events":
        return []
    given = {event["data"]["approval"] for event in message["events"] if event["type"] == "approval.given"}
    asked = [event["data"] for event in message["events"] if event["type"] == "approval.requested"]
    return [data for data in asked if data["approval"] not in given]


def wording(question: ApprovalRequested) -> str:
    """A question in words: what is asked, and why. What a rule has made it ask about is shown beside it."""
    reason, rule = question.get("reason", ""), question.get("rule")
    if not rule:
        return f"{question['question']} “{reason}”" if reason else question["question"]
    why = reason or f"There is a rule to ask: {rule['pattern']}"
    part = f" ({rule['what']})" if rule["what"] not in ("", question.get("subject")) else ""
    return f"{question['question']} {why.rstrip('.')}{DISGUISES.sub(HIDDEN, part)}."


def always(question: ApprovalRequested) -> str:
    """What "always" would allow, where that is not just what is asked."""
    allows = [pattern for pattern in question.get("allows", ()) if pattern != question.get("subject")]
    return f"Always would allow: {DISGUISES.sub(HIDDEN, ', '.join(allows))}" if allows else ""


def label(tool: str, arguments: str) -> str:
    """A short description of a call, as far as its (perhaps incomplete) arguments tell."""
    from ..tools.base import SUBJECTS
    from ..tools.registry import load_tools

    found = load_tools().get(tool)
    verb = found.verb[0] if found and found.verb else tool
    names = "|".join(map(re.escape, found.subject if found else SUBJECTS))
    about = re.search(rf'"(?:{names})"\s*:\s*(?:"((?:[^"\\]|\\.)*)|\[([^\]]*))', arguments) if names else None
    what = ""
    if about and about[1] is not None:
        what = about[1].replace('\\"', '"').replace("\\n", " ")
    elif about:
        what = about[2].replace('"', "")
    return f"{verb} {what[:100]}".strip()


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_<\[#$])", r"\\\1", " ".join(text.split()))
