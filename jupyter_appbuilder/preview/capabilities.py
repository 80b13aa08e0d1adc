"""Capability URLs: whoever knows one can see one session's preview, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import re
import secrets
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AppBuilderError
from ..sandbox.base import DevServer
from ..settings import write_whole
from .target import PreviewTarget

if TYPE_CHECKING:
    from .storage import PageStorage

log = logging.getLogger(__name__)

IDLE_SECONDS = 12 * 3600.0
SANDBOX = ("allow-scripts", "allow-forms", "allow-modals")
# What an administrator may add. Never allow-same-origin or any kind of top navigation: either would let a generated
# page act as the user.
OPTIONAL = frozenset({"allow-downloads", "allow-popups", "allow-pointer-lock", "allow-orientation-lock"})


VISITORS = 32
"""Visitors of one preview that are known at a time. First those are forgotten who were never seen at their address
(keys can be made up), then who was not seen for the longest, and never the person."""
PASS_SECONDS = 10.0


@dataclass
class Visitor:
    """One who looks at a preview: a browser, or the person. What the page stores is theirs alone."""

    key: str
    path: str  # the URL path prefix of the preview as this visitor has it, with trailing slash
    storage: PageStorage
    expected: float = 0.0  # until when one navigation to ``path`` needs no other proof
    seen: bool = False  # whether anything was asked for at their address
    script: bytes = b""  # runs in each of their pages, in the scope of ours
    loading: float = 0.0  # when they asked for the page that does not listen for changes yet; 0 for none


@dataclass
class Visit:
    """What a capability in a URL names: a preview, by the address that all share or by a visitor's own."""

    preview: Preview
    path: str  # the URL path prefix that was asked for, with trailing slash
    visitor: Visitor | None = None

    @property
    def renames(self) -> tuple[str, str] | None:
        """The capability the dev server knows and the one in this URL, of one length; None where they are the same."""
        known, here = (path.rstrip("/").rpartition("/")[2] for path in (self.preview.path, self.path))
        return (known, here) if known != here else None

    def known(self, text: str) -> str:
        """``text`` from the visitor, as the dev server knows it."""
        known, here = self.renames or ("", "")
        return text.replace(here, known) if here else text

    def inside(self, path: str) -> str:
        """A path of a URL as the app's own, beginning with ``/``."""
        return "/" + path.removeprefix(self.path)


@dataclass
class Preview:
    """An open preview. ``problem`` is why its dev server could not be started at all, or empty."""

    target: PreviewTarget
    path: str  # the URL path prefix, with trailing slash
    used: float
    acted: float = float("-inf")  # when a page last asked its app for what may change something
    problem: str = ""
    findings: list[float] = field(default_factory=list[float])  # when the page reported, for the rate limit
    downloads: set[str] = field(default_factory=set[str])  # paths of files that the page went to, as they were told
    starting: asyncio.Task[None] | None = None
    waking: bool = False  # whether what starts was asleep
    visitors: dict[str, Visitor] = field(default_factory=dict[str, "Visitor"])  # by key, who was seen last at the end
    sockets: set[Callable[[], None]] = field(default_factory=set[Callable[[], None]])  # each closes an open WebSocket
    held: Counter[str] = field(default_factory=Counter[str])  # WebSockets by the address that they are opened at

    def start(self) -> None:
        """Start or wake the dev server in the background; its state says how it goes."""
        if self.starting is None or self.starting.done():
            self.problem = ""
            self.starting = asyncio.get_running_loop().create_task(self._start())

    async def awake(self, patience: float, path: str) -> DevServer:
        """The server of ``path`` as it stands. An app that sleeps is woken, and waited for, ``patience`` seconds at
        most."""
        if self.target.server.state == "asleep" and not self.problem:
            self.start()
            self.waking = True
        if self.waking and self.starting:
            await asyncio.wait({self.starting}, timeout=patience)
            self.waking = not self.starting.done()
        return self.target.server_at(path)

    async def _start(self) -> None:
        try:
            await self.target.ensure()
        except AppBuilderError as error:
            self.problem = str(error)
        except Exception as error:
            text = redacted("".join(traceback.format_exception(error)))
            log.error("The dev server of session %s could not be started\n%s", self.target.session, text)
            self.problem = redacted(f"The dev server could not be started: {error}")


