"""The functions of an app: which there are, and calling one as its page would; and its layout, which names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..databases.functions import METHODS
from .base import AppBuilderHandler

if TYPE_CHECKING:
    from ..session import Session


class _OfFunctions(AppBuilderHandler):
    async def with_functions(self, session: str) -> Session | None:
        """The session, of this process; None, answered as such, for an app without functions: whoever shows an app
        asks, and that is no error."""
        found = await self.session(session)
        if not found.app.has_functions:
            self.set_status(204)
            return None
        found.require_owned()
        return found


class FunctionsHandler(_OfFunctions):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        if found := await self.with_functions(session):
            await self.answer_long([one.to_json() for one in await found.functions_of_app()])


class LayoutHandler(_OfFunctions):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        if found := await self.with_functions(session):
            await self.answer_long((await found.layout()).to_json())


class FunctionCallHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("name", "method", "query", "body")
        name = body.text("name", max_length=1000)
        method = body.choice("method", METHODS, "GET")
        query = body.text("query", "", max_length=8000)
        sent: Any = body.data.get("body")
        found = await self.session(session)
        await self.answer_long((await found.call_function(name, method=method, query=query, body=sent)).to_json())
