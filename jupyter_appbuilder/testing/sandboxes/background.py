"""Background commands outlive the call that started them, but not their sandbox."""

from __future__ import annotations

import asyncio

import pytest

from ...sandbox.base import Process
from .stage import BEAT, beats, clear, marked, soon, until
from .subject import Provided, Suite


class Background(Suite):
    """Commands in the background: they outlive who started them, and nothing else."""

    async def test_it_runs_on_beside_other_commands_and_tells_how_it_ended(self, provided: Provided) -> None:
        """``start`` returns while the command runs; other commands run beside it; ``wait`` says how it ended, also a
        second time."""
        async with provided() as subject:
            sandbox = await subject.create()
            begun, listen = marked("waiting")
            process = await soon(
                sandbox.start(
                    "echo waiting in $PWD; until [ -e go ]; do sleep 0.02; done; echo $A >&2; exit 5",
                    env={"A": "b"},
                    on_output=listen,
                )
            )
            await soon(begun.wait())
            assert process.running
            await soon(sandbox.exec("touch go"))
            result = await soon(process.wait())
            assert (result.exit_code, result.stderr, result.ended) == (5, "b\n", "exit")
            assert result.stdout.startswith("waiting in /")
            assert not process.running
            assert await soon(process.wait()) == result
            await soon(process.kill())

    async def test_it_outlives_the_task_that_started_it(self, provided: Provided) -> None:
        """A background command goes on when the task that started it, or waits for it, is cancelled."""
        async with provided() as subject:
            sandbox = await subject.create()
            begun, listen = marked("begun")
            processes: list[Process] = []

            async def start() -> None:
                processes.append(await sandbox.start(f"echo begun; {BEAT}", on_output=listen))
                await processes[0].wait()

            starter = asyncio.create_task(start())
            await soon(begun.wait())
            starter.cancel()
            with pytest.raises(asyncio.CancelledError):
                await soon(starter)
            await soon(sandbox.exec("until [ -e beat ]; do sleep 0.02; done"))
            assert processes[0].running
            assert await beats(sandbox)

    async def test_killing_it_ends_everything_it_started(self, provided: Provided) -> None:
        """``Process.kill`` ends the command and its daemons, also those that left its process group, and may be called
        twice."""
        async with provided() as subject:
            sandbox = await subject.create()
            begun, listen = marked("begun")
            daemon = f"(setsid nohup bash -c '{BEAT}' >/dev/null 2>&1 &)"
            command = f"{daemon}; until [ -e beat ]; do sleep 0.02; done; trap '' TERM INT; echo begun; sleep 600"
            process = await soon(sandbox.start(command, on_output=listen))
            await soon(begun.wait())
            await soon(asyncio.gather(process.kill(), process.kill()))
            assert not process.running
            assert (await soon(process.wait())).exit_code != 0
            assert not await beats(sandbox)
            await soon(process.kill())

    async def test_it_is_counted(self, provided: Provided) -> None:
        """``stats`` counts what runs in the background."""
        async with provided() as subject:
            sandbox = await subject.create()
            begun, listen = marked("begun")
            await soon(sandbox.exec("true"))
            before = await soon(sandbox.stats())
            process = await soon(
                sandbox.start(
                    [
                        "node",
                        "-e",
                        "globalThis.held = Buffer.alloc(80 << 20, 1); console.log('begun'); setInterval(() => 0, 999)",
                    ],
                    on_output=listen,
                )
            )
            await soon(begun.wait())
            during = await soon(sandbox.stats())
            assert during.processes > before.processes
            assert during.memory > before.memory + 60 * 1024 * 1024
            await soon(process.kill())

    async def test_its_output_is_bounded(self, provided: Provided) -> None:
        """``max_output`` ends a background command as it ends one of ``exec``: ``ended`` is "output"."""
        async with provided() as subject:
            sandbox = await subject.create()
            process = await soon(sandbox.start("yes", max_output=100_000))
            result = await soon(process.wait())
            assert (result.ended, len(result.stdout)) == ("output", 100_000)

    async def test_stopping_the_sandbox_ends_it(self, provided: Provided) -> None:
        """``stop`` ends background commands; whoever waits for one is told."""
        async with provided() as subject:
            sandbox = await subject.create()
            begun, listen = marked("begun")
            process = await soon(sandbox.start(f"date +%s > beat; echo begun; {BEAT}", on_output=listen))
            waiting = asyncio.create_task(process.wait())
            await soon(begun.wait())
            await soon(sandbox.stop())
            await until(lambda: not process.running)
            with clear():
                assert (await soon(waiting)).exit_code != 0
            await soon(sandbox.exec("[ -s beat ] || date +%s > beat"))
            assert not await beats(sandbox)

    async def test_what_it_wrote_is_in_the_workspace(self, provided: Provided) -> None:
        """When ``wait`` returns, what a background command wrote is in the workspace."""
        async with provided() as subject:
            workspace = subject.workspace()
            sandbox = await subject.create(workspace)
            process = await soon(sandbox.start("mkdir -p out && printf made > out/made.txt"))
            assert (await soon(process.wait())).exit_code == 0
            assert (workspace / "out/made.txt").read_text() == "made"
