"""An event loop in a thread of its own, for code that must wait without one: a kernel's cell, a command."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="appbuilder", daemon=True)
        self._thread.start()
        self._closed = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the loop and wait. An interrupt (Ctrl-C) cancels the work, and waits until it has ended."""
        task = self._start(work)
        try:
            return task.result()
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
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


def _settle(future: concurrent.futures.Future[Any], result: Any = None, error: BaseException | None = None) -> None:
    if isinstance(error, asyncio.CancelledError):
        error = concurrent.futures.CancelledError()
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


SHARED: list[BackgroundLoop] = []


def background() -> BackgroundLoop:
    """The loop that everything small in this process shares, started at first use."""
    if not SHARED:
        SHARED.append(BackgroundLoop())
    return SHARED[0]
