"""A look at a session for other people: the links to it, the page that they lead to, and copies to other servers.

``<base_url>appbuilder/looks/<look>/`` shows what was asked and answered, the versions and how the app looked: a page
without scripts that holds all it shows, so that nothing else of this server is asked for. Who may use this server sees
it as they are. Others come from the Hub's service with a code (``enter``), and have a cookie that is good for this page
alone, for as long as the link names them.
"""

# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import asyncio
import html
import json
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from tornado import web

from ..errors import AppBuilderError, Forbidden, NotFound
from ..preview.capabilities import new_key
from ..preview.handlers import remember, wants_page
from ..publishing.jupyterhub import hub_address
from ..publishing.look_service import LARGEST
from ..session.looks import DAYS, ID, PATH, Look, Viewer, add, is_on_hub, link_of, unavailable
from .base import AppBuilderHandler, AppBuilderMixin
from .published import page

if TYPE_CHECKING:
    from ..events import Event
    from ..session.template import LeftOut

COOKIE = "appbuilder-look"
LOGIN = "jupyterhub-session-id"
"""The Hub's cookie for all its servers; another one after a logout."""
VISIT_SECONDS = 600.0
"""Then the Hub is asked again who it is, without a word to them."""
MOST_VISITS = 2_000
AT_ONCE = 2
"""Pages that are made at a time."""
COPY_SECONDS = 5.0
"""Between two copies for one visit."""
MOST_VERSIONS = 200
LEFT_OUT = "left-out.json"
LONGEST_TITLE = 80
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-same-origin allow-popups"
)
FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Without a sandbox, which would hold for the frame too: nothing runs here anyway."""
APP_NOTE = "A copy of the newest version: others who look see what you do in it, and it goes when nobody looks."
FRAME_STYLE = """
:root { color-scheme: light dark; } html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; font: 14px/1.4 system-ui, sans-serif; overflow-wrap: anywhere; }
header { padding: .4rem .75rem; border-block-end: 1px solid color-mix(in srgb, CanvasText 22%, Canvas); }
header span { color: color-mix(in srgb, CanvasText 70%, Canvas); }
iframe { flex: 1; min-height: 0; border: 0; background: white; }
"""
STYLE = """
.look { margin: 1.5rem 0; padding: .75rem 1rem; border: var(--edge); border-radius: 8px; }
.look p { margin: .25rem 0; } .look ol { margin: .5rem 0 0; padding-inline-start: 2rem; }
.look li > * { margin-inline-end: .5rem; }
.copy { display: inline-block; margin-block-start: .5rem; padding: .35rem .9rem; border: 1px solid currentColor; }
.copy { border-radius: 6px; text-decoration: none; }
"""


# The links, for who made the app


class LooksHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        found = await self.session(session)
        looks = await asyncio.to_thread(self.builder.looks.all, found.id)
        told = {"looks": [look.to_json() for look in looks], "hub": is_on_hub(), "unavailable": unavailable()}
        self.answer(told)

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("readers", "users", "groups", "days", "copies", "app")
        readers = body.choice("readers", ("people", "everybody"))
        users = body.texts("users") if "users" in body else []
        groups = body.texts("groups") if "groups" in body else []
        days = body.number("days", DAYS)
        copies, app = body.truth("copies", default=True), body.truth("app", default=True)
        found = await self.ready_session(session)
        made = await add(self.builder.looks, found.id, readers, users, groups, days=days, copies=copies, app=app)
        self.answer(made.to_json(), 201)


class SharedLookHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def delete(self, session: str, look: str) -> None:
        found = await self.session(session)
        await asyncio.to_thread(self.builder.looks.remove, found.id, look)
        self.set_status(204)
        self.finish()


# An app that somebody else sent


class CopyHandler(AppBuilderHandler):
    """What waits for whose server this is: look what it is, then make an app of it."""

    @web.authenticated
    @authorized
    async def get(self, copy: str) -> None:
        content, left_out, by = await self._fetched(copy)
        files = [data for path, (_, data) in content.items() if path.startswith("files/")]
        told = {"title": _title(content), "by": by, "files": len(files), "bytes": sum(map(len, files))}
        self.answer(told | {"left_out": left_out})

    @web.authenticated
    @authorized
    async def post(self, copy: str) -> None:
        self.body()
        content, _, by = await self._fetched(copy)
        title = _title(content)
        template = await self.builder.library.take(content, title)
        session = await self.builder.create(title=f"{title} (by {by})"[:LONGEST_TITLE], template=template.name)
        self.set_header("Location", f"{self.request.path.rsplit('/', 2)[0]}/sessions/{session.id}")
        self.answer(session.to_json(), 201)

    async def _fetched(self, copy: str) -> tuple[dict[str, tuple[bool, bytes]], list[Any], str]:
        from ..templates.packs import unpacked

        service = self.builder.look_service
        if service is None:
            raise NotFound(
                "This server gets no apps from others: no service of a JupyterHub is known to it.",
                hint="Open the link on your Hub.",
                reason="no_hub_service",
            )
        handed = await service.handed(copy)
        content, more = await asyncio.to_thread(unpacked, handed.pack, LEFT_OUT)
        return content, _left_out(more.get(LEFT_OUT, b"[]")), handed.by


def _title(content: dict[str, tuple[bool, bytes]]) -> str:
    """What the app is called, as its template says it."""
    import tomllib

    try:
        title = tomllib.loads(content["template.toml"][1].decode())["title"]
    except (KeyError, ValueError, RecursionError):
        title = ""
    return " ".join(str(title).split())[:LONGEST_TITLE] or "App"


def _left_out(data: bytes) -> list[Any]:
    """What the sender says is not in it, of the form that the API has."""
    found: list[Any] = []
    try:
        told: Any = json.loads(data)
        for one in told[:10]:
            names = [str(name)[:200] for name in one["names"][:20]]
            found.append({"what": str(one["what"])[:40], "names": names, "count": int(one["count"])})
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return found


# The page


@dataclass(slots=True)
class Visit:
    viewer: Viewer
    look: str
    login: str  # the Hub's name for the login that they came with: it ends with that
    at: float
    copied: float = float("-inf")
    key: str = field(default_factory=new_key)  # as a visitor of the app's preview


@dataclass(slots=True)
class Visits:
    """Who was sent here by the Hub's service. Nothing of it outlives the server: then they are sent once more."""

    clock: Callable[[], float] = time.monotonic
    building: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    """Held while a page is made: the owner's own work goes on beside it."""
    _known: dict[str, Visit] = field(default_factory=dict[str, Visit])

    def begin(self, viewer: Viewer, look: str, login: str) -> str:
        now = self.clock()
        for key in [key for key, visit in self._known.items() if now - visit.at > VISIT_SECONDS]:
            del self._known[key]
        while len(self._known) >= MOST_VISITS:
            del self._known[next(iter(self._known))]
        key = secrets.token_urlsafe(32)
        self._known[key] = Visit(viewer, look, login, now)
        return key

    def find(self, key: str, look: str, login: str) -> Visit | None:
        visit = self._known.get(key)
        if visit is None or (visit.look, visit.login) != (look, login) or self.clock() - visit.at > VISIT_SECONDS:
            return None
        return visit


