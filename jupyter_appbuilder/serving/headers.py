"""Which headers pass between readers and a served app.

The app runs on an origin of its own here, so most do. None that says who somebody is to anything but the app: not to
Jupyter, not to a proxy on the way. And none of the app's that acts on more than the app.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from ..preview.upstream import HOP_BY_HOP, location_in, origin_of
from ..sandbox.base import Address

# What proxies in front say of a person or of the way, which an app may believe, and what is between us and its server.
_NOT_TO_APP = HOP_BY_HOP | frozenset(
    "authorization content-length cookie cookie2 expect forwarded host remote-user via x-real-ip".split()  # noqa: SIM905
)
_NOT_TO_APP_BEGINS = (
    "cf-",
    "proxy-",
    "remote-",
    "x-amzn-",
    "x-appbuilder-",
    "x-auth-",
    "x-authenticated-",
    "x-authentik-",
    "x-client-",
    "x-forwarded-",
    "x-goog-",
    "x-jupyter",
    "x-ms-",
    "x-original-",
    "x-remote-",
    "x-rewrite-",
    "x-user",
    "x-webauth-",
)
# What would act on the whole host, or is a word to a web server in front of us.
_NOT_TO_READER = HOP_BY_HOP | frozenset(
    """alt-svc clear-site-data content-length nel public-key-pins report-to reporting-endpoints server
    service-worker-allowed set-cookie set-cookie2 strict-transport-security x-powered-by x-sendfile""".split()  # noqa: SIM905
)
_NOT_TO_READER_BEGINS = ("x-accel-", "x-appbuilder-", "x-lighttpd-", "x-litespeed-")

# Of Jupyter, of JupyterHub, and of proxies that ask for a login: an app on the same host gets to see none of them, and
# sets none.
_COOKIES_OF_OTHERS = re.compile(
    r"(_xsrf|_oauth2_proxy\w*|authelia_session|jupyter[\w-]*|username-.*|appbuilder-.*)", re.IGNORECASE | re.DOTALL
)
MOST_COOKIES = 50  # that one answer sets
LONGEST_COOKIE = 4096

SAFE = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
)


def to_app(request: HTTPServerRequest, address: Address, base: str) -> list[tuple[str, str]]:
    """The headers of a reader's request as the app gets them; ``Content-Length`` is left to the caller."""
    named = {name.strip().lower() for name in request.headers.get("Connection", "").split(",")}
    passed: list[tuple[str, str]] = []
    for name, value in request.headers.get_all():
        lower = name.lower().replace("_", "-")  # some servers take one for the other
        if lower in named or lower in _NOT_TO_APP or lower.startswith(_NOT_TO_APP_BEGINS):
            continue
        if lower == "origin" and address.url is not None:
            value = origin_of(address)
        passed.append((name, value))
    passed.append(("Host", urlsplit(origin_of(address)).netloc if address.url else request.host))
    if cookie := cookies_to_app(request):
        passed.append(("Cookie", cookie))
    passed += [
        ("X-Forwarded-For", request.remote_ip or ""),
        ("X-Forwarded-Host", request.host),
        ("X-Forwarded-Proto", request.protocol),
    ]
    if address.strip:
        passed.append(("X-Forwarded-Prefix", base.rstrip("/")))
    return [*passed, *address.headers.items()]


def cookies_to_app(request: HTTPServerRequest) -> str:
    """The app's own cookies of a request. Of one that another site's page sends to change something: none."""
    if is_from_elsewhere(request) and request.method not in ("GET", "HEAD", "OPTIONS"):
        return ""
    kept = [
        pair.strip()
        for line in request.headers.get_list("Cookie")
        for pair in line.split(";")
        if pair.strip() and not _COOKIES_OF_OTHERS.fullmatch(pair.partition("=")[0].strip())
    ]
    return "; ".join(kept)


def is_from_elsewhere(request: HTTPServerRequest) -> bool:
    """True for what a page of another origin sends. Programs say nothing of where they are."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() != request.host.lower()
    return request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")


def to_reader(
    headers: Iterable[tuple[bytes, bytes]], address: Address, base: str, *, private: bool
) -> tuple[HTTPHeaders, list[str]]:
    """The headers of the app's answer as the reader gets them, and the values of ``Set-Cookie`` that may pass."""
    received = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    named = {
        part.strip().lower() for name, value in received if name.lower() == "connection" for part in value.split(",")
    }
    own = {name.lower() for name in address.headers}
    passed = HTTPHeaders()
    cookies: list[str] = []
    for name, value in received:
        lower = name.lower()
        if lower == "set-cookie":
            cookies.append(value)
        elif lower in ("content-length", "x-accel-buffering"):
            passed.add(name, value)
        elif lower in named or lower in own or lower in _NOT_TO_READER or lower.startswith(_NOT_TO_READER_BEGINS):
            continue
        elif lower == "location":
            passed.add(name, location_in(value, address))
        else:
            passed.add(name, value)
    if private:
        said = [part.strip() for part in passed.get("Cache-Control", "no-cache").split(",")]
        kept = [part for part in said if part and part.lower() not in ("public", "private") and "s-maxage" not in part]
        passed["Cache-Control"] = ", ".join(["private", *kept])
    elif "Cache-Control" not in passed:
        passed["Cache-Control"] = "no-cache"
    for name, value in SAFE:
        if name not in passed:
            passed[name] = value
    # Beside what the app says: each policy holds by itself.
    passed.add("Content-Security-Policy", "frame-ancestors 'self'")
    return passed, [kept for value in cookies[:MOST_COOKIES] if (kept := cookie_to_reader(value, base))]


def cookie_to_reader(value: str, base: str) -> str:
    """A ``Set-Cookie`` of the app's that reaches no further than the app; "" for none that may pass."""
    pair, *attributes = value.split(";")
    name, equals, _ = pair.partition("=")
    name = name.strip()
    if not equals or not name or len(value) > LONGEST_COOKIE or not value.isprintable():
        return ""
    if _COOKIES_OF_OTHERS.fullmatch(name) or name.startswith("__Host-"):  # that one would be of the whole host
        return ""
    kept = [pair.strip()]
    path = base
    lax = True
    for attribute in attributes:
        word, _, given = attribute.strip().partition("=")
        if word.lower() == "path":
            asked = given.strip()
            # Of an app that knows no base, or names none: all of it.
            inside = f"{asked.rstrip('/')}/".startswith(base) and not re.search(r"(^|/)\.\.?(/|$)", asked)
            path = asked if inside else base
        elif word.lower() == "samesite":
            lax = False
            kept.append(attribute.strip())
        elif word.lower() not in ("domain", "partitioned") and word:
            kept.append(attribute.strip())
    kept.append(f"Path={path}")
    if lax:
        kept.append("SameSite=Lax")
    return "; ".join(kept)


def as_cookie(value: str) -> str:
    """The name and value of a ``Set-Cookie`` as a request sends them; "" for none."""
    try:
        found = SimpleCookie(value)
    except CookieError:
        return ""
    return "; ".join(f"{name}={morsel.coded_value}" for name, morsel in found.items())
