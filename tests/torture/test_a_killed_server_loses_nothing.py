"""A process killed at any moment of a turn: the next one finds a session that is whole and goes on."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
from building import app_builder, call, scripted_builder, write
from model_server import model_server
from plain_app import assert_sound, plain
from running import that_run

KILLS = int(os.environ.get("TORTURE_KILLS", "3"))


def script() -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for number in range(40):
        steps.append({"tool_calls": [write("src/n.js", f"{number}\n"), write(f"src/{number}.js", "1\n")], "size": 500})
        edit = call("edit_file", path="src/n.js", edits=[{"search": str(number), "replace": f"{number}!"}])
        steps.append({"tool_calls": [edit, call("read_file", path="src/n.js"), call("list_files")], "size": 500})
        steps.append({"tool_calls": [call("run_command", command=f"echo {number} >> log.txt; rm src/{number}.js")]})
        if number % 4 == 3:
            steps.append({"text": "Done."})
    return steps


def build(folder: Path, ready: Any) -> None:
    async def main() -> None:
        async with scripted_builder(folder, script(), **plain(folder)) as (builder, _):
            session = await builder.create(title="Killed")
            await session.ready()
            ready.send(session.id)
            app = session.workspace.app
            for turn in range(10):
                (app / "hand.txt").write_text(f"{turn}\n")
                await session.send("go on")
                await session.wait()
                first = (await session.workspace.checkpoints())[-1]
                if turn % 2:
                    undo = await session.restore(first.id)
                    await session.restore(undo.data["previous"])
            await asyncio.sleep(60)

    asyncio.run(main())


async def test_kills_at_random_moments(tmp_path):
    chance = random.Random(os.environ.get("TORTURE_SEEDS", "7"))
    context = multiprocessing.get_context("spawn")
    for number in range(KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        receive, send = multiprocessing.Pipe(duplex=False)
        process = context.Process(target=build, args=(folder, send))
        process.start()
        session_id = await asyncio.to_thread(receive.recv)
        await asyncio.sleep(chance.random() * 4)
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        await asyncio.to_thread(psutil.wait_procs, children, timeout=5)
        assert not that_run(children)
        async with model_server([{"tool_calls": [write("after.txt", "alive\n")]}]) as server:
            providers = {"custom": {"base_url": server.url}}
            async with app_builder(folder, providers=providers, model="custom:scripted", **plain(folder)) as builder:
                began = time.monotonic()
                await builder.recover()
                session = await builder.session(session_id)
                assert session.owned
                assert session.summary.state in ("ready", "asleep")
                assert time.monotonic() - began < 30
                await assert_sound(session, folder)
                await session.send("and now?")
                assert (await session.wait())["reason"] == "done"
                assert (session.workspace.app / "after.txt").read_text() == "alive\n"
                await assert_sound(session, folder)
                async with aclosing(session.watch()) as messages:
                    assert (await anext(messages))["kind"] == "events"
