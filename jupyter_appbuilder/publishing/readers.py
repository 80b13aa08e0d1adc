"""Readers of apps that are published on this server: their addresses, their storage, how much they may ask for.

A page of generated code has an opaque origin, to which browsers send no cookie: what it fetches could not be told from
what anybody fetches. So who is let in (``server.published``) is sent to an address of their own,
``apps/<name>/~<pass>/``, which opens this app, this release and this reader's storage, for some days. It is made of the
publication's key, so it needs no memory, and unpublishing ends it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import AppBuilderError
from ..preview.capabilities import Preview, Previews, Visit, Visitor
from ..preview.data_news import DataNews
from ..preview.storage import READER_FILES, PageStorage
from ..sandbox.base import DevServer
from .base import NAME, SITE
from .shelf import FILE, Publication, Shelf
from .targets.here import PREFIX
from .visits import Visits

PASS_DAYS = 3
"""How long an address opens the app: a page that stays open longer has to be loaded again."""
PASS = re.compile(r"([0-9]{1,9})-([0-9]{1,6})-([0-9a-f]{32})-([0-9a-f]{32})")
SANDBOX = (
    "allow-scripts",
    "allow-forms",
    "allow-modals",
    "allow-downloads",
    "allow-popups",
    "allow-popups-to-escape-sandbox",
)
"""What a published page may do. Never ``allow-same-origin`` or a kind of top navigation: it would act as its reader."""
BURST, PER_SECOND = 600.0, 60.0
"""Requests of one reader to one app: so many at once, and so many a second for long."""
MOST_READERS, MOST_STORAGES = 2000, 100
"""Whose rate, and whose storage, is in memory."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a pass opens: a release, for one reader."""

    publication: Publication
    number: int
    reader: str


@dataclass(slots=True)
class _Rate:
    left: float
    at: float


class _Target:
    """A published app as the requests of its page have it (``preview.target.PreviewTarget``)."""

    changed_at = 0.0

    def __init__(self, name: str, storage: PageStorage) -> None:
        self.session = name
        self.storage = storage
        self.server = DevServer("ready")
        self.data_news = DataNews()

    def server_at(self, path: str) -> DevServer:
        return self.server

    async def arrives(self) -> None:
        """Nobody is logged in there."""

    async def ensure(self) -> DevServer:
        return self.server

    async def report(self, finding: dict[str, Any]) -> None:
        """Readers' pages report nothing."""


class Readers(Previews):
    """Of the apps that are published here. A capability is ``<name>/~<pass>``."""

    def __init__(self, base_url: str, shelf: Shelf, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(base_url, clock=clock)
        self.prefix = f"{base_url.rstrip('/')}/{PREFIX}"
        self.shelf = shelf
        self._sandbox = " ".join(SANDBOX)
        self._known: dict[str, tuple[tuple[int, int], Publication]] = {}
        self._visitors_of: OrderedDict[tuple[str, str], Visitor] = OrderedDict()
        self._rates: OrderedDict[tuple[str, str], _Rate] = OrderedDict()

    # What is published

    def published(self, name: str) -> Publication | None:
        """A publication of which readers get something. Cheap: asked with every request."""
        if not NAME.fullmatch(name):
            return None
        path = self._folder(name) / FILE
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        signature = (status.st_mtime_ns, status.st_ino)
        known = self._known.get(name)
        if known is None or known[0] != signature:
            try:
                found = self.shelf.find("here", name)
            except AppBuilderError:
                return None
            if found is None:
                return None
            if len(self._known) > MOST_READERS:
                self._known.clear()
            known = self._known[name] = signature, found
        return known[1] if known[1].live is not None else None

    def root(self, opened: Opened) -> Path:
        """The folder of the files that a reader gets."""
        return self._folder(opened.publication.name) / "releases" / str(opened.number) / SITE

    def visits(self, name: str) -> Visits:
        return Visits(self._folder(name))

    # Passes

    def reader(self, publication: Publication, user: str) -> str:
        """Which reader somebody is; another for each app, and no name."""
        return _signed(publication, f"reader {user}")

    def door(self, name: str, rest: str = "") -> str:
        """The address that everybody has of an app."""
        return f"{self.prefix}{name}/{rest}"

    def way_in(self, publication: Publication, reader: str) -> str:
        """The address of a reader's own, of the release that is live, with a slash at its end."""
        day = self._today()
        signed = _signed(publication, f"pass {publication.live} {day} {reader}")
        return f"{self.prefix}{publication.name}/~{publication.live}-{day}-{reader}-{signed}/"

    def opened(self, capability: str) -> Opened | None:
        """What a capability opens; None for nothing (any more)."""
        name, _, given = capability.partition("/~")
        found = PASS.fullmatch(given)
        publication = self.published(name) if found else None
        if found is None or publication is None:
            return None
        number, day, reader, signed = found.groups()
        if not hmac.compare_digest(signed, _signed(publication, f"pass {number} {day} {reader}")):
            return None
        entry = publication.entry(int(number))
        if not 0 <= self._today() - int(day) <= PASS_DAYS or entry is None or not entry.kept or entry.withdrawn:
            return None
        return Opened(publication, int(number), reader)

    def visit(self, capability: str) -> Visit | None:
        opened = self.opened(capability)
        if opened is None:
            return None
        path = f"{self.prefix}{capability}/"
        visitor = self._visitor(opened.publication.name, opened.reader, path)
        preview = Preview(_Target(opened.publication.name, visitor.storage), path, self._clock())
        return Visit(preview, path, visitor)

    def may_ask(self, opened: Opened) -> bool:
        """True unless this reader has asked too much of this app."""
        now, key = time.monotonic(), (opened.publication.name, opened.reader)
        rate = self._rates.pop(key, None) or _Rate(BURST, now)
        rate.left = min(BURST, rate.left + (now - rate.at) * PER_SECOND)
        rate.at = now
        self._rates[key] = rate
        if len(self._rates) > MOST_READERS:
            self._rates.popitem(last=False)
        if rate.left < 1:
            return False
        rate.left -= 1
        return True

    def _visitor(self, name: str, reader: str, path: str) -> Visitor:
        """The reader with one storage in this process, whichever release they have."""
        known = self._visitors_of.pop((name, reader), None)
        storage = known.storage if known else PageStorage(self._folder(name) / "readers.json").of(reader, READER_FILES)
        self._visitors_of[name, reader] = known = Visitor(reader, path, storage)
        if len(self._visitors_of) > MOST_STORAGES:
            self._visitors_of.popitem(last=False)
        return known

    def _folder(self, name: str) -> Path:
        return self.shelf.folder / "here" / name

    def _today(self) -> int:
        return int(self._clock() // 86400)


def _signed(publication: Publication, text: str) -> str:
    return hmac.new(publication.key.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]
