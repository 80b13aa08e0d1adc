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
        from tornado.web import HTTPError

        try:
            model: Any = await cast("Any", self.auth).user_for_token(token, use_cache=False, sync=False)
        except HTTPError:
            raise Unavailable("The Hub does not answer.", hint="Try again in a moment.") from None
        return bool(model) and scope in (model.get("scopes") or ())

    async def _ask(self, key: str, token: str) -> Person | None:
        from tornado.web import HTTPError

        try:
            model: Any = await cast("Any", self.auth).user_for_token(token, use_cache=False, sync=False)
        except HTTPError:
            known = self._known.get(key)
            if known and known.person and time.monotonic() - known.at < self.grace_seconds:
                return known.person
            raise Unavailable(
                "The Hub does not answer, so nobody can be told apart.",
                hint="Try again in a moment.",
                reason="hub_unavailable",
            ) from None
        person = self.person_of(model)
        if len(self._known) >= MANY:
            self._known.clear()
        self._known[key] = _Known(time.monotonic(), person)
        if person:
            await self.saw(person)
        return person

    async def saw(self, person: Person) -> None:
        """Keep who they are for the administrator's pages, now and then."""
        now = time.monotonic()
        if now - self._seen.get(person, -SEEN_EVERY) < SEEN_EVERY:
            return
        if len(self._seen) >= MANY:
            self._seen.clear()
        self._seen[person] = now
        try:
            await self.ledger.saw(person)
        except Unavailable as error:
            log.warning("Who asked was not kept: %s", error)