class Previews:
    """Every preview of this server, by capability. Lives in memory; a restart of the server ends them all.

    ``idle`` is in seconds: a preview that nobody loaded anything from for so long has ended. ``allow`` adds tokens to
    the sandbox of generated pages, out of ``OPTIONAL``; ``ValueError`` for any other. ``person`` gives the key of the
    visitor that the person is, in every browser and after a restart.
    """

    def __init__(
        self,
        base_url: str,
        *,
        idle: float = IDLE_SECONDS,
        allow: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
        person: Callable[[], str] | None = None,
    ) -> None:
        allow = tuple(allow)
        if refused := sorted(set(allow) - OPTIONAL):
            raise ValueError(f"A preview's sandbox cannot be given {', '.join(refused)}; only {sorted(OPTIONAL)}.")
        self.prefix = f"{base_url.rstrip('/')}/appbuilder/preview/"
        self.ancestors = ["'self'"]
        """Who may frame a preview, as sources of a content security policy."""
        self.entry = ""
        """URL path prefix of the route that knows the person by their login (``server.preview``), if there is one."""
        self.framed_is_person = False
        """Without a login: whether whoever may frame a preview is the person."""
        self.parsing = asyncio.Semaphore()
        """Held while what a page sent is parsed."""
        self._sandbox = " ".join((*SANDBOX, *allow))
        self._person = person or new_key
        self._person_key = ""
        self._idle = idle
        self._clock = clock
        # Keyed by digest: how long a lookup takes says nothing about the capability itself.
        self._by_digest: dict[bytes, Preview] = {}
        self._by_session: dict[str, bytes] = {}
        self._visitors: dict[bytes, tuple[Preview, Visitor]] = {}

    @property
    def policy(self) -> str:
        """The content security policy of every answer."""
        return f"frame-ancestors {' '.join(self.ancestors)}; sandbox {self._sandbox}"

    @property
    def person(self) -> str:
        """The key of the visitor that the person is."""
        self._person_key = self._person_key or self._person()
        return self._person_key

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds a visitor's key: servers on other ports of this host get to see it too."""
        return f"appbuilder-visitor-{hashlib.sha256(self.person.encode()).hexdigest()[:8]}"

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
        digest = self._digest_of(path)
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
        for visitor in preview.visitors.values():
            self._visitors.pop(self._digest_of(visitor.path), None)
        for close in list(preview.sockets):
            close()

    def find(self, capability: str) -> PreviewTarget | None:
        visit = self.visit(capability)
        return visit.preview.target if visit else None

    def visit(self, capability: str) -> Visit | None:
        """What this capability names, now marked as used."""
        digest = _digest(capability)
        preview, visitor = self._visitors.get(digest) or (self._by_digest.get(digest), None)
        if preview is None:
            return None
        if self._is_idle(preview):
            self.close(preview.target.session)
            return None
        preview.used = self._clock()
        if visitor:
            visitor.seen = True
            preview.visitors[visitor.key] = preview.visitors.pop(visitor.key)
        return Visit(preview, visitor.path if visitor else preview.path, visitor)

    def visitor(self, preview: Preview, key: str) -> Visitor:
        """The visitor with this key."""
        visitor = preview.visitors.pop(key, None)
        if visitor is None:
            own = "" if key == self.person else hashlib.sha256(key.encode()).hexdigest()[:32]
            visitor = Visitor(key, self.reserve(), preview.target.storage.of(own))
            self._visitors[self._digest_of(visitor.path)] = (preview, visitor)
        preview.visitors[key] = visitor
        if len(preview.visitors) > VISITORS:
            others = [one for one in preview.visitors.values() if one.key != self.person and one is not visitor]
            forgotten = min(others, key=lambda one: one.seen)
            del preview.visitors[forgotten.key]
            del self._visitors[self._digest_of(forgotten.path)]
        return visitor

    def open_apart(self, target: PreviewTarget, known: str, script: bytes = b"") -> Visitor:
        """A preview for one visitor alone, at an address of their own. ``known``: the path prefix that the dev server
        answers below. ``script`` runs in each page beside ours. It lasts until ``close_apart``."""
        preview = Preview(target, known, self._clock())
        visitor = preview.visitors["apart"] = Visitor("apart", self.reserve(), target.storage, script=script)
        self._visitors[self._digest_of(visitor.path)] = (preview, visitor)
        return visitor

    def close_apart(self, visitor: Visitor) -> None:
        """End it. Its URL is dead from now on."""
        preview, _ = self._visitors.pop(self._digest_of(visitor.path), (None, None))
        for close in list(preview.sockets) if preview else ():
            close()

    def enter(self, preview: Preview, key: str) -> Visitor:
        """The visitor with this key, who may navigate to their address once without any other proof."""
        visitor = self.visitor(preview, key)
        visitor.expected = self._clock() + PASS_SECONDS
        return visitor

    def expects(self, visitor: Visitor) -> bool:
        """True if this visitor was just sent to their address. Tells so once."""
        expected, visitor.expected = visitor.expected, 0.0
        return self._clock() < expected

    def unused(self, session: str) -> float:
        """Seconds since anything was loaded from the session's preview; infinite when it has none."""
        digest = self._by_session.get(session)
        return self._clock() - self._by_digest[digest].used if digest else float("inf")

    def is_held(self, session: str) -> bool:
        """True if a page of the session's preview holds a WebSocket open."""
        digest = self._by_session.get(session)
        return digest is not None and bool(self._by_digest[digest].sockets)

    def act(self, preview: Preview) -> None:
        """A page asked its app for what may change what that keeps: a request that is no mere reading, a message."""
        preview.acted = self._clock()

    def untouched(self, session: str) -> float:
        """Seconds since a page of the session's preview did so; infinite when none has. A page that follows the code,
        or loads data anew, is not somebody who works with the app."""
        digest = self._by_session.get(session)
        return self._clock() - self._by_digest[digest].acted if digest else float("inf")

    def _digest_of(self, path: str) -> bytes:
        return _digest(path.removeprefix(self.prefix).rstrip("/"))

    def _expire(self) -> None:
        for preview in list(self._by_digest.values()):
            if self._is_idle(preview):
                self.close(preview.target.session)

    def _is_idle(self, preview: Preview) -> bool:
        # An open page loads nothing while nothing changes, but holds its hot-update socket.
        return not preview.sockets and self._clock() - preview.used > self._idle


