"""What publishing asks of a JupyterHub: its servers, and who may open them. Imports nothing heavy: the Hub's own
process knows servers of publications by this module."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from ..errors import AppBuilderError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from .base import NAME

if TYPE_CHECKING:
    import ssl

WHO = ("me", "people", "everybody")
"""Whom an owner lets in."""

LONGEST_SERVER = 30
"""Characters of a named server's name, as JupyterHub 6 takes it."""
MOST_READERS = 500
"""That are named at a time."""
MOST_SHARES = 100_000
"""That a server has: of an app for everybody, one for each who came."""
PAGE = 200
MOST_GROUPS = 100
LARGEST = 20 * 1024 * 1024  # bytes of an answer
SECONDS = 20.0
START_SECONDS = 600.0
SAID = 300
"""Characters of a line that the Hub says."""

SERVICE = "JUPYTER_APPBUILDER_SERVICE"
"""The variable of a server's environment that says where the service's pages are, as a path of the Hub's proxy."""
IDLE = "JUPYTER_APPBUILDER_IDLE"
"""The variable that says after how many seconds without use the server of an app is stopped."""

Options = Mapping[str, Any]


def server_name(publication: str) -> str:
    """The name of the server of a publication: always the same, of letters, digits and single hyphens."""
    plain = f"app-{publication}"
    if len(plain) <= LONGEST_SERVER and "--" not in plain:
        return plain
    short = re.sub("-+", "-", publication)[: LONGEST_SERVER - 13].strip("-")
    return f"app-{short}-{hashlib.sha256(publication.encode()).hexdigest()[:8]}"


def publication_of(options: object) -> str | None:
    """The publication that a server's options name, if they do so. ``ValueError`` where they say something else."""
    asked = cast("Options", options).get("appbuilder") if isinstance(options, Mapping) else None
    if asked is None:
        return None
    name = cast("Options", asked).get("publication") if isinstance(asked, Mapping) else None
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"A publication's name is of a-z, 0-9 and hyphens, not {str(name)[:60]!r}.")
    return name


def is_for_everybody(options: object) -> bool:
    """True if the owner lets everybody with an account in."""
    asked = cast("Options", options).get("appbuilder") if isinstance(options, Mapping) else None
    return isinstance(asked, Mapping) and cast("Options", asked).get("readers") == "everybody"


@dataclass(frozen=True, slots=True)
class Server:
    """A named server as the Hub has it. ``options``: what it was last asked to be."""

    name: str
    url: str
    ready: bool
    pending: str  # "spawn", "stop" … or ""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_held(self) -> bool:
        """Whether the Hub is at something that it cannot be started in: it stops it, or looks if it still runs."""
        return self.pending not in ("", "spawn")


