"""Apps that are published on this server, for whoever may reach it: ``<base_url>appbuilder/apps/<name>/``.

Who opens one logs in there, as anywhere on this server, and is sent to an address of their own (``publishing.readers``)
whose pages have an opaque origin. A navigation there is let in by the login again; what the page itself fetches cannot
show one, and is let in by the address.
"""

# pyright: reportIncompatibleMethodOverride=false
# Handlers of files take what their addresses hold.

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from jupyter_server.utils import ensure_async
from tornado import httputil, web
from tornado.routing import PathMatches, Rule

from ..preview import probe
from ..preview.capabilities import Visitor
from ..preview.handlers import PreviewHandler, wants_page
from ..preview.page_requests import PageRequestHandler
from ..publishing.readers import Opened, Readers
from ..publishing.site import NOT_FOUND, PAGE, TYPES, SiteFileHandler, type_of
from .base import AUTH_RESOURCE, AppBuilderMixin

LARGEST_PAGE = 32 * 1024 * 1024  # bytes; a larger one is shown without a storage, and never held in memory
NAME = r"(?P<name>[^/~]+)"

SCRIPTS = ("reader.js", "indexeddb.js")


class ReaderRequestHandler(PageRequestHandler):
    """What a published app's page asks besides its files: its script, its storage."""

    previews: Readers

    def visited(self, capability: str) -> Any:
        opened = self.previews.opened(capability)
        if opened is not None and not self.previews.may_ask(opened):
            self.set_status(429)
            self.set_header("Retry-After", "1")
            self.answer("", "Too many requests.\n")
            return None
        return super().visited(capability)

    @allow_unauthenticated
    async def get(self, capability: str, what: str) -> None:
        if what not in (*SCRIPTS, "databases"):
            raise web.HTTPError(404)
        await super().get(capability, what)

    @allow_unauthenticated
    async def post(self, capability: str, what: str) -> None:
        if what not in ("storage", "databases"):
            raise web.HTTPError(404)
        await super().post(capability, what)


class ReaderFileHandler(PreviewHandler, SiteFileHandler):  # pyright: ignore[reportIncompatibleVariableOverride]
    """The files of a published app, for its page."""

    SUPPORTED_METHODS = ("GET", "HEAD", "OPTIONS")
    previews: Readers

    def initialize(self) -> None:
        super().initialize(path="", default_filename=PAGE)

    def prepare(self) -> None:
        self.preflight()

    def compute_etag(self) -> str | None:
        return SiteFileHandler.compute_etag(self)

    @allow_unauthenticated
    async def get(self, capability: str, path: str, include_body: bool = True) -> None:
        opened = _opened(self, self.previews, capability)
        if opened is None:
            return
        self.root = str(self.previews.root(opened))
        await SiteFileHandler.get(self, path, include_body)

    @allow_unauthenticated
    async def head(self, capability: str, path: str) -> None:
        await self.get(capability, path, include_body=False)

    @allow_unauthenticated
    def options(self, capability: str, path: str) -> None:
        if not self.preflight():
            self.set_status(204)
            self.finish()

    def set_extra_headers(self, path: str) -> None:
        # A release never changes, and has an address of its own; pages are asked for anew all the same.
        page = path.endswith((".html", ".htm"))
        self.set_header("Cache-Control", "private, no-cache" if page else "private, max-age=31536000, immutable")


class DoorHandler(AppBuilderMixin):
    """The address that everybody has: sends who may come in on to their own."""

    SUPPORTED_METHODS = ("GET", "HEAD")

    @property
    def readers(self) -> Readers:
        return self.settings["appbuilder_readers"]

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Content-Security-Policy", self.readers.policy)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "strict-origin")

    @allow_unauthenticated
    async def get(self, name: str, path: str | None = None) -> None:
        if not self.current_user and wants_page(self.request.headers):
            await _log_in(self)
            return
        await self._enter(name, path)

    head = get

    @authorized("read")  # pyright: ignore[reportUntypedFunctionDecorator]
    async def _enter(self, name: str, path: str | None) -> None:
        publication = self.readers.published(name)
        if publication is None:
            self.set_status(404)
            self.finish(page("There is no app here", "It was taken down, or the address is another one."))
            return
        reader = self.readers.reader(publication, _name_of(self))
        self.redirect(self.readers.way_in(publication, reader) + _rest(self.request, self.readers.door(name)))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if status_code == 403 and wants_page(self.request.headers):
            self.set_header("Content-Type", TYPES[".html"])
            self.finish(page("You may not open this app", "Ask who gave you the address for access to this server."))
        else:
            super().write_error(status_code, **kwargs)

    def _log(self) -> None:
        """Nothing: an address of a reader's own is no matter of the server's request log."""


