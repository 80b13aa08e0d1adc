"""An event loop in a thread of its own, for synchronous callers: notebook cells and commands."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from ..errors import Unavailable

T = TypeVar("T")


LEAVING_SECONDS = 5
"""How long what still runs in a loop may take to clean up once the loop ends."""


class BackgroundLoop:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._loop.run_forever, name="appbuilder", daemon=True)
        self._thread.start()
        self._closed = False

    def run(self, work: Coroutine[Any, Any, T], patience: float | None = None) -> T:
        """Run in the loop and wait. An interrupt (Ctrl-C) cancels the work, and waits until it has ended.

        Raises ``TimeoutError`` after ``patience`` seconds; the work goes on.
        """
        task = self._start(work)
        try:
            return task.result(patience)
        except (KeyboardInterrupt, SystemExit):
            task.cancel()
            with contextlib.suppress(BaseException):
                task.result(timeout=10)
            raise

    async def reach(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the loop and await it from another. Cancelling cancels the work."""
        return await asyncio.wrap_future(self._start(work))

    def post(self, work: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[Any]:
        """Start something in the loop without waiting for it."""
        return self._start(work)

    def _start(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        if self._closed:
            work.close()
            raise RuntimeError("This event loop is closed.")
        if os.getpid() != self._process:
            work.close()
            raise Unavailable(
                "This app was opened before the process was forked, and only runs in the process that opened it.",
                hint="Use it there, or start the process by spawning instead (multiprocessing: get_context('spawn')).",
                reason="forked",
            )
        ended: concurrent.futures.Future[T] = concurrent.futures.Future()

        # run_coroutine_threadsafe calls a cancelled task ended at once; here it has ended when its cleaning up has.
        async def carry() -> None:
            task = asyncio.ensure_future(work)
            holder.append(task)
            if cancelled.is_set():
                task.cancel()
            try:
                result = await task
            except BaseException as error:
                _settle(ended, error=error)
            else:
                _settle(ended, result)

        holder: list[asyncio.Future[T]] = []
        cancelled = threading.Event()

        def cancel() -> bool:
            cancelled.set()
            self._loop.call_soon_threadsafe(lambda: holder and holder[0].cancel())
            return True

        ended.cancel = cancel
        asyncio.run_coroutine_threadsafe(carry(), self._loop)
        return ended

    def end(self) -> None:
        """End the thread. Nothing can be run afterwards."""
        if not self._closed:
            self._closed = True
            asyncio.run_coroutine_threadsafe(self._leave(), self._loop)
        self._thread.join(2 * LEAVING_SECONDS)

    async def _leave(self) -> None:
        """Cancel what still runs, and stop: a task that is left behind would be complained about on stderr."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        try:
            if left:
                await asyncio.wait(left, timeout=LEAVING_SECONDS)
            await self._loop.shutdown_asyncgens()
        finally:
            self._loop.stop()


def _settle(future: concurrent.futures.Future[Any], result: Any = None, error: BaseException | None = None) -> None:
    if isinstance(error, asyncio.CancelledError):
        error = concurrent.futures.CancelledError()
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


SHARED: list[BackgroundLoop] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SHARED.clear)


def background() -> BackgroundLoop:
    """The loop that everything small in this process shares, started at first use."""
    if not SHARED:
        SHARED.append(BackgroundLoop())
    return SHARED[0]
