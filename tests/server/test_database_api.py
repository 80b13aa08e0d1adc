"""An app's database over REST: schema, pages of rows, and queries that only read."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from database_app import shelf

SQL = """CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, size INTEGER, data BLOB);
CREATE UNIQUE INDEX texts ON notes (text);
WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 120)
INSERT INTO notes SELECT x, 'Note ' || x, 9007199254740993 + x, x'00ff' FROM n;
"""


@pytest.fixture
def app_config(app_config: dict[str, Any], tmp_path) -> dict[str, Any]:
    settings = app_config["AppBuilder"]
    settings["template_path"] = [*settings["template_path"], str(shelf(tmp_path, {"0001_notes.sql": SQL + CELLS}))]
    return app_config


async def test_the_schema_pages_of_rows_and_a_query(call, new_session, builder):
    id = await new_session(title="Notes", template="kept")
    session = await builder.session(id)
    await session.ready()
    empty = (await call("GET", "sessions", id, "database")).data
    assert (empty["exists"], empty["tables"], empty["pending"]) == (False, [], ["0001_notes.sql"])
    await session.database.ask("migrate", seconds=60)

    schema = (await call("GET", "sessions", id, "database")).data
    table = next(one for one in schema["tables"] if one["name"] == "notes")
    assert (table["name"], table["rows"]) == ("notes", 120)
    assert [index["columns"] for index in table["indexes"] if index["unique"]] == [["text"]]

    async def rows(**query: object) -> dict[str, Any]:
        answer = await call("GET", "sessions", id, "database", "rows", table="notes", **query)
        assert answer.status == 200, answer.body
        return answer.data

    page = await rows(page=2, size=50)
    assert (page["total"], len(page["rows"])) == (120, 20)
    assert page["rows"][0] == [101, "Note 101", {"int": "9007199254741094"}, {"blob": "AP8=", "bytes": 2}]
    found = await rows(filter="note 11", sort="id", descending="true")
    assert [row[0] for row in found["rows"]] == [*range(119, 109, -1), 11]

    asked = await call("POST", "sessions", id, "database", "query", json={"sql": "SELECT count(*) AS n FROM notes"})
    assert asked.data["rows"] == [[120]]
    for sql in ("DELETE FROM notes", "SELECT * FROM nowhere"):
        refused = await call("POST", "sessions", id, "database", "query", json={"sql": sql})
        assert (refused.status, refused.data["reason"]) == (400, "sql")
    for query in ({"table": "nowhere"}, {"table": "notes", "sort": 'id"; DROP TABLE notes; --'}):
        refused = await call("GET", "sessions", id, "database", "rows", **query)
        assert (refused.status, refused.data["reason"]) == (400, "sql")


CELLS = """CREATE TABLE cells (text TEXT, number REAL, large INTEGER, data BLOB);
INSERT INTO cells VALUES ('plain', 1.5, 9007199254740993, x'00ff'), ('', NULL, 1, NULL), (NULL, -2, 2, NULL),
  ('=HYPERLINK("http://x")', 9e999, 3, NULL), ('+49 170 123', 1e21, 4, NULL), ('-1+cmd|x', 0, 5, NULL),
  ('a, "b"' || char(10) || 'c', 0, 6, NULL), ('Größe 🪴', 0, 7, NULL);
