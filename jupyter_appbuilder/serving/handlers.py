"""The routes of a served app: its own, all below its base, and a few of ours."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from tornado import httpclient, httputil, web, websocket
from tornado.routing import PathMatches, Rule

from ..preview.handlers import UpgradeMatches, wants_page
from ..preview.relay import Relay
from ..preview.websocket import MAX_MESSAGE, closable, connected
from ..publishing.as_of import script
from ..publishing.site import type_of
from ..sandbox.base import Address
from . import pages
from .app import ServedApp
from .door import Door, Reader, address_of
from .headers import as_cookie, cookie_to_reader, is_from_elsewhere, to_app, to_reader
from .limits import RateLimit, Room

if TYPE_CHECKING:
    import httpcore

NOTE_SECONDS = 0.5
"""A page that takes longer to start is told so; whatever else is asked for is held until it is there."""
WAKE_SECONDS = 30.0
OURS = "__appbuilder/"
AS_OF = "asof.js"

NOT_OF_CHANGED = frozenset({"accept-encoding", "if-none-match", "if-modified-since", "range", "if-range"})

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Service:
    """What the routes of one served app share. ``hosts``: names that it may be asked by; () for any."""

    app: ServedApp
    door: Door
    hosts: Collection[str] = ()
    rate: RateLimit = field(default_factory=RateLimit)
    requests: Room = field(default_factory=lambda: Room(256, 1024))
    sockets: Room = field(default_factory=lambda: Room(40, 500))
    visits: int = 0
    """That were not written down yet."""
    open_sockets: set[ServedSocketHandler] = field(default_factory=lambda: set[ServedSocketHandler]())

    told_of_a_host: bool = False

    @property
    def base(self) -> str:
        return self.app.base_path

    def tell_of_a_host(self, request: httputil.HTTPServerRequest) -> None:
        """Say once why a WebSocket is refused, for whoever set up a proxy that asks under a name of its own."""
        if not self.told_of_a_host:
            self.told_of_a_host = True
            log.warning(
                "A WebSocket was refused: it was opened by a page of %.100r and asked for at %.100r. If both are this "
                "app's, have the proxy in front pass the Host header on as it came (nginx: proxy_set_header Host "
                "$http_host).",
                *(request.headers.get("Origin", ""), request.host),
            )

    @property
    def is_used(self) -> bool:
        """Whether a request is under way, or a WebSocket is open."""
        return self.requests.taken + self.sockets.taken > 0


class ServedHandler(web.RequestHandler):
    """What all routes below the base have in common. ``reader`` is who asks, once ``admitted`` has said so."""

    SUPPORTED_METHODS: ClassVar[tuple[str, ...]] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")  # pyright: ignore[reportIncompatibleVariableOverride]

    reader: Reader

    def initialize(self, service: Service) -> None:
        self.service = service
        self.id = secrets.token_hex(8)

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "strict-origin-when-cross-origin")
        self.set_header("Content-Security-Policy", "frame-ancestors 'self'")

    async def admitted(self) -> bool:
        """Whether the request may go on; answered where it may not."""
        self.set_header("X-Request-Id", self.id)
        service = self.service
        if not is_named(self.request, service.hosts):
            log.warning("Refused: asked for by the name %r. Add it: --hostname NAME", self.request.host[:100])
            self.say(403, "This address is not served", "The app is not served under this name.")
            return False
        # Before the door: whoever knocks without end costs nothing more.
        if wait := service.rate.take(address_of(self.request)):
            self.set_header("Retry-After", str(wait))
            self.say(429, "Too many requests", "Wait a moment, then load the page again.")
            return False
        reader = await service.door.reader(self.request)
        if reader is None:
            service.door.refuse(self)
            if not self._finished:
                self.say(
                    self.get_status(), "You may not open this app", "Ask whoever published it to share it with you."
                )
            return False
        self.reader = reader
        return True

    def say(self, status: int, title: str, text: str, beginning: str = "") -> None:
        """Finish with a sentence: as a page where one was asked for, with a way to the app's ``beginning``."""
        self.set_status(status)
        if wants_page(self.request.headers):
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(pages.message(title, text, self.id, beginning))
        else:
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{title}. {text} (request {self.id})\n")

    def check_xsrf_cookie(self) -> None:
        """The app's own matter; from other sites it gets no cookies (``headers.cookies_to_app``)."""

    def compute_etag(self) -> None:
        return None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.say(status_code, f"{status_code} {self._reason}", "")

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if isinstance(value, web.HTTPError) and value.status_code < 500:
            return
        log.error("Request %s failed", self.id, exc_info=(typ, value, tb))

    def _log(self) -> None:
        """Requests are not logged: visits are counted by day, and no more is kept of readers."""


