"""Stopping ends everything at any time and leaves the workspace unchanged."""

from __future__ import annotations

import asyncio
from pathlib import Path

from .stage import BEAT, beats, clear, marked, preview, soon
from .subject import Provided, Suite


class Stopping(Suite):
    """Stopping: everything ends, at any time, and the workspace is left as it is."""

    async def test_a_sandbox_that_was_never_used_stops(self, provided: Provided) -> None:
        """``stop`` of a sandbox that was never used does nothing; ``stats`` starts nothing."""
        async with provided() as subject:
            sandbox = await subject.create()
            await soon(sandbox.stop())
            await soon(sandbox.stop())
            stats = await soon(sandbox.stats())
            assert (stats.processes, stats.memory) == (0, 0)

    async def test_stopping_ends_everything_and_may_be_repeated(self, provided: Provided) -> None:
        """``stop`` ends commands and servers, also when called twice at once, and leaves the workspace."""
        async with provided() as subject:
            workspace = subject.workspace()
            sandbox = await subject.create(workspace)
            await soon(sandbox.serve("/"))
            begun, listen = marked("begun")
            running = asyncio.create_task(sandbox.exec(f"date +%s > beat; echo begun; {BEAT}", on_output=listen))
            await soon(begun.wait())
            await soon(asyncio.gather(sandbox.stop(), sandbox.stop()))
            with clear():
                assert (await soon(running)).exit_code != 0
            assert sandbox.server.state == "stopped"
            assert sandbox.server.address is None
            stats = await soon(sandbox.stats())
            assert (stats.processes, stats.memory) == (0, 0)
            await soon(sandbox.stop())
            assert (workspace / "server.mjs").exists()

    async def test_a_stopped_sandbox_can_be_used_again(self, provided: Provided) -> None:
        """The first call after ``stop`` makes the sandbox anew from the workspace."""
        async with provided() as subject:
            workspace = subject.workspace()
            sandbox = await subject.create(workspace)
            await soon(sandbox.exec(f"echo kept > kept; timeout 0.3 bash -c '{BEAT}'; true"))
            await soon(sandbox.stop())
            assert (workspace / "kept").read_text() == "kept\n"
            assert (await soon(sandbox.exec("cat kept"))).stdout == "kept\n"
            assert not await beats(sandbox)
            async with preview(sandbox, subject.folder) as front:
                assert (await soon(sandbox.serve(front.path))).state == "ready"
                assert "first" in await front.get()

    async def test_stopping_at_any_moment_of_a_start_leaves_nothing(self, provided: Provided) -> None:
        """``stop`` at any moment of a start leaves no process."""
        async with provided() as subject:
            sandbox = await subject.create()
            for step in range(8):
                starting = asyncio.create_task(sandbox.serve("/"))
                await asyncio.sleep(step * 0.02)
                await soon(sandbox.stop())
                assert (await soon(starting)).state in ("stopped", "ready")  # ready: it was quicker than the stop
                assert sandbox.server.state == "stopped"
                assert (await soon(sandbox.stats())).processes == 0

    async def test_stopping_at_any_moment_of_a_command_ends_it(self, provided: Provided) -> None:
        """``stop`` at any moment of a command ends it; its caller gets a result or ``Unavailable`` with a hint."""
        async with provided() as subject:
            sandbox = await subject.create()
            for step in range(8):
                running = asyncio.create_task(sandbox.exec(f"date +%s > beat; {BEAT}"))
                background = asyncio.create_task(sandbox.start(BEAT))
                await asyncio.sleep(step * 0.02)
                await soon(sandbox.stop())
                with clear():
                    await soon(running)
                with clear():
                    process = await soon(background)
                    with clear():
                        await soon(process.wait())
                assert (await soon(sandbox.stats())).processes == 0
            await soon(sandbox.exec("[ -s beat ] || date +%s > beat"))
            assert not await beats(sandbox)

    async def test_two_sandboxes_know_nothing_of_each_other(self, provided: Provided) -> None:
        """Two sandboxes see nothing of each other: no files, processes, environment or servers."""
        async with provided() as subject:
            one = await subject.create(subject.workspace("one"))
            two = await subject.create(subject.workspace("two"))
            hold = "echo secret-of-one > /tmp/note; echo mine > mine; echo begun; exec -a visible-name sleep 600"
            begun, listen = marked("begun")
            process = await soon(one.start(hold, on_output=listen, env={"A_SECRET": "hunter2"}))
            await soon(begun.wait())
            look = "cat /tmp/note mine; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '"
            seen = (await soon(two.exec(look))).stdout
            assert "visible-name" not in seen
            assert "secret-of-one" not in seen
            assert "hunter2" not in seen
            assert not (subject.workspace("two") / "mine").exists()
            async with (
                preview(one, subject.folder / "one") as front_one,
                preview(two, subject.folder / "two") as front_two,
            ):
                await soon(asyncio.gather(one.serve(front_one.path), two.serve(front_two.path)))
                await soon(two.exec("sed -i s/first/second/ index.html"))
                assert "first" in await front_one.get()
                assert "second" in await front_two.get()
                await soon(two.stop())
                assert "first" in await front_one.get()
            assert process.running
            await soon(process.kill())

    async def test_closing_the_provider_ends_what_runs(self, provided: Provided) -> None:
        """``close`` ends every sandbox of the provider, and may be called twice; what is asked for afterwards is
        refused with a hint."""
        async with provided() as subject:
            sandbox = await subject.create()
            other = await subject.create(subject.workspace("other"))
            await soon(asyncio.gather(sandbox.serve("/"), other.serve("/")))
            begun, listen = marked("begun")
            running = asyncio.create_task(sandbox.exec(f"echo begun; {BEAT}", on_output=listen))
            process = await soon(other.start(BEAT))
            await soon(begun.wait())
            await soon(subject.provider.close())
            with clear():
                assert (await soon(running)).exit_code != 0
            with clear():
                await soon(process.wait())
            assert sandbox.server.state == other.server.state == "stopped"
            with clear():
                await soon(sandbox.exec("true"))
            await soon(subject.provider.close())

    async def test_a_provider_says_what_isolates_and_what_it_found(self, provided: Provided) -> None:
        """``describe_isolation`` and ``check`` name and describe what they found; a check that failed has a hint."""
        async with provided() as subject:
            isolation = await soon(subject.provider.describe_isolation())
            assert isolation.kind
            assert isolation.detail
            checks = await soon(subject.provider.check())
            assert checks
            assert [check for check in checks if not (check.name and check.detail)] == []
            assert [check for check in checks if not (check.ok or check.hint)] == []

    async def test_a_workspace_that_is_gone_is_told(self, provided: Provided) -> None:
        """A workspace that is not there any more is told, with a hint."""
        async with provided() as subject:
            workspace = subject.workspace()
            sandbox = await subject.create(workspace)
            await soon(sandbox.exec("true"))
            workspace.rename(Path(f"{workspace}-moved"))
            with clear():
                await soon(sandbox.exec("true"))