def new_key() -> str:
    """A visitor's key."""
    return secrets.token_urlsafe(32)


def kept_key(path: Path) -> str:
    """The key in the file ``path``, which is written with a new one if it is missing or damaged. A new one each time
    where it cannot be kept."""
    key = new_key()
    with contextlib.suppress(OSError):
        if kept := _key_in(path):
            return kept
        write_whole(path, key)
        key = _key_in(path) or key  # of whoever did the same at the same time, and was last
    return key


def _key_in(path: Path) -> str:
    """The key in a file; "" where there is none, or what lies there was never a key of ours."""
    try:
        text = path.read_bytes().strip()
    except FileNotFoundError:
        return ""
    return text.decode() if re.fullmatch(rb"[A-Za-z0-9_-]{43}", text) else ""


def frame_ancestors(policy: str) -> list[str]:
    """The sources that a content security policy lets frame a page."""
    directives = (directive.split() for directive in policy.split(";"))
    none: list[str] = []
    found = next((words[1:] for words in directives if words and words[0].lower() == "frame-ancestors"), none)
    return [source for source in found if source.lower() not in ("'none'", "'self'")]


def _digest(capability: str) -> bytes:
    return hashlib.sha256(capability.encode()).digest()


def redacted(path: str) -> str:
    """``path`` for a log: with the capability left out."""
    return re.sub(r"(/appbuilder/(?:(?:preview|open)/|apps/[^/?#\s]+/~))[^/?#\s]+", r"\1…", path)
