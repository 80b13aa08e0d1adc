"""Stopping works wherever a turn is: it ends at once, nothing is left running, and the next turn works."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import psutil
import pytest
from building import call, scripted_builder, write
from plain_app import assert_sound, assert_valid, plain

MOMENTS: dict[str, list[dict[str, Any]]] = {
    "a stream": [{"text": "Thinking " * 500, "delay": 0.005}],
    "a tool call's arguments": [{"tool_calls": [write("a.txt", "x" * 3000)], "size": 5, "delay": 0.003}],
    "many small steps": [
        {"tool_calls": [write(f"{n}.txt", "1\n"), call("read_file", path=f"{n}.txt"), call("list_files")], "size": 999}
        for n in range(30)
    ],
    "a command": [
        {
            "tool_calls": [
                call("run_command", command="for i in $(seq 999); do echo $i >> n.txt; sleep 0.02 & wait; done")
            ]
        }
    ],
    "a stubborn command": [
        {
            "tool_calls": [
                call("run_command", command="trap '' TERM INT HUP; (setsid sleep 321 &); sleep 321; sleep 321")
            ]
        }
    ],
    "a check": [{"tool_calls": [write("a.txt", "1\n"), call("check_app")]}, {"text": "Done."}],
    "an installation": [{"tool_calls": [call("install_packages", packages=["is-odd"])]}],
    "a checkpoint": [
        {"tool_calls": [write(f"{n}.txt", "1\n" * 999) for n in range(9)], "size": 99999},
        {"text": "Done."},
    ],
}


def sandboxed() -> dict[int, str]:
    """What runs below this process, other than the preview's server and its sandbox."""
    found: dict[int, str] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            line = " ".join(process.cmdline())
            if process.status() == psutil.STATUS_ZOMBIE or "server.mjs" in line:
                continue
            if "bwrap" in line or "sleep" in line or "npm" in line:
                found[process.pid] = line[:300] + line[-300:]
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("moment", MOMENTS)
async def test_stopping_in(tmp_path, moment):
    chance = random.Random(moment)
    steps = MOMENTS[moment]
    async with scripted_builder(tmp_path, steps * 3, **plain(tmp_path)) as (builder, server):
        session = await builder.create(title="Stopped")
        await session.ready()
        await session.app.ensure()
        before = sandboxed()
        for _ in range(3):
            server._next = 0
            sending = asyncio.create_task(session.send("go"))
            await asyncio.sleep(chance.random() * 0.8)
            if not session.busy:
                await asyncio.sleep(0.1)
            running = session.busy
            began = time.monotonic()
            await session.stop()
            assert time.monotonic() - began < 10  # seconds; `python -m benchmarks stop` has the figure
            await sending
            assert not session.busy
            ended = (await session.events())[-1]
            assert ended.type == "turn.finished"
            assert ended.data["reason"] == "stopped" or not running or moment not in ("a stream", "a command")
            await assert_sound(session, tmp_path)
            left = sandboxed()
            assert not {pid: line for pid, line in left.items() if pid not in before}
        server.steps = [{"tool_calls": [write("after.txt", "1\n")]}, {"text": "Done."}]
        server._next = 0
        await session.send("and now?")
        assert (await session.wait())["reason"] == "done"
        await assert_sound(session, tmp_path)
        for request in server.requests:
            assert_valid(request.body["messages"])


async def test_a_stop_before_the_turn_has_begun_stops_it(tmp_path):
    async with scripted_builder(tmp_path, [{"text": "x", "hang_after": 2}], **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Early")
        await session.ready()
        sending = asyncio.create_task(session.send("go"))
        while not session.busy:
            await asyncio.sleep(0)
        await asyncio.wait_for(session.stop(), 5)
        await sending
        assert (await session.wait())["reason"] == "stopped"
