"""The links that readers of published apps get: who may open one is sent there; a sleeping app is woken first."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import parse_qsl, quote, urlencode

from jupyterhub.services.auth import HubOAuth, HubOAuthenticated, UserNotAllowed
from tornado import web

from ..errors import AppBuilderError
from ..publishing.base import NAME
from ..publishing.jupyterhub import JupyterHub, Server, is_for_everybody, publication_of, server_name

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

AGAIN = "appbuilder-again"
AGAIN_SECONDS = 15.0
"""After a failure a server is started again only when somebody asks for it, for so long."""
KNOWN = 10_000
STOP_SECONDS = 60.0
FRESH_SECONDS = 5
"""For how long the Hub's answer about somebody is taken."""
WAKING = 1_000

State = Literal["starting", "ready", "failed"]


@dataclass(slots=True)
class Waking:
    """A server that is being started."""

    state: State = "starting"
    message: str = "It was asleep."
    fraction: float | None = None
    url: str = ""
    failure: str = ""  # the id under which the log has the cause
    ended: float = 0.0
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Apps:
    """The published apps of a Hub, as the service sees them: by the Hub's own word, with the service's own token."""

    hub: JupyterHub
    prefix: str  # of the service: "/services/appbuilder/"
    clock: Callable[[], float] = time.monotonic
    waking: dict[tuple[str, str], Waking] = field(default_factory=dict[tuple[str, str], Waking])
    opened: dict[tuple[str, str, str], None] = field(default_factory=dict[tuple[str, str, str], None])

    async def find(self, owner: str, publication: str) -> Server | None:
        """The server of a publication; None where there is none."""
        there = await self.hub.server(owner, server_name(publication))
        try:
            return there if there and publication_of(there.options) == publication else None
        except ValueError:
            return None

    async def may_open(self, reader: Mapping[str, Any], owner: str, there: Server) -> bool:
        """Whether the Hub lets a user in. Who comes to an app for everybody is let in from now on."""
        name = str(reader["name"])
        if name == owner or reader.get("admin"):
            return True
        if await self.hub.is_shared(owner, there.name, name, set(map(str, reader.get("groups") or ()))):
            return True
        if not is_for_everybody(there.options):
            return False
        await self.hub.share(owner, there.name, user=name)
        return True

    def remember(self, reader: str, owner: str, publication: str) -> None:
        self.opened.pop((reader, owner, publication), None)
        self.opened[reader, owner, publication] = None
        while len(self.opened) > KNOWN:
            del self.opened[next(iter(self.opened))]

    def wake(self, owner: str, there: Server, *, again: bool = False) -> Waking:
        """Have it start, once for all who wait for it."""
        key = owner, there.name
        known = self.waking.get(key)
        if known and (
            known.state == "starting"
            or (known.state == "failed" and not again and self.clock() - known.ended < AGAIN_SECONDS)
        ):
            return known
        waking = self.waking[key] = Waking()
        waking.task = asyncio.ensure_future(self._wake(waking, owner, there.name))
        for old in [one for one, it in self.waking.items() if it.state != "starting"][:-WAKING]:
            del self.waking[old]
        return waking

    async def _wake(self, waking: Waking, owner: str, server: str) -> None:
        state: State = "failed"
        try:
            await self._settled(owner, server)
            await self.hub.start(owner, server)
            async for event in self.hub.progress(owner, server):
                if event.get("failed"):
                    raise RuntimeError(str(event.get("message") or "it says no more"))
                if event.get("ready"):
                    break
                progress = event.get("progress")
                waking.fraction = min(1.0, progress / 100) if isinstance(progress, (int, float)) else waking.fraction
            there = await self.hub.server(owner, server)
            if there is None or not there.ready:
                raise RuntimeError("it did not come up")
            waking.url, state = there.url, "ready"
        except Exception as error:
            waking.failure = secrets.token_hex(6)
            log.error("%s/%s could not be woken (request %s): %s", owner, server, waking.failure, error)
        finally:
            waking.ended, waking.state = self.clock(), state

    async def _settled(self, owner: str, server: str) -> None:
        """Wait for one that is about to stop, or that a restarted Hub looks at: it cannot start before."""
        async with asyncio.timeout(STOP_SECONDS):
            while (there := await self.hub.server(owner, server)) and there.is_held:  # noqa: ASYNC110
                await asyncio.sleep(0.5)


