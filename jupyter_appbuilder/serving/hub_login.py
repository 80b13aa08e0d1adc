"""On a JupyterHub: who reads logs in there, and reads for as long as the app is shared with them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from jupyterhub import __version__ as hub_version
from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler, HubOAuthenticated
from tornado import web

from ..errors import AppBuilderError
from ..preview.handlers import wants_page
from ..publishing.jupyterhub import IDLE, JupyterHub, Shares
from . import pages

FRESH_SECONDS = 3.0
"""For how long the Hub's word about a reader is taken: whoever is let in no more reads no longer than that."""
GRACE_SECONDS = 120.0
"""The same while the Hub does not answer, as when it restarts, for readers whom it let in before."""
WATCH_SECONDS = 2.0
"""Between two looks at readers whose pages are open."""
ACTIVITY_SECONDS = 300.0
VISIT_SECONDS = 4 * 3600.0
"""For how long what a page does by itself may pass for somebody who uses it: a page that is left open asks for ever."""
LOGIN_SECONDS = 600.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class HubReader:
    """Somebody whom the Hub knows and the owner lets in. ``token`` is theirs, for this app alone."""

    name: str
    token: str = field(repr=False)
    session: str = field(repr=False)
    checked: float = float("-inf")  # when the Hub was asked last
    confirmed: float = float("-inf")  # when it last said yes
    checking: asyncio.Task[bool] | None = None


class HubDoor:
    """Asks the Hub about readers. ``owner`` and ``server`` name this server there."""

    def __init__(
        self, hub: JupyterHub, owner: str, server: str, auth: HubOAuth, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.auth = auth
        self._hub = hub
        self._owner = owner
        self._server = server
        self._clock = clock
        self._shares = Shares()
        self._shares_at = float("-inf")
        self._asking: asyncio.Task[Shares] | None = None
        self._told_of_shares = False
        self._active_at = time.time()
        self._reported = self._active_at  # starting it is known to the Hub

    @staticmethod
    def of_environment() -> HubDoor:
        """That of the named server which this process is."""
        hub = JupyterHub.of_environment()
        assert hub is not None
        given: dict[str, Any] = json.loads(os.environ.get("JUPYTERHUB_COOKIE_OPTIONS") or "{}")
        auth = HubOAuth.instance(
            cookie_options={"samesite": "Lax", **given}, cache_max_age=1, oauth_state_max_age=int(LOGIN_SECONDS)
        )
        return HubDoor(hub, os.environ["JUPYTERHUB_USER"], os.environ["JUPYTERHUB_SERVER_NAME"], auth)

    async def somebody(self, handler: web.RequestHandler) -> tuple[HubReader | None, bool]:
        """Who is logged in there, and whether they may read. Raises ``tornado.web.HTTPError`` where the Hub does not
        answer."""
        token = self.token_of(handler)
        if not token:
            return None, False
        session = self.auth.get_session_id(handler)
        model = await self._model(token, session)
        if not model:
            return None, False
        reader = HubReader(str(model["name"]), token, session)
        may = await self._admits(model)
        if may:
            reader.checked = reader.confirmed = self._clock()
        return reader, may

    def token_of(self, handler: web.RequestHandler) -> str:
        """The token in the cookie that a login here left."""
        token = handler.get_secure_cookie(self.auth.cookie_name)
        return token.decode("ascii", "replace") if token else ""

    async def still(self, reader: HubReader) -> bool:
        """Whether who was let in may still read."""
        if self._clock() - reader.checked < FRESH_SECONDS:
            return reader.confirmed == reader.checked
        if reader.checking is None or reader.checking.done():
            reader.checking = asyncio.create_task(self._check(reader))
        return await asyncio.shield(reader.checking)

    async def _check(self, reader: HubReader) -> bool:
        try:
            model = await self._model(reader.token, reader.session)
            may = model is not None and model["name"] == reader.name and await self._admits(model)
        except web.HTTPError:
            return self._clock() - reader.confirmed < GRACE_SECONDS
        now = reader.checked = self._clock()
        if may:
            reader.confirmed = now
        return may

    async def _model(self, token: str, session: str) -> dict[str, Any] | None:
        asked = cast("Any", self.auth).user_for_token(token, use_cache=False, session_id=session, sync=False)
        return await asked

    async def _admits(self, model: Mapping[str, Any]) -> bool:
        if model.get("kind", "user") != "user":
            return False
        if self.auth.check_scopes(self.auth.access_scopes, cast("dict[str, Any]", model)):
            return True
        # A reader's token knows nothing of what is shared with their groups (JupyterHub 6.1).
        groups = set(map(str, model.get("groups") or ()))
        return bool(groups) and bool(groups & (await self._shared()).groups)

    async def _shared(self) -> Shares:
        """Who the app is shared with. Raises ``tornado.web.HTTPError`` where the Hub does not answer."""
        if self._clock() - self._shares_at < FRESH_SECONDS:
            return self._shares
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._hub.readers(self._owner, self._server))
        try:
            self._shares = await asyncio.shield(self._asking)
        except AppBuilderError as error:
            if error.status != 403:
                raise web.HTTPError(503) from None
            if not self._told_of_shares:
                self._told_of_shares = True
                log.warning("Groups cannot be let in: this server's token lacks the scope read:shares!server.")
            self._shares = Shares()
        self._shares_at = self._clock()
        return self._shares

    # Activity

    def active(self) -> None:
        """Somebody uses the app."""
        self._active_at = time.time()

    async def report(self) -> None:
        """Tell the Hub since when nobody used it, so that its culler knows."""
        at = self._active_at
        if at <= self._reported:
            return
        try:
            await self._hub.active(self._owner, self._server, datetime.fromtimestamp(at, UTC).isoformat())
            self._reported = at
        except AppBuilderError as error:
            log.info("The Hub was not told that the app is used: %s", error.message)

    async def stop_when_idle(self) -> None:
        """Have the Hub stop this server once nobody used it for long enough: the Hub's proxy takes each request of a
        page that is left open for a use, so its culler never does."""
        limit = _seconds(IDLE, 0.0)
        if not limit or time.time() - self._active_at < limit:
            return
        log.info("Nobody used the app for %.0f s: the Hub is asked to stop this server.", limit)
        self.active()  # where it refuses, it is asked again as late
        try:
            await self._hub.stop(self._owner, self._server)
        except AppBuilderError as error:
            log.warning("The Hub does not stop this server: %s", error.message)


