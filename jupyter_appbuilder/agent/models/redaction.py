"""Keeps keys out of what people and logs get to see."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit, urlunsplit

MARK = "•••"

# What keys look like, for those an endpoint echoes in part ("Incorrect API key provided: sk-ab***yz") or that we
# were never told of (a gateway's own).
_SHAPES = re.compile(
    r"""
    \b(?:sk|pk|rk|gsk|xai|hf|r8|nvapi|AIza|ghp|glpat)[-_][\w*.\-•]{6,}
    | \bAIza[\w\-]{20,}
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)
    | (?i:(?<=bearer\ )|(?<=basic\ ))[\w\-.~+/*=]{6,}
    | (?i:(?<=key=)|(?<=token=)|(?<=secret=)|(?<=password=)|(?<=signature=))[^\s&"'<>]+
    | (?i:(?<=key\ provided:\ )|(?<=api\ key:\ )|(?<=api_key:\ ))[^\s"'<>,]+
    """,
    re.VERBOSE,
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without the given secrets (as they are, percent-encoded or escaped) and anything shaped like a key."""
    for secret in sorted({s.strip() for s in secrets if len(s.strip()) >= 4}, key=len, reverse=True):
        for form in (secret, quote(secret, safe=""), repr(secret)[1:-1]):
            text = text.replace(form, MARK)
    return _SHAPES.sub(MARK, text)


def public_url(url: str) -> str:
    """A URL fit to be shown: no user, password, query or fragment."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path, "", ""))


def url_secrets(url: str) -> list[str]:
    """The parts of a URL that may be secret: user, password and query values."""
    from urllib.parse import parse_qsl, unquote

    parts = urlsplit(url)
    found = [unquote(part) for part in (parts.username, parts.password) if part]
    return [*found, *(value for _, value in parse_qsl(parts.query))]
