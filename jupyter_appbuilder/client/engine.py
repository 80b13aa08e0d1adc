"""App Builder inside this process: a thread with an event loop, and a preview server on the loopback address.

What a kernel and the command line use instead of a Jupyter server. Everything of the product runs in that one loop;
callers either wait (``run``) or await from a loop of their own (``reach``).
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..builder import AppBuilder
from ..session.places import FOLDER, can_make
from ..settings import configuration
from .background import BackgroundLoop

if TYPE_CHECKING:
    from .live import Live

STARTED: dict[tuple[str, str], Engine] = {}
"""The engines of this process, by root and data folder: two apps of one root share a log and a preview server."""

LIVING: list[Engine] = []
"""Every engine that runs, the oldest first: what has to be closed when the process ends."""

ENDING_SECONDS = 30.0
"""How long a process that ends waits for an engine. What is not in the notebook by then is in the log."""


class Engine(BackgroundLoop):
    """Runs App Builder in a thread of this process, with a server for previews.

    ``builder`` must only be touched in the engine's loop: inside coroutines given to ``run`` and ``reach``.
    """

    builder: AppBuilder
    origin: str  # "http://127.0.0.1:PORT"

    def __init__(self, root: Path, *, label: str = "a notebook", **settings: Any) -> None:
        """``settings`` are ``AppBuilder`` traits, such as ``model`` or ``data_dir``."""
        self.root = root
        self._label = label
        self._settings = {name: value for name, value in settings.items() if value not in ("", None)}
        super().__init__()
        try:
            self.run(self._begin())
        except BaseException:
            self.end()
            raise
        LIVING.append(self)
        _end_with_process()

    async def _begin(self) -> None:
        from tornado import web
        from tornado.httpserver import HTTPServer
        from tornado.netutil import bind_sockets

        from ..preview.handlers import preview_handlers

        self.builder = AppBuilder(root_dir=str(self.root), label=self._label, config=configuration(), **self._settings)
        previews = self.builder.previews
        # The page is shown in a frame of the notebook's, which is another origin than this server's.
        previews.ancestors += ["http://127.0.0.1:*", "http://localhost:*"]
        previews.framed_is_person = True
        self._server = HTTPServer(web.Application(preview_handlers("/", previews), log_function=_say_nothing))
        sockets = bind_sockets(0, "127.0.0.1")
        self._server.add_sockets(sockets)
        self.origin = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"

    def close(self, patience: float | None = None) -> None:
        """Stop what runs, write the notebooks, release the sessions. May be called twice.

        Raises ``TimeoutError`` when that is not done after ``patience`` seconds; nothing more is waited for then.
        """
        if self._closed:
            return
        try:
            self.run(self._close(), patience)
        finally:
            self.end()

    @functools.cached_property
    def live(self) -> Live:
        """The functions of this process that apps may call."""
        from .live import Live

        return Live()

    async def _close(self) -> None:
        if "live" in vars(self):
            await self.live.close()
        self._server.stop()
        await self.builder.close()

    def end(self) -> None:
        for key, engine in list(STARTED.items()):
            if engine is self:
                del STARTED[key]
        if self in LIVING:
            LIVING.remove(self)
        super().end()


def close_all() -> None:
    """Close every engine of a process that ends. Raises nothing: there is nobody left to handle it, and an exception
    would keep other code's hooks from being called."""
    for running in reversed(LIVING):
        try:
            running.close(ENDING_SECONDS)
        except KeyboardInterrupt:
            pass  # who interrupts the ending does not want to wait
        except TimeoutError:
            late = f"App Builder did not end within {ENDING_SECONDS:.0f} seconds, and was left."
            print(
                f"{late} The session is complete: open the app again to bring its notebook up to date.", file=sys.stderr
            )
        except BaseException as error:
            print(f"App Builder did not end as it should: {error}", file=sys.stderr)


def _forget_all() -> None:
    LIVING.clear()
    STARTED.clear()


@functools.cache
def _end_with_process() -> None:
    """Have ``close_all`` called when this process ends, while files and the log can still be written.

    ``atexit`` is too late: the executors of ``concurrent.futures``, in which all of that is done, are shut before it,
    and no thread can be started any more. A non-daemon thread that waits for the main one is also woken after the
    executors, and replacing them would not reach those of the libraries used here. So this uses the hook by which
    ``concurrent.futures`` ends its own threads: the last to register is called first, and it was imported with the
    event log. The hook is not public; in a Python without it ``atexit`` has to do.
    """
    getattr(threading, "_register_atexit", atexit.register)(close_all)


if hasattr(os, "register_at_fork"):  # not on Windows
    # Threads are not forked: the parent's engines do not run in a child.
    os.register_at_fork(after_in_child=_forget_all)


def _say_nothing(handler: object) -> None:
    """Log no request of the preview: its path holds the capability."""


def engine(root: Path | str | None = None, **settings: Any) -> Engine:
    """The engine of a root, started at first use. See ``find_root`` for the default."""
    folder = Path(root).expanduser().resolve() if root else find_root()
    key = (str(folder), str(settings.get("data_dir") or ""))
    if key not in STARTED:
        STARTED[key] = Engine(folder, **settings)
    return STARTED[key]


def find_root() -> Path:
    """Where apps go: ``APPBUILDER_ROOT``, else ``c.AppBuilder.root_dir``, else the root of the Jupyter server this
    kernel belongs to if apps can be made there, else here."""
    if root := os.environ.get("APPBUILDER_ROOT") or configuration().AppBuilder.get("root_dir"):
        return Path(str(root)).expanduser().resolve()
    here = Path.cwd().resolve()
    # Set for kernels by jupyter_server; the server that started us is our parent.
    if "JPY_PARENT_PID" in os.environ:
        with contextlib.suppress(Exception):
            from jupyter_server.serverapp import list_running_servers

            for server in list_running_servers():
                root = Path(server["root_dir"]).resolve()
                if server["pid"] == os.getppid() and here.is_relative_to(root):
                    return root if root != Path("/") and can_make(root / FOLDER) else here
    return here
