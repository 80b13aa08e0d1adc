"""Routes below a capability URL, and what all their responses have in common."""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any, ClassVar

from tornado import httputil, web
from tornado.routing import PathMatches, Rule

from . import pages
from .capabilities import Previews, Visit, redacted

log = logging.getLogger(__name__)

WAKE_SECONDS = 20.0
"""How long a request is held while the app wakes."""


class PreviewHandler(web.RequestHandler):
    """Answers without a login: the capability in the path is what authorises, for this one preview only.

    A plain tornado handler on purpose: nothing of the user (identity, cookies, XSRF token, the server's own headers)
    can slip into an answer, and the command line mounts the same routes without a Jupyter server.
    """

    SUPPORTED_METHODS: ClassVar[tuple[str, ...]] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")  # pyright: ignore[reportIncompatibleVariableOverride]

    # A page that polls must not keep an idle Hub server alive.
    _track_activity = False

    def __init__(
        self, application: web.Application, request: httputil.HTTPServerRequest, *, previews: Previews, **kwargs: Any
    ) -> None:
        self.previews = previews  # before tornado asks for the default headers
        super().__init__(application, request, **kwargs)

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Content-Security-Policy", self.previews.policy)
        self.set_header("Referrer-Policy", "strict-origin")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("Access-Control-Expose-Headers", "*")
        self.set_header("Cache-Control", "no-store")

    def visited(self, capability: str) -> Visit | None:
        """The visit that this request belongs to; None, after answering the request, if there is none."""
        visit = self.previews.visit(capability)
        if visit is None:
            self.set_status(404)
            self.answer(pages.ended(), "This preview has ended. Reopen it from JupyterLab.\n")
            return None
        if self.request.headers.get("Service-Worker"):
            self.set_status(403)
            self.answer("", "A preview cannot have a service worker.\n")
            return None
        if visit.visitor is None and (key := self._known_key):
            visit.visitor = self.previews.visitor(visit.preview, key)
        return visit

    @property
    def _known_key(self) -> str | None:
        """The key of the visitor that this browser says it is."""
        return known_key(self, self.previews)

    def remember(self, key: str) -> None:
        """Let the browser be this visitor the next time as well, whatever the capability is then."""
        remember(self, self.previews, key)

    def answer(self, page: str, text: str) -> None:
        """Finish with ``page`` for a browser that asked for one, with ``text`` for anything else."""
        if page and wants_page(self.request.headers):
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(page)
        else:
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(text)

    def preflight(self) -> bool:
        """Answer a CORS preflight; whether it was one."""
        wanted = self.request.headers.get("Access-Control-Request-Method")
        if self.request.method != "OPTIONS" or not wanted:
            return False
        self.set_status(204)
        self.set_header("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
        self.set_header(
            "Access-Control-Allow-Headers", self.request.headers.get("Access-Control-Request-Headers") or "*"
        )
        self.set_header("Access-Control-Max-Age", "7200")
        self.finish()
        return True

    def check_xsrf_cookie(self) -> None:
        """No cookie authorises here, so there is nothing to forge."""

    def check_trusted_origin(self, origin: str) -> bool:
        """The page's own origin is opaque (``null``); the capability was checked instead."""
        return True

    def compute_etag(self) -> None:
        return None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {self._reason}\n")

    def _request_summary(self) -> str:
        return f"{self.request.method} {redacted(self.request.path)}"

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if isinstance(value, web.HTTPError) and value.status_code < 500:
            log.debug("%s %s", value.status_code, self._request_summary())
            return
        # Written out here: errors of what the request passed through name its address.
        text = "".join(traceback.format_exception(typ, value, tb))
        log.error(
            "Uncaught exception %s\n%s",
            self._request_summary(),
            redacted(text).replace(self.path_kwargs["capability"], "…"),
        )

    def _log(self) -> None:
        # Jupyter's own request log would write the capability down.
        log.debug(
            "%s %s %s %.1fms",
            self.get_status(),
            self.request.method,
            redacted(self.request.path),
            1000 * self.request.request_time(),
        )


def known_key(handler: web.RequestHandler, previews: Previews) -> str | None:
    """The key in the browser's cookie, if it has one that could be ours."""
    key = handler.get_cookie(previews.cookie) or ""
    return key if re.fullmatch(r"[\w-]{43}", key, re.ASCII) else None


def remember(handler: web.RequestHandler, previews: Previews, key: str) -> None:
    """Give the browser the cookie that tells its visitor. Pages cannot see it, and send it with navigations at most."""
    handler.set_cookie(
        previews.cookie,
        key,
        path=previews.prefix,
        expires_days=400,
        httponly=True,
        samesite="Lax",
        secure=handler.request.protocol == "https",
    )


def wants_page(headers: httputil.HTTPHeaders) -> bool:
    """True if a browser asks for a page to show, not for data: only those get our script or our own pages.

    ``Sec-Fetch-Dest`` is missing on plain HTTP other than loopback.
    """
    dest = headers.get("Sec-Fetch-Dest")
    if dest:
        return dest in ("document", "iframe", "frame")
    return "text/html" in headers.get("Accept", "")


def is_from_page(headers: httputil.HTTPHeaders) -> bool:
    """True if a browser's page may have sent this: only its requests carry the visitor's cookies.

    Addresses get copied, into chats that fetch them, too. What a page fetches has an ``Origin``, its own being opaque;
    what it shows (images) says ``Sec-Fetch-Dest``, or on plain HTTP which kinds of files it takes.
    """
    said = any(name in headers for name in ("Origin", "Sec-Fetch-Site", "Sec-Fetch-Dest"))
    return said or headers.get("Accept", "*/*") != "*/*"


class UpgradeMatches(PathMatches):
    """WebSocket handshakes only: the dev server may use one path for both."""

    def match(self, request: httputil.HTTPServerRequest) -> dict[str, Any] | None:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return None
        return super().match(request)


def preview_handlers(base_url: str, previews: Previews) -> list[Rule]:
    """The routes of ``previews``, for ``Application.add_handlers(".*$", …)`` or a plain ``tornado.web.Application``.

    The rules already hold ``base_url``, which must be the one ``previews`` was made with.
    """
    from .data_news import DataNewsHandler
    from .page_requests import PageRequestHandler
    from .proxy import ProxyHandler
    from .python_calls import PythonCallHandler
    from .websocket import ProxySocketHandler

    if previews.prefix != f"{base_url.rstrip('/')}/appbuilder/preview/":
        raise ValueError(f"These previews live below {previews.prefix}, not below base_url {base_url!r}.")
    prefix = re.escape(previews.prefix) + "(?P<capability>[^/]+)"
    arguments = {"previews": previews}
    return [
        Rule(UpgradeMatches(prefix + r"/__appbuilder/data"), DataNewsHandler, arguments),
        Rule(UpgradeMatches(prefix + r"/.*"), ProxySocketHandler, arguments),
        Rule(PathMatches(prefix + r"/__appbuilder/python/(?P<name>[^/]+)"), PythonCallHandler, arguments),
        Rule(PathMatches(prefix + r"/__appbuilder/(?P<what>[a-z.]+)"), PageRequestHandler, arguments),
        Rule(PathMatches(prefix + r"(?:/.*)?"), ProxyHandler, arguments),
    ]