class _LookPage(AppBuilderMixin):
    SUPPORTED_METHODS = ("GET",)
    # Who looks does not keep the server of somebody else awake.
    _track_activity = False

    def initialize(self, visits: Visits) -> None:
        self.visits = visits

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")

    def say(self, status: int, title: str, text: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(page(title, text))

    def visit(self, look: str) -> Visit | None:
        """That of who asks, as the Hub's service sent them."""
        return self.visits.find(self.get_cookie(COOKIE) or "", look, self.get_cookie(LOGIN) or "")

    async def admitted(self, id: str) -> tuple[Look, Viewer | None] | None:
        """The link, and who follows it (None: who may use this server); None after answering the request."""
        visit = self.visit(id)
        if self.current_user:
            return await self._of_this_server(id)
        if visit is None:
            await self._send_away(id)
            return None
        look = await asyncio.to_thread(self.builder.looks.find, id)
        if look is None:
            self._ended()
        elif not look.admits(visit.viewer):
            self._refused(visit.viewer)
        else:
            return look, visit.viewer
        return None

    @authorized("read")  # pyright: ignore[reportUntypedFunctionDecorator]
    async def _of_this_server(self, id: str) -> tuple[Look, None] | None:
        look = await asyncio.to_thread(self.builder.looks.find, id)
        if look is None:
            self._ended()
            return None
        return look, None

    async def _send_away(self, id: str) -> None:
        """To the Hub's service, which knows who they are; without a Hub to this server's login."""
        if not wants_page(self.request.headers):
            raise web.HTTPError(403)
        if is_on_hub():
            if not (link := link_of(id)) or not ID.fullmatch(id):
                raise web.HTTPError(403)
            self.redirect(link)
            return

        @web.authenticated
        def log_in(_: Any) -> None:
            """Only who is logged in comes here."""

        log_in(self)

    def _ended(self) -> None:
        self.say(404, "This link has ended", "It was taken back, or its time is over. Ask who gave it to you.")

    def _refused(self, viewer: Viewer) -> None:
        text = f"The link is not for {viewer.name}. Ask who gave it to you to add your name."
        self.say(403, "You have no access to this session", text)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if not wants_page(self.request.headers):
            super().write_error(status_code, **kwargs)
            return
        text = f"{error.message} {error.hint}" if isinstance(error, AppBuilderError) else "Try again in a moment."
        if status_code == 403 and not isinstance(error, AppBuilderError):
            text = "Open the link that you were given."
        self.say(status_code, "The session cannot be shown", text)

    def _log(self) -> None:
        """Nothing: who looks, and with what code, is no matter of the server's request log."""


class LookEntryHandler(_LookPage):
    """Where the Hub's service sends people."""

    @allow_unauthenticated
    async def get(self, look: str) -> None:
        service = self.builder.look_service
        code = self.get_query_argument("code", "")
        path = f"{self.base_url}{PATH}{look}/"
        if service is None or not code or not ID.fullmatch(look):
            raise web.HTTPError(403)
        try:
            name, groups = await service.viewer(code)
        except NotFound:
            if self.visit(look):  # a page that was loaded again
                self.redirect(path)
            else:
                self.say(403, "This address was good once", "Open the link that you were given.")
            return
        viewer = Viewer(name, groups)
        found = await asyncio.to_thread(self.builder.looks.find, look)
        if found is None:
            self._ended()
            return
        if self.current_user:  # the owner, who sees it as they are
            self.redirect(path)
            return
        if not found.admits(viewer):
            self._refused(viewer)
            return
        secure = self.request.protocol == "https"
        key = self.visits.begin(viewer, look, self.get_cookie(LOGIN) or "")
        self.set_cookie(COOKIE, key, path=path, httponly=True, samesite="Lax", secure=secure)
        self.redirect(path)


class LookPageHandler(_LookPage):
    """What was asked and answered, the versions, and how the app looked."""

    @allow_unauthenticated
    async def get(self, look: str) -> None:
        from ..client.transcript import transcript_of

        if (let_in := await self.admitted(look)) is None:
            return
        found, viewer = let_in
        try:
            session = await self.session(found.session)
            events = await session.events()
        except NotFound:
            self._ended()
            return
        owner = self._owner()

        def heading(mask: Callable[[str], str]) -> str:
            return _heading(found, viewer, owner, events, mask)

        async with self.visits.building:
            text = await transcript_of(self.builder, session.summary, events, heading)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(text)

    def _owner(self) -> str:
        import os

        return os.environ.get("JUPYTERHUB_USER", "")


class AppHandler(_LookPage):
    """The app as it runs, in a frame whose pages have an origin of their own and no right on this one."""

    @allow_unauthenticated
    async def get(self, look: str) -> None:
        if (let_in := await self.admitted(look)) is None:
            return
        found, viewer = let_in
        if not found.app:
            raise Forbidden("The app is not shown by this link.", hint="Ask who gave it to you.", reason="no_app")
        try:
            session = await self.ready_session(found.session)
        except NotFound:
            self._ended()
            return
        session.require_owned()
        newest = next((e.data["checkpoint"] for e in reversed(session.stored) if e.type == "checkpoint.created"), "")
        again = self.get_query_argument("again", "") == "1"
        status = await session.shown_app.open(look, newest, again=again)
        if again:
            self.redirect("app")  # once: the page is loaded again until it is there
        elif status["state"] == "ready" and status["url"]:
            await self._frame(session.summary.title, status["url"], viewer)
        elif status["state"] in ("failed", "stopped"):
            self._waiting("The app cannot be shown", "It did not start.", '<a href="app?again=1">Try again</a>')
        else:
            self.set_header("Refresh", "2")
            self._waiting("The app starts", "This takes some seconds, the first time up to some minutes.", "")

    async def _frame(self, title: str, path: str, viewer: Viewer | None) -> None:
        previews = self.builder.previews
        visit = previews.visit(path.rstrip("/").rpartition("/")[2])
        if visit is None:
            self.redirect("app")
            return
        known = self.visit(self.path_kwargs["look"])
        key = known.key if known else previews.person
        remember(self, previews, key)
        address = html.escape(previews.enter(visit.preview, key).path)
        self.set_header("Content-Security-Policy", FRAME_POLICY)
        name = html.escape(" ".join(title.split())[:200]) or "App"
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{name}</title><style>{FRAME_STYLE}</style>"
            f'<header><a href="./">Back</a> <strong dir="auto">{name}</strong> <span>{APP_NOTE}</span></header>'
            f'<iframe title="{name}" src="{address}" sandbox="allow-scripts allow-forms allow-modals"></iframe>\n'
        )

    def _waiting(self, title: str, text: str, more: str) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        said = html.escape(text)
        self.finish(page(title, f'{said} {more} <a href="./">Back</a>', is_html=True))


