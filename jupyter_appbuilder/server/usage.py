"""Usage, cost and budgets."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput
from ..usage.budgets import SCOPES, UNITS, Scope, Unit
from .base import AppBuilderHandler
from .body import Body

MOST = 1e12  # of any unit: more is a slip of the keyboard


class UsageHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer(await self.builder.usage.of_days(self.number("days", 30)))


class UsageRequestsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        from ..usage.accounts import as_csv

        form = self.get_query_argument("format", "json")
        if form not in ("json", "csv"):
            raise InvalidInput(f"'format' cannot be {form!r}.", hint="Choose one of: json, csv.", field="format")
        requests = await self.builder.usage.requests(self.number("days", 30))
        if form == "json":
            await self.answer_long(requests)
            return
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="app-builder-usage.csv"')
        self.finish(await asyncio.to_thread(as_csv, requests))


class BudgetsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def put(self) -> None:
        body = self.body(*SCOPES, "timezone")
        changes: dict[tuple[Scope, Unit], float] = {}
        for scope in SCOPES:
            given = Body(body.mapping(scope, {}), UNITS)
            for unit in UNITS:
                if unit in given.data:
                    changes[scope, unit] = _amount(given.data[unit], f"{scope}.{unit}")
        timezone = body.text("timezone", "", max_length=100) if "timezone" in body else None
        if not changes and timezone is None:
            raise InvalidInput(
                "There is nothing to set.", hint='Send a scope, such as {"day": {"dollars": 5}}.', field="day"
            )
        settings = self.builder.usage.settings
        settings.set_own(changes, timezone)
        self.answer(settings.to_json())


class SessionUsageHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        found = await self.session(session)
        await self.answer_long(await self.builder.usage.of_session(found.summary, found.stored))


class SessionBudgetHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body(*UNITS)
        amounts: dict[Unit, float] = {unit: _amount(body.data[unit], unit) for unit in UNITS if unit in body}
        found = await self.session(session)
        await found.raise_budget(amounts)
        await self.answer_long(await self.builder.usage.of_session(found.summary, found.stored))


def _amount(value: Any, field: str) -> float:
    """A number from 0 on; null is 0, no budget."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST:
        raise InvalidInput(
            f"{field!r} must be a number of at least 0.", hint="0 or null removes the budget.", field=field
        )
    return float(value)