def activity_seconds() -> float:
    """How often the Hub wants to know."""
    return max(1.0, _seconds("JUPYTERHUB_ACTIVITY_INTERVAL", ACTIVITY_SECONDS))


def _seconds(variable: str, default: float) -> float:
    try:
        return float(os.environ.get(variable) or default)
    except ValueError:
        return default


class LoginHandler(HubOAuthenticated, web.RequestHandler):  # pyright: ignore[reportIncompatibleMethodOverride]
    """The address that everybody has: sends who may read on to an address of their own, others to the login."""

    SUPPORTED_METHODS = ("GET", "HEAD")  # pyright: ignore[reportIncompatibleVariableOverride, reportAssignmentType]

    def initialize(self, door: HubDoor, let_in: Callable[[HubReader], str], base: str) -> None:
        self.door = door
        self._let_in = let_in
        self._base = base

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in (
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-JupyterHub-Version", hub_version),
            ("Content-Security-Policy", "frame-ancestors 'self'; sandbox allow-scripts allow-forms"),
        ):
            self.set_header(name, value)

    async def get(self, rest: str) -> None:
        reader, may = await self.door.somebody(self)
        if may and reader:
            query = f"?{self.request.query}" if self.request.query else ""
            self.redirect(self._let_in(reader) + self.request.path.removeprefix(self._base).lstrip("/") + query)
        elif reader:
            self._say(
                403,
                "You have no access to this app",
                f"It is not shared with {reader.name}. Ask who gave you the link to share it with you.",
            )
        elif self.request.method == "GET" and wants_page(self.request.headers):
            self.redirect(str(cast("Any", self).get_login_url()))
        else:
            self._say(401, "Log in first", "Open the app in a browser.")

    head = get

    def _say(self, status: int, title: str, text: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(pages.message(title, text, ""))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if status_code >= 500:
            self._say(503, "The Hub does not answer", "Load this page again in a moment.")
        else:
            self._say(status_code, "This page cannot be shown", self._reason)

    def _log(self) -> None:
        """Requests are not logged: no more is kept of readers than visits by day."""

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if isinstance(value, web.HTTPError):
            log.info("A login could not be looked up: %s", value.status_code)
            return
        super().log_exception(typ, value, tb)


class CallbackHandler(HubOAuthCallbackHandler):
    """Where a login at the Hub comes back to."""

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        text = "Open the link of the app again." if status_code < 500 else "Load the link of the app again in a moment."
        self.finish(pages.message("You could not be logged in", text, ""))

    def _log(self) -> None:
        """Nothing: its address holds the code of a login."""

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        log.warning("A login came to nothing: %s", getattr(value, "log_message", None) or typ.__name__)


class LogoutHandler(LoginHandler):
    """Ends this login here, and goes on to the Hub's own logout."""

    SUPPORTED_METHODS = ("GET",)  # pyright: ignore[reportIncompatibleVariableOverride, reportAssignmentType]

    async def get(self, rest: str = "") -> None:
        if self.request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            self._say(403, "Not logged out", "Another page asked for it. Open this address yourself.")
            return
        token = self.door.token_of(self)
        self.door.auth.clear_cookie(self)
        self._let_in(HubReader("", token, ""))
        self.redirect(f"{self.door.auth.hub_host}{self.door.auth.hub_prefix}logout")