CREATE TABLE "a/b ä" (x);
"""


async def test_rows_are_a_csv_file_that_spreadsheets_read_and_run_nothing_of(call, new_session, builder):
    id = await new_session(title="Notes", template="kept")
    session = await builder.session(id)
    await session.ready()
    await session.database.ask("migrate", seconds=60)
    place = ("sessions", id, "database", "csv")

    answer = await call("GET", *place, table="notes", filter="note 11", sort="id", descending="true")
    assert (answer.status, answer.headers["Content-Disposition"]) == (200, "attachment; filename*=utf-8''notes.csv")
    lines = answer.body.decode("utf-8-sig").split("\r\n")
    assert lines[:2] == ["id,text,size,data", "119,Note 119,9007199254741112,00ff"]
    assert (len(lines), lines[-2:]) == (13, ["11,Note 11,9007199254741004,00ff", ""])
    assert len((await call("GET", *place, table="notes")).body.split(b"\r\n")) == 122

    told = (await call("GET", *place, table="cells")).body
    assert told.startswith(b"\xef\xbb\xbftext,number,large,data\r\n")
    found = list(csv.reader(io.StringIO(told.decode("utf-8-sig"), newline="")))[1:]
    texts = ["plain", "", "", '\'=HYPERLINK("http://x")', "+49 170 123", "'-1+cmd|x", 'a, "b"\nc', "Größe 🪴"]
    assert [row[0] for row in found] == texts
    assert [row[1] for row in found[:5]] == ["1.5", "", "-2", "Infinity", "1e+21"]
    assert found[0][2:] == ["9007199254740993", "00ff"]
    assert b'\r\n"",,1,\r\n,-2,2,\r\n' in told  # an empty text is no NULL
    asis = (await call("GET", *place, table="cells", formulas="true")).body.decode("utf-8-sig")
    assert '\r\n"=HYPERLINK(""http://x"")",' in asis

    assert (await call("GET", *place, table="a/b ä")).body == b"\xef\xbb\xbfx\r\n"
    for query in ({"table": "nowhere"}, {"table": "_appbuilder_migrations"}, {"table": "notes", "sort": "nothing"}):
        refused = await call("GET", *place, **query)
        assert (refused.status, refused.data["reason"]) == (400, "sql")
    assert [path.name for path in (session.workspace.app / "data").iterdir() if "rows" in path.name] == []


async def test_a_row_is_added_changed_and_removed_unless_it_is_another_by_now(call, new_session, builder):
    id = await new_session(title="Notes", template="kept")
    session = await builder.session(id)
    await session.ready()
    await session.database.ask("migrate", seconds=60)
    place = ("sessions", id, "database", "rows")

    async def change(what: str, **given: object) -> Any:
        return await call("POST", *place, json={"table": "notes", "change": what, **given})

    async def row(key: int) -> Any:
        page = (await call("GET", *place, table="notes", filter=f"Note {key}", sort="id")).data
        return dict(zip(page["keys"], page["rows"], strict=True)).get(key)

    added = await change("insert", values={"text": "Note 500", "size": "12"})
    assert (added.status, added.data) == (200, {"key": 121})
    assert await row(121) is None
    page = (await call("GET", *place, table="notes", filter="Note 500")).data
    assert (page["keys"], page["rows"]) == ([121], [[121, "Note 500", 12, None]])  # a text that is an integer is one

    size = {"int": "9007199254740995"}
    was = {"id": 2, "text": "Note 2", "size": size}
    assert (await change("update", key=2, was=was, values={"text": "Note 2, new"})).status == 200
    assert await row(2) == [2, "Note 2, new", size, {"blob": "AP8=", "bytes": 2}]
    for what in ("update", "delete"):
        late = await change(what, key=2, was=was, values={"text": "Note 2, late"})
        assert (late.status, late.data["reason"]) == (400, "sql")
        assert "another by now" in late.data["message"]
    assert (await row(2))[1] == "Note 2, new"
    taken = await change("update", key=2, values={"text": "Note 3"})
    assert "UNIQUE constraint failed: notes.text" in taken.data["message"]
    assert (await change("delete", key=2, was={**was, "text": "Note 2, new"})).status == 200
    assert await row(2) is None

    schema = (await call("GET", "sessions", id, "database")).data
    assert next(one["rows"] for one in schema["tables"] if one["name"] == "notes") == 120


async def test_what_is_no_row_s_change_is_refused(call, new_session, builder):
    id = await new_session(title="Notes", template="kept")
    session = await builder.session(id)
    await session.ready()
    await session.database.ask("migrate", seconds=60)
    for body in (
        {"table": "notes", "change": "drop"},
        {"table": "nowhere", "change": "insert"},
        {"table": "sqlite_schema", "change": "delete", "key": 1},
        {"table": "_appbuilder_migrations", "change": "delete", "key": 1},
        {"table": "notes", "change": "update", "key": 1, "values": ["text"]},
        {"table": "notes", "change": "update", "key": 1, "values": {'text" = 1; DROP TABLE notes; --': "x"}},
        {"table": "notes", "change": "update", "key": {"sql": "1 OR 1"}, "values": {"text": "x"}},
        {"table": "notes", "change": "update", "key": None, "values": {"text": "x"}},
        {"table": "notes", "change": "delete", "key": "1 OR 1"},
        {"table": "notes", "change": "delete"},
    ):
        refused = await call("POST", "sessions", id, "database", "rows", json=body)
        assert refused.status == 400, body
    schema = (await call("GET", "sessions", id, "database")).data
    assert next(one["rows"] for one in schema["tables"] if one["name"] == "notes") == 120


async def test_an_app_without_a_database_has_none(call, new_session, builder):
    id = await new_session(title="Page")
    await (await builder.session(id)).ready()
    assert (await call("GET", "sessions", id, "database")).status == 204
    asked = await call("GET", "sessions", id, "database", "rows", table="notes")
    assert (asked.status, asked.data["reason"]) == (404, "no_database")