class CopyAwayHandler(_LookPage):
    """Sends the app to the viewer's own server, which asks them first."""

    @allow_unauthenticated
    async def get(self, look: str) -> None:
        from ..session.template import content_of
        from ..templates.packs import packed

        if self.request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise web.HTTPError(403)
        if (let_in := await self.admitted(look)) is None:
            return
        found, viewer = let_in
        service = self.builder.look_service
        if viewer is None or service is None:
            raise Forbidden(
                "You may use the server that has this app.", hint="Fork it in the panel there.", reason="own_server"
            )
        if not found.copies:
            raise Forbidden("Copies are not allowed.", hint="Ask who gave you the link.", reason="no_copies")
        visit = self.visit(look)
        assert visit is not None
        now = self.visits.clock()
        if now - visit.copied < COPY_SECONDS:
            self.say(429, "One moment", "The app is on its way. Load this page again in some seconds.")
            return
        visit.copied = now
        try:
            session = await self.ready_session(found.session)
        except NotFound:
            self._ended()
            return
        title = " ".join(session.summary.title.split())[:LONGEST_TITLE] or "App"
        content, left_out = await content_of(session, self.builder.library, title, f"A copy of {title}.")
        more = {LEFT_OUT: json.dumps([one.to_json() for one in _told(left_out)]).encode()}
        pack = await asyncio.to_thread(packed, content, more, LARGEST)
        copy = await service.hand_over(viewer.name, pack)
        self.redirect(hub_address(f"/hub/user-redirect/lab?appbuilder-copy={quote(copy, safe='')}"))


