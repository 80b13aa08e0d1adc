"""A visitor's cookie jar for the app's own server (RFC 6265); all of it is one host.

A cookie is an entry ``name`` or, where its path is not ``/``, ``name;path`` -> ``expires;value``; ``expires`` is in
milliseconds since 1970, empty for a cookie without an end. Paths are the app's own: the preview's address is left out,
since another capability names the same app. Those that pages may not see (HttpOnly) are in a jar of their own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime

Cookies = dict[str, str]

MOST = 180  # cookies in a jar, as in browsers
MOST_TEXT = 32 * 1024  # characters of a jar
MOST_SECONDS = 400 * 86400  # that a cookie lives
_READ_AS = re.compile(r"=.*|[\x00-\x20\x7f]", re.DOTALL)  # what is not of the name that a server reads

MOST_SENT = 8 * 1024  # bytes of a Cookie header: Node answers 431 to more than 16 KB of headers, to every request
LONGEST = 4096  # characters of name and value, as in browsers


def alive(cookies: Cookies) -> Cookies:
    """Those that have not ended."""
    now = time.time() * 1000
    return {key: kept for key, kept in cookies.items() if not _ended(kept, now)}


def header(jars: Iterable[Cookies], path: str) -> str:
    """The ``Cookie`` header for a request of ``path``: the longest path first, then the oldest.

    Where they are more than ``MOST_SENT`` the later jars go first and the newest of each: an app that sets too many
    could not even be asked to remove them.
    """
    found = [
        (cookie_path, f"{name}={value}" if name else value)
        for cookies in jars
        for (name, cookie_path), value in (
            (_named(key), kept.partition(";")[2]) for key, kept in alive(cookies).items()
        )
        if _covers(cookie_path, path)
    ]
    room = MOST_SENT
    sent: list[tuple[str, str]] = []
    for one in reversed(found):
        size = len(one[1].encode(errors="replace")) + 2
        if size <= room:
            room -= size
            sent.append(one)
    found = sent[::-1]
    found.sort(key=lambda one: -len(one[0]))
    text = "; ".join(pair for _, pair in found)
    plain = "".join(character for character in text if character >= " " and character != "\x7f")
    return plain.encode(errors="replace").decode("latin-1")  # headers are bytes


def received(seen: Cookies, hidden: Cookies, lines: Iterable[str], path: str, base: str) -> tuple[Cookies, Cookies]:
    """Both jars after the ``Set-Cookie`` lines of an answer to ``path``; ``base`` is left out of paths they name."""
    seen, hidden = dict(seen), dict(hidden)
    now = time.time() * 1000
    for line in lines:
        pair, *attributes = line.encode("latin-1", "replace").decode(errors="replace").split(";")
        name, equals, value = pair.partition("=")
        name, value = (name.strip(), value.strip()) if equals else ("", name.strip())
        if not (name or value) or len(name) + len(value) > LONGEST:
            continue
        given = dict(_attribute(text) for text in attributes)
        cookie_path = given.get("path", "")
        if cookie_path + "/" == base or cookie_path.startswith(base):
            cookie_path = "/" + cookie_path[len(base) :]
        if not cookie_path.startswith("/"):
            cookie_path = path[: path.rfind("/")] or "/"
        key = name if cookie_path == "/" else f"{name};{cookie_path}"
        kept = f"{_end(given, now)};{value}"
        seen.pop(key, None)
        hidden.pop(key, None)
        if not _ended(kept, now):
            (hidden if "httponly" in given else seen)[key] = kept
    for cookies in (seen, hidden):
        while len(cookies) > MOST or sum(map(len, (*cookies, *cookies.values()))) > MOST_TEXT:
            del cookies[next(iter(cookies))]
    return seen, hidden


def of_page(cookies: Cookies, hidden: Cookies) -> Cookies:
    """Those of ``cookies``, as a page gave them, that a page may set: none that only the server may read.

    A page may write to its jar as it likes, without the script that takes ``document.cookie`` apart. So each is
    compared as the server gets to read it: ``{"session;/": …}``, ``{"session=x": …}`` and a nameless ``session=x`` are
    all a ``session``, and one that holds a ``;`` would be several.
    """
    taken = {_named(key) for key in hidden}
    kept: Cookies = {}
    for key, entry in cookies.items():
        name, path = _named(key)
        expires, _, value = entry.partition(";")
        sent = f"{name}={value}" if name else value
        if ";" not in sent and len(sent) <= LONGEST + 1 and (_READ_AS.sub("", sent), path) not in taken:
            kept[name if path == "/" else f"{name};{path}"] = f"{expires};{value}"
    return kept


def _attribute(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip()


def _end(given: dict[str, str], now: float) -> str:
    age = given.get("max-age", "")
    if re.fullmatch(r"-?[0-9]{1,18}", age):
        return str(int(now + 1000 * max(-1, min(int(age), MOST_SECONDS))))
    try:
        end = parsedate_to_datetime(given["expires"].replace("-", " "))
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return ""
    at = (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()
    return str(int(1000 * min(max(0, at), now / 1000 + MOST_SECONDS)))


def _ended(kept: str, now: float) -> bool:
    expires = kept.partition(";")[0]
    return expires.isascii() and expires.isdigit() and len(expires) < 20 and int(expires) <= now


def _named(key: str) -> tuple[str, str]:
    name, _, path = key.partition(";")
    return name, path or "/"


def _covers(cookie_path: str, path: str) -> bool:
    return path == cookie_path or path.startswith(cookie_path.rstrip("/") + "/")
