"""The way to a dev server: kept-alive connections to a unix socket or a URL, and which headers may pass."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tornado.httputil import HTTPHeaders

from ..sandbox.base import Address

if TYPE_CHECKING:
    import httpcore

HOP_BY_HOP = frozenset(
    """connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer
    transfer-encoding upgrade""".split()  # noqa: SIM905
)
# Nothing that says who the person is, or where Jupyter runs, reaches generated code.
_REQUEST_DROPPED = HOP_BY_HOP | frozenset(
    """authorization cookie cookie2 content-length expect forwarded from host origin referer remote-user via
    x-csrftoken x-real-ip x-scheme x-proxycontextpath x-xsrftoken x-request-id""".split()  # noqa: SIM905
)
_REQUEST_DROPPED_PREFIXES = (
    "x-forwarded-",
    "x-auth-",
    "x-remote-",
    "x-jupyter",
    "x-amzn-",
    "x-goog-",
    "x-ms-",
    "x-authentik-",
    "cf-",
    "remote-",
)
# What would act on Jupyter's whole origin (its cookies, caches, login prompts, policies) or undo the page's isolation.
_RESPONSE_DROPPED = HOP_BY_HOP | frozenset(
    """accept-ch access-control-allow-credentials access-control-allow-headers access-control-allow-methods
    access-control-allow-origin access-control-allow-private-network access-control-expose-headers
    access-control-max-age alt-svc authentication-info clear-site-data content-security-policy
    content-security-policy-report-only cross-origin-embedder-policy cross-origin-embedder-policy-report-only
    cross-origin-opener-policy cross-origin-opener-policy-report-only cross-origin-resource-policy nel
    origin-agent-cluster origin-trial permissions-policy public-key-pins referrer-policy report-to
    reporting-endpoints server service-worker-allowed set-cookie set-cookie2 set-login speculation-rules
    strict-transport-security supports-loading-mode www-authenticate x-content-type-options
    x-frame-options x-powered-by
    activate-storage-access available-dictionary critical-ch document-isolation-policy document-policy
    integrity-policy observe-browsing-topics use-as-dictionary
    cdn-cache-control surrogate-control surrogate-key x-lighttpd-send-file x-lighttpd-send-file2
    x-litespeed-location x-proxy-cache x-reproxy-url x-send-file x-sendfile""".split()  # noqa: SIM905
)
# A web server in front of Jupyter may take these for Jupyter's own word: which file to send, what to keep and for whom.
_RESPONSE_DROPPED_PREFIXES = ("x-accel-", "attribution-reporting-", "x-varnish-", "cloudflare-")
# The page's script sends the app's own Authorization header under this name: the plain one may hold what a browser or
# a proxy in front of Jupyter added on the person's behalf.
APP_AUTHORIZATION = "x-appbuilder-authorization"


def origin_of(address: Address) -> str:
    """What the dev server is told its own origin is."""
    if address.url is None:
        return "http://localhost"
    parts = urlsplit(address.url)
    return f"{parts.scheme}://{parts.netloc}"


def target_of(uri: str, address: Address) -> str:
    """The path and query to ask the dev server for."""
    if address.strip and uri.startswith(address.strip):
        return "/" + uri.removeprefix(address.strip)
    return uri


def request_headers(headers: HTTPHeaders, address: Address) -> list[tuple[str, str]]:
    """The headers to send on; ``Content-Length`` is left to the caller."""
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    passed: list[tuple[str, str]] = [("Host", urlsplit(origin_of(address)).netloc)]
    for name, value in headers.get_all():
        lower = name.lower()
        if lower == APP_AUTHORIZATION:
            passed.append(("Authorization", value))
        elif lower == "origin":
            passed.append(("Origin", origin_of(address)))
        elif lower == "sec-fetch-site":
            # The page's opaque origin makes every request of its own "cross-site", which some dev servers refuse.
            passed.append((name, "same-origin" if value == "cross-site" else value))
        elif lower not in _REQUEST_DROPPED and lower not in named and not lower.startswith(_REQUEST_DROPPED_PREFIXES):
            passed.append((name, value))
    if address.strip:
        passed.append(("X-Forwarded-Prefix", address.strip.rstrip("/")))
    secret = {name.lower() for name in address.headers}
    return [item for item in passed if item[0].lower() not in secret] + list(address.headers.items())


def response_headers(headers: Iterable[tuple[bytes, bytes]], address: Address) -> HTTPHeaders:
    """The headers to hand to the browser."""
    received = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    named = {
        part.strip().lower() for name, value in received if name.lower() == "connection" for part in value.split(",")
    }
    secret = {name.lower() for name in address.headers}
    passed = HTTPHeaders()
    for name, value in received:
        lower = name.lower()
        if lower in _RESPONSE_DROPPED or lower in named or lower in secret:
            continue
        if lower.startswith(_RESPONSE_DROPPED_PREFIXES):
            continue
        if lower == "location":
            value = _location(value, address)
        elif lower == "cache-control":
            value = _cache_control(value)
        passed.add(name, value)
    if "Cache-Control" not in passed:
        passed["Cache-Control"] = "no-cache"
    return passed


def _location(value: str, address: Address) -> str:
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
        self._pools: dict[tuple[str, str], tuple[asyncio.AbstractEventLoop, httpcore.AsyncConnectionPool]] = {}

    def pool(self, address: Address) -> httpcore.AsyncConnectionPool:
        import httpcore

        loop = asyncio.get_running_loop()
        known = self._pools.get(_key(address))
        if known and known[0] is loop:
            return known[1]
        pool = httpcore.AsyncConnectionPool(
            uds=str(address.socket) if address.socket else None,
            max_connections=None,
            max_keepalive_connections=16,
            keepalive_expiry=4,  # below Node's own 5 s, so that a connection is not closed under a request
        )
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
