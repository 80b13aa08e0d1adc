"""Budgets that a JupyterHub's service keeps: what it says of them, and usage that it is told of afterwards.

Requests to the Hub's own models are counted where they pass (``hub.gateway``), which also refuses them. What is here
tells people before, and holds providers to the same budgets whose requests go elsewhere (``c.AppBuilder.hub_counts``).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

from ..errors import Unavailable
from ..log.base import RequestRow, UsageLog
from ..log.totals import UsageTotals
from ..settings import write_settings
from .budgets import Budget, OverBudget, Unit, amount
from .days import zone
from .ledger import Ledger
from .quotas import Expected, LocalQuotas

HUB = "hub:"
"""How the names of the Hub's own models begin."""
FRESH_SECONDS = 3.0
ASK_SECONDS = 5.0
AT_ONCE = 200  # requests that are told at once
OVERLAP = 60.0  # seconds by which one may be written down later than another that ended after it
MOST = 4 * 1024 * 1024  # bytes of an answer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HubQuota:
    """A budget as the service tells it, in US dollars."""

    scope: Literal["user", "group", "hub"]
    name: str
    period: Literal["day", "month"]
    limit: float
    used: float
    resets_at: float
    timezone: str

    @property
    def whose(self) -> str:
        return {"user": "Your", "group": f"The group {self.name}'s", "hub": "The Hub's"}[self.scope]

    def budget(self) -> Budget:
        return Budget(self.period, "dollars", self.limit, "hub", self.used)

    def over(self, needed: float) -> OverBudget:
        when = datetime.fromtimestamp(self.resets_at, zone(self.timezone))
        return OverBudget(
            f"{self.whose} budget of {amount('dollars', self.limit)} for this {self.period} has "
            f"{amount('dollars', max(0.0, self.limit - self.used))} left, and the next step would take about "
            f"{amount('dollars', needed)}. It resets on {when:%Y-%m-%d at %H:%M} ({self.timezone}).",
            hint="Go on then, or ask the Hub's administrator for more.",
        )


