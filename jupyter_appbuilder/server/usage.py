"""Usage, cost and budgets."""

from __future__ import annotations

import asyncio

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput
from ..usage.budgets import SCOPES, UNITS, Unit, read_amount, read_changes
from .base import AppBuilderHandler


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
        changes, timezone = read_changes(self.body(*SCOPES, "timezone").data)
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
        amounts: dict[Unit, float] = {unit: read_amount(body.data[unit], unit) for unit in UNITS if unit in body}
        found = await self.session(session)
        await found.raise_budget(amounts)
        await self.answer_long(await self.builder.usage.of_session(found.summary, found.stored))
