"""Work that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from logging import Logger
from typing import Any

from ..errors import AppBuilderError


class Background:
    """Lets work run by itself until ``close``. Its failure is logged."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Awaitable[Any]) -> None:
        try:
            await work
        except AppBuilderError as error:
            self._log.warning("%s", error)
        except Exception:
            self._log.exception("Background work failed")

    def close(self) -> None:
        """Cancel what still runs."""
        for task in self._tasks:
            task.cancel()
