"""Removes keys from what people and logs see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
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


class SecretFilter:
    """Takes secrets out of a text that comes in pieces, also where a piece ends in the middle of one.

    Meant for what a model says, which may hold anything: only secrets long enough to be no word of its own count.
    """

    SHORTEST = 16  # characters: an endpoint's "key" may be "none" or "ollama", its API version a date

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = [secret for s in secrets if len(secret := s.strip()) >= self.SHORTEST]
        self._rest = ""

    @classmethod
    def factory(cls, secrets: Iterable[str]) -> Callable[[], SecretFilter]:
        kept = list(secrets)
        return lambda: cls(kept)

    def feed(self, text: str) -> str:
        """What of the text so far may be shown and has not been."""
        if not self._secrets:
            return text
        text = self._rest + text
        for secret in self._secrets:
            text = text.replace(secret, MARK)
        held = max((self._begun(text, secret) for secret in self._secrets), default=0)
        shown, self._rest = text[: len(text) - held], text[len(text) - held :]
        return shown

    def rest(self) -> str:
        """What was held back, because it could have become a secret."""
        rest, self._rest = self._rest, ""
        return rest

    @staticmethod
    def _begun(text: str, secret: str) -> int:
        """How many of the last characters of ``text`` are the first of ``secret``."""
        longest = min(len(text), len(secret) - 1)
        return next((n for n in range(longest, 0, -1) if text.endswith(secret[:n])), 0)
