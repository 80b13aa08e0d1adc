"""The process that serves one published app: its web server, what it looks after, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.routing import Rule

from ..cancellation import in_thread
from ..errors import AppBuilderError, InvalidInput, Unavailable
from ..publishing.base import Bundle
from ..publishing.bundles import read_bundle
from ..publishing.shelf import FILE, Shelf
from ..publishing.visits import Visits
from .app import ServedApp
from .handlers import Service, handlers
from .place import release_of
from .proxies import Proxies

LARGEST_BODY = 100 * 1024 * 1024
LARGEST_HEADERS = 64 * 1024
KEEP_ALIVE_SECONDS = 75.0
LOOK_SECONDS = 2.0
"""Between two looks for a new release, and at whether anybody is there."""
END_SECONDS = 20.0
"""How long requests that are under way get when the service is told to end."""
VARIABLE = "APPBUILDER_SECRET_"
"""What the variables that hold an app's secrets begin with: an app could name any other, too."""
LARGEST_SECRETS = 1024 * 1024
NOT_LIVE = "not_live"
"""The reason of an error: of a publication nothing is live."""
DELETED = "not_published"
"""And of ``Shelf``: there is no such publication, or none any more."""

log = logging.getLogger(__name__)


def finder(place: Path) -> Callable[[], Bundle]:
    """Finds the bundle in ``place``, or, where that is a publication's folder on the shelf, the one that is live there.

    What it returns raises ``InvalidInput`` or ``NotFound``. Blocks."""
    if (place / FILE).is_file():
        return partial(live_bundle, Shelf(place.parent.parent), place.parent.name, place.name)
    return partial(read_bundle, place)


def live_bundle(shelf: Shelf, target: str, name: str) -> Bundle:
    """The release of a publication that is live. Raises ``NotFound``, or ``InvalidInput`` where none is. Blocks."""
    live = shelf.get(target, name).live
    if live is None:
        raise InvalidInput(f"{name} is not published at the moment.", hint="Publish it again.", reason=NOT_LIVE)
    return shelf.bundle(target, name, live)


def read_secrets(file: Path | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Secrets by name: of the variables that begin with ``VARIABLE``, and of a file with lines ``NAME=value`` or JSON.

    Raises ``InvalidInput`` for a file that cannot be read; what it holds is in no error."""
    found = {name.removeprefix(VARIABLE): value for name, value in environment.items() if name.startswith(VARIABLE)}
    if file is None:
        return found
    try:
        if file.stat().st_size > LARGEST_SECRETS:
            raise InvalidInput(f"{file} is too large for a file of secrets.", hint="Name another: --secrets-file FILE.")
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidInput(
            f"The secrets in {file} cannot be read: {reason}.", hint="Name another: --secrets-file FILE."
        ) from None
    return found | (_of_json(file, text) if text.lstrip().startswith("{") else _of_lines(file, text))


def _of_json(file: Path, text: str) -> dict[str, str]:
    told: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(text)
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):  # pyright: ignore
        raise InvalidInput(f"{file} is no JSON object of texts.", hint='Write it so: {"API_KEY": "…"}.')
    return dict(told)  # pyright: ignore[reportUnknownArgumentType]


def _of_lines(file: Path, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip().removeprefix("export ").strip()
        if not plain or plain.startswith("#"):
            continue
        name, equals, value = plain.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()):
            raise InvalidInput(f"{file}, line {number}, is no NAME=value.", hint="Correct the line.")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name.strip()] = value
    return found


class _Application(web.Application):
    def __init__(self, proxies: Proxies | None, rules: list[Rule], **settings: Any) -> None:
        super().__init__(rules, **settings)  # pyright: ignore[reportArgumentType]
        self._proxies = proxies

    def find_handler(self, request: HTTPServerRequest, **arguments: Any) -> Any:
        if self._proxies is not None:
            self._proxies.believe(request)
        return super().find_handler(request, **arguments)


class Serving:
    """Serves ``service``'s app. ``bundle`` finds the release that is to be live; it is asked again and again.
    ``visits`` keeps how often readers came. ``proxies`` are believed about who asks. ``rules`` are its routes, of an
    application with ``settings``."""

    def __init__(
        self,
        service: Service,
        bundle: Callable[[], Bundle],
        visits: Visits,
        *,
        idle_seconds: float,
        proxies: Proxies | None = None,
        rules: Sequence[Rule] = (),
        settings: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.service = service
        self._bundle = bundle
        self._visits = visits
        self._idle_seconds = idle_seconds
        application = _Application(
            proxies,
            list(rules) or handlers(service),
            websocket_ping_interval=30,
            **settings,
        )
        self._server = HTTPServer(
            application,
            max_body_size=LARGEST_BODY,
            max_header_size=LARGEST_HEADERS,
            idle_connection_timeout=KEEP_ALIVE_SECONDS,
        )
        self._looking: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    @property
    def app(self) -> ServedApp:
        return self.service.app

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, where that was 0. Raises ``Unavailable`` where it is in use. A publication that nothing is
        live of yet is waited for."""
        bundle = None
        try:
            bundle = await in_thread(self._bundle)
        except AppBuilderError as error:
            if error.reason != NOT_LIVE:
                raise
        await self.app.open()
        try:
            sockets = bind_sockets(port, host)
        except OSError as error:
            raise Unavailable(
                f"The server cannot listen at {host}:{port}: {error.strerror or error}.",
                hint="Choose another port: --port N, 0 for a free one.",
                reason="port_in_use",
            ) from None
        self._server.add_sockets(sockets)
        if bundle is not None:
            self.app.take(bundle)
        self._looking = asyncio.create_task(self._look())
        return sockets[0].getsockname()[1]

    async def run(self) -> None:
        """Serve until told to end."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._ending.set)
        await self._ending.wait()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(one)

    async def close(self) -> None:
        """Take no more requests, let those under way end, then end the app."""
        self._server.stop()
        for one in list(self.service.open_sockets):
            one.close(1001, "The service ends.")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                while self.service.requests.taken:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        if self._looking is not None:
            self._looking.cancel()
        await self._server.close_all_connections()
        await self.app.close()
        await self._save()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look_once()
            except Exception:
                log.exception("What is to be looked after could not be")

    async def _look_once(self) -> None:
        try:
            bundle = await in_thread(self._bundle)
            if self.app.wants(release_of(bundle)):
                self.app.take(bundle)
        except AppBuilderError as error:  # else it is being replaced
            if error.reason in (NOT_LIVE, DELETED):
                await self.app.take_down()
        if self._idle_seconds and not self.service.is_used and self.app.unused > self._idle_seconds:
            await self.app.sleep()
        await self._save()

    async def _save(self) -> None:
        visits, self.service.visits = self.service.visits, 0
        if visits:
            await in_thread(self._visits.add, visits)
