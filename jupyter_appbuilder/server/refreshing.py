"""Fresh data for what readers have: when, and what came of it."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..cancellation import in_thread
from ..errors import NotFound
from ..session.refreshing import times
from .base import AppBuilderHandler, whole_number


class RefreshingHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        self.answer(await (await self.ready_session(session)).refreshing.overview())

    @web.authenticated
    @authorized
    async def put(self, session: str) -> None:
        """Set the schedule."""
        body = self.body("cron", "zone", "notebook", "target", "promise", "minutes", "memory")
        cron, zone = body.text("cron", max_length=200), body.text("zone", "", max_length=100)
        notebook, target = body.text("notebook", ""), body.text("target", "", max_length=40)
        promise = body.text("promise", "", max_length=40)
        minutes, memory = body.number("minutes", 30), body.number("memory", 4096)
        found = await self.ready_session(session)
        path: Any = self.builder.places.from_browser(notebook) if notebook else ""
        await found.refreshing.set(
            cron, zone=zone, notebook=path, target=target, promise=promise, minutes=minutes, memory=memory
        )
        self.answer(await found.refreshing.overview())

    @web.authenticated
    @authorized
    async def patch(self, session: str) -> None:
        """Pause it, or go on."""
        paused = self.body("paused").truth("paused")
        found = await self.ready_session(session)
        await found.refreshing.pause(paused)
        self.answer(await found.refreshing.overview())

    @web.authenticated
    @authorized
    async def delete(self, session: str) -> None:
        await (await self.ready_session(session)).refreshing.drop()
        self.set_status(204)
        self.finish()


class TimesHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        """What a schedule would be, for who writes one."""
        await self.ready_session(session)
        cron, zone = self.get_query_argument("cron", "")[:500], self.get_query_argument("zone", "")[:200]
        self.answer(await in_thread(times, cron, zone))


class RunsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        """Run it now."""
        self.answer((await (await self.ready_session(session)).refreshing.start()).to_json(), 202)

    @web.authenticated
    @authorized
    async def delete(self, session: str) -> None:
        """Stop what runs."""
        found = await self.ready_session(session)
        found.require_owned()
        await found.refreshing.stop()
        self.set_status(204)
        self.finish()


class RunHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str, number: str) -> None:
        wanted = whole_number(number, "number")
        if not wanted:
            raise NotFound("Runs are numbered from 1.", hint="See the list.", reason="no_run")
        self.answer((await (await self.ready_session(session)).refreshing.run_of(wanted)).to_json())
