"""A session in memory: a journal that keeps its events, and a runner with a few plain tools."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from jupyter_appbuilder.agents.history import SessionHistory
from jupyter_appbuilder.agents.loop import AgentLoop, Limits, Runner
from jupyter_appbuilder.events import By, Draft, Event
from jupyter_appbuilder.models.base import Model
from jupyter_appbuilder.tools.base import ToolCall, ToolResult

ToolFunction = Callable[[dict[str, Any]], Awaitable[ToolResult] | ToolResult]


class MemoryJournal:
    def __init__(self) -> None:
        self.stored: list[Event] = []
        self.shown: list[tuple[str, dict[str, Any]]] = []
        self.batches: list[list[str]] = []

    async def append(self, *drafts: Draft) -> list[Event]:
        start = len(self.stored) + 1
        new = [Event("s", start + i, time.time(), d.type, d.data) for i, d in enumerate(drafts)]
        json.dumps([event.to_json() for event in new])
        self.stored += new
        self.batches.append([event.type for event in new])
        return new

    def live(self, type: str, data: dict[str, Any]) -> None:
        self.shown.append((type, data))

    async def events(self, after: int = 0) -> list[Event]:
        return self.stored[after:]

    def of(self, type: str) -> list[dict[str, Any]]:
        return [dict(event.data) for event in self.stored if event.type == type]

    def text_shown(self, response: str) -> str:
        return "".join(d["text"] for t, d in self.shown if t == "text.delta" and d["response"] == response)


class MemoryRunner:
    """The runner's interface over plain functions. Tools named in ``writes`` change a file when they succeed."""

    def __init__(self, journal: MemoryJournal, tools: dict[str, ToolFunction], writes: Sequence[str] = ()) -> None:
        self.journal, self.tools, self.writes = journal, tools, writes

    def definitions(self) -> list[dict[str, Any]]:
        return [
            {"type": "function", "function": {"name": name, "description": name, "parameters": {"type": "object"}}}
            for name in self.tools
        ]

    async def run(
        self,
        name: str,
        arguments: dict[str, Any] | str,
        *,
        call: str,
        by: By,
        turn: str | None = None,
        already_started: bool = False,
    ) -> ToolResult:
        try:
            parsed: dict[str, Any] = json.loads(arguments) if isinstance(arguments, str) else arguments
        except ValueError:
            parsed = {}
        started = {"turn": turn, "call": call, "tool": name, "arguments": parsed, "by": by}
        await self.journal.append(Draft("tool.started", started))
        if name not in self.tools:
            result = ToolResult(f"There is no tool {name}.", "No such tool", ok=False)
        elif not parsed and isinstance(arguments, str) and arguments.strip() != "{}":
            result = ToolResult("The arguments are not valid JSON.", "Bad arguments", ok=False)
        else:
            found = self.tools[name](parsed)
            result = found if isinstance(found, ToolResult) else await found
        finished = {"turn": turn, "call": call, "tool": name, "ok": result.ok, "summary": result.summary}
        drafts = [Draft("tool.finished", finished | {"text": result.text, "detail": result.detail, "duration_ms": 1})]
        if name in self.writes and result.ok:
            change = {"path": parsed.get("path", "a"), "change": "modified", "by": by, "added": 1, "removed": 0}
            drafts.append(Draft("file.changed", change | {"call": call}))
        await self.journal.append(*drafts)
        return result

    async def run_all(self, calls: Sequence[ToolCall], *, by: By, turn: str | None) -> list[ToolResult]:
        return [await self.run(c.tool, c.arguments, call=c.call, by=by, turn=turn) for c in calls]


class MemorySession:
    """An agent on a session in memory, with ``tools``, or with what ``make_runner`` makes of the journal. ``ask`` plays
    one turn as the session does."""

    def __init__(
        self,
        model: Model,
        tools: dict[str, ToolFunction] | None = None,
        writes: Sequence[str] = ("write_file",),
        limits: Limits | None = None,
        make_runner: Callable[[MemoryJournal], Runner] | None = None,
        **options: Any,
    ) -> None:
        self.journal = MemoryJournal()
        self.runner = make_runner(self.journal) if make_runner else MemoryRunner(self.journal, tools or {}, writes)
        self.history = SessionHistory(self.journal.events, "You build apps.")
        self.agent = AgentLoop(model, self.runner, self.journal, self.history, limits, **options)
        self.turns = 0

    async def ask(self, text: str):
        self.turns += 1
        turn = f"t{self.turns}"
        await self.journal.append(
            Draft("turn.started", {"turn": turn, "model": "m"}), Draft("message.user", {"turn": turn, "text": text})
        )
        outcome = await self.agent.run(turn)
        data = {"turn": turn, "reason": outcome.reason, "message": outcome.message, "hint": outcome.hint}
        await self.journal.append(Draft("turn.finished", data))
        return outcome
