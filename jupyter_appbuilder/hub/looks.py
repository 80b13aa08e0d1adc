"""Who looks at a session of somebody else's: the Hub's login is here, the session on its owner's server.

A server cannot tell people apart who have no right to it, so they come by here. Who follows ``looks/<owner>/<look>``
logs in, and is sent to the owner's server with a code; that server asks whose code it is, and whether it lets them in
is its own matter. What somebody copies goes the same way: the owner's server leaves it here for that one person, whose
own server fetches it. Nothing is kept but for minutes.
"""

from __future__ import annotations

import json
import re
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from tornado import web

from ..cancellation import in_thread
from ..errors import AppBuilderError, InvalidInput, NotFound, Unavailable, of_the_disk
from ..publishing.jupyterhub import part
from ..publishing.look_service import LARGEST
from .base import HubHandler
from .waking import AppHandler, Apps

if TYPE_CHECKING:
    from ..publishing.jupyterhub import JupyterHub

CODE_SECONDS = 60.0
MOST_CODES = 10_000
COPY_SECONDS = 900.0
"""A server that fetches it may have to be started first."""
MOST_COPIES = 5
"""Of one sender."""
MOST_BYTES = 512 * 1024 * 1024
"""Of all copies together."""
AGAIN_SECONDS = 20
"""Between two looks whether a server runs again."""
LOOK = re.compile(r"[\w-]{22}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Came:
    at: float
    owner: str
    name: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Copy:
    at: float
    by: str
    to: str
    file: Path
    size: int


@dataclass(slots=True)
class Looks:
    """Codes of those who came, and what is on its way to somebody."""

    clock: Callable[[], float] = time.monotonic
    _codes: dict[str, _Came] = field(default_factory=dict[str, _Came])
    _copies: dict[str, _Copy] = field(default_factory=dict[str, _Copy])
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def came(self, owner: str, name: str, groups: tuple[str, ...]) -> str:
        """A code that tells the server of ``owner``, once, who this is."""
        self._forget()
        while len(self._codes) >= MOST_CODES:
            del self._codes[next(iter(self._codes))]
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Came(self.clock(), owner, name, groups)
        return code

    def who(self, code: str, owner: str) -> _Came:
        """Raises ``NotFound`` for a code that is used, old, or for another's server."""
        self._forget()
        came = self._codes.get(code)
        if came is None or came.owner != owner:
            raise NotFound("There is no such code.", reason="unknown_code")
        del self._codes[code]
        return came

    async def leave(self, by: str, to: str, pack: bytes) -> str:
        """Keep this until ``to`` fetches it. Raises ``Unavailable`` while too much is on its way."""
        self._forget()
        theirs = [id for id, one in self._copies.items() if one.by == by]
        for id in theirs[: max(0, len(theirs) - MOST_COPIES + 1)]:
            self._drop(id)
        if sum(one.size for one in self._copies.values()) + len(pack) > MOST_BYTES:
            raise Unavailable(
                "Too many copies are on their way here.", hint="Try again in some minutes.", reason="full"
            )
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="appbuilder-copies-")
        id = secrets.token_urlsafe(16)
        file = Path(self._folder.name, id)
        self._copies[id] = _Copy(self.clock(), by, to, file, len(pack))
        try:
            await in_thread(file.write_bytes, pack)
        except OSError as error:
            self._drop(id)
            raise of_the_disk(error, file.parent) from None
        return id

    async def fetch(self, id: str, to: str) -> tuple[str, bytes]:
        """Who sent it, and what. It stays for its time: a server may fail to take it. Raises ``NotFound``."""
        self._forget()
        copy = self._copies.get(id)
        if copy is None or copy.to != to:
            raise NotFound("There is no such copy.", reason="unknown_copy")
        try:
            return copy.by, await in_thread(copy.file.read_bytes)
        except FileNotFoundError:  # its time ended meanwhile
            raise NotFound("There is no such copy.", reason="unknown_copy") from None

    def _forget(self) -> None:
        now = self.clock()
        for code in [code for code, one in self._codes.items() if now - one.at > CODE_SECONDS]:
            del self._codes[code]
        for id in [id for id, one in self._copies.items() if now - one.at > COPY_SECONDS]:
            self._drop(id)

    def _drop(self, id: str) -> None:
        if copy := self._copies.pop(id, None):
            copy.file.unlink(missing_ok=True)


