"""Sleeping frees memory; waking restores the preview."""

from __future__ import annotations

import asyncio

import httpx

from ...sandbox.base import Sandbox
from .stage import clear, preview, save, soon, until
from .subject import Provided, Suite

MiB = 1024 * 1024


async def memory(sandbox: Sandbox) -> int:
    return (await soon(sandbox.stats())).memory


class Sleeping(Suite):
    """Sleep gives memory back, and waking brings the preview back as it was."""

    async def test_waking_brings_the_preview_back_with_what_was_changed_meanwhile(self, provided: Provided) -> None:
        """``wake`` brings the server back below the same path, with edits made while it slept."""
        async with provided() as subject:
            workspace = subject.workspace()
            sandbox = await subject.create(workspace)
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve(front.path))
                assert "first" in await front.get()
                await soon(sandbox.sleep())
                assert sandbox.server.state == "asleep"
                save(workspace / "index.html", "<p>meanwhile</p>")
                await soon(sandbox.wake())
                assert sandbox.server.state == "ready"
                assert "meanwhile" in await front.get()
                socket = await front.socket()
                save(workspace / "index.html", "<p>after</p>")
                assert await soon(socket.read_message()) == "changed"
                socket.close()

    async def test_a_request_to_a_sleeping_app_wakes_it(self, provided: Provided) -> None:
        """A request, an upload or a socket to a sleeping app gets its answer once it is awake."""
        async with provided() as subject:
            sandbox = await subject.create()
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve(front.path))
                await soon(sandbox.sleep())
                assert "first" in await front.get()
                await soon(sandbox.sleep())
                answer = await soon(front.http.post(f"{front.origin}{front.path}upload", content=b"u" * 3_000_000))
                assert answer.text == "3000000"
                await soon(sandbox.sleep())
                socket = await front.socket()
                await socket.write_message("awake?")
                assert await soon(socket.read_message()) == "heard awake?"

    async def test_sleeping_gives_memory_back(self, provided: Provided) -> None:
        """``sleep`` gives the server's memory back, as ``stats`` tells."""
        async with provided() as subject:
            workspace = subject.workspace()
            with (workspace / "server.mjs").open("a") as file:
                file.write("globalThis.held = Buffer.alloc(100 << 20, 1);\n")
            sandbox = await subject.create(workspace)
            await soon(sandbox.serve("/"))
            awake = await soon(sandbox.stats())
            assert awake.memory > 100 * MiB
            assert awake.processes >= 1
            assert awake.cpu > 0
            await soon(sandbox.sleep())
            async with asyncio.timeout(10):  # the kernel takes a moment to clear away
                while await memory(sandbox) > 10 * MiB:
                    await asyncio.sleep(0.05)
            await soon(sandbox.wake())
            assert await memory(sandbox) > 100 * MiB

    async def test_sleep_and_wake_may_be_repeated_and_come_at_any_time(self, provided: Provided) -> None:
        """``sleep`` and ``wake`` are idempotent and may come at any time, also at once and before the first
        ``serve``."""
        async with provided() as subject:
            sandbox = await subject.create()
            await soon(sandbox.wake())  # nothing to wake
            await soon(sandbox.sleep())  # nothing to put to sleep
            assert sandbox.server.state in ("stopped", "asleep")
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve(front.path))
                await soon(asyncio.gather(*(sandbox.sleep() for _ in range(3))))
                await soon(sandbox.sleep())
                assert sandbox.server.state == "asleep"
                await soon(asyncio.gather(*(sandbox.wake() for _ in range(5))))
                first = await front.get("pid")
                await soon(sandbox.wake())
                assert await front.get("pid") == first
                await soon(asyncio.gather(sandbox.sleep(), sandbox.wake(), sandbox.sleep(), sandbox.wake()))
                await soon(sandbox.wake())
                assert sandbox.server.state == "ready"
                assert await front.get("pid")

    async def test_commands_run_while_it_sleeps(self, provided: Provided) -> None:
        """Commands run while the server sleeps."""
        async with provided() as subject:
            sandbox = await subject.create()
            await soon(sandbox.serve("/"))
            await soon(sandbox.sleep())
            assert (await soon(sandbox.exec("echo works"))).stdout == "works\n"
            await soon(sandbox.wake())
            assert sandbox.server.state == "ready"

    async def test_falling_asleep_in_the_middle_of_a_request_ends_it(self, provided: Provided) -> None:
        """A request that is cut by ``sleep`` is answered or broken off, never left waiting."""
        async with provided() as subject:
            sandbox = await subject.create()
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve(front.path))
                request = asyncio.create_task(front.http.get(f"{front.origin}{front.path}slow"))
                await asyncio.sleep(0.2)
                await soon(sandbox.sleep())
                try:
                    answer = await soon(request)
                    assert answer.status_code == 503 or answer.text == "slow but whole"
                except httpx.HTTPError:
                    pass  # broken off, and seen to be
                await soon(sandbox.wake())
                assert await front.get("slow") == "slow but whole"

    async def test_a_sleeping_sandbox_can_be_stopped_or_served_anew(self, provided: Provided) -> None:
        """A sleeping sandbox can be served anew below another path, and stopped."""
        async with provided() as subject:
            sandbox = await subject.create()
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve("/other/"))
                await soon(sandbox.sleep())
                assert (await soon(sandbox.serve(front.path))).state == "ready"
                assert "first" in await front.get()
                await soon(sandbox.sleep())
                await soon(sandbox.stop())
                assert sandbox.server.state == "stopped"
                with clear():
                    await soon(sandbox.wake())
                assert sandbox.server.state == "stopped"

    async def test_waking_can_be_cancelled(self, provided: Provided) -> None:
        """``wake`` can be cancelled; the next ``serve`` works."""
        async with provided() as subject:
            sandbox = await subject.create()
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve(front.path))
                await soon(sandbox.sleep())
                waking = asyncio.create_task(sandbox.wake())
                await asyncio.sleep(0.02)
                waking.cancel()
                await soon(asyncio.wait({waking}))
                await soon(sandbox.serve(front.path))
                await until(lambda: sandbox.server.state == "ready")
                assert "first" in await front.get()
