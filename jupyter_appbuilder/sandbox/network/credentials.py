"""Credentials of the person's npm and pip for private registries. They stay on the host.

Read from ``.npmrc`` (``//host/path/:_authToken`` and its kin), from URLs, ``.netrc``, and the ``keyring`` command.
"""

from __future__ import annotations

import asyncio
import base64
import netrc
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from ...cancellation import output_of
from ...formats.text import lines

KEYRING_SECONDS = 10
SETTING = re.compile(r"""^\s*(//[^=\s]+?/?):(_authToken|_auth|username|_password)\s*=\s*(.*?)\s*$""")


@dataclass(frozen=True, slots=True)
class Credential:
    """``authorization`` goes with every request for what lies below ``prefix``: ``host:port/path/``."""

    prefix: str
    authorization: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PrivateRegistries:
    """The registries that ask who is there. Sandboxes know them as ``http://host:port/``: the way out speaks to the
    real ones, by the scheme in ``schemes``, and says who is there.
    """

    schemes: dict[str, str] = field(default_factory=dict[str, str])  # "host:port" -> "https" or "http"
    credentials: tuple[Credential, ...] = field(default=(), repr=False)
    certificates: Path | None = None  # extra certificate authorities, PEM

    def __bool__(self) -> bool:
        return bool(self.schemes)

    def inside(self, url: str) -> str:
        """A registry's URL as sandboxes are told it: without a user, and in plain HTTP if it is one of these."""
        parts = urlsplit(url)
        authority = authority_of(url)
        if authority in self.schemes:
            return urlunsplit(parts._replace(scheme="http", netloc=authority))
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def authorization(self, authority: str, path: str) -> str | None:
        """The header for ``path`` (beginning with a slash): the most specific credentials that cover it.

        None for a path that a server could read as one elsewhere.
        """
        plain = unquote(unquote(path.partition("?")[0])).replace("\\", "/")
        if any(segment in (".", "..") for segment in plain.split("/")):
            return None
        found = [it for it in self.credentials if f"{authority}{path}".startswith(it.prefix)]
        return max(found, key=lambda it: len(it.prefix)).authorization if found else None

    @property
    def secrets(self) -> frozenset[str]:
        """The secret parts, in each form a server could send back."""
        found: set[str] = set()
        for credential in self.credentials:
            kind, _, value = credential.authorization.partition(" ")
            found.add(value)
            if kind == "Basic":
                with suppress(ValueError):
                    found.add(base64.b64decode(value).decode(errors="replace").partition(":")[2])
        return frozenset(secret for secret in found if len(secret) > 3)


def authority_of(url: str) -> str | None:
    """``host:port`` in lower case; None for what is not HTTP."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


async def read_credentials(
    npm: Iterable[str], npmrc: Iterable[Path], python: Iterable[str], certificates: Path | None = None
) -> PrivateRegistries:
    """``npm`` and ``python``: the registries' URLs as configured, with user and password if they hold any; ``npmrc``:
    npm's files, the later ones counting more."""
    npm, python = list(npm), list(python)
    found: dict[str, str] = {}
    for url in npm:
        _keep(found, f"{authority_of(url)}{_folder(urlsplit(url).path)}", _in_url(url))
    settings = await asyncio.to_thread(_npmrc_settings, list(npmrc))
    origins = [origin for url in npm if (origin := authority_of(url))]
    for place, values in settings.items():
        parts = urlsplit(place)
        # The files say host and path, not the scheme, so not the port either.
        ports = [parts.port] if parts.port else _ports(parts.hostname or "", origins) or [443]
        for port in ports:
            _keep(found, f"{parts.hostname}:{port}{_folder(parts.path)}", _of_settings(values))
    for url in python:
        authority = authority_of(url)
        secret = _in_url(url) or await _keyring(url) or await asyncio.to_thread(_in_netrc, url)
        if authority and secret:
            found.setdefault(f"{authority}/", secret)  # files of an index lie beside it
    schemes = {
        authority: urlsplit(url).scheme
        for url in (*npm, *python)
        if (authority := authority_of(url)) and any(prefix.startswith(f"{authority}/") for prefix in found)
    }
    kept = tuple(Credential(prefix, secret) for prefix, secret in found.items() if prefix.partition("/")[0] in schemes)
    return PrivateRegistries(schemes, kept, certificates)


def _keep(found: dict[str, str], prefix: str, secret: str | None) -> None:
    if secret:
        found[prefix] = secret


def _folder(path: str) -> str:
    return f"/{path.strip('/')}/".replace("//", "/")


def _ports(host: str, origins: Sequence[str]) -> list[int]:
    return [int(port) for origin in origins for name, _, port in [origin.rpartition(":")] if name == host]


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _in_url(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.password is None:
        return None
    return _basic(unquote(parts.username or ""), unquote(parts.password))


def _npmrc_settings(files: Iterable[Path]) -> dict[str, dict[str, str]]:
    settings: dict[str, dict[str, str]] = {}
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for line in lines(text):
            if found := SETTING.match(line):
                value = found[3].strip("\"'")
                value = re.sub(r"\$\{([^}?]+)\??\}", lambda name: os.environ.get(name[1], ""), value)
                settings.setdefault(found[1], {})[found[2]] = value
    return settings


def _of_settings(values: dict[str, str]) -> str | None:
    if token := values.get("_authToken"):
        return f"Bearer {token}"
    if pair := values.get("_auth"):
        return f"Basic {pair}"
    if (user := values.get("username")) and (password := values.get("_password")):
        with suppress(ValueError):
            return _basic(user, base64.b64decode(password).decode())
    return None


def _in_netrc(url: str) -> str | None:
    file = os.environ.get("NETRC") or str(Path.home() / ".netrc")
    try:
        entry = netrc.netrc(file).hosts.get(urlsplit(url).hostname or "")
    except (OSError, netrc.NetrcParseError):
        return None
    return _basic(entry[0], entry[2]) if entry and entry[2] else None


async def _keyring(url: str) -> str | None:
    """The password of the user that the URL names, as pip asks for it: only then, because it may open a window."""
    parts = urlsplit(url)
    command = shutil.which("keyring")
    if not command or not parts.username or parts.password is not None:
        return None
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    for service in (bare, parts.hostname or ""):
        process = await asyncio.create_subprocess_exec(
            command, "get", service, unquote(parts.username), stdin=-3, stdout=-1, stderr=-3
        )
        try:
            async with asyncio.timeout(KEYRING_SECONDS):
                output = (await output_of(process))[0].decode(errors="replace").rstrip("\n")
        except TimeoutError:
            return None
        if process.returncode == 0 and output:
            return _basic(unquote(parts.username), output)
    return None
