"""An app whose database is on a PostgreSQL server: the same tools, versions and functions, and one way there."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from building import app_builder
from database_app import used
from postgres_server import PASSWORD, Server, postgres_server

from jupyter_appbuilder.session import Session


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
        assert described.ok, described.text
        assert "table tasks: 2 rows" in described.text
        assert "timestamp with time zone" in described.text
        found = await used(session, "query_database", sql="SELECT title, done FROM tasks ORDER BY id")
        assert found.ok and "Look at functions" in found.text, found.text
        called = await used(session, "call_function", name="tasks", method="POST", body='{"title": "Tea"}')
        assert called.ok and '"title":"Tea"' in called.text and "tasks: 1 inserted" in called.text, called.text
        print(called.text)
        await session.checkpoint("Three")
        three = (await session.workspace.checkpoints())[0]
        print(three)
        changed = await used(session, "change_data", sql="DELETE FROM tasks WHERE title = 'Tea'")
        assert changed.ok, changed.text
        await session.restore(three.id)
        assert await rows(session, "SELECT count(*) FROM tasks") == [[3]]
        names = server.ask("SELECT datname FROM pg_database WHERE datname LIKE 'appbuilder%'")
        assert session.id in names
        await builder.delete(session.id, files=True)
        assert server.ask("SELECT datname FROM pg_database WHERE datname LIKE 'appbuilder%'") == ""
        assert server.ask("SELECT rolname FROM pg_roles WHERE rolname LIKE 'appbuilder%'") == ""
        assert PASSWORD not in server.log.read_text()
