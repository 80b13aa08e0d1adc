"""Nothing of a sandbox stays behind, whenever it is ended."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time

import pytest
from leftovers import processes_with

from .conftest import MakePlace, isolations

LATEST = {"gvisor": 0.4, "bubblewrap": 0.02, "landlock": 0.1}  # seconds that a start takes

SERVER = """
import asyncio, sys
from jupyter_appbuilder.sandbox.local.processes.limits import Limits
from jupyter_appbuilder.sandbox.local.processes.runner import Runner, Setting

async def main(mark):
    runner = Runner(Limits(), isolation=sys.argv[2])
    await runner.start()
    cell = runner.cell("session")
    sleep = ["sh", "-c", f": {mark}; sleep 100; true"]
    starts = [asyncio.ensure_future(runner.run(cell, sleep, Setting(cwd="/"))) for _ in range(4)]
    print(runner.folder, flush=True)
    await asyncio.gather(*starts)

asyncio.run(main(sys.argv[1]))
"""


def left(*marks: str) -> bool:
    return any(processes_with(mark) for mark in marks)


async def gone(*marks: str) -> bool:
    for _ in range(60):
        if not left(*marks):
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.parametrize("isolation", isolations(slow=True))
async def test_a_command_cancelled_at_any_moment_of_its_start_leaves_no_process(place: MakePlace, isolation: str):
    chance = random.Random(4)
    mark = f"cancelled-{time.time_ns()}"
    seen = 0
    async with place(isolation=isolation) as here:
        await here.sandbox.exec("true")
        runner = here.provider._runner
        assert runner
        folder = f"{runner.folder}/"  # every way of isolating has it in its command line
        for _ in range(10 if isolation == "gvisor" else 40):
            task = asyncio.create_task(here.sandbox.exec(f": {mark}; sleep 100; true"))
            await asyncio.sleep(chance.random() * 2 * LATEST[isolation])
            seen += left(folder)
            task.cancel()
            if chance.random() < 0.5:  # whoever is impatient cancels twice
                await asyncio.sleep(chance.random() * 0.003)
                task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()
        assert await gone(folder, mark)
    assert seen > 2  # the moments were not all too early


@pytest.mark.parametrize("isolation", isolations(slow=True))
async def test_a_killed_server_takes_along_what_it_was_just_starting(isolation: str):
    chance = random.Random(5)
    began = 0
    for _ in range(3):
        mark = f"killed-{time.time_ns()}"
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVER, mark, isolation, stdout=asyncio.subprocess.PIPE
        )
        assert server.stdout
        folder = (await server.stdout.readline()).decode().strip() + "/"
        await asyncio.sleep(chance.random() * LATEST[isolation])
        server.send_signal(signal.SIGKILL)
        began += left(folder)
        await server.wait()
        assert await gone(folder, mark)
    assert began
