"""How many tokens a conversation sends to its model, turn by turn: with everything told whole, and as it is told now.

The recorded conversations, and a long one put together from all of them, are played as a live model's are: real tools,
real checks, requests over the wire. Before: the same log, told as it was before old calls became stubs, maps were
briefed and histories compacted. Tokens are counted by GPT-4o's tokenizer where ``bpe-openai`` is installed, else as
four characters each. New: those behind the longest beginning that a request has in common with the one before it, which
is all that a provider with a prompt cache charges in full.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from os.path import commonprefix
from pathlib import Path
from typing import Any

from building import app_builder
from model_server import ModelServer, Step

from jupyter_appbuilder.agents.compaction import INSTRUCTIONS
from jupyter_appbuilder.agents.history import View, messages
from jupyter_appbuilder.events import Event
from jupyter_appbuilder.models.demo.recordings import Recording, find_recordings

from .report import heading

WHOLE = View(step=10**9, between=10**9)
SMALL = 14_000  # tokens: a threshold that the long conversation reaches
SUMMARY = "## Goal\n" + "The app as it was asked for, step by step. " * 60  # some 600 words, as asked for
PART = "      <li className='flex items-center gap-2 rounded-xl border px-4 py-2 text-sm'>Entry {} of part {}</li>\n"

Turn = tuple[str, list[Step]]


@dataclass
class Sent:
    """Tokens of one turn's requests. ``fresh``: not part of the beginning shared with the request before."""

    requests: int = 0
    tokens: int = 0
    fresh: int = 0
    largest: int = 0


@dataclass
class Meter:
    turns: list[Sent] = field(default_factory=list[Sent])
    _last: str = ""

    def turn(self) -> None:
        self.turns.append(Sent())

    def request(self, text: str) -> None:
        now, shared = self.turns[-1], commonprefix([text, self._last])  # noqa: RUF071 - that is what is meant
        tokens = count(text)
        now.requests += 1
        now.tokens += tokens
        now.fresh += tokens - (count(shared) if shared else 0)
        now.largest = max(now.largest, tokens)
        self._last = text


@cache
def tokenizer() -> Callable[[str], int] | None:
    try:
        import bpe_openai  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    encoding: Any = bpe_openai.get_encoding("o200k_base")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return lambda text: len(encoding.encode(text))


def count(text: str) -> int:
    known = tokenizer()
    return known(text) if known else len(text) // 4


def wire(told: Sequence[dict[str, Any]], tools: str) -> str:
    """A request as text, tools first, as providers put them before the messages."""
    lines = [tools]
    for message in told:
        lines.append(f"{message['role']}: {message.get('content') or ''}")
        lines += [
            f"{call['function']['name']} {call['function']['arguments']}" for call in message.get("tool_calls", ())
        ]
    return "\n".join(lines)


class Player(ModelServer):
    """Plays its steps; a request for a summary gets one without taking a step."""

    async def _complete(self, request: Any, reader: Any, writer: Any, step: Step | None = None) -> bool:
        if request.body["messages"][0]["content"] == INSTRUCTIONS:
            step = {"text": SUMMARY, "size": 400}
        return await super()._complete(request, reader, writer, step)


def played(recording: Recording) -> Turn:
    steps: list[Step] = []
    for step in recording.steps:
        calls = [{"name": name, "arguments": arguments} for name, arguments in step.tool_calls]
        steps.append({"text": step.text, "tool_calls": calls, "size": 2_000})
    return recording.prompt, steps


def part(number: int, lines: int = 60) -> str:
    body = "".join(PART.format(line, number) for line in range(lines))
    return f"export function Part{number}() {{\n  return (\n    <ul>\n{body}    </ul>\n  )\n}}\n"


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def thirty_steps() -> Turn:
    """A turn that writes, reads and edits ten components."""
    steps: list[Step] = []
    for n in range(10):
        path = f"src/parts/Part{n}.tsx"
        edit = {"search": f"Entry 3 of part {n}<", "replace": f"The third of part {n}<"}
        steps += [
            {
                "text": f"Next is part {n}.",
                "tool_calls": [_call("write_file", path=path, content=part(n))],
                "size": 2_000,
            },
            {"tool_calls": [_call("read_file", path=path), _call("read_file", path="src/App.tsx")]},
            {"tool_calls": [_call("edit_file", path=path, edits=[edit])]},
        ]
    return "Add ten parts, each in a file of its own", [*steps, {"text": "The ten parts are there."}]