class HubService:
    """The service at ``url`` ("http://…/services/appbuilder"), asked with this server's own token."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/").removesuffix("/v1")
        self._token = token
        self._known: tuple[float, list[HubQuota]] | None = None
        self.on_prices: Callable[[dict[str, Sequence[float]]], object] = lambda prices: None
        """Told what the Hub's models cost, by their names here."""

    async def quotas(self) -> list[HubQuota]:
        """The budgets that hold for whose server this is. Raises ``Unavailable``."""
        if self._known and time.monotonic() - self._known[0] < FRESH_SECONDS:
            return self._known[1]
        said = await self._ask("GET", "api/me")
        zone_name = said.get("timezone", "UTC")
        try:
            found = [
                HubQuota(
                    one["scope"],
                    str(one["name"]),
                    one["period"],
                    float(one["limit"]) + float(one["granted"]),
                    float(one["spent"]) + float(one["reserved"]),
                    float(one["resets_at"]),
                    zone_name,
                )
                for one in said["quotas"]
            ]
        except (KeyError, TypeError, ValueError):
            raise Unavailable("The Hub's service answered something else than budgets.") from None
        prices = said.get("prices")
        if isinstance(prices, dict):
            told = cast("dict[str, Any]", prices)
            self.on_prices({f"{HUB}{name}": price for name, price in list(told.items())[:1000]})
        self._known = (time.monotonic(), found)
        return found

    async def tell(self, requests: Sequence[Mapping[str, Any]]) -> None:
        """Have requests counted that it did not see. Raises ``Unavailable``; told twice, they count once."""
        await self._ask("POST", "api/usage", {"requests": list(requests)})
        self._known = None

    async def report(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Say what runs here; what the service answers. Raises ``Unavailable``."""
        return await self._ask("POST", "api/report", body)

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        from tornado.httpclient import AsyncHTTPClient

        client = AsyncHTTPClient(force_instance=True, max_body_size=MOST)
        try:
            answer = await client.fetch(
                f"{self._url}/{path}",
                method=method,
                headers={"Authorization": f"token {self._token}", "Content-Type": "application/json"},
                body=None if body is None else json.dumps(body),
                request_timeout=ASK_SECONDS,
                connect_timeout=ASK_SECONDS,
                follow_redirects=False,
            )
            said = json.loads(answer.body)
            return cast("dict[str, Any]", said) if isinstance(said, dict) else {}
        except Exception as error:  # of many kinds; none may end a turn, or tell the token
            log.debug("The Hub's service: %s", type(error).__name__)
            raise Unavailable("The Hub's service does not answer.", hint="Try again in a moment.") from None
        finally:
            client.close()


class HubQuotas:
    """``local`` budgets, and the Hub's.

    ``counted``: providers whose requests do not pass the Hub's service and count in its budgets all the same.
    ``grace``: US dollars that they may use while it does not answer; what they used is told when it does. ``file``
    keeps of which that was done.
    """

    def __init__(
        self,
        local: LocalQuotas,
        service: HubService,
        requests: UsageLog,
        file: Path,
        counted: Sequence[str] = (),
        grace: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._local = local
        self._service = service
        self._log = requests
        self._file = file
        self._counted = frozenset(counted)
        self._grace = grace
        self._clock = clock

    async def allow(self, used: Ledger, turn: str | None, request: Expected) -> float:
        room = await self._local.allow(used, turn, request)
        provider, _, _ = request.model.partition(":")
        counted = provider in self._counted
        if not counted and not request.model.startswith(HUB):
            return room
        try:
            untold = await self._settle() if counted else 0.0
            quotas = await self._service.quotas()
        except Unavailable:
            if not counted:
                return room  # the service refuses by itself what it does not allow
            untold = sum(row.cost or 0.0 for row in await self._left())
            if untold + request.dollars > self._grace:
                raise OverBudget(
                    "The Hub's service, which keeps the budget, does not answer"
                    + (f", and {amount('dollars', untold)} were used meanwhile." if untold else "."),
                    hint=f"Try again later{', or use one of the Hub’s own models' if not untold else ''}.",
                ) from None
            left = self._grace - untold - request.dollars
            return min(room, left / request.per_token) if request.per_token else room
        for quota in quotas:
            left = quota.limit - quota.used - untold - request.dollars
            if counted and request.dollars and left < 0:
                raise quota.over(request.dollars)
            if counted and request.per_token:
                room = min(room, left / request.per_token)
        return room

    async def may_raise(self, used: Ledger, amounts: Mapping[Unit, float]) -> None:
        await self._local.may_raise(used, amounts)

    async def budgets(self, used: Ledger, turn: str | None) -> list[Budget]:
        found = await self._local.budgets(used, turn)
        try:
            if self._counted:
                await self._settle()
            return [*found, *(quota.budget() for quota in await self._service.quotas())]
        except Unavailable:
            return found

    async def used_since(self, moment: float) -> UsageTotals:
        return await self._local.used_since(moment)

    async def _settle(self) -> float:
        """Tell the service what it did not see; the dollars of what is left untold. Raises ``Unavailable``."""
        while rows := (await self._left())[:AT_ONCE]:
            await self._service.tell([_told(row) for row in rows])
            since, told = self._told()
            since = max(since, rows[-1].at - OVERLAP)
            known = {_id(row) for row in rows} | told
            recent = [_id(row) for row in await self._log.requests(since)]
            write_settings(self._file, {"told_from": since, "told": [id for id in recent if id in known]})
        return 0.0

    async def _left(self) -> list[RequestRow]:
        """Requests that are yet to be told, the oldest first."""
        since, told = self._told()
        rows = [row for row in await self._log.requests(since) if row.model.partition(":")[0] in self._counted]
        return sorted((row for row in rows if _id(row) not in told), key=lambda row: row.at)

    def _told(self) -> tuple[float, set[str]]:
        """From when on requests are told of, and which of them were."""
        try:
            said: Any = json.loads(self._file.read_text(encoding="utf-8"))
            since = said.get("told_from", said.get("told_until"))
            told = {str(id) for id in said.get("told") or ()}
        except (OSError, ValueError, AttributeError, TypeError):
            since, told = None, set[str]()
        if isinstance(since, bool) or not isinstance(since, (int, float)):
            since = self._clock()  # what was used before there was a service is none of its budgets
            write_settings(self._file, {"told_from": since})
        return float(since), told


def _id(row: RequestRow) -> str:
    return f"{row.session}/{row.response or row.at}"


def _told(row: RequestRow) -> dict[str, Any]:
    return {
        "id": _id(row),
        "at": row.at,
        "model": row.model,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cached_tokens": row.cached_tokens,
        "cost": row.cost or 0.0,
        "estimated": row.estimated,
    }
