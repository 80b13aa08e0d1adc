"""What is believed of a proxy in front: who asks, and whether over TLS.

Tornado's own ``xheaders`` believes whoever connects, and a reader's ``X-Real-Ip``. Here a proxy is believed that was
named, and of its ``X-Forwarded-For`` what the last of those named added: a reader may have written the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tornado.httputil import HTTPServerRequest

from ..errors import InvalidInput

LOOPBACK = ("127.0.0.0/8", "::1")

log = logging.getLogger(__name__)


class Proxies:
    """``addresses``: of proxies, or networks of theirs. Raises ``InvalidInput`` for one that is none."""

    def __init__(self, addresses: Collection[str] = ()) -> None:
        self._networks = [_network(one) for one in addresses]
        self._told = False

    def believe(self, request: HTTPServerRequest) -> None:
        """Put into ``request`` who asks and how, as far as a named proxy says so."""
        said = [part.strip() for part in ",".join(request.headers.get_list("X-Forwarded-For")).split(",")]
        if not self._knows(request.remote_ip or ""):
            if said != [""] and not self._told:
                self._told = True
                log.warning(
                    "Requests from %s say that they come from somebody else. If that is your proxy, name it: "
                    "--trust-proxy %s. Until then all who come through it share what one reader may ask.",
                    *(request.remote_ip, request.remote_ip),
                )
            return
        for one in reversed(said):
            address = _address(one)
            if address is None:
                break
            request.remote_ip = str(address)
            if not self._knows(request.remote_ip):
                break
        scheme = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
        if scheme in ("http", "https"):
            request.protocol = scheme

    def _knows(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        raise InvalidInput(
            f"{text[:60]!r} is no address of a proxy.",
            hint="Write it as an address or a network: --trust-proxy 10.0.0.5, --trust-proxy 10.0.0.0/8",
        ) from None
