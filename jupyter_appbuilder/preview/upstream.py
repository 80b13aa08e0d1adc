"""Connections to a dev server: kept alive, to a unix socket or a URL; which headers may pass."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tornado.httputil import HTTPHeaders

from ..sandbox.base import Address

if TYPE_CHECKING:
    from .connections import Connections

HOP_BY_HOP = frozenset(
    """connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer
    transfer-encoding upgrade""".split()  # noqa: SIM905
)
# What browsers and frameworks send by themselves and an app may need. Nothing else passes: any other header may be a
# proxy's in front of Jupyter, saying who the person is.
_REQUEST_ALLOWED = frozenset(
    """accept accept-language cache-control content-disposition content-encoding content-language content-type
    dnt if-match if-modified-since if-none-match if-range if-unmodified-since last-event-id pragma prefer priority
    purpose range rsc save-data sec-ch-prefers-color-scheme sec-ch-prefers-reduced-motion sec-ch-ua sec-ch-ua-mobile
    sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-user sec-gpc sec-purpose upgrade-insecure-requests
    user-agent x-requested-with""".split()  # noqa: SIM905
)
# What acts within one answer only. Anything else could act on Jupyter's whole origin (its cookies, caches, login
# prompts, policies), or be a word to a web server in front of Jupyter.
_RESPONSE_ALLOWED = frozenset(
    """accept-patch accept-post accept-ranges age allow content-disposition content-encoding content-language
    content-length content-location content-range content-type etag expires last-modified link pragma refresh
    retry-after rsc server-timing sourcemap timing-allow-origin vary x-request-id x-sourcemap x-total x-total-count
    """.split()  # noqa: SIM905
)
# Of frameworks, both ways.
_FRAMEWORKS = ("hx-", "next-", "turbo-", "x-inertia", "x-livewire", "x-nextjs-", "x-sveltekit-")

# The page's own headers come under this name before theirs, its script sees to that, and so do the app's own that go to
# the page: nobody on the way adds such a header or acts on one.
OWN = "X-AppBuilder-Header-"
COOKIES = "X-AppBuilder-Cookies"
"""Tells the page's script which of its cookies an answer changed."""
# Not even the page's script can set these: they say where a request ends, whose it is and where it goes.
_NEVER_OWN = HOP_BY_HOP | frozenset(
    "accept-encoding content-length cookie cookie2 expect host origin referer set-cookie set-cookie2".split()  # noqa: SIM905
)


def origin_of(address: Address) -> str:
    """The origin that the dev server is told it has."""
    if address.url is None:
        return "http://localhost"
    parts = urlsplit(address.url)
    return f"{parts.scheme}://{parts.netloc}"


def target_of(uri: str, address: Address) -> str:
    """The path and query to ask the dev server for."""
    if address.strip and uri.startswith(address.strip):
        return "/" + uri.removeprefix(address.strip)
    return uri


def request_headers(headers: HTTPHeaders, address: Address, cookie: str = "") -> list[tuple[str, str]]:
    """The headers to send on, with the app's own ``cookie``; ``Content-Length`` is left to the caller."""
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    passed: dict[str, tuple[str, str]] = {}
    own: dict[str, tuple[str, str]] = {}
    for name, value in headers.get_all():
        lower = name.lower()
        if lower.startswith(OWN.lower()):
            plain = lower[len(OWN) :]
            if plain and plain not in _NEVER_OWN and not plain.startswith(("sec-", "proxy-")):
                own[plain] = (name[len(OWN) :], value)
        elif lower == "origin":
            passed[lower] = ("Origin", origin_of(address))
        elif lower == "sec-fetch-site":
            # The page's opaque origin makes every request of its own "cross-site", which some dev servers refuse.
            passed[lower] = (name, "same-origin" if value == "cross-site" else value)
        elif lower in named:
            continue
        elif lower in _REQUEST_ALLOWED or lower.startswith(_FRAMEWORKS):
            passed[lower] = (name, value)
    passed |= own
    # What answers is changed on its way, so it must come unpacked.
    passed["accept-encoding"] = ("Accept-Encoding", "identity")
    passed["host"] = ("Host", urlsplit(origin_of(address)).netloc)
    if cookie:
        passed["cookie"] = ("Cookie", cookie)
    if address.strip:
        passed["x-forwarded-prefix"] = ("X-Forwarded-Prefix", address.strip.rstrip("/"))
    for name, value in address.headers.items():
        passed[name.lower()] = (name, value)
    return list(passed.values())


def response_headers(headers: Iterable[tuple[bytes, bytes]], address: Address) -> tuple[HTTPHeaders, list[str]]:
    """The headers to hand to the browser, and the values of ``Set-Cookie``, which are not."""
    received = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    named = {
        part.strip().lower() for name, value in received if name.lower() == "connection" for part in value.split(",")
    }
    secret = {name.lower() for name in address.headers}
    passed = HTTPHeaders()
    cookies: list[str] = []
    for name, value in received:
        lower = name.lower()
        if lower == "set-cookie":
            cookies.append(value)
        elif lower in named or lower in secret or (lower in _NEVER_OWN and lower != "content-length"):
            continue
        elif lower == "location":
            passed.add(name, location_in(value, address))
        elif lower == "cache-control":
            passed.add(name, _cache_control(value))
        elif lower in _RESPONSE_ALLOWED or lower.startswith(_FRAMEWORKS):
            passed.add(name, value)
        elif not lower.startswith(("access-control-", OWN.lower())):
            passed.add(OWN + name, value)
    if "Cache-Control" not in passed:
        passed["Cache-Control"] = "no-cache"
    return passed, cookies


def location_in(value: str, address: Address) -> str:
    """A redirect to the dev server itself stays in the preview."""
    parts = urlsplit(value)
    own = urlsplit(origin_of(address))
    if parts.netloc and parts.hostname in (own.hostname, "localhost", "127.0.0.1"):
        value = parts._replace(scheme="", netloc="").geturl()
    if address.strip and value.startswith("/") and not value.startswith(("//", address.strip)):
        return address.strip + value[1:]
    return value


def _cache_control(value: str) -> str:
    """Whatever the dev server thinks: a capability's answers are for one person's browser."""
    parts = [part.strip() for part in value.split(",")]
    kept = [part for part in parts if part and part.lower() not in ("public", "private") and "s-maxage" not in part]
    return ", ".join(["private", *kept])


class Upstreams:
    """Connection pools by address, made at first use and shared by all requests of one event loop, until ``close``."""

    def __init__(self) -> None:
        self._pools: dict[tuple[str, str], tuple[asyncio.AbstractEventLoop, Connections]] = {}

    def pool(self, address: Address) -> Connections:
        from .connections import Connections

        loop = asyncio.get_running_loop()
        known = self._pools.get(_key(address))
        if known and known[0] is loop:
            return known[1]
        # Below Node's own 5 s, so that a connection is not closed under a request.
        pool = Connections(origin_of(address), address.socket, keep=4)
        self._pools[_key(address)] = (loop, pool)
        return pool

    async def close(self, address: Address) -> None:
        """Let go of the connections to a dev server that has ended."""
        loop, pool = self._pools.pop(_key(address), (None, None))
        if pool and loop is asyncio.get_running_loop():
            await pool.aclose()


def _key(address: Address) -> tuple[str, str]:
    return (str(address.socket or ""), address.url or "")


upstreams = Upstreams()