class ReaderPageHandler(DoorHandler, SiteFileHandler):
    """A navigation at a reader's own address."""

    def initialize(self) -> None:
        super().initialize(path="", default_filename=PAGE)

    @allow_unauthenticated
    async def get(self, capability: str, path: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        opened = self.readers.opened(capability)
        name = capability.partition("/")[0]
        framed = self.request.headers.get("Sec-Fetch-Dest", "document") != "document"
        # A page that navigates its own frame sends no cookie: there the address alone lets in.
        if not (framed and opened and not self.current_user):
            user = self.current_user
            if not user or not await ensure_async(self.authorizer.is_authorized(self, user, "read", AUTH_RESOURCE)):
                self.redirect(self.readers.door(name, _rest(self.request, f"{self.readers.prefix}{capability}/")))
                return
            publication = opened.publication if opened else None
            reader = self.readers.reader(publication, _name_of(self)) if publication else ""
            if opened is None or opened.reader != reader or opened.number != opened.publication.live:
                self.redirect(self.readers.door(name, _rest(self.request, f"{self.readers.prefix}{capability}/")))
                return
        visit = self.readers.visit(capability)
        if visit is None or visit.visitor is None:
            raise web.HTTPError(404)
        if not self.readers.may_ask(opened):
            self.set_status(429)
            self.set_header("Retry-After", "1")
            self.finish(page("Too many requests", "Wait a moment, then load the page again."))
            return
        await self._show(opened, visit.visitor, path)

    head = get

    async def _show(self, opened: Opened, visitor: Visitor, path: str) -> None:
        root = self.readers.root(opened)
        found = await asyncio.to_thread(_found, root, path)
        if found is None and path and not path.endswith("/") and await asyncio.to_thread(_found, root, f"{path}/"):
            self.redirect(f"{self.request.path}/")
            return
        if found is None:
            self.set_status(404)
            own = await asyncio.to_thread(_found, root, NOT_FOUND)
            if own is None:
                link = f'<a href="{html.escape(visitor.path)}">Open the app</a>'
                self.finish(page("There is no such page", link, is_html=True))
                return
            found = own
        elif self.request.method == "GET" and type_of(str(found)) == TYPES[".html"]:
            await asyncio.to_thread(self.readers.visits(opened.publication.name).add)
        self.set_header("Access-Control-Allow-Origin", "*")
        if type_of(str(found)) != TYPES[".html"]:  # a picture, a document
            self.root = str(root)
            await SiteFileHandler.get(self, path, include_body=self.request.method == "GET")
            return
        content = await asyncio.to_thread(_with_storage, found, visitor)
        if content is None:
            self.root = str(root)
            shown = f"{path}{PAGE}" if path == "" or path.endswith("/") else path
            await SiteFileHandler.get(self, shown, include_body=self.request.method == "GET")
            return
        self.set_header("Content-Type", probe.content_type("text/html", content))
        self.finish(content if self.request.method == "GET" else b"")


def _found(root: Path, path: str) -> Path | None:
    """The file of a site that a navigation to ``path`` shows; None for none."""
    if "\0" in path or "\\" in path or path.endswith(".map") or len(path) > 2000:
        return None
    place = root / path
    if not f"{place.resolve()}/".startswith(f"{root.resolve()}/") or ".." in path.split("/"):
        return None
    if path == "" or path.endswith("/"):
        place = place / PAGE
    return place if place.is_file() and not place.is_symlink() else None


def _with_storage(file: Path, visitor: Visitor) -> bytes | None:
    """A page with what its reader has stored, and the script that gives it to the page; None for one too large."""
    with file.open("rb") as opened:
        content = opened.read(LARGEST_PAGE + 1)
    return probe.inserted(content, probe.tags(visitor, {}, "reader.js")) if len(content) <= LARGEST_PAGE else None


async def _log_in(handler: AppBuilderMixin) -> None:
    """Send a browser to the login page, and back afterwards."""

    @web.authenticated
    def nothing(_: Any) -> None:
        """Only who is logged in comes here."""

    nothing(handler)


def _name_of(handler: AppBuilderMixin) -> str:
    user: Any = handler.current_user
    return str(getattr(user, "username", user))


def _rest(request: httputil.HTTPServerRequest, path: str) -> str:
    """What follows ``path`` in a request's address, with its query less what logs in."""
    arguments = [part for part in (request.query or "").split("&") if part and not part.startswith("token=")]
    query = f"?{'&'.join(arguments)}" if arguments else ""
    return request.path.removeprefix(path).lstrip("/") + query if request.path.startswith(path) else query


def _opened(handler: PreviewHandler, readers: Readers, capability: str) -> Opened | None:
    """What a request's address opens; None, after answering it, for nothing."""
    opened = readers.opened(capability)
    if opened is None:
        handler.set_status(404)
        handler.answer("", "This address has ended. Open the app again.\n")
    elif handler.request.headers.get("Service-Worker"):
        handler.set_status(403)
        handler.answer("", "A published app cannot have a service worker here.\n")
        return None
    elif not readers.may_ask(opened):
        handler.set_status(429)
        handler.set_header("Retry-After", "1")
        handler.answer("", "Too many requests.\n")
        return None
    return opened


def page(title: str, text: str, *, is_html: bool = False) -> str:
    """A small page of ours."""
    said = text if is_html else html.escape(text)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>:root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,"
        "sans-serif;margin:20vh auto;max-width:30em;padding:0 1em}</style>"
        f"<main><h1>{html.escape(title)}</h1><p>{said}</p></main></html>\n"
    )


class _Navigation(PathMatches):
    """A browser goes to a page, or shows it in a frame."""

    def match(self, request: httputil.HTTPServerRequest) -> dict[str, Any] | None:
        if request.method not in ("GET", "HEAD") or not wants_page(request.headers):
            return None
        return super().match(request)


def published_handlers(readers: Readers) -> list[Rule]:
    """The routes of apps that are published here."""
    prefix = re.escape(readers.prefix)
    capability = r"(?P<capability>[^/~]+/~[^/]+)"
    arguments = {"previews": readers}
    return [
        Rule(PathMatches(f"{prefix}{capability}/__appbuilder/(?P<what>[a-z.]+)"), ReaderRequestHandler, arguments),
        Rule(_Navigation(f"{prefix}{capability}/(?P<path>.*)"), ReaderPageHandler),
        Rule(PathMatches(f"{prefix}{capability}/(?P<path>.*)"), ReaderFileHandler, arguments),
        Rule(PathMatches(f"{prefix}{NAME}"), DoorHandler),
        Rule(PathMatches(f"{prefix}{NAME}/(?P<path>.*)"), DoorHandler),
    ]
