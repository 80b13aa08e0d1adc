"""Programs of this machine that are run for their output."""

from __future__ import annotations

import asyncio
import contextlib

from .cancellation import uncut


async def output_of(process: asyncio.subprocess.Process, given: bytes | None = None) -> tuple[bytes, bytes]:
    """What ``process`` writes, to its end. Whoever is cancelled, or out of time, leaves none running."""
    try:
        return await process.communicate(given)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await uncut(process.wait())
