"""An app whose database is on a PostgreSQL server: the same tools, versions and functions, and one way there."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from building import app_builder
from database_app import used
from postgres_server import PASSWORD, Server, postgres_server

from jupyter_appbuilder.databases.frames import read_table
from jupyter_appbuilder.datasets.parquet import write
from jupyter_appbuilder.datasets.sources import opened
from jupyter_appbuilder.session import Session
from tests.datasets.stage import every_type

DATABASES = "SELECT datname FROM pg_database WHERE datname LIKE 'appbuilder%' ORDER BY 1"
ROLES = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'appbuilder%' ORDER BY 1"


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    with postgres_server() as server:
        yield server


async def rows(session: Session, sql: str) -> list[list[Any]]:
    return (await session.database.ask("query", sql=sql))["rows"]


async def test_an_app_works_on_postgresql(tmp_path: Path, server: Server):
    async with app_builder(tmp_path, database=server.url) as builder:
        session = await builder.create(name="tasks", template="serverless")
        await session.creation.ready()
        described = await used(session, "describe_database")
        assert "table tasks: 2 rows" in described.text
        assert "timestamp with time zone" in described.text
        found = await used(session, "query_database", sql="SELECT title, done FROM tasks ORDER BY id")
        assert "Look at functions" in found.text
        called = await used(session, "call_function", name="tasks", method="POST", body='{"title": "Tea"}')
        assert '"title":"Tea"' in called.text
        assert "tasks: 1 inserted" in called.text

        # A version has the rows.
        await session.checkpoint("Three")
        three = (await session.workspace.checkpoints())[0]
        assert three.title == "Three"
        await session.checkpoint("Nothing since")
        assert (await session.workspace.checkpoints())[0].id == three.id
        changed = await used(session, "change_data", sql="DELETE FROM tasks WHERE title = 'Tea'")
        assert "1 deleted" in changed.text
        await session.restore(three.id)
        assert await rows(session, "SELECT count(*) FROM tasks") == [[3]]

        # The schema changes by migrations, which are tried first.
        failed = await used(session, "update_database_schema", name="bad", sql="CREATE TABLE a (id int);\n\nSELEC 1")
        assert "line 3: syntax error" in failed.text
        assert "Nothing" in failed.text or "nothing" in failed.text
        lossy = await used(session, "update_database_schema", name="drop", sql="ALTER TABLE tasks DROP COLUMN title;")
        assert not lossy.ok
        assert "tasks.title goes, which 3 of 3 rows have." in lossy.text
        more = "ALTER TABLE tasks ADD COLUMN weight numeric(8, 2) DEFAULT 1.5;"
        assert (
            "Applied migrations/0002_weight.sql"
            in (await used(session, "update_database_schema", name="weight", sql=more)).text
        )
        whole = "ALTER TABLE tasks ALTER COLUMN weight TYPE integer;"
        lossy = await used(session, "update_database_schema", name="whole", sql=whole)
        assert "tasks.weight becomes integer, and 3 values are others then." in lossy.text
        refused = await used(session, "change_data", sql="DROP TABLE tasks")
        assert not refused.ok
        assert not (await used(session, "query_database", sql="DELETE FROM tasks")).ok
        assert await rows(session, "SELECT count(*), avg(weight) FROM tasks") == [[3, 1.5]]

        # A person's page of rows.
        page = await session.database.ask("rows", table="tasks", sort=[{"column": "id"}])
        key, seen = page["keys"][0], dict(zip((one["name"] for one in page["columns"]), page["rows"][0], strict=True))
        edit = {"table": "tasks", "change": "update", "key": key, "values": {"done": True}}
        answer = await session.database.ask("edit", **edit, was=seen)
        assert await rows(session, "SELECT id, done FROM tasks WHERE done") == [[seen["id"], True]]
        with pytest.raises(Exception, match="another by now"):
            await session.database.ask("edit", **edit | {"key": answer["key"]}, was=seen)

        # The app's code is sound as it begins.
        checked = await used(session, "run_command", command="node /opt/template/check.mjs")
        assert checked.ok, checked.text

        # Whatever runs there has one way, to this database, and knows of no other.
        other = await used(session, "run_command", command="env; cat /proc/*/environ | tr '\\0' '\\n'")
        assert PASSWORD not in other.text
        assert str(server.folder) not in other.text
        assert str(server.folder) not in json.dumps([event.data for event in session.stored])
        assert PASSWORD not in json.dumps([event.data for event in session.stored])
        assert await rows(session, "SELECT current_database() = current_user") == [[True]]
        assert session.id in server.ask(DATABASES)
        await builder.delete(session.id, files=True)
        assert server.ask(DATABASES) == server.ask(ROLES) == ""
        assert PASSWORD not in server.log.read_text()


async def test_data_that_a_person_hands_over_is_a_table(tmp_path: Path, server: Server):
    table, _ = every_type()
    async with app_builder(tmp_path, database=server.url) as builder:
        session = await builder.create(name="sales", template="serverless")
        await session.creation.ready()

        async def handed(source: Any, **options: Any) -> None:
            file = session.data.new_file()
            await session.hand_over("sales", write(opened(source), file), file, keep="latest", private=False, **options)

        async def kept() -> pa.Table:
            return await read_table(
                session.database, session.workspace.app, "arrow", "sales", session.data.kept("sales")
            )

        await handed(table)
        assert (await kept()).to_pylist() == table.to_pylist()
        await used(session, "change_data", sql="CREATE VIEW no AS SELECT 1")
        made = "CREATE VIEW dear AS SELECT id FROM sales; CREATE INDEX by_count ON sales (count);"
        assert (await used(session, "update_database_schema", name="dear", sql=made)).ok
        await handed(table.slice(0, 2))
        assert await rows(session, "SELECT count(*) FROM dear") == [[2]]
        await used(session, "change_data", sql="DELETE FROM sales WHERE id = (SELECT min(id) FROM sales)")
        with pytest.raises(Exception, match="rows of sales were changed in the app"):
            await handed(table)
        await handed(table, replace=True)
        assert await rows(session, "SELECT count(*) FROM dear") == [[3]]
        await builder.delete(session.id, files=True)
