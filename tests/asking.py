"""Questions that wait for the person: until one is asked, and a server that is killed while it waits."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Sequence
from multiprocessing.synchronize import Event as Signal
from pathlib import Path
from typing import Any

from building import app_builder
from plain_app import plain

from jupyter_appbuilder.events import Event
from jupyter_appbuilder.session import Session


def only(events: Sequence[Event], type: str) -> list[Any]:
    """The data of the events of one type."""
    return [event.data for event in events if event.type == type]


async def asked(session: Session, count: int = 1) -> list[Any]:
    """Wait until the session waits for the person; the questions so far."""
    async with asyncio.timeout(30):
        while session.summary.state != "waiting" or len(only(await session.events(), "approval.requested")) < count:
            await asyncio.sleep(0.01)
    return only(await session.events(), "approval.requested")


def scripted(url: str) -> dict[str, Any]:
    """Traits for a model that answers at ``url``."""
    return {"model": "custom:scripted", "providers": {"custom": {"base_url": url, "api_key": "sk-test"}}}


async def kill_while_asking(folder: Path, url: str, request: str) -> None:
    """A server with the model at ``url``, killed with ``SIGKILL`` when ``request`` has led to a question."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_ask_and_wait, args=(folder, url, request, ready))
    process.start()
    try:
        assert await asyncio.to_thread(ready.wait, 60)
    finally:
        process.kill()
        await asyncio.to_thread(process.join)


def _ask_and_wait(folder: Path, url: str, request: str, ready: Signal) -> None:
    async def work() -> None:
        async with app_builder(folder, **scripted(url), **plain(folder)) as builder:
            session = await builder.create(title="Killed")
            await session.send(request)
            await asked(session)
            ready.set()
            await asyncio.sleep(60)

    asyncio.run(work())