@dataclass(frozen=True, slots=True)
class Shares:
    """Who may open a server besides its owner."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, list[str]]:
        return {"users": sorted(self.users), "groups": sorted(self.groups)}


class JupyterHub:
    """The Hub's REST API with one token. Every method raises ``AppBuilderError`` with the next step, and never tells
    the token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token

    @staticmethod
    def of_environment() -> JupyterHub | None:
        """The Hub that started this process, if one did."""
        url, token = os.environ.get("JUPYTERHUB_API_URL"), os.environ.get("JUPYTERHUB_API_TOKEN")
        return JupyterHub(url, token) if url and token else None

    async def me(self) -> tuple[str, frozenset[str]]:
        """Whose token it is, and its scopes."""
        told = await self._ask("GET", "/user")
        return str(told.get("name", "")), frozenset(map(str, told.get("scopes") or ()))

    async def is_admin(self, name: str) -> bool:
        """Whether a user is an admin of the Hub."""
        with contextlib.suppress(NotFound):
            return (await self._ask("GET", f"/users/{part(name)}")).get("admin") is True
        return False

    async def server(self, owner: str, name: str) -> Server | None:
        """A named server, also one that is stopped; None where there is none, or no such user."""
        try:
            told = await self._ask("GET", f"/users/{part(owner)}?include_stopped_servers=1")
        except (NotFound, InvalidInput):  # the Hub takes no such name
            return None
        one = cast("dict[str, dict[str, Any]]", told.get("servers") or {}).get(name)
        if one is None:
            return None
        return Server(
            name,
            str(one.get("full_url") or one.get("url") or ""),
            bool(one.get("ready")),
            str(one.get("pending") or ""),
            one.get("user_options") or {},
        )

    async def start(self, owner: str, name: str, options: Options | None = None) -> None:
        """Have it start, as it last was where no options are given. One that runs, or starts, is left alone."""
        try:
            await self._ask("POST", _server(owner, name), None if options is None else {**options})
        except InvalidInput as error:
            if "already running" not in error.message and "pending" not in error.message:
                raise

    async def progress(self, owner: str, name: str) -> AsyncIterator[Mapping[str, Any]]:
        """What the Hub tells while it starts: ``{progress, message, ready?, failed?}``. Ends with it."""
        from tornado.httpclient import HTTPRequest

        arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        request = HTTPRequest(
            f"{self.url}{_server(owner, name)}/progress",
            headers=self._headers,
            streaming_callback=arrived.put_nowait,
            request_timeout=START_SECONDS,
            ssl_options=_certificates(),
        )
        asking: asyncio.Future[Any] = asyncio.ensure_future(_client().fetch(request, raise_error=False))
        asking.add_done_callback(lambda _: arrived.put_nowait(None))
        try:
            held = b""
            while (piece := await arrived.get()) is not None:
                *lines, held = (held + piece).split(b"\n")
                if len(held) > LARGEST:
                    break
                for line in lines:
                    if line.startswith(b"data:"):
                        with contextlib.suppress(ValueError):
                            event: Any = json.loads(line[5:])
                            if isinstance(event, dict):
                                yield cast("dict[str, Any]", event)
        finally:
            asking.cancel()

    async def stop(self, owner: str, name: str, *, remove: bool = False) -> None:
        """Stop it; with ``remove`` it is gone, and so is who may open it. What is not there is no error."""
        with contextlib.suppress(NotFound):
            await self._ask("DELETE", _server(owner, name), {"remove": remove})

    async def knows(self, kind: str, name: str) -> bool:
        """Whether there is such a ``user`` or ``group``."""
        try:
            await self._ask("GET", f"/{kind}s/{part(name)}")
        except NotFound:
            return False
        return True

    async def require(self, readers: Shares) -> None:
        """Raises ``InvalidInput``, which names the first of them that there is not."""
        for kind, names in (("user", readers.users), ("group", readers.groups)):
            for name in sorted(names):
                if not await self.knows(kind, name):
                    raise InvalidInput(
                        f"The Hub knows no {kind} {name!r}.",
                        hint="Write the name as it is on the Hub; nobody's access was changed.",
                        field=f"{kind}s",
                    )

    async def readers(self, owner: str, name: str) -> Shares:
        """Who it is shared with. Nobody where there is no such server."""
        users: set[str] = set()
        groups: set[str] = set()
        offset = 0
        while offset <= MOST_SHARES:
            try:
                told = await self._ask("GET", f"/shares/{part(owner)}/{part(name)}?limit={PAGE}&offset={offset}")
            except NotFound:
                break
            items = cast("list[Mapping[str, Any]]", told.get("items") or [])
            for one in items:
                for kind, names in (("user", users), ("group", groups)):
                    if known := one.get(kind):
                        names.add(str(known["name"]))
            offset += len(items)
            if not items or not (told.get("_pagination") or {}).get("next"):
                break
        return Shares(frozenset(users), frozenset(groups))

    async def is_shared(self, owner: str, name: str, user: str, groups: Collection[str]) -> bool:
        """Whether a user may open a server, by name or as a member of one of ``groups``."""
        kinds = [f"/users/{part(user)}", *(f"/groups/{part(group)}" for group in sorted(groups)[:MOST_GROUPS])]
        for whose in kinds:
            with contextlib.suppress(NotFound):
                await self._ask("GET", f"{whose}/shared/{part(owner)}/{part(name)}")
                return True
        return False

    async def share(self, owner: str, name: str, *, user: str = "", group: str = "") -> None:
        """Let a user or a group in."""
        await self._ask("POST", f"/shares/{part(owner)}/{part(name)}", _whom(user, group))

    async def revoke(self, owner: str, name: str, *, user: str = "", group: str = "") -> None:
        """Let a user or a group in no more."""
        with contextlib.suppress(NotFound):
            await self._ask("PATCH", f"/shares/{part(owner)}/{part(name)}", _whom(user, group))

    async def active(self, owner: str, name: str, at: str) -> None:
        """Somebody used a server, last at this time (ISO 8601)."""
        await self._ask("POST", f"/users/{part(owner)}/activity", {"servers": {name: {"last_activity": at}}})

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self._token}", "Accept": "application/json"}

    async def _ask(self, method: str, path: str, body: Options | None = None) -> dict[str, Any]:
        from tornado.httpclient import HTTPRequest

        request = HTTPRequest(
            self.url + path,
            method,
            headers={**self._headers, "Content-Type": "application/json"},
            body=None if body is None else json.dumps(body),
            allow_nonstandard_methods=True,
            follow_redirects=False,
            request_timeout=SECONDS,
            ssl_options=_certificates(),
        )
        try:
            answer = await _client().fetch(request, raise_error=False)
        except Exception as error:
            raise _silent(error) from None
        if answer.code == 599:
            raise _silent(answer.error)
        try:
            told: Any = json.loads(answer.body or b"{}")
        except ValueError:
            told = {}
        told = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
        if answer.code >= 400:
            raise _refused(answer.code, str(told.get("message") or answer.reason)[:SAID])
        return told


