"""Who asks: the Hub's own answer about their token, kept for seconds."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ..errors import Unavailable
from .ledger import Ledger, Person

if TYPE_CHECKING:
    from jupyterhub.services.auth import HubOAuth

MANY = 10_000  # tokens that are known at once
ASKED_AT_ONCE = 20  # tokens that the Hub is asked about: it is one process, with everybody's logins to see to
ASK_SECONDS = 20.0
SEEN_EVERY = 60.0  # seconds, for each person

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    at: float
    person: Person | None


@dataclass
class People:
    """``fresh_seconds``: for how long the Hub's answer is taken, so for how long a revoked token still works.
    ``grace_seconds``: the same while the Hub does not answer (it restarts), for tokens that it knew."""

    auth: HubOAuth
    ledger: Ledger
    fresh_seconds: float = 5.0
    grace_seconds: float = 120.0
    _known: dict[str, _Known] = field(default_factory=dict[str, _Known])
    _asking: dict[str, asyncio.Task[Person | None]] = field(default_factory=dict[str, "asyncio.Task[Person | None]"])
    _seen: dict[Person, float] = field(default_factory=dict[Person, float])
    _unwritten: dict[str, Person] = field(default_factory=dict[str, Person])
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ASKED_AT_ONCE))

    def person_of(self, model: Mapping[str, Any] | None) -> Person | None:
        """Who a user of the Hub is, by its model; None for one who may not use this service, and for other services."""
        if not model or model.get("kind") != "user" or not model.get("name"):
            return None
        if not self.auth.check_scopes(self.auth.access_scopes, model):
            return None
        groups = tuple(sorted(str(group) for group in model.get("groups") or ()))
        return Person(str(model["name"]), groups, bool(model.get("admin")))

    async def of_token(self, token: str) -> Person | None:
        """Whose token it is; None for a token that the Hub does not know, or that may not use this service.

        Raises ``Unavailable`` where the Hub does not answer."""
        key = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        known = self._known.get(key)
        if known and time.monotonic() - known.at < self.fresh_seconds:
            return known.person
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.ensure_future(self._ask(key, token))
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(asking)

    async def has_scope(self, token: str, scope: str) -> bool:
        """Whether a token of the Hub's, of a user's or another service's, has a scope. Raises ``Unavailable``."""
        model = await self._model_of(token)
        return bool(model) and scope in (model.get("scopes") or ())

    async def _model_of(self, token: str) -> dict[str, Any] | None:
        """What the Hub says of a token. Raises ``Unavailable``."""
        from tornado.web import HTTPError

        try:
            async with asyncio.timeout(ASK_SECONDS), self._turns:
                return await cast("Any", self.auth).user_for_token(token, use_cache=False, sync=False)
        except (HTTPError, TimeoutError):
            raise Unavailable(
                "The Hub does not answer, so nobody can be told apart.",
                hint="Try again in a moment.",
                reason="hub_unavailable",
            ) from None

    async def _ask(self, key: str, token: str) -> Person | None:
        try:
            model = await self._model_of(token)
        except Unavailable:
            known = self._known.get(key)
            if known and known.person and time.monotonic() - known.at < self.grace_seconds:
                return known.person
            raise
        person = self.person_of(model)
        self._known.pop(key, None)
        if len(self._known) >= MANY:
            del self._known[next(iter(self._known))]  # of which was heard the longest ago
        self._known[key] = _Known(time.monotonic(), person)
        if person:
            self.saw(person)
        return person

    def saw(self, person: Person) -> None:
        """Have it kept, now and then, who they are: ``write`` does it, which nobody's request waits for."""
        now = time.monotonic()
        if now - self._seen.get(person, -SEEN_EVERY) < SEEN_EVERY:
            return
        if len(self._seen) >= MANY:
            self._seen.clear()
        self._seen[person] = now
        self._unwritten[person.name] = person

    async def write(self) -> None:
        """Keep who was seen, for the administrator's pages. Raises ``Unavailable``: then the next call does it."""
        seen, self._unwritten = self._unwritten, {}
        if not seen:
            return
        try:
            await self.ledger.saw(*seen.values())
        except BaseException:
            self._unwritten = seen | self._unwritten
            raise
