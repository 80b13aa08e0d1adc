"""App Builder inside this process: a thread with an event loop, and a preview server on the loopback address.

What a kernel and the command line use instead of a Jupyter server. Everything of the product runs in that one loop;
callers either wait (``run``) or await from a loop of their own (``reach``).
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import os
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from ..builder import AppBuilder

T = TypeVar("T")

STARTED: dict[tuple[str, str], Engine] = {}
"""The engines of this process, by root and data folder: two apps of one root share a log and a preview server."""


class Engine:
    """``builder`` must only be touched in the engine's loop: inside coroutines given to ``run`` and ``reach``."""

    builder: AppBuilder
    origin: str  # "http://127.0.0.1:PORT"

    def __init__(self, root: Path, *, label: str = "a notebook", **settings: Any) -> None:
        """``settings`` are ``AppBuilder`` traits, such as ``model`` or ``data_dir``."""
        self.root = root
        self._label = label
        self._settings = {name: value for name, value in settings.items() if value}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="appbuilder", daemon=True)
        self._thread.start()
        self._closed = False
        try:
            self.run(self._begin())
        except BaseException:
            self._end()
            raise
        atexit.register(self.close)

    async def _begin(self) -> None:
        from tornado import web
        from tornado.httpserver import HTTPServer
        from tornado.netutil import bind_sockets

        from ..preview.handlers import preview_handlers

        self.builder = AppBuilder(root_dir=str(self.root), label=self._label, **self._settings)
        previews = self.builder.previews
        # The page is shown in a frame of the notebook's, which is another origin than this server's.
        previews.policy = previews.policy.replace("'self'", "'self' http://127.0.0.1:* http://localhost:*", 1)
        self._server = HTTPServer(web.Application(preview_handlers("/", previews), log_function=_say_nothing))
        sockets = bind_sockets(0, "127.0.0.1")
        self._server.add_sockets(sockets)
        self.origin = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the engine's loop and wait. An interrupt (Ctrl-C) cancels the work, and waits until it has ended."""
        task = self._start(work)
        try:
            return task.result()
        except (KeyboardInterrupt, SystemExit):
            task.cancel()
            with contextlib.suppress(BaseException):
                task.result(timeout=10)
            raise

    async def reach(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the engine's loop and await it from another. Cancelling cancels the work."""
        return await asyncio.wrap_future(self._start(work))

    def post(self, work: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[Any]:
        """Start something in the engine's loop without waiting for it."""
        return self._start(work)

    def _start(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        if self._closed:
            work.close()
            raise RuntimeError("This App Builder engine is closed.")
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

    def close(self) -> None:
        """Stop what runs, write the notebooks, release the sessions. May be called twice."""
        if self._closed:
            return
        atexit.unregister(self.close)
        try:
            self.run(self._close())
        finally:
            self._end()

    async def _close(self) -> None:
        self._server.stop()
        await self.builder.close()

    def _end(self) -> None:
        self._closed = True
        for key, engine in list(STARTED.items()):
            if engine is self:
                del STARTED[key]
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


def _settle(future: concurrent.futures.Future[Any], result: Any = None, error: BaseException | None = None) -> None:
    if isinstance(error, asyncio.CancelledError):
        error = concurrent.futures.CancelledError()
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _say_nothing(handler: object) -> None:
    """Requests of the preview are not logged: their paths hold the capability."""


def engine(root: Path | str | None = None, **settings: Any) -> Engine:
    """The engine of a root, started at first use. See ``find_root`` for the default."""
    folder = Path(root).expanduser().resolve() if root else find_root()
    key = (str(folder), str(settings.get("data_dir") or ""))
    if key not in STARTED:
        STARTED[key] = Engine(folder, **settings)
    return STARTED[key]


def find_root() -> Path:
    """Where apps go: ``APPBUILDER_ROOT``, else the root of the Jupyter server this kernel belongs to, else here."""
    if root := os.environ.get("APPBUILDER_ROOT"):
        return Path(root).expanduser().resolve()
    here = Path.cwd().resolve()
    # Set for kernels by jupyter_server; the server that started us is our parent.
    if "JPY_PARENT_PID" in os.environ:
        with contextlib.suppress(Exception):
            from jupyter_server.serverapp import list_running_servers

            for server in list_running_servers():
                root = Path(server["root_dir"]).resolve()
                if server["pid"] == os.getppid() and here.is_relative_to(root):
                    return root
    return here
