"""An app's database: its schema, pages of rows, and queries that only read."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..databases.shapes import page as page_of
from ..databases.shapes import rows, schema
from .base import AppBuilderHandler

MOST_ROWS = 500
MOST_SQL = 40_000  # characters


class DatabaseHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        found = await self.session(session)
        if not found.database.is_there:  # whoever shows an app asks: no error
            self.set_status(204)
            return
        found.require_owned()
        await self.answer_long(schema(await found.database.ask("describe")))


class DatabaseRowsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        found = await self.session(session)
        found.require_owned()
        page, size = self.number("page", 0), max(1, min(self.number("size", 50), MOST_ROWS))
        sort = self.get_query_argument("sort", "")
        descending = self.get_query_argument("descending", "false") == "true"
        answer = await found.database.ask(
            "rows",
            table=self.get_query_argument("table"),
            offset=page * size,
            limit=size,
            sort=[{"column": sort, "descending": descending}] if sort else [],
            contains=self.get_query_argument("filter", ""),
        )
        await self.answer_long(page_of(answer, page, size))


class DatabaseQueryHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        sql = self.body("sql").text("sql", max_length=MOST_SQL)
        found = await self.session(session)
        found.require_owned()
        await self.answer_long(rows(await found.database.ask("query", sql=sql, rows=MOST_ROWS)))
