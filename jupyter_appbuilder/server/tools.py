"""Lists the tools, and calls one for a person or a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import Conflict, NotFound, Unavailable
from ..events import By
from ..log.pictures import MEDIA_TYPES, shown_type
from .base import AppBuilderHandler

if TYPE_CHECKING:
    from ..eyes.scenarios import Listed
    from ..session import Session
    from ..tools.base import ToolResult


class ToolsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer([tool.to_json() for tool in self.builder.tools.values()])


class ToolHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str, tool: str) -> None:
        body = self.body("arguments", "by")
        by: By = "notebook" if body.choice("by", ("person", "notebook"), "person") == "notebook" else "person"
        found = await self.session(session)
        call, result = await found.call(tool, body.mapping("arguments", {}), by=by)
        self.answer(described(call, result))


class TryHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        names = self.body("names").texts("names")
        found = await self.session(session)
        call, result = await found.call("try_scenarios", {"names": names}, by="person")
        self.answer(described(call, result))


class PictureHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str, sha256: str) -> None:
        # The one that a list shows is told without opening the session.
        shown = (await self.builder.log_store.summary(session)).picture
        if shown and shown["sha256"] == sha256 and shown["media_type"] in MEDIA_TYPES:
            media_type = shown["media_type"]
        else:
            media_type = shown_type(await (await self.session(session)).events(), sha256)
        data = await self.builder.picture(sha256) if media_type else None
        if data is None:
            raise NotFound("That picture is no longer kept.", hint="Have the app looked at again.", reason="no_picture")
        self.picture(media_type, data, "private, max-age=31536000, immutable")


class ScenarioHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def delete(self, session: str, name: str) -> None:
        await forget_scenario(await self.session(session), name)
        self.set_status(204)
        self.finish()


class WatchHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str, name: str) -> None:
        from ..eyes.viewers import STOPPED

        found = await self.session(session)
        scenario = await find_scenario(found, name)
        try:
            outcome = await found.app.watch(scenario)
        except Unavailable as error:
            if error.reason != STOPPED:
                raise
            self.answer({"ok": False, "stopped": True, "message": error.message, "step": 0})
        else:
            told = {"ok": outcome.ok, "stopped": False, "message": outcome.message, "step": outcome.step}
            self.answer(told)


async def find_scenario(session: Session, name: str) -> Listed:
    """Raises ``NotFound`` for a scenario that is not there."""
    from ..eyes.scenarios import list_scenarios

    for one in await list_scenarios(session.workspace):
        if one.name == name:
            return one
    raise NotFound(f"There is no scenario {name!r}.", hint="It may have been deleted meanwhile.")


async def forget_scenario(session: Session, name: str) -> None:
    """Raises ``NotFound`` for a scenario that is not there."""
    scenario = await find_scenario(session, name)
    _, result = await session.call("delete_file", {"path": scenario.path}, by="person")
    if not result.ok:
        raise Conflict(result.text or result.summary)


def described(call: str, result: ToolResult) -> dict[str, Any]:
    """A call's result as JSON."""
    return {
        "call": call,
        "ok": result.ok,
        "summary": result.summary,
        "text": result.text,
        "detail": result.detail,
    }
