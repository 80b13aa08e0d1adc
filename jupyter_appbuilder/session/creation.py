"""Creates a session's files in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Creation:
    """``files_ready`` is set when the files lie in place; their first checkpoint may follow."""

    def __init__(self, *, done: bool) -> None:
        """``done``: the session was made before."""
        self.files_ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        if done:
            self.files_ready.set()

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let a new session get its files; ``ready`` waits for that."""
        self._task = asyncio.create_task(work)
        # Whoever calls ``ready`` gets the error; nobody has to.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._task

    async def ready(self) -> None:
        """Wait until the session's files stand. Raises what went wrong."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def cancel(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
