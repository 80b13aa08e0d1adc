"""An app's database: its schema, pages of rows, all of them as a file, a row that a person changes, and queries that
only read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..databases.shapes import page as page_of
from ..databases.shapes import rows, schema, value
from ..errors import InvalidInput
from .base import AppBuilderHandler

if TYPE_CHECKING:
    from ..session import Session

MOST_ROWS = 500
MOST_SQL = 40_000  # characters
CHANGES = ("insert", "update", "delete")


class DatabaseHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        found = await self.session(session)
        if not found.database.there:  # whoever shows an app asks: no error
            self.set_status(204)
            return
        found.require_owned()
        await self.answer_long(schema(await found.database.ask("describe")))


class _InOrder(AppBuilderHandler):
    def order(self) -> list[dict[str, Any]]:
        """The order of rows that is asked for, as the program takes it."""
        column = self.get_query_argument("sort", "")
        return [{"column": column, "descending": self.flag("descending")}] if column else []


class DatabaseRowsHandler(_InOrder):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        found = await self.session(session)
        found.require_owned()
        page, size = self.number("page", 0), max(1, min(self.number("size", 50), MOST_ROWS))
        answer = await found.database.ask(
            "rows",
            table=self.get_query_argument("table"),
            offset=page * size,
            limit=size,
            sort=self.order(),
            contains=self.get_query_argument("filter", ""),
        )
        await self.answer_long(page_of(answer, page, size))

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("table", "change", "key", "values", "was")
        table, change = body.text("table"), body.choice("change", CHANGES)
        values, was = _values(body.data, "values"), _values(body.data, "was")
        found = await self.session(session)
        found.require_owned()
        answer = await found.database.ask(
            "edit", table=table, change=change, key=body.data.get("key"), values=values, was=was
        )
        self.answer({"key": value(answer.get("key"))})


def _values(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A row's values by column. The program says what is wrong with one of them."""
    given = body.get(name)
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidInput(f"{name!r} must be an object: values by the names of columns.", field=name)
    return cast("dict[str, Any]", given)


class DatabaseCsvHandler(_InOrder):
    """All rows of a table as a file, a piece at a time."""

    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        self.check_xsrf_cookie()  # as Jupyter does for file contents: other sites must not include them
        found = await self.session(session)
        found.require_owned()
        await self.while_heard(self._send(found))

    async def _send(self, session: Session) -> None:
        from ..databases.csv_files import csv_file

        table = self.get_query_argument("table")
        async with csv_file(
            session.database,
            session.workspace.app,
            table=table,
            sort=self.order(),
            contains=self.get_query_argument("filter", ""),
            formulas=self.flag("formulas"),
        ) as file:
            self.set_header("Content-Type", "text/csv; charset=utf-8; header=present")
            self.set_header("Content-Length", str(file.size))
            self.set_attachment_header(f"{table}.csv")
            async for part in file.content:
                self.write(part)
                await self.flush()


class DatabaseQueryHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        sql = self.body("sql").text("sql", max_length=MOST_SQL)
        found = await self.session(session)
        found.require_owned()
        await self.answer_long(rows(await found.database.ask("query", sql=sql, rows=MOST_ROWS)))
