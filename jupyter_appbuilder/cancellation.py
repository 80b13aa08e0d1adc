"""Work that must finish although its caller is cancelled, and processes that must end with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def uncut(work: Coroutine[Any, Any, T]) -> T:
    """Await ``work``; when cancelled, finish it first, so that whoever comes next does not find it half done."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # nobody is left to be told
        raise


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking work in a thread, to its end: a thread cannot be interrupted."""
    return await uncut(asyncio.to_thread(work, *args, **kwargs))


async def ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel what of them still runs, and wait until nothing does. What they raise is nobody's any more."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()


async def output_of(process: asyncio.subprocess.Process, given: bytes | None = None) -> tuple[bytes, bytes]:
    """What ``process`` writes, to its end. Whoever is cancelled, or out of time, leaves none running."""
    try:
        return await process.communicate(given)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await uncut(process.wait())