def missing(scopes: Collection[str], owner: str) -> list[str]:
    """The scopes that publishing needs and the token of its server does not have."""
    needed = (
        (("servers", "start:servers"), "servers!user"),
        (("servers", "delete:servers"), "servers!user"),
        (("shares",), "shares!user"),
        (("access:servers",), "access:servers!user"),
    )

    def held(*names: str) -> bool:
        return any(scope in scopes for name in names for scope in (name, f"{name}!user={owner}"))

    return [*dict.fromkeys(scope for names, scope in needed if not held(*names))]


def readers_asked(users: str, groups: str) -> Shares:
    """Who is to read, by names as people write them. Raises ``InvalidInput``."""
    found = [frozenset(names_in(text)) for text in (users, groups)]
    if sum(map(len, found)) > MOST_READERS:
        raise InvalidInput(
            f"These are more than {MOST_READERS} readers.", hint="Share with a group of the Hub instead.", field="users"
        )
    if long := next((name for names in found for name in names if len(name) > 255), ""):
        raise InvalidInput(f"No user or group is called {long[:60]!r}….", field="users")
    return Shares(*found)


def names_in(text: str) -> list[str]:
    """Names with commas, semicolons or lines between them."""
    return [name for part in re.split(r"[,;\n]", text) if (name := part.strip())]


def hub_address(path: str) -> str:
    """Where people find what the Hub's proxy has at ``path`` ("/services/…"): a path, or an address with its host
    where the Hub says its own."""
    path = (os.environ.get("JUPYTERHUB_BASE_URL") or "/").rstrip("/") + path
    public = os.environ.get("JUPYTERHUB_PUBLIC_HUB_URL") or ""
    if "://" not in public:
        return path
    scheme, _, rest = public.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}{path}"


def _whom(user: str, group: str) -> dict[str, str]:
    return {"user": user} if user else {"group": group}


def part(text: str) -> str:
    """A name as a part of a path."""
    return quote(text, safe="@~") or "-"


def _server(owner: str, name: str) -> str:
    return f"/users/{part(owner)}/servers/{part(name)}"


def _refused(code: int, said: str) -> AppBuilderError:
    if code == 403:
        return Forbidden(f"The Hub refuses it: {said}.".replace("..", "."), reason="hub_refused")
    if code == 404:
        return NotFound(f"The Hub knows no such thing: {said}.".replace("..", "."), reason="hub_unknown")
    if code == 400:
        return InvalidInput(f"The Hub does not take it: {said}.".replace("..", "."), reason="hub_invalid")
    if code == 409:
        return Conflict(f"The Hub is at it: {said}.".replace("..", "."), reason="hub_conflict")
    return Unavailable(f"The Hub answered {code}: {said}.".replace("..", "."), hint="Try again.", reason="hub_failed")


def _silent(error: BaseException | None) -> Unavailable:
    return Unavailable(
        f"The Hub does not answer ({type(error).__name__}).",
        hint="Wait until it runs again, then try again.",
        reason="hub_unreachable",
    )


def _client() -> Any:
    from tornado.simple_httpclient import SimpleAsyncHTTPClient

    return SimpleAsyncHTTPClient(force_instance=True, max_body_size=LARGEST, max_buffer_size=LARGEST)


def _certificates() -> ssl.SSLContext | None:
    """Where the Hub talks to its servers by certificates of its own (``internal_ssl``)."""
    key, certificate, authority = (
        os.environ.get(f"JUPYTERHUB_SSL_{name}") for name in ("KEYFILE", "CERTFILE", "CLIENT_CA")
    )
    if not key or not certificate:
        return None
    import ssl

    context = ssl.create_default_context(cafile=authority or None)
    context.load_cert_chain(certificate, key)
    return context
