"""A served app on an origin that is not its own: its pages get an opaque one, as those of previews.

A JupyterHub serves everybody from one origin. So no page of an app may be of that origin; but then what it asks for
carries no cookie. Each reader therefore has an address of their own, ``<base><pass>/``, which lets in what their pages
ask for; a navigation there is let in by the login again. The app's server knows one address, which is in no list.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from tornado import web
from tornado.routing import PathMatches, Rule

from ..preview.capabilities import Preview, Previews, Visit, Visitor
from ..preview.data_news import DataNews
from ..preview.handlers import PreviewHandler, UpgradeMatches, wants_page
from ..preview.page_requests import PageRequestHandler
from ..preview.proxy import ProxyHandler
from ..preview.storage import READER_FILES, PageStorage
from ..preview.websocket import ProxySocketHandler
from ..publishing.readers import SANDBOX
from ..publishing.site import type_of
from ..sandbox.base import Address, DevServer
from . import pages
from .app import ServedApp
from .handlers import AS_OF, NOTE_SECONDS, OURS, WAKE_SECONDS, HealthHandler, Service, is_path, say_as_of
from .hub_login import (
    VISIT_SECONDS,
    WATCH_SECONDS,
    CallbackHandler,
    HubDoor,
    HubReader,
    LoginHandler,
    LogoutHandler,
    activity_seconds,
)

if TYPE_CHECKING:
    import httpcore

MOST_READERS = 2_000
"""That have an address at a time; of more, those lose it who asked the longest ago."""
MOST_LOGINS = 16
"""Of one reader, who has several browsers; the one that was used least recently ends."""
SCRIPTS = ("reader.js", "indexeddb.js")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Guest:
    """A reader with what is theirs here."""

    reader: HubReader
    visit: Visit
    storage: PageStorage
    navigated: float = 0.0
    asking: set[PreviewHandler] = field(default_factory=set[PreviewHandler])  # requests that are under way

    @property
    def key(self) -> str:
        return self.reader.name

    @property
    def is_here(self) -> bool:
        return bool(self.asking or self.visit.preview.sockets)


class _Target:
    """The served app as the handlers of previews have it (``preview.target.PreviewTarget``)."""

    changed_at = 0.0

    def __init__(self, app: ServedApp, storage: PageStorage) -> None:
        self._app = app
        self.storage = storage
        self.data_news = DataNews()

    @property
    def session(self) -> str:
        return self._app.name

    @property
    def server(self) -> DevServer:
        return self._app.reachable

    def server_at(self, path: str) -> DevServer:
        return self.server

    async def arrives(self) -> None:
        """Readers are told apart by their names (``Gate``)."""

    async def ensure(self) -> DevServer:
        return await self._app.awake()

    async def report(self, finding: dict[str, Any]) -> None:
        """Readers' pages report nothing."""


