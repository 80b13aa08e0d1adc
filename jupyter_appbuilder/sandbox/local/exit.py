"""The way out of one session's sandbox while its app runs: none, until a host is allowed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path

from ..base import OnRefused
from ..egress import EgressProxy
from ..registries import Registries
from .layout import CERTIFICATES, EGRESS_PORT, Bind

PROXY = f"http://127.0.0.1:{EGRESS_PORT}"
LOOPBACK = "localhost,127.0.0.1,::1"
ENVIRONMENT = {
    "HTTP_PROXY": PROXY,
    "HTTPS_PROXY": PROXY,
    "NO_PROXY": LOOPBACK,
    "http_proxy": PROXY,
    "https_proxy": PROXY,
    "no_proxy": LOOPBACK,
    "NODE_USE_ENV_PROXY": "1",  # else Node's fetch and http pass it by
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HINT = 'To ask the person for it: request_network("{host}", reason). The person can also allow it under Network.'


class RunTimeExit:
    """``path`` is where its socket goes, ``registries`` tells this machine's own proxy and certificates, ``trusted``
    are the hosts an administrator named: they alone may lie in a private network."""

    def __init__(
        self, path: Path, registries: Callable[[], Awaitable[Registries]], trusted: Iterable[str] = ()
    ) -> None:
        self._path = path
        self._registries = registries
        self._trusted = tuple(trusted)
        self._hosts: frozenset[str] = frozenset()
        self._proxy: EgressProxy | None = None
        self._certificates: Path | None = None

    async def allow(self, hosts: Collection[str], on_refused: OnRefused | None) -> bool:
        """See ``base.Sandbox.allow``; whether what runs already only notices when it is started anew."""
        opened = bool(hosts) and not self._hosts
        self._hosts = frozenset(hosts)
        if self._proxy is not None:
            self._proxy.on_refused = on_refused
            self._proxy.permit(self._hosts)
        elif hosts:
            registries = await self._registries()
            self._certificates = registries.certificates
            self._proxy = EgressProxy(
                self._path,
                self._hosts,
                trusted=self._trusted,
                upstream=registries.upstream,
                direct=registries.direct,
                on_refused=on_refused,
                hint=HINT,
                methods=METHODS,
            )
            await self._proxy.start()
        return opened

    @property
    def socket(self) -> Path | None:
        """What the runner hands a sandbox that may reach something; None for one that may not."""
        return self._path if self._hosts else None

    @property
    def binds(self) -> list[Bind]:
        return [Bind(self._certificates.resolve(), CERTIFICATES)] if self._hosts and self._certificates else []

    @property
    def environment(self) -> dict[str, str]:
        if not self._hosts:
            return {}
        certificates = {"NODE_EXTRA_CA_CERTS": CERTIFICATES, "SSL_CERT_FILE": CERTIFICATES}
        return ENVIRONMENT | (certificates if self._certificates else {})

    async def close(self) -> None:
        """Cut what is open. The next ``allow`` opens it anew."""
        self._hosts = frozenset()
        proxy, self._proxy = self._proxy, None
        if proxy is not None:
            await proxy.close()
