"""The longest time that the event loop is kept from anything else, by sizes and shapes that models, pages and generated
code can send.

The figure is what the process computed, in all its threads, between two turns of the loop: on a machine that does other
things, too, a clock shows how long these took.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from building import app_builder

from jupyter_appbuilder.approvals.judgement import Rules, judge
from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.formats.strict_json import dumps_long
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.session.channel import Channel
from jupyter_appbuilder.tools.commands import installs
from jupyter_appbuilder.tools.problems import read_problems
from jupyter_appbuilder.tools.runner import ToolRunner

from .long_session import turn
from .report import heading, row

EVENTS = 100_000
MEGABYTE = 1_000_000
TICK = 0.002  # seconds
TARGET = "≤ 100 ms"


@dataclass
class Longest:
    """Of one scenario: the longest block, as computed and as a clock shows it (milliseconds)."""

    computed: float = 0.0
    wall: float = 0.0


@asynccontextmanager
async def watched() -> AsyncGenerator[Longest]:
    longest = Longest()

    async def tick() -> None:
        wall, before = time.perf_counter(), time.process_time()
        while True:
            await asyncio.sleep(TICK)
            now, used = time.perf_counter(), time.process_time()
            longest.wall = max(longest.wall, (now - wall - TICK) * 1000)
            longest.computed = max(longest.computed, (used - before) * 1000)
            wall, before = now, used

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(10 * TICK)
    try:
        yield longest
    finally:
        await asyncio.sleep(2 * TICK)
        ticking.cancel()


async def edited(runner: ToolRunner, text: str, search: str, replace: str) -> None:
    await runner.run("write_file", {"path": "big.txt", "content": text}, call="w", by="notebook")
    arguments = {"path": "big.txt", "edits": [{"search": search, "replace": replace}]}
    await runner.run("edit_file", arguments, call="e", by="notebook")


async def in_pieces() -> None:
    """A megabyte of a call's arguments, of an answer and of a command's output, a character at a time."""

    async def nothing(after: int, limit: int) -> list[Any]:
        return []

    channel = Channel(nothing, lambda: {})
    call = {"turn": "t1", "response": "r1", "index": 0, "call": "c1", "tool": "write_file"}
    for number in range(MEGABYTE):
        channel.live("tool.delta", {**call, "arguments": "a"})
        channel.live("text.delta", {"turn": "t1", "response": "r1", "text": "a"})
        channel.live("tool.output", {"call": "c1", "text": "a"})
        if not number % 100:
            await asyncio.sleep(0)  # as they come
    async with aclosing(channel.watch()) as messages:
        await anext(messages)


async def judged(line: str) -> None:
    installs(line)
    await asyncio.to_thread(judge, Rules(), "run_command", {"command": line}, lambda _: True)


LINES = {
    "a command of 20,000 newlines": "\n" * 20_000,
    "`cd a && ` 2,500 times": "cd a && " * 2500 + "ls",
    "`env ` 4,900 times": "env " * 4900 + "ls",
    "`find` with 1,600 `-exec`": "find . " + "-exec rm {} " * 1600,
    "9,000 parentheses": "(" * 9000 + ")" * 9000,
}

EDITS = {
    "a search that fits everywhere, 1 MB in one line": ("a" * MEGABYTE, "a" * (MEGABYTE // 2), "b"),
    "the same in 500,000 lines": ("a\n" * (MEGABYTE // 2), "a\n" * (MEGABYTE // 4), "b"),
    "one that nearly fits everywhere": ("a\n" * (MEGABYTE // 2), "a\n" * (MEGABYTE // 4) + "b", "b"),
    "a replacement that nearly stands there": ("x" + "a" * MEGABYTE, "x", "a" * (MEGABYTE // 2) + "xa"),
}


async def short(runner: ToolRunner) -> dict[str, Longest]:
    found: dict[str, Longest] = {}
    for name, (text, search, replace) in EDITS.items():
        async with watched() as found[f"edit_file: {name}"]:
            await edited(runner, text, search, replace)
    async with watched() as found["1 MB of arguments, text and output, by the character"]:
        await in_pieces()
    for name, line in {
        "a checker's line of 600 KB": "[error] a.css: " + "SyntaxError: " * 46_000,
        "1 MB of a checker's empty lines": "\n" * MEGABYTE,
    }.items():
        async with watched() as found[name]:
            await asyncio.to_thread(read_problems, line)
    for name, line in LINES.items():
        async with watched() as found[name]:
            await judged(line)
    return found


async def prepare(folder: Path) -> str:
    async with app_builder(folder, model="demo:recorded") as builder:
        session = await builder.create(title="Long", template="static")
        await session.ready()
        number = 0
        while session.summary.last_seq < EVENTS:
            number += 1
            await session.append(*(draft for at in range(20) for draft in turn(number * 20 + at, "Next.")))
        return session.id


async def long(builder: AppBuilder, id: str) -> dict[str, Longest]:
    found: dict[str, Longest] = {}
    session: Session | None = None
    scenarios: Mapping[str, Callable[[], Awaitable[Any]]] = {
        "its usage": lambda: used(builder, cast("Session", session)),
        "its notebook": lambda: notebook(cast("Session", session)),
        "a fork of its last turn": lambda: forked(builder, cast("Session", session)),
    }
    async with watched() as found["its first read"]:
        session = await builder.session(id)
    async with watched() as found["a first watcher"], aclosing(session.watch()) as messages:
        async for message in messages:
            if message["kind"] == "snapshot":
                break
    for name, work in scenarios.items():
        async with watched() as found[name]:
            await work()
    return {f"{EVENTS:,} events, {name}": longest for name, longest in found.items()}


async def used(builder: AppBuilder, session: Session) -> None:
    found = await builder.usage.of_session(session.summary, session.stored)
    await asyncio.to_thread(dumps_long, found)


async def notebook(session: Session) -> None:
    await asyncio.to_thread(dumps_long, await session.notebook.notebook())


async def forked(builder: AppBuilder, session: Session) -> None:
    last = next(event for event in reversed(session.stored) if event.type == "turn.started")
    fork, _ = await builder.fork(session.id, turn=last.data["turn"])
    await fork.ready()


async def measure(folder: Path) -> tuple[Longest, dict[str, Longest]]:
    id = await prepare(folder)
    async with app_builder(folder, model="demo:recorded") as builder:
        session = await builder.create(title="Short", template="static")
        await session.ready()
        async with watched() as idle:
            await asyncio.sleep(2)
        return idle, await short(session.runner) | await long(builder, id)


def main() -> None:
    heading("The longest block of the event loop")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        idle, found = asyncio.run(measure(Path(folder)))
    for name, longest in found.items():
        row(name, longest.computed, "ms", target=TARGET)
        row("by the clock", longest.wall, "ms", peer=idle.wall, of="idle for 2 s")
    row("longest of all", max(one.computed for one in found.values()), "ms", target=TARGET)


if __name__ == "__main__":
    main()