@web.stream_request_body
class ServedAppHandler(Relay, ServedHandler):
    """Whatever the app answers."""

    _address: Address | None = None
    _holds = ""
    _cookie = ""
    _inside = ""
    """The path below the base."""
    _ending = b""
    """What the page that is asked for ends with."""

    async def begin(self) -> None:
        service, app = self.service, self.service.app
        base = service.base
        if not f"{self.request.path}/".startswith(base):
            if self.request.path == "/" and self.request.method in ("GET", "HEAD"):
                self.redirect(base)
            else:
                self.say(404, "There is nothing here", f"The app lies below {base}.")
            return
        if not await self.admitted():
            return
        if f"{self.request.path}/" == base:
            self.redirect(base + (f"?{self.request.query}" if self.request.query else ""))
            return
        inside = self._inside = unquote(self.request.path.removeprefix(base))
        if app.control and is_path(inside, app.control):
            self.say(404, "There is nothing here", "")
            return
        if not service.requests.enter(self.reader.key):
            self.set_header("Retry-After", "2")
            self.say(503, "Too much at once", "Wait a moment, then load the page again.")
            return
        self._holds = self.reader.key
        page = wants_page(self.request.headers) and self.request.method == "GET"
        server = await app.awake(NOTE_SECONDS if page else WAKE_SECONDS)
        if server.state != "ready" or server.address is None:
            self._wait()
            return
        app.under_way.add(self)
        if page and app.deep and "/" in inside and not inside.startswith(app.deep):
            self._say_no_page()
            return
        if page:
            service.visits += 1
        headers = to_app(self.request, server.address, base)
        if page and (ending := app.says_as_of(f"{base}{OURS}{AS_OF}")):
            # It is changed on its way, so it must come whole, and plain.
            self._ending = ending
            headers = [item for item in headers if item[0].lower() not in NOT_OF_CHANGED]
        if page and self.reader.name:
            headers = await self._arrive(headers)
        self._address = server.address
        self.send_on(server.address, self.request.uri or "/", headers)

    async def _arrive(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Have the app know the reader by their name on a JupyterHub, if it knows people so."""
        cookies = next((value for name, value in headers if name == "Cookie"), "")
        self._cookie = await self.service.app.arrive(self.reader.name, cookies)
        if not (own := as_cookie(self._cookie)):
            return headers
        name = own.partition("=")[0]
        kept = [one for one in cookies.split("; ") if one and one.partition("=")[0] != name]
        return [*(item for item in headers if item[0] != "Cookie"), ("Cookie", "; ".join([*kept, own]))]

    async def _relayed(self) -> None:
        await self.relay()

    get = head = post = put = patch = delete = options = _relayed  # pyright: ignore[reportAssignmentType]

    def _say_no_page(self) -> None:
        self.say(404, "There is no such page", "The app has none at this address.", self.service.base)

    async def hand_back(self, response: httpcore.Response) -> None:
        assert self._address is not None
        if response.status == 404 and self.request.method in ("GET", "HEAD"):
            kind = next((value for name, value in response.headers if name.lower() == b"content-type"), b"").lower()
            if wants_page(self.request.headers):
                if not kind.startswith((b"text/html", b"application/xhtml")):
                    self._say_no_page()
                    return
            elif content := await self.service.app.of_the_release_before(self._inside):
                self.set_header("Content-Type", type_of(self._inside))
                self.finish(content)
                return
        self.say_status(response)
        for name in ("Cache-Control", "Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"):
            self.clear_header(name)
        service = self.service
        passed, cookies = to_reader(response.headers, self._address, service.base, private=service.door.private)
        if self._cookie:
            cookies += [kept for kept in [cookie_to_reader(self._cookie, service.base)] if kept]
        is_page = passed.get("Content-Type", "").lower().startswith("text/html") and response.status == 200
        ending = self._ending if is_page and "Content-Encoding" not in passed else b""
        for name in ("Content-Length", "ETag", "Last-Modified", "Accept-Ranges") if ending else ():
            passed.pop(name, None)
        for name in passed:
            values = passed.get_list(name)
            self.set_header(name, values[0])
            for value in values[1:]:
                self.add_header(name, value)
        for value in cookies:
            self.add_header("Set-Cookie", value)
        self.set_header("X-Request-Id", self.id)
        if self.request.method == "HEAD" or response.status in (204, 304):
            self.finish()
            return
        async for chunk in response.aiter_stream():
            self.write(chunk)
            await self.flush()
        self.finish(ending)

    def unanswered(self, error: Exception) -> None:
        log.error("Request %s: the app's server does not answer: %s", self.id, type(error).__name__)
        self._wait()

    def broke_off(self, error: Exception) -> None:
        log.error("Request %s: the app's server broke off: %s", self.id, type(error).__name__)

    def _wait(self) -> None:
        """There is no server yet, or none any more."""
        app = self.service.app
        status = app.status
        if status.state == "gone":
            self.say(410, "This app is not published any more", "Ask whoever gave you the link.")
            return
        if not wants_page(self.request.headers):
            self.set_header("Retry-After", str(max(1, status.again)))
            self.say(503, "The app is starting" if status.state != "failed" else "The app does not run", "")
            return
        # A page that says so is no failed request; a failure is one, for whoever watches over servers.
        self.set_status(503 if status.state == "failed" else 200)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(pages.waiting(self.service.base, app.title, status, self.id))

    def on_finish(self) -> None:
        self._let_go()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._let_go()

    def _let_go(self) -> None:
        self.service.app.under_way.discard(self)
        holds, self._holds = self._holds, ""
        if holds:
            self.service.requests.leave(holds)
            self.service.app.use()


class ServedSocketHandler(ServedHandler, websocket.WebSocketHandler):
    """A WebSocket of the app's."""

    _server: websocket.WebSocketClientConnection | None = None
    _pumping: asyncio.Task[None] | None = None
    _holds = ""
    _gone = False  # the reader hung up

    async def get(self, *args: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        service = self.service
        if not await self.admitted():
            return
        # Browsers let any site open one, with the cookies of this.
        if is_from_elsewhere(self.request):
            service.tell_of_a_host(self.request)
            self.say(403, "Refused", "Another site asked for this.")
            return
        if not service.sockets.enter(self.reader.key):
            self.say(503, "Too much at once", "")
            return
        self._holds = self.reader.key
        server = await service.app.awake(WAKE_SECONDS)
        if server.state != "ready" or server.address is None:
            self.say(503, "The app is starting", "")
            return
        headers = dict(to_app(self.request, server.address, service.base))
        for name in [name for name in headers if name.lower().startswith("sec-websocket-")]:
            del headers[name]
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "")
        try:
            self._server = await connected(server.address, self.request.uri or "/", headers, offered)
        except httpclient.HTTPClientError as error:
            self.say(error.code if 400 <= error.code < 599 else 502, "Refused", "")
            return
        except (OSError, websocket.WebSocketError) as error:
            log.warning("Request %s: no WebSocket to the app's server: %s", self.id, type(error).__name__)
            self.say(502, "The app does not answer", "")
            return
        if not self._gone:  # else nobody would close the app's end
            await super().get(*args)
        if self.ws_connection is None:
            self._server.close()

    @property
    def max_message_size(self) -> int:
        return MAX_MESSAGE

    def check_origin(self, origin: str) -> bool:
        return True  # ``get`` has looked

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return self._server.selected_subprotocol if self._server else None

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)
        self.service.open_sockets.add(self)
        self._pumping = asyncio.create_task(self._pump())

    async def _pump(self) -> None:
        server = self._server
        assert server is not None
        try:
            while (message := await server.read_message()) is not None:
                await self.write_message(message, binary=isinstance(message, bytes))
        except websocket.WebSocketClosedError:
            pass
        self.close(closable(server.close_code), server.close_reason)

    async def on_message(self, message: str | bytes) -> None:
        assert self._server is not None
        self.service.app.use()
        try:
            await self._server.write_message(message, binary=isinstance(message, bytes))
        except websocket.WebSocketClosedError:
            self.close(1011)

    def on_close(self) -> None:
        self._gone = True
        if self._pumping is not None:
            self._pumping.cancel()
        if self._server is not None:
            self._server.close(closable(self.close_code), self.close_reason)
        self.service.open_sockets.discard(self)
        self._let_go()

    def on_finish(self) -> None:
        if self.ws_connection is None:
            self._let_go()

    def _let_go(self) -> None:
        holds, self._holds = self._holds, ""
        if holds:
            self.service.sockets.leave(holds)