def _told(left_out: Sequence[LeftOut]) -> list[LeftOut]:
    """What is not in a copy, without the names of the owner's secrets and attachments."""
    from ..session.template import LeftOut

    return [one if one.what in ("data", "links") else LeftOut(one.what, (), one.count) for one in left_out]


def _heading(look: Look, viewer: Viewer | None, owner: str, events: Sequence[Event], mask: Callable[[str], str]) -> str:
    from ..session.versions import names_of

    day = time.strftime("%Y-%m-%d", time.gmtime(look.until))
    whose = f"{owner} shows you this session" if owner and viewer else "This is what others see"
    parts = [f"<style>{STYLE}</style>", '<section class="look">', f"<p>{html.escape(whose)}, until {day} (UTC).</p>"]
    parts.append("<p>You see it as it is now. Nothing that you do here changes it.</p>")
    if look.app:
        parts.append('<a class="copy" href="app">Open the app</a> ')
    if viewer and look.copies:
        parts.append('<a class="copy" href="copy">Make an app of your own of it</a>')
    names = names_of(events)
    versions = [event for event in events if event.type == "checkpoint.created"]
    if versions:
        parts.append(f"<details open><summary>{len(versions):,} version{'s'[: len(versions) > 1]}</summary>")
        parts.append(f'<ol reversed start="{len(versions)}">')
        for event in reversed(versions[-MOST_VERSIONS:]):
            title = html.escape(mask(names.get(event.data["checkpoint"]) or event.data["title"])[:200])
            turn = event.data["turn"]
            title = f'<a href="#{html.escape(turn)}">{title}</a>' if turn else f"<span>{title}</span>"
            at = event.to_json()["at"]
            moment = f'<time datetime="{html.escape(at)}">{html.escape(at[:16].replace("T", " "))}</time>'
            parts.append(f'<li><span dir="auto">{title}</span>{moment}</li>')
        parts.append("</ol></details>")
    return "".join([*parts, "</section>"])


def look_handlers(base_url: str) -> list[tuple[str, type[web.RequestHandler], dict[str, Any]]]:
    """The routes of the page."""
    below = re.escape(f"{base_url}{PATH}") + "(?P<look>[^/]+)"
    given = {"visits": Visits()}
    return [
        (below + "/enter", LookEntryHandler, given),
        (below + "/app", AppHandler, given),
        (below + "/copy", CopyAwayHandler, given),
        (below + "/", LookPageHandler, given),
    ]
