"""The ways out of one session's sandbox. While its app runs there is none, until a host is allowed; package
installations reach the registries besides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from ...base import Door, OnRefused
from ...network.egress import EgressProxy
from ...network.registries import Registries
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


class SessionExit:
    """``socket_path`` gives places for sockets, ``registries`` tells where packages come from and which proxy and
    certificates this machine uses, ``trusted`` are the hosts an administrator named: they and the registries alone may
    lie in a private network."""

    def __init__(
        self,
        socket_path: Callable[[], Path],
        registries: Callable[[], Awaitable[Registries]],
        trusted: Iterable[str] = (),
    ) -> None:
        self._socket_path = socket_path
        self._registries = registries
        self._trusted = frozenset(trusted)
        self._hosts: frozenset[str] = frozenset()
        self._doors: dict[bytes, Door] = {}
        self._on_refused: OnRefused | None = None
        self._running: EgressProxy | None = None  # for what runs
        self._installs: EgressProxy | None = None
        self._certificates: Path | None = None
        self._opening = asyncio.Lock()

    async def allow(self, hosts: Collection[str], on_refused: OnRefused | None) -> bool:
        """See ``base.Sandbox.allow``; whether what runs already only notices when it is started anew."""
        async with self._opening:
            opened = bool(hosts) and not self._leads
            self._hosts = frozenset(hosts)
            self._on_refused = on_refused
            if self._running is None and self._leads:
                await self._open_running()
            elif self._running is not None:
                self._running.permit(self._hosts)
            if self._installs is not None:
                self._installs.permit({*self._installs.trusted, *self._hosts})
            return opened

    async def open_door(self, first: bytes, door: Door) -> None:
        """See ``base.Doors``."""
        async with self._opening:
            self._doors[first] = door
            if self._running is None:
                await self._open_running()

    async def installing(self) -> EgressProxy:
        """The way out for package installations, opened when the first one needs it."""
        async with self._opening:
            if self._installs is None:
                registries = await self._registries()
                trusted = {*registries.hosts, *self._trusted}
                self._installs = await self._open({*trusted, *self._hosts}, trusted, private=registries.private)
            return self._installs

    @property
    def _leads(self) -> bool:
        """True if there is anything to reach for what runs."""
        return bool(self._hosts or self._doors)

    @property
    def socket(self) -> Path | None:
        """The proxy socket for the runner; None for a sandbox that may reach nothing."""
        return self._running.path if self._running and self._leads else None

    @property
    def binds(self) -> list[Bind]:
        return [Bind(self._certificates.resolve(), CERTIFICATES)] if self._leads and self._certificates else []

    @property
    def environment(self) -> dict[str, str]:
        if not self._leads:
            return {}
        certificates = {"NODE_EXTRA_CA_CERTS": CERTIFICATES, "SSL_CERT_FILE": CERTIFICATES}
        return ENVIRONMENT | (certificates if self._certificates else {})

    async def close(self) -> None:
        """Cut what is open. The next ``allow`` or installation opens it anew."""
        async with self._opening:
            self._hosts = frozenset()
            self._doors.clear()
            proxies = [self._running, self._installs]
            self._running = self._installs = None
            for proxy in proxies:
                if proxy is not None:
                    await proxy.close()

    async def _open_running(self) -> None:
        self._running = await self._open(self._hosts, self._trusted, hint=HINT, methods=METHODS, doors=self._doors)

    async def _open(self, hosts: Iterable[str], trusted: Iterable[str], **options: Any) -> EgressProxy:
        registries = await self._registries()
        self._certificates = registries.certificates
        proxy = EgressProxy(
            self._socket_path(),
            hosts,
            trusted=trusted,
            upstream=registries.upstream,
            direct=registries.direct,
            on_refused=self._refuse,
            **options,
        )
        await proxy.start()
        return proxy

    def _refuse(self, host: str, reason: str) -> None:
        if self._on_refused:
            self._on_refused(host, reason)