class StatusHandler(ServedHandler):
    """How the app stands, for the page that waits for it."""

    async def get(self) -> None:
        if not await self.admitted():
            return
        self.service.app.start()
        self.finish(asdict(self.service.app.status))


class AsOfHandler(ServedHandler):
    """The script that says from when the app's data are."""

    async def get(self) -> None:
        if await self.admitted():
            say_as_of(self)


def say_as_of(handler: web.RequestHandler) -> None:
    handler.set_header("Content-Type", "text/javascript; charset=utf-8")
    handler.set_header("Cache-Control", "private, max-age=3600")
    handler.finish(script())


class HealthHandler(web.RequestHandler):
    """For whoever watches over the service: 200 as long as readers can be served, though the app may sleep."""

    def initialize(self, service: Service) -> None:
        self.service = service

    def get(self) -> None:
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        status = self.service.app.status
        self.set_status(503 if status.state in ("failed", "gone") else 200)
        self.finish({"state": status.state})

    head = get

    def _log(self) -> None: ...


def is_named(request: httputil.HTTPServerRequest, hosts: Collection[str]) -> bool:
    """Whether a request names the server by an address, or by one of ``hosts``: a name that somebody else has pointed
    here would let a page of theirs read the app."""
    if not hosts:
        return True
    name = request.host_name.strip("[]").lower()
    if name in hosts:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_path(path: str, one: str) -> bool:
    """Whether ``path`` of a URL is ``one`` or ends with it, whatever of it is escaped, doubled or taken back."""
    parts: list[str] = []
    for part in re.split(r"[/\\]+", unquote(unquote(path)).lower()):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return f"/{'/'.join(parts)}".endswith(f"/{one.strip('/').lower()}")


def handlers(service: Service) -> list[Rule]:
    base, given = re.escape(service.base), {"service": service}
    return [
        Rule(PathMatches(base + "healthz"), HealthHandler, given),
        Rule(PathMatches(base + OURS + "status"), StatusHandler, given),
        Rule(PathMatches(base + OURS + re.escape(AS_OF)), AsOfHandler, given),
        *service.door.routes(service.base),
        Rule(UpgradeMatches(base + ".*"), ServedSocketHandler, given),
        Rule(PathMatches(".*"), ServedAppHandler, given),
    ]
