"""Capability URLs: who knows one may see one session's preview, and may do nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..errors import AppBuilderError
from ..sandbox.base import DevServer
from .target import PreviewTarget

log = logging.getLogger(__name__)

IDLE_SECONDS = 12 * 3600.0
SANDBOX = ("allow-scripts", "allow-forms", "allow-modals")
# What an administrator may add. Never allow-same-origin or any kind of top navigation: either would let a generated
# page act as the user.
OPTIONAL = frozenset({"allow-downloads", "allow-popups", "allow-pointer-lock", "allow-orientation-lock"})


@dataclass
class Preview:
    """An open preview. ``problem`` is why its dev server could not be started at all, or empty."""

    target: PreviewTarget
    path: str  # the URL path prefix, with trailing slash
    used: float
    problem: str = ""
    findings: list[float] = field(default_factory=list[float])  # when the page reported, for the rate limit
    starting: asyncio.Task[None] | None = None
    waking: bool = False  # whether what starts was asleep
    sockets: set[Callable[[], None]] = field(default_factory=set[Callable[[], None]])  # each closes an open WebSocket

    def start(self) -> None:
        """Start or wake the dev server in the background; its state says how it goes."""
        if self.starting is None or self.starting.done():
            self.problem = ""
            self.starting = asyncio.get_running_loop().create_task(self._start())

    async def awake(self, patience: float) -> DevServer:
        """The dev server as it stands; one that sleeps is woken first, and waited for, ``patience`` seconds at most."""
        if self.target.server.state == "asleep" and not self.problem:
            self.start()
            self.waking = True
        if self.waking and self.starting:
            await asyncio.wait({self.starting}, timeout=patience)
            self.waking = not self.starting.done()
        return self.target.server

    async def _start(self) -> None:
        try:
            await self.target.ensure()
        except AppBuilderError as error:
            self.problem = str(error)
        except Exception as error:
            log.exception("The dev server of session %s could not be started", self.target.session)
            self.problem = f"The dev server could not be started: {error}"


class Previews:
    """Every preview of this server, by capability. Lives in memory; a restart of the server ends them all.

    ``idle`` is in seconds: a preview that nobody loaded anything from for so long has ended. ``allow`` adds tokens to
    the sandbox of generated pages, out of ``OPTIONAL``; ``ValueError`` for any other.
    """

    def __init__(
        self,
        base_url: str,
        *,
        idle: float = IDLE_SECONDS,
        allow: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        allow = tuple(allow)
        if refused := sorted(set(allow) - OPTIONAL):
            raise ValueError(f"A preview's sandbox cannot be given {', '.join(refused)}; only {sorted(OPTIONAL)}.")
        self.prefix = f"{base_url.rstrip('/')}/appbuilder/preview/"
        self.policy = f"frame-ancestors 'self'; sandbox {' '.join((*SANDBOX, *allow))}"
        self._idle = idle
        self._clock = clock
        # Keyed by digest: how long a lookup takes says nothing about the capability itself.
        self._by_digest: dict[bytes, Preview] = {}
        self._by_session: dict[str, bytes] = {}

    def reserve(self) -> str:
        """A path for a preview that is not open yet: for a dev server that starts before its session is there."""
        return f"{self.prefix}{secrets.token_urlsafe(32)}/"

    def open(self, target: PreviewTarget, reserved: str | None = None) -> str:
        """The URL path prefix of the session's preview, with trailing slash. The same one as long as it stays open.

        ``reserved``: the path to open it under, if it is not open.
        """
        self._expire()
        digest = self._by_session.get(target.session)
        if digest is not None:
            preview = self._by_digest[digest]
            preview.target = target
            preview.used = self._clock()
            return preview.path
        path = reserved or self.reserve()
        digest = _digest(path.removeprefix(self.prefix).rstrip("/"))
        self._by_digest[digest] = Preview(target, path, self._clock())
        self._by_session[target.session] = digest
        return path

    def close(self, session: str) -> None:
        """End the session's preview, if it has one. Its URL is dead from now on."""
        digest = self._by_session.pop(session, None)
        preview = self._by_digest.pop(digest, None) if digest else None
        if preview is None:
            return
        if preview.starting:
            preview.starting.cancel()
        for close in list(preview.sockets):
            close()

    def find(self, capability: str) -> PreviewTarget | None:
        preview = self.preview(capability)
        return preview.target if preview else None

    def preview(self, capability: str) -> Preview | None:
        """The open preview of this capability, now marked as used."""
        preview = self._by_digest.get(_digest(capability))
        if preview is None:
            return None
        if self._is_idle(preview):
            self.close(preview.target.session)
            return None
        preview.used = self._clock()
        return preview

    def unused(self, session: str) -> float:
        """Seconds since anything was loaded from the session's preview; infinite when it has none."""
        digest = self._by_session.get(session)
        return self._clock() - self._by_digest[digest].used if digest else float("inf")

    def _expire(self) -> None:
        for preview in list(self._by_digest.values()):
            if self._is_idle(preview):
                self.close(preview.target.session)

    def _is_idle(self, preview: Preview) -> bool:
        # An open page loads nothing while nothing changes, but holds its hot-update socket.
        return not preview.sockets and self._clock() - preview.used > self._idle


def _digest(capability: str) -> bytes:
    return hashlib.sha256(capability.encode()).digest()


def redacted(path: str) -> str:
    """``path`` for a log: with the capability left out."""
    return re.sub(r"(/appbuilder/preview/)[^/?#]+", r"\1…", path)
