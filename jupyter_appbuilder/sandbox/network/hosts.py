"""Parses host patterns: ``api.example.org``, ``*.example.org``, ``api.example.org:8443``, a URL."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from ...errors import InvalidInput

LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "": 443}


def parse_host(text: str, *, field: str = "host") -> str:
    """``host:port`` in lower case, with HTTPS's port where none is said. ``*.`` at the front stands for all below it.

    Raises ``InvalidInput`` for what is no public host's name: an address, a name of this machine, a top-level domain.
    """
    given = text.strip()
    scheme, separator, rest = given.partition("://")
    scheme, rest = (scheme.lower(), rest) if separator else ("", given)
    hint = "Name a host, such as api.example.org, *.example.org or api.example.org:8443."
    try:
        parts = urlsplit(f"//{rest}")
        name, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise InvalidInput(f"{given[:200]!r} is not the name of a host.", hint=hint, field=field) from None
    if scheme not in PORTS:
        raise InvalidInput(f"{scheme}:// cannot be used from the sandbox.", hint=hint, field=field)
    wild, name = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    try:
        name = name.encode("idna").decode() if not name.isascii() else name
    except UnicodeError:
        name = ""
    labels = name.split(".")
    if not all(LABEL.fullmatch(label) for label in labels) or len(name) > 253 or parts.username is not None:
        raise InvalidInput(f"{given[:200]!r} is not the name of a host.", hint=hint, field=field)
    if labels[-1].isdigit() or labels[-1] in ("localhost", "local", "internal") or _is_address(name):
        raise InvalidInput(
            f"{name} is an address, or belongs to this machine or its own network.",
            hint="Apps reach public hosts by name. An administrator can allow others: c.AppBuilder.egress_hosts.",
            field=field,
        )
    if len(labels) < 2:
        raise InvalidInput(f"{wild}{name} matches too many hosts.", hint=hint, field=field)
    return f"{wild}{name}:{PORTS[scheme] if port is None else port}"


def configured_host(text: str) -> str:
    """A host that an administrator named, as ``host:port``: private names and addresses are theirs to allow."""
    text = text.strip().lower()
    if text.startswith("["):
        return text if re.search(r"\]:\d+$", text) else f"{text}:443"
    return text if re.search(r":\d+$", text) else f"{text}:443"


def is_listed(host: str, hosts: Collection[str]) -> bool:
    """True if ``host:port`` is one of ``hosts``, or lies below one that starts with ``*.``."""
    if host in hosts:
        return True
    name, _, port = host.rpartition(":")
    while "." in name:
        name = name.partition(".")[2]
        if f"*.{name}:{port}" in hosts:
            return True
    return False


def shown(host: str) -> str:
    """``host:port`` as people write it: without HTTPS's port."""
    return host.removesuffix(":443")


def is_public(address: str) -> bool:
    """True if an IP address is one of the public Internet, also when it carries another within it."""
    found = ipaddress.ip_address(address.partition("%")[0])
    inner: list[ipaddress.IPv4Address | ipaddress.IPv6Address | None] = [found]
    if isinstance(found, ipaddress.IPv6Address):
        inner += [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
        if found in NAT64:
            inner.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
    return all(
        part.is_global and not part.is_multicast and not any(part in network for network in SPECIAL)
        for part in inner
        if part is not None
    )


NAT64 = ipaddress.ip_network("64:ff9b::/96")
SPECIAL = (
    *map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4")),
    *map(ipaddress.ip_network, ("::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "fec0::/10", "5f00::/16")),
)
"""Reserved for a purpose other than the public Internet; Python's own list differs from version to version."""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        # Number forms such as 0x7f000001 and 0177.1 that some resolvers take for addresses.
        return re.fullmatch(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+))*", name) is not None
    return True
