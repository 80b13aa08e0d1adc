"""Nothing of a sandbox stays behind, whenever it is ended."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time

import pytest

from .conftest import MakePlace, isolations, processes_with

SERVER = """
import asyncio, sys
from jupyter_appbuilder.sandbox.local.limits import Limits
from jupyter_appbuilder.sandbox.local.runner import Runner

async def main(mark):
    runner = Runner(Limits(), isolation=sys.argv[2])
    await runner.start()
    cell = runner.cell("session")
    sleep = ["sh", "-c", f": {mark}; sleep 100"]
    starts = [asyncio.ensure_future(runner.run(cell, sleep, cwd="/")) for _ in range(4)]
    print("begun", flush=True)
    await asyncio.gather(*starts)

asyncio.run(main(sys.argv[1]))
"""


async def gone(words: str) -> bool:
    for _ in range(60):
        if not processes_with(words):
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.parametrize("isolation", isolations())
async def test_a_command_cancelled_at_any_moment_of_its_start_leaves_no_process(place: MakePlace, isolation: str):
    chance = random.Random(4)
    mark = f"cancelled-{time.time_ns()}"
    seen = 0
    async with place(isolation=isolation) as here:
        await here.sandbox.exec("true")
        usual = (await here.sandbox.exec("true")).duration
        for _ in range(60):
            task = asyncio.create_task(here.sandbox.exec(f": {mark}; sleep 100"))
            await asyncio.sleep(chance.random() * 3 * usual)
            seen += bool(processes_with(mark))
            task.cancel()
            if chance.random() < 0.5:  # whoever is impatient cancels twice
                await asyncio.sleep(chance.random() * 0.003)
                task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()
        assert await gone(mark)
    assert seen > 2  # the moments were not all too early


@pytest.mark.parametrize("isolation", isolations())
async def test_a_killed_server_takes_along_what_it_was_just_starting(isolation: str):
    chance = random.Random(5)
    began = 0
    for _ in range(6):
        mark = f"killed-{time.time_ns()}"
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVER, mark, isolation, stdout=asyncio.subprocess.PIPE
        )
        assert server.stdout
        assert await server.stdout.readline() == b"begun\n"
        await asyncio.sleep(chance.random() * (0.02 if isolation == "bubblewrap" else 0.15))
        server.send_signal(signal.SIGKILL)
        began += any(pid != server.pid for pid in processes_with(mark))
        await server.wait()
        assert await gone(mark)
    assert began
