"""Background commands: they run beside the call that started them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ...base import ExecResult
from .runner import Command


class BackgroundProcess:
    """One command, from its start to its end. ``after`` is done once it has ended, before anybody hears of it."""

    def __init__(self, command: Command, after: Callable[[], Awaitable[None]]) -> None:
        self._process = command.process
        self._end = asyncio.ensure_future(self._ended(command, after))
        self._end.add_done_callback(lambda end: end.cancelled() or end.exception())  # nobody may ever ask

    @property
    def running(self) -> bool:
        return not self._end.done()

    async def wait(self) -> ExecResult:
        return await asyncio.shield(self._end)

    async def kill(self) -> None:
        self._process.kill()
        await asyncio.wait({self._end})

    async def _ended(self, command: Command, after: Callable[[], Awaitable[None]]) -> ExecResult:
        try:
            return await command.result()
        finally:
            await after()
