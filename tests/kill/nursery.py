"""Processes that run one turn of a session and kill themselves (``kill -9``) at a chosen moment.

Everything is imported once, in a process without threads, from which each of them is forked.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from building import app_builder

from jupyter_appbuilder.events import Mode
from jupyter_appbuilder.log import SqliteEventStore
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.session.channel import Channel

TASK = "Do the work."


class Nursery:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def run(self, **task: Any) -> int:
        """Run a turn until it kills itself; the exit status. ``after``: die once the log holds so many events;
        ``on``: die once a live message of that type was sent."""
        with self._lock:
            self._pipe.send(task)
            return self._pipe.recv()


@contextmanager
def nursery() -> Iterator[Nursery]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_breed, args=(theirs,))
    process.start()
    try:
        yield Nursery(ours)
    finally:
        ours.send(None)
        process.join(10)


def _breed(pipe: Connection) -> None:
    import openai  # noqa: F401

    import jupyter_appbuilder.agents.loop
    import jupyter_appbuilder.apps.running
    import jupyter_appbuilder.notebook.writer
    import jupyter_appbuilder.sandbox.local
    import jupyter_appbuilder.tools.registry  # noqa: F401

    while (task := pipe.recv()) is not None:
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(_live(**task))
            finally:
                os._exit(3)  # it should have died before
        pipe.send(os.waitpid(child, 0)[1])


async def grant(session: Session) -> None:
    """Answer the next question of a session with yes, for this app. A turn that ends without one is fine, too."""
    while session.busy:
        for approval in session.approvals.open:
            await session.answer(approval, True, remember=True)
            return
        await asyncio.sleep(0.005)


async def _live(
    folder: Path,
    session: str,
    url: str,
    traits: Mapping[str, Any],
    after: int | None = None,
    on: str = "",
    resume: bool = False,
    mode: Mode = "build",
    granting: bool = False,
) -> None:
    append = SqliteEventStore.append

    async def append_and_die(self: SqliteEventStore, *arguments: Any) -> Any:
        events = await append(self, *arguments)
        if after is not None and events and events[-1].seq >= after:
            os.kill(os.getpid(), signal.SIGKILL)
        return events

    SqliteEventStore.append = append_and_die  # type: ignore[method-assign]
    providers = {"custom": {"base_url": url, "api_key": "sk-test-not-a-secret"}}
    options = {"providers": providers, "model": "custom:scripted", "resuming": resume}
    async with app_builder(folder, **options, **traits) as builder:
        live = Channel.live

        def live_and_die(self: Channel, type: str, data: dict[str, Any]) -> None:
            live(self, type, data)
            if on and on == type:
                os.kill(os.getpid(), signal.SIGKILL)

        Channel.live = live_and_die  # type: ignore[method-assign]
        opened = await builder.session(session)
        if not resume:
            await opened.send(TASK, mode=mode)
        if granting:
            await grant(opened)
        await opened.wait()