def follow_up(number: int) -> Turn:
    path = f"src/parts/Part{number}.tsx"
    edit = {"search": f"Entry 5 of part {number}<", "replace": f"The fifth of part {number}<"}
    steps: list[Step] = [
        {"tool_calls": [_call("read_file", path=path)]},
        {"tool_calls": [_call("edit_file", path=path, edits=[edit])]},
        {"text": f"Part {number} names its fifth entry."},
    ]
    return f"In part {number}, name the fifth entry", steps


async def play(turns: Sequence[Turn], seeds: dict[str, bytes], **traits: Any) -> tuple[Meter, Meter, int]:
    """What is sent for the turns, before and now; and how often the history was compacted."""
    server = Player([step for _, steps in turns for step in steps])
    await server.start()
    before, now = Meter(), Meter()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            endpoint = {"custom": {"base_url": server.url, "api_key": "sk-test-not-a-secret"}}
            async with app_builder(Path(name), model="custom:scripted", providers=endpoint, **traits) as builder:
                session = await builder.create(template="react-vite", title="Measured")
                await session.ready()
                for path, content in seeds.items():
                    await session.workspace.write(path, content)
                for prompt, _ in turns:
                    sent = len(server.requests)
                    turn = await session.send(prompt)
                    await session.wait()
                    tools = json.dumps(server.requests[-1].body.get("tools") or server.requests[0].body["tools"])
                    now.turn()
                    for request in server.requests[sent:]:
                        body = request.body
                        now.request(wire(body["messages"], json.dumps(body.get("tools", ""))))
                    before.turn()
                    events = await session.events()
                    prompt_text = server.requests[0].body["messages"][0]["content"]
                    for told in _requests_as_before(events, turn, prompt_text):
                        before.request(wire(told, tools))
                events = await session.events()
                return before, now, sum(event.type == "history.compacted" for event in events)
    finally:
        await server.stop()


def _requests_as_before(events: Sequence[Event], turn: str, system_prompt: str) -> list[list[dict[str, Any]]]:
    told = [event for event in events if event.type not in ("turn.briefed", "history.compacted")]
    reads = [e.data["read"] for e in events if e.type == "response.completed" and e.data["turn"] == turn]
    return [messages([event for event in told if event.seq <= read], system_prompt, WHOLE) for read in reads]


def table(title: str, before: Meter, now: Meter, compacted: int) -> None:
    def total(meter: Meter, name: str) -> int:
        return sum(getattr(turn, name) for turn in meter.turns)

    turns = len(now.turns)
    sums = {name: (total(before, name), total(now, name)) for name in ("tokens", "fresh")}
    largest = (max(turn.largest for turn in before.turns), max(turn.largest for turn in now.turns))
    cells = [f"{a // turns:,} → {b // turns:,} ({b / a:.0%})" for a, b in sums.values()]
    print(
        f"| {title} | {turns}, {total(now, 'requests')} | {cells[0]} | {cells[1]} | {largest[0]:,} → {largest[1]:,} | "
        f"{compacted} |",
        flush=True,
    )


def main() -> None:
    heading("Tokens sent to the model, as everything was told whole → as it is told now")
    how = "GPT-4o's tokenizer (o200k)" if tokenizer() else "four characters a token"
    print(f"Counted by {how}.\n")
    print("| conversation | turns, requests | sent a turn | of it new | largest request | compacted |")
    print("|---|---|---|---|---|---|")
    known = find_recordings()
    board, dark, dashboard = (known[name] for name in ("task-board", "task-board-dark-search", "dashboard"))
    seeds = dict(dashboard.seed_files())
    long = [played(board), played(dark), played(dashboard), thirty_steps(), *(follow_up(n) for n in range(8))]
    table("task board", *asyncio.run(play([played(board)], {})))
    table("task board, then its follow-up", *asyncio.run(play([played(board), played(dark)], {})))
    table("dashboard", *asyncio.run(play([played(dashboard)], seeds)))
    table("one turn of 30 steps", *asyncio.run(play([thirty_steps()], {})))
    table("all of them in one session, eight small changes", *asyncio.run(play(long, seeds)))
    table(f"the same, `compact_at` = {SMALL:,}", *asyncio.run(play(long, seeds, compact_at=SMALL)))


if __name__ == "__main__":
    main()
