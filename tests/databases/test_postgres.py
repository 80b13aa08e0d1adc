"""An app whose database is on a PostgreSQL server: the same tools, versions and functions, and one way there."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Coroutine, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from building import app_builder
from database_app import used
from postgres_server import ADMIN, PASSWORD, Server, postgres_server

from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.client.rebuilding import SandboxDatabases
from jupyter_appbuilder.databases.frames import read_table
from jupyter_appbuilder.databases.postgres import Gate, PostgresServer
from jupyter_appbuilder.databases.postgres.address import address_of
from jupyter_appbuilder.databases.postgres.protocol import ENCRYPTION, VERSION, Link, Refusal, ask, read_message, text
from jupyter_appbuilder.datasets.parquet import write
from jupyter_appbuilder.datasets.sources import opened
from jupyter_appbuilder.errors import Conflict, InvalidInput, Unavailable
from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.session import Session
from tests.datasets.stage import every_type

DATABASES = "SELECT datname FROM pg_database WHERE datname LIKE 'appbuilder%' ORDER BY 1"
ROLES = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'appbuilder%' ORDER BY 1"


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    with postgres_server() as server:
        yield server


@dataclass(frozen=True, slots=True)
class Here:
    """An engine whose event loop is this one."""

    builder: AppBuilder

    async def reach(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await work


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

        # Its notebook makes another database, and drops it again.
        session.notebook.changed()
        await session.notebook.flush()
        rebuilt = await replay(session.notebook.path, tmp_path / "again", SandboxDatabases(lambda: Here(builder)))
        print(rebuilt)
        assert rebuilt.verified
        assert len(server.ask(DATABASES).split()) == 1

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


async def test_whoever_comes_through_the_gate_is_the_app_and_nobody_else(server: Server):
    """Whatever a sandbox says of who it is and what it wants to see."""
    ours = PostgresServer(address_of(server.url))
    theirs = PostgresServer(address_of(server.url))
    session, other = "00" * 8, "11" * 8
    gate = Gate(ours, session)
    (await ours.open(other)).close()

    async def answered(*statements: str) -> list[list[list[str | None]]]:
        near, far = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=near)
        serving = asyncio.create_task(gate.answer(*await asyncio.open_connection(sock=far)))
        body = (
            b"".join(map(text, ("user", ADMIN, "database", f"appbuilder_{other}", "options", "-c role=admin"))) + b"\0"
        )
        writer.write(struct.pack("!ii", 8, ENCRYPTION))
        assert await reader.readexactly(1) == b"N"
        writer.write(struct.pack("!ii", len(body) + 8, VERSION) + body)
        while (await read_message(reader))[0] != b"Z":
            pass
        link = Link(reader, writer)
        try:
            return [await ask(link, statement) for statement in statements]
        finally:
            link.close()
            await serving

    me = f"appbuilder_{session}"
    whole = "SELECT current_user, session_user, current_database(), rolsuper, rolcreatedb, rolcreaterole"
    assert await answered(f"{whole} FROM pg_roles WHERE rolname = current_user") == [[[me, me, me, "f", "f", "f"]]]
    for attempt in (
        "CREATE ROLE another",
        f"SET ROLE {ADMIN}",
        f'SET SESSION AUTHORIZATION "appbuilder_{other}"',
        "COPY (SELECT 1) TO '/tmp/out'",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE EXTENSION dblink",
        f'DROP DATABASE "appbuilder_{other}"',
        f'ALTER ROLE "appbuilder_{other}" PASSWORD NULL',
        "SELECT rolpassword FROM pg_authid",
    ):
        with pytest.raises(Refusal):
            await answered(attempt)

    # Another process opens the session, and what the app does to its own password: neither locks anybody out.
    (await theirs.open(session)).close()
    assert await answered("SELECT 1", "ALTER ROLE CURRENT_USER PASSWORD 'mine'") == [[["1"]], []]
    assert await answered("SELECT 2") == [[["2"]]]
    server.ask(f'DROP DATABASE "{me}" WITH (FORCE)')
    assert await answered("SELECT 3") == [[["3"]]]
    for one in (session, other):
        await ours.drop(one)
        await ours.drop(one)
    assert server.ask(DATABASES) == server.ask(ROLES) == ""
    # No statement in the server's log has a password that would open anything.
    assert "PASSWORD 'SCRAM-SHA-256$" in server.log.read_text()


async def test_who_makes_databases_needs_no_more_rights_than_that(server: Server):
    server.ask(f"CREATE ROLE maker LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'")
    url = server.url.replace(f"{ADMIN}:", "maker:")
    maker = PostgresServer(address_of(url))
    assert (await maker.check()).startswith("PostgreSQL ")
    link = await maker.open("22" * 8)
    assert await ask(link, "CREATE TABLE one (id int); CREATE SCHEMA two") == []
    link.close()
    await maker.drop("22" * 8)
    assert server.ask(DATABASES) == server.ask(ROLES) == ""
    server.ask("ALTER ROLE maker NOCREATEDB")
    with pytest.raises(Conflict, match="may not make databases"):
        await maker.check()
    server.ask("DROP ROLE maker")


async def test_what_goes_wrong_names_neither_the_server_nor_a_password(server: Server, tmp_path: Path):
    wrong = PostgresServer(address_of(server.url.replace(PASSWORD, "guessed-in-vain")))
    gone = PostgresServer(address_of(f"postgresql://{ADMIN}:{PASSWORD}@/postgres?host={tmp_path}"))
    for server_that_fails in (wrong, gone):
        for failing in (server_that_fails.open("33" * 8), server_that_fails.drop("33" * 8), server_that_fails.check()):
            with pytest.raises(Unavailable) as error:
                await failing
            for secret in (PASSWORD, "guessed", ADMIN, str(server.folder), str(tmp_path)):
                assert secret not in f"{error.value!r} {error.value} {error.value.to_json()}"
    for url in ("postgresql://a:b@host:x/y", "mysql://a:secret@host", "secret"):
        with pytest.raises(InvalidInput) as refused:
            address_of(url)
        assert "secret" not in str(refused.value)
    assert PASSWORD not in repr(address_of(server.url))


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