class AppHandler(HubOAuthenticated, web.RequestHandler):  # pyright: ignore[reportIncompatibleMethodOverride]
    """``apps/<owner>/<name>/…``: to the app, or a page that says why not."""

    def initialize(self, apps: Apps) -> None:
        self.apps = apps
        self.nonce = secrets.token_urlsafe(16)

    async def prepare(self) -> None:
        # Asked here: where a handler asks by itself, all others wait for the Hub's answer, too.
        model: Any = await cast("Any", self.hub_auth).get_user(self, sync=False)
        try:
            self._hub_auth_user_cache = self.check_hub_user(model) if model else None
        except UserNotAllowed:
            self._hub_auth_user_cache = None
            self._tell(
                403, "You may not use this service", "Ask an administrator of this Hub for access to it.", "", ""
            )

    def set_default_headers(self) -> None:
        self.set_header("Server", "Jupyter App Builder")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")

    @web.authenticated
    async def get(self, owner: str, publication: str, rest: str = "") -> None:
        reader = cast("dict[str, Any]", self.current_user)
        there = await self._opened(reader, owner, publication)
        if there is None:
            return
        address = there.url + _inside(rest) + (f"?{self.request.query}" if self.request.query else "")
        if there.ready and not there.pending:
            self.redirect(address)
            return
        again = self.get_query_argument(AGAIN, "") == "1"
        waking = self.apps.wake(owner, there, again=again)
        if again:  # once: the page is loaded again until the app is there
            self.redirect(self._without(AGAIN))
            return
        self._page("waking.html", 200, owner, publication, waking)

    def _without(self, name: str) -> str:
        kept = [(key, value) for key, value in parse_qsl(self.request.query, keep_blank_values=True) if key != name]
        return self.request.path + (f"?{urlencode(kept)}" if kept else "")

    async def _opened(self, reader: Mapping[str, Any], owner: str, publication: str) -> Server | None:
        """The app's server where they may open it; None once they were told that they may not."""
        name = str(reader.get("name"))
        if reader.get("kind", "user") != "user" or not NAME.fullmatch(publication):
            self._refuse(owner, publication)
            return None
        try:
            there = await self.apps.find(owner, publication)
            if there and await self.apps.may_open(reader, owner, there):
                self.apps.remember(name, owner, publication)
                return there
        except AppBuilderError as error:
            number = secrets.token_hex(6)
            log.error("%s/%s could not be looked up (request %s): %s", owner, publication, number, error)
            self._tell(
                503,
                "The Hub does not answer",
                f"Load this page again in a moment. Request {number}.",
                owner,
                publication,
            )
            return None
        if there is None and (name == owner or (name, owner, publication) in self.apps.opened):
            self._tell(
                410,
                "This app was taken down",
                "You have taken it down, or it was never published under this name."
                if name == owner
                else f"{owner} no longer publishes it. Ask {owner} where it is now.",
                owner,
                publication,
            )
            return None
        self._refuse(owner, publication)
        return None

    def _refuse(self, owner: str, publication: str) -> None:
        # The same whether there is such an app or not: names of others' apps are nobody's business.
        self._tell(
            403,
            "You have no access to this app",
            f"{owner} has not shared an app of this name with you, or has taken it down. Ask {owner} to share it.",
            owner,
            publication,
        )

    def _tell(self, status: int, title: str, text: str, owner: str, publication: str) -> None:
        self._page("notice.html", status, owner, publication, title=title, text=text)

    def _page(
        self, name: str, status: int, owner: str, publication: str, waking: Waking | None = None, **texts: str
    ) -> None:
        self.set_status(status)
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; style-src 'nonce-{self.nonce}'; script-src 'nonce-{self.nonce}'; connect-src 'self'; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        )
        self.set_header("Content-Type", "text/html; charset=utf-8")
        given: dict[str, str] = {"nonce": self.nonce, "app": publication, "owner": owner, **texts}
        page = re.sub(r"\{\{(\w+)\}\}", lambda found: html.escape(given.get(found[1], "")), _text(name))
        if waking:
            address = f"{self.apps.prefix}waking/{quote(owner, safe='')}/{publication}"
            state: dict[str, Any] = {
                "status": address,
                "xsrf": str(cast("bytes", self.xsrf_token), "ascii"),
                **_told(waking),
            }
            page = page.replace("/*STATE*/null", json.dumps(state).replace("<", "\\u003c"))
        self.finish(page)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self._tell(status_code, "This page cannot be shown", self._reason, "", "")


class StateHandler(AppHandler):
    """``waking/<owner>/<name>``: how far a server is that is being started."""

    @web.authenticated
    async def get(self, owner: str, publication: str, rest: str = "") -> None:
        there = await self._opened(cast("dict[str, Any]", self.current_user), owner, publication)
        if there is None:
            return
        waking = self.apps.waking.get((owner, there.name))
        if there.ready and not there.pending:
            waking = Waking("ready", url=there.url)
        elif waking is None or waking.state == "ready":
            waking = self.apps.wake(owner, there)
        self.finish(_told(waking))


def _told(waking: Waking) -> dict[str, Any]:
    return {"state": waking.state, "fraction": waking.fraction, "failure": waking.failure}


def _inside(rest: str) -> str:
    """The rest of a link as a path below the app, without a way out of it."""
    parts = [part for part in rest.split("/") if part not in ("", ".", "..")]
    return quote("/".join(parts), safe="/@:~!$&'()*+,;=") + ("/" if parts and rest.endswith("/") else "")


@cache
def _text(name: str) -> str:
    style = (Path(__file__).parents[1] / "preview" / "pages" / "pages.css").read_text(encoding="utf-8")
    return (Path(__file__).parent / "pages" / name).read_text(encoding="utf-8").replace("/*STYLE*/", style)


def waking_handlers(prefix: str, hub: JupyterHub) -> list[tuple[str, type[web.RequestHandler], dict[str, Any]]]:
    """The routes below the service's ``prefix``; ``hub`` with the service's own token."""
    HubOAuth.instance(cache_max_age=FRESH_SECONDS)  # also of where a login comes back to
    given = {"apps": Apps(hub, prefix)}
    return [
        (re.escape(prefix) + r"apps/([^/]+)/([^/]+)(?:/(.*))?", AppHandler, given),
        (re.escape(prefix) + r"waking/([^/]+)/([^/]+)", StateHandler, given),
    ]
