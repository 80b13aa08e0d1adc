"""One of our programs inside the sandbox, spoken to in lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ...errors import Unavailable
from ..base import WAY_OUT, Stats
from .processes.layout import EGRESS_PORT, Bind
from .processes.limits import measure
from .processes.runner import Cell, Process, Runner, Setting, Stream

MOST_SAID = 4000  # characters of its error output


class LocalProgram:
    """See ``base.Program``. It has a share of the machine of its own, as large as an app's."""

    def __init__(self, runner: Runner, cell: Cell, on_line: Callable[[bytes], None], longest: int) -> None:
        self._runner = runner
        self._cell = cell
        self._on_line = on_line
        self._longest = longest
        self._rest = bytearray()
        self._said = ""
        self._process: Process
        self._ended: asyncio.Task[str]

    @classmethod
    async def start(
        cls,
        runner: Runner,
        argv: Sequence[str],
        binds: Sequence[Bind],
        way_out: Path,
        on_line: Callable[[bytes], None],
        longest: int,
    ) -> LocalProgram:
        program = cls(runner, runner.cell("program"), on_line, longest)
        try:
            setting = Setting(binds, {WAY_OUT: f"http://127.0.0.1:{EGRESS_PORT}"}, "/", way_out)
            program._process = await runner.spawn(program._cell, argv, program._take, setting, talks=True)
        except BaseException:
            await asyncio.shield(runner.leave(program._cell))
            raise
        program._ended = asyncio.create_task(program._watch())
        return program

    @property
    def running(self) -> bool:
        return self._process.running

    async def send(self, line: bytes) -> None:
        stdin = self._process.stdin
        assert stdin
        try:
            stdin.write(line + b"\n")
            await stdin.drain()
        except (ConnectionError, RuntimeError):
            raise Unavailable(await self.wait(), reason="program_ended") from None

    async def stop(self) -> None:
        self._process.kill()
        await asyncio.shield(self._ended)

    async def wait(self) -> str:
        return await asyncio.shield(self._ended)

    async def stats(self) -> Stats:
        use = await asyncio.to_thread(lambda: measure(self._cell.pids()))
        return Stats(memory=use.memory, processes=use.processes, cpu=use.cpu)

    async def _watch(self) -> str:
        code = await self._process.wait()
        if stdin := self._process.stdin:
            with suppress(OSError):
                stdin.close()
        ended, message = self._process.reason(code)
        await self._runner.leave(self._cell)
        if ended != "exit":
            return message
        if code and (unmade := self._process.failure(self._said)):
            return str(unmade)
        said = next((line.strip() for line in self._said.splitlines() if "Error" in line), self._said.strip())
        return f"It ended with exit code {code}" + (f": {said[:500]}" if said else ".")

    def _take(self, name: Stream, piece: bytes) -> None:
        if name == "stderr":
            self._said = (self._said + piece.decode("utf-8", "replace"))[-MOST_SAID:]
            return
        *lines, rest = piece.split(b"\n")
        for line in lines:
            self._on_line(bytes(self._rest) + line)
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > self._longest:
            self._rest.clear()
            self._process.kill("output", "It told more at once than is read.")
