"""A sandbox lost during any operation is reported at once, and the next call creates a new one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ...errors import Unavailable
from ...sandbox.base import DevServer, ExecResult, Sandbox, Stats
from .stage import BEAT, clear, marked, preview, soon, until
from .subject import Provided, Subject, Suite

Work = Callable[[Sandbox], Awaitable[Any]]


async def assert_works(sandbox: Sandbox, subject: Subject) -> None:
    """It can be used as if nothing had happened, and no file is lost."""
    result = await soon(sandbox.exec("cat kept by-hand; echo again > again"))
    assert result.stdout == "kept\nby hand"
    assert (subject.workspace() / "again").read_text() == "again\n"
    async with preview(sandbox, subject.folder) as front:
        assert (await soon(sandbox.serve(front.path))).state == "ready"
        assert "first" in await front.get()


async def used(subject: Subject) -> Sandbox:
    sandbox = await subject.create()
    await soon(sandbox.exec("echo kept > kept"))
    (subject.workspace() / "by-hand").write_text("by hand")
    return sandbox


WORK: dict[str, tuple[Work, type]] = {
    "exec": (lambda sandbox: sandbox.exec("echo a; sleep 0.4; echo b"), ExecResult),
    "start": (lambda sandbox: sandbox.start("sleep 0.4"), object),
    "prepare": (lambda sandbox: sandbox.prepare(), type(None)),
    "serve": (lambda sandbox: sandbox.serve("/"), DevServer),
    "sleep": (lambda sandbox: sandbox.sleep(), type(None)),
    "wake": (lambda sandbox: sandbox.wake(), type(None)),
    "stats": (lambda sandbox: sandbox.stats(), Stats),
    "stop": (lambda sandbox: sandbox.stop(), type(None)),
}


class Loss(Suite):
    """A sandbox that is lost in the middle of anything: told clearly, at once, and made anew by the next call."""

    async def test_in_the_middle_of_a_command(self, provided: Provided) -> None:
        """A sandbox lost during ``exec`` raises ``Unavailable`` with a hint; the next call makes it anew from the
        workspace."""
        async with provided() as subject:
            sandbox = await used(subject)
            begun, listen = marked("begun")
            running = asyncio.create_task(sandbox.exec(f"echo begun; {BEAT}", on_output=listen))
            await soon(begun.wait())
            await subject.lose(sandbox)
            with pytest.raises(Unavailable) as lost:
                await soon(running)
            assert lost.value.hint
            await assert_works(sandbox, subject)

    async def test_while_a_command_runs_in_the_background(self, provided: Provided) -> None:
        """A sandbox lost while a background command runs: ``wait`` raises ``Unavailable``, ``running`` is false,
        ``kill`` does nothing."""
        async with provided() as subject:
            sandbox = await used(subject)
            begun, listen = marked("begun")
            process = await soon(sandbox.start(f"echo begun; {BEAT}", on_output=listen))
            await soon(begun.wait())
            await subject.lose(sandbox)
            with pytest.raises(Unavailable):
                await soon(process.wait())
            assert not process.running
            await soon(process.kill())
            await assert_works(sandbox, subject)

    async def test_while_the_dev_server_runs(self, provided: Provided) -> None:
        """A sandbox lost while a server runs: its sockets close, its state becomes ``failed`` with a message."""
        async with provided() as subject:
            sandbox = await used(subject)
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve(front.path))
                socket = await front.socket()
                await subject.lose(sandbox)
                assert await soon(socket.read_message()) is None
                await until(lambda: sandbox.server.state == "failed")
                assert "memory than the sandbox may" not in sandbox.server.message
                assert sandbox.server.message
                answer = await soon(front.http.get(front.origin + front.path, headers={"Accept": "text/html"}))
                assert answer.status_code == 503
            await assert_works(sandbox, subject)

    @pytest.mark.parametrize("name", WORK)
    async def test_at_any_moment(self, provided: Provided, name: str) -> None:
        """A sandbox lost at any moment of any call: it raises ``Unavailable`` with a hint or returns what it should,
        never hangs, and the next call works."""
        work, kind = WORK[name]
        async with provided() as subject:
            sandbox = await used(subject)
            for moment in (0.0, 0.01, 0.04, 0.15):
                if name in ("sleep", "stats", "stop"):
                    await soon(sandbox.serve("/"))
                if name == "wake":
                    await soon(sandbox.serve("/"))
                    await soon(sandbox.sleep())
                under_way = asyncio.ensure_future(work(sandbox))
                await asyncio.sleep(moment)
                await subject.lose(sandbox)
                with clear():
                    result = await soon(under_way)
                    assert isinstance(result, kind)
                    if isinstance(result, DevServer):
                        assert result.state == "ready" or result.message
            await assert_works(sandbox, subject)

    async def test_before_each_operation(self, provided: Provided) -> None:
        """A sandbox lost while nothing was under way is made anew by the next call."""
        async with provided() as subject:
            sandbox = await used(subject)
            for name, (work, _) in WORK.items():
                await soon(sandbox.serve("/"))
                await subject.lose(sandbox)
                with clear():
                    await soon(work(sandbox))
                assert (await soon(sandbox.exec("cat kept"))).stdout == "kept\n", name
            await assert_works(sandbox, subject)

    async def test_in_the_middle_of_an_installation(self, provided: Provided) -> None:
        """A sandbox lost during ``install`` leaves the manifest whole; the same installation then succeeds."""
        async with provided() as subject:
            workspace = subject.workspace()
            (workspace / "package.json").write_text('{"name": "plain", "private": true}\n')
            sandbox = await used(subject)
            under_way = asyncio.ensure_future(sandbox.install(["ms"]))
            await asyncio.sleep(0.5)
            await subject.lose(sandbox)
            with clear():
                result = await soon(under_way)
                assert result.exit_code == 0 or result.stderr
            assert json.loads((workspace / "package.json").read_text())["name"] == "plain"
            result = await soon(sandbox.install(["ms"]))
            assert result.exit_code == 0, result.stderr
            assert (await soon(sandbox.exec(["node", "-p", "require('ms')('2h')"]))).stdout == "7200000\n"