class Guests(Previews):
    """The readers of one served app. ``base``: the path of all of it; ``folder``: where what their pages store is
    kept."""

    def __init__(
        self, service: Service, door: HubDoor, base: str, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(base, clock=clock)
        self.prefix = self.base = base
        self.service = service
        self.door = door
        self._sandbox = " ".join(SANDBOX)
        self._folder = folder
        self._salt = hashlib.sha256(service.base.encode()).hexdigest()
        self._guests: OrderedDict[bytes, Guest] = OrderedDict()
        self._by_preview: dict[int, Guest] = {}

    def let_in(self, reader: HubReader) -> str:
        """The address of a login's own; the same as long as it has one."""
        theirs = [guest for guest in self._guests.values() if guest.reader.name == reader.name]
        known = next((guest for guest in theirs if guest.reader.token == reader.token), None)
        if known is not None:
            known.reader = reader
            return known.visit.path
        path = (
            f"{self.base}{secrets.token_urlsafe(32)}/"  # of the form that every template's server takes, as in previews
        )
        digest = hashlib.sha256(f"{self._salt} {reader.name}".encode()).hexdigest()[:32]
        storage = theirs[0].storage if theirs else PageStorage(self._folder / "readers.json").of(digest, READER_FILES)
        preview = Preview(_Target(self.service.app, storage), self.service.base, self._clock())
        guest = Guest(reader, Visit(preview, path, Visitor(reader.name, path, storage)), storage)
        self._guests[_digest(path)] = self._by_preview[id(preview)] = guest
        if len(theirs) >= MOST_LOGINS:
            self.end(theirs[0])
        if len(self._guests) > MOST_READERS:
            self.end(next(iter(self._guests.values())))
        return path

    def log_out(self, reader: HubReader) -> str:
        """End what the login with a token opened."""
        for guest in list(self._guests.values()):
            if reader.token and guest.reader.token == reader.token:
                self.end(guest)
        return self.base

    def guest(self, capability: str) -> Guest | None:
        digest = _digest(f"{self.base}{capability}/")
        guest = self._guests.get(digest)
        if guest is not None:
            self._guests.move_to_end(digest)
        return guest

    def visit(self, capability: str) -> Visit | None:
        guest = self.guest(capability)
        return guest.visit if guest else None

    def end(self, guest: Guest) -> None:
        """Close what is open of a reader's; their address is dead from now on."""
        self._guests.pop(_digest(guest.visit.path), None)
        self._by_preview.pop(id(guest.visit.preview), None)
        for close in list(guest.visit.preview.sockets):
            close()
        for handler in list(guest.asking):
            stream: Any = handler.request.connection and getattr(handler.request.connection, "stream", None)
            if stream is not None:
                stream.close()

    def act(self, preview: Preview) -> None:
        super().act(preview)
        self.service.app.use()
        guest = self._by_preview.get(id(preview))
        if guest and time.monotonic() - guest.navigated < VISIT_SECONDS:
            self.door.active()

    async def watch(self) -> None:
        """For as long as the app is served: ends what readers have open who may read no more, and tells the Hub of
        activity."""
        reported = time.monotonic()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                here = [guest for guest in self._guests.values() if guest.is_here]
                for guest, may in zip(here, await asyncio.gather(*map(self._still, here)), strict=True):
                    if not may:
                        self.end(guest)
                if time.monotonic() - reported >= activity_seconds():
                    reported = time.monotonic()
                    await self.door.report()
                    await self.door.stop_when_idle()
            except Exception:
                log.exception("Readers could not be looked after")

    async def _still(self, guest: Guest) -> bool:
        return await self.door.still(guest.reader)


def _digest(path: str) -> bytes:
    return hashlib.sha256(path.encode()).digest()


class Gate(PreviewHandler):
    """What every request below a reader's own address passes first."""

    previews: Guests
    wakes: ClassVar[bool] = True
    """Whether it is held until the app's server is there, and has it started."""
    _guest: Guest | None = None

    async def prepare(self) -> None:
        guests, capability = self.previews, self.path_kwargs["capability"]
        guest = guests.guest(capability)
        is_page = wants_page(self.request.headers) and self.request.method in ("GET", "HEAD")
        inside = self.request.path.removeprefix(f"{guests.base}{capability}").lstrip("/")
        if is_page and not await self._is_logged_in(guest):
            query = f"?{self.request.query}" if self.request.query else ""
            self.redirect(guests.base + inside + query)
            return
        if guest is None:
            self.set_status(401)
            self.answer("", "This address has ended. Open the app again.\n")
            return
        if not await guests.door.still(guest.reader):
            guests.end(guest)
            self.set_status(403)
            self.answer(
                pages.message("You have no access to this app any more", "Ask who published it to share it again.", ""),
                "You have no access to this app any more.\n",
            )
            return
        service, app = guests.service, guests.service.app
        if wait := service.rate.take(guest.key):
            self.set_status(429)
            self.set_header("Retry-After", str(wait))
            self.answer(
                pages.message("Too many requests", "Wait a moment, then load the page again.", ""),
                "Too many requests.\n",
            )
            return
        if app.control and is_path(inside, app.control):
            self.set_status(404)
            self.answer("", "There is nothing here.\n")
            return
        self._guest = guest
        guest.asking.add(self)
        if self.wakes:
            await app.awake(NOTE_SECONDS if is_page else WAKE_SECONDS)
        if is_page:
            guest.navigated = time.monotonic()
            guests.door.active()
            if app.reachable.state == "ready":
                service.visits += 1
                await self._arrive(guest)
        waiting: Any = super().prepare()
        if waiting is not None:
            await waiting

    async def _is_logged_in(self, guest: Guest | None) -> bool:
        """Whether a navigation comes from the browser of the reader whose address it is: an address bar is copied."""
        if guest is None:
            return False
        if self.request.headers.get("Sec-Fetch-Dest", "document") != "document":
            return True  # a page of the app's shows another one in a frame, where no cookie is sent
        return self.previews.door.token_of(self) == guest.reader.token

    async def _arrive(self, guest: Guest) -> None:
        """Have an app that knows people by the Hub log in who reads."""
        path = guest.visit.inside(self.request.path)
        cookie = await self.previews.service.app.arrive(guest.reader.name, guest.storage.cookie_header(path))
        if cookie:
            await asyncio.to_thread(guest.storage.receive_cookies, [cookie], path, self.previews.service.base)

    def on_finish(self) -> None:
        if self._guest is not None:
            self._guest.asking.discard(self)
            super().on_finish()

    def on_connection_close(self) -> None:
        if self._guest is not None:
            self._guest.asking.discard(self)
            super().on_connection_close()

    def _request_summary(self) -> str:
        return f"{self.request.method} a reader's address"

    def _log(self) -> None:
        """Requests are not logged: visits are counted by day, and no more is kept of readers."""


class GuestProxyHandler(Gate, ProxyHandler):
    """What the app answers."""

    script = "reader.js"

    def _is_welcome(self, visit: Visit) -> bool:
        return True  # ``prepare`` has looked

    def _send_on(self, visit: Visit, address: Address) -> None:
        self.previews.service.app.under_way.add(self)
        super()._send_on(visit, address)

    async def hand_back(self, response: httpcore.Response) -> None:
        visit, is_asked = self._visit, self.request.method in ("GET", "HEAD")
        if visit and is_asked and response.status == 404 and not wants_page(self.request.headers):
            inside = unquote(self.request.path.removeprefix(visit.path))
            if content := await self.previews.service.app.of_the_release_before(inside):
                self.set_header("Content-Type", type_of(inside))
                self.finish(content)
                return
        await super().hand_back(response)

    def on_finish(self) -> None:
        self.previews.service.app.under_way.discard(self)
        super().on_finish()

    def on_connection_close(self) -> None:
        self.previews.service.app.under_way.discard(self)
        super().on_connection_close()

    def ending(self, visit: Visit) -> bytes:
        return self.previews.service.app.says_as_of(f"{visit.path}{OURS}{AS_OF}")

    def _wait(self, visit: Visit) -> None:
        app = self.previews.service.app
        app.start()
        status = app.status
        if status.state == "failed" or not wants_page(self.request.headers):
            self.set_status(503)
            self.set_header("Retry-After", str(max(1, status.again)))
        self.answer(pages.waiting(visit.path, app.title, status, secrets.token_hex(8)), "The app is starting.\n")


class GuestSocketHandler(Gate, ProxySocketHandler):  # pyright: ignore[reportIncompatibleMethodOverride]
    """A WebSocket of the app's."""


class GuestRequestHandler(Gate, PageRequestHandler):  # pyright: ignore[reportIncompatibleMethodOverride]
    """What our script in the page asks: what it stores; how the app stands, for the page that waits."""

    wakes = False

    def data_received(self, chunk: bytes) -> None:
        if self._guest is not None:
            super().data_received(chunk)

    async def get(self, capability: str, what: str) -> None:
        if what == "status":
            self.previews.service.app.start()
            self.set_header("Content-Type", "application/json")
            self.finish(asdict(self.previews.service.app.status))
        elif what == AS_OF:
            say_as_of(self)
        elif what in (*SCRIPTS, "databases"):
            await super().get(capability, what)
        else:
            self.set_status(404)
            self.answer("", "Nothing here.\n")

    async def post(self, capability: str, what: str) -> None:
        if what in ("storage", "databases"):
            await super().post(capability, what)
        else:
            self.set_status(404)
            self.answer("", "Nothing here.\n")


def guest_handlers(guests: Guests) -> list[Rule]:
    """Every route of an app that is served on a Hub."""
    base = re.escape(guests.base)
    own = base + r"(?P<capability>[A-Za-z0-9_-]{43})"
    given: dict[str, Any] = {"previews": guests}
    login: dict[str, Any] = {"door": guests.door, "let_in": guests.let_in, "base": guests.base}
    return [
        Rule(PathMatches(base + "healthz"), HealthHandler, {"service": guests.service}),
        Rule(PathMatches(base + "oauth_callback"), CallbackHandler),
        Rule(PathMatches(base + "logout"), LogoutHandler, login | {"let_in": guests.log_out}),
        Rule(UpgradeMatches(own + r"/.*"), GuestSocketHandler, given),
        Rule(PathMatches(own + "/" + re.escape(OURS) + r"(?P<what>[a-z.]+)"), GuestRequestHandler, given),
        Rule(PathMatches(own + r"(?:/.*)?"), GuestProxyHandler, given),
        Rule(PathMatches(base + "(?P<rest>.*)"), LoginHandler, login),
        Rule(PathMatches(base[:-1] + "()"), LoginHandler, login),
    ]


def settings_of(secret: str) -> dict[str, Any]:
    """Of the web application; ``secret`` signs the cookies that a login leaves."""
    return {
        "cookie_secret": secret,
        "default_handler_class": web.ErrorHandler,
        "default_handler_args": {"status_code": 404},
    }
