"""Proxies from environment variables, read as the HTTP libraries of the model SDKs read them."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

from .base import ModelError

VARIABLES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
SCHEMES = ("http", "https", "socks5", "socks5h")


def is_loopback(url: str) -> bool:
    """True if an address is on this machine: a proxy has no business there."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_proxies() -> None:
    """Raises ``ModelError`` for a proxy that no library can use: they refuse all connections then, also past it."""
    for name in (spelled for variable in VARIABLES for spelled in (variable, variable.lower())):
        proxy = os.environ.get(name, "")
        scheme, separator, _ = proxy.partition("://")
        if proxy and separator and scheme.lower() not in SCHEMES:
            raise ModelError(
                f"The proxy in the environment variable {name} cannot be used: {scheme[:20]}:// is not supported.",
                hint=f"Write it as http://, or as socks5:// for a SOCKS proxy, or unset {name}; then restart Jupyter.",
                reason="proxy",
            )