class LookHandler(AppHandler):
    """``looks/<owner>[/<server>]/<look>``: to the owner's server, or a page that says why not."""

    def initialize(self, apps: Apps, looks: Looks) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().initialize(apps)
        self.looks = looks

    @web.authenticated
    async def get(self, owner: str, server: str | None, look: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        person = cast("dict[str, Any]", self.current_user)
        if person.get("kind", "user") != "user" or not LOOK.fullmatch(look):
            self._tell(404, "This link leads nowhere", "Ask who gave it to you for another one.", owner, "")
            return
        try:
            there = await self.apps.hub.server(owner, server or "")
        except AppBuilderError:
            self._tell(503, "The Hub does not answer", "Load this page again in a moment.", owner, "")
            return
        if there is None or not there.ready or there.pending:
            # The same where there is no such person: who is on this Hub is nobody's business.
            self.set_header("Refresh", str(AGAIN_SECONDS))
            self._tell(
                503,
                "The server that shows this is asleep",
                f"It is {owner}'s, and only {owner} can start it. This page goes on by itself when it runs.",
                owner,
                "",
            )
            return
        groups = tuple(sorted(map(str, person.get("groups") or ())))
        code = self.looks.came(owner, str(person["name"]), groups)
        self.redirect(f"{there.url.rstrip('/')}/appbuilder/looks/{part(look)}/enter?code={code}")


class _LooksHandler(HubHandler):
    def initialize(self, looks: Looks) -> None:
        self.looks = looks


class ViewersHandler(_LooksHandler):
    """Whose code it is, for the server that it was made for."""

    async def post(self) -> None:
        owner = await self.person()
        try:
            code: Any = json.loads(self.request.body)["code"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InvalidInput("The request has no code.", field="code") from None
        came = self.looks.who(str(code), owner.name)
        self.finish({"name": came.name, "groups": list(came.groups)})


@web.stream_request_body
class CopiesHandler(_LooksHandler):
    """Something for somebody else, to be fetched by their server. Nothing of it is kept before it is known whose it
    is."""

    def initialize(self, looks: Looks) -> None:
        super().initialize(looks)
        self._body = bytearray()

    async def prepare(self) -> None:
        self._sender = await self.person()
        self.expect_body(LARGEST)

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    async def post(self) -> None:
        if not self._body:
            raise InvalidInput("The request has no copy.", hint="Send it as the body.", field="body")
        to = self.get_query_argument("to")
        self.finish({"copy": await self.looks.leave(self._sender.name, to, bytes(self._body))})


class CopyHandler(_LooksHandler):
    async def get(self, copy: str) -> None:
        person = await self.person()
        by, pack = await self.looks.fetch(copy, person.name)
        self.set_header("Content-Type", "application/zip")
        self.set_header("X-From", quote(by))
        self.finish(pack)


def look_handlers(prefix: str, hub: JupyterHub) -> list[tuple[str, type[web.RequestHandler], dict[str, Any]]]:
    """The routes below the service's ``prefix``; ``hub`` with the service's own token."""
    looks = Looks()
    below = re.escape(prefix)
    return [
        (below + r"looks/([^/]+)/(?:([^/]+)/)?([^/]+)/?", LookHandler, {"apps": Apps(hub, prefix), "looks": looks}),
        (below + r"api/looks/viewers", ViewersHandler, {"looks": looks}),
        (below + r"api/looks/copies", CopiesHandler, {"looks": looks}),
        (below + r"api/looks/copies/([\w-]+)", CopyHandler, {"looks": looks}),
    ]
