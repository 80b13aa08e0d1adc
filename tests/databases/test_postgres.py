"""An app whose database is on a PostgreSQL server: the same tools, versions and functions, and one way there."""

from __future__ import annotations

import asyncio
import functools
import io
import json
import os
import socket
import struct
import subprocess
import zipfile
from collections.abc import Coroutine, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from building import app_builder
from database_app import used
from postgres_server import ADMIN, PASSWORD, Server, postgres_server
from sandbox.conftest import isolations
from tornado import httpserver, netutil, web
from tornado.websocket import websocket_connect
from traitlets.config import Config

from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.client.rebuilding import SandboxDatabases
from jupyter_appbuilder.databases.frames import read_table
from jupyter_appbuilder.databases.postgres import Gate, Leavings, PostgresServer
from jupyter_appbuilder.databases.postgres.address import address_of
from jupyter_appbuilder.databases.postgres.protocol import (
    ENCRYPTION,
    VERSION,
    Link,
    Refusal,
    ask,
    connect,
    read_message,
    text,
)
from jupyter_appbuilder.datasets.parquet import write
from jupyter_appbuilder.datasets.sources import opened
from jupyter_appbuilder.errors import AppBuilderError, Conflict, InvalidInput, Unavailable
from jupyter_appbuilder.events import DEMO
from jupyter_appbuilder.models.demo.recordings import find_recordings
from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.preview.handlers import preview_handlers
from jupyter_appbuilder.sandbox.local.processes.layout import find_node
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.session.export import zipped
from jupyter_appbuilder.templates.templates import SOURCE
from tests.datasets.stage import every_type

PROGRAM = SOURCE / "serverless" / "runtime" / "data.mjs"
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


async def test_an_app_works_on_postgresql_and_a_version_brings_its_rows_back(tmp_path: Path, server: Server):
    async with app_builder(tmp_path, database=server.url) as builder:
        session = await builder.create(name="tasks", template="serverless")
        await session.creation.ready()
        described = await used(session, "describe_database")
        assert "table tasks: 2 rows" in described.text
        assert "timestamp with time zone" in described.text
        assert "unique" not in described.text  # a primary key is one anyway
        called = await used(session, "call_function", name="tasks", method="POST", body='{"title": "Tea"}')
        assert '"title":"Tea"' in called.text
        assert "tasks: 1 inserted" in called.text

        await session.checkpoint("Three")
        three = (await session.workspace.checkpoints())[0]
        assert three.title == "Three"
        changed = await used(session, "change_data", sql="DELETE FROM tasks WHERE title = 'Tea'")
        assert "1 deleted" in changed.text
        await session.restore(three.id)
        assert await rows(session, "SELECT count(*), current_database() = current_user FROM tasks") == [[3, True]]

        # What a server refuses to put back leaves the files as they are; what it refuses to tell makes no version.
        me = f'"appbuilder_{session.id}"'
        await used(session, "write_file", path="later.txt", content="later")
        await session.checkpoint("Later")
        await used(session, "change_data", sql="DELETE FROM tasks")
        server.ask(f"ALTER ROLE {me} SET default_transaction_read_only = on")
        with pytest.raises(AppBuilderError, match="read-only transaction"):
            await session.restore(three.id)
        assert await session.workspace.read_text("later.txt") == "later"
        server.ask(f"ALTER ROLE {me} RESET default_transaction_read_only")
        server.ask(f"ALTER ROLE {me} NOLOGIN")
        with pytest.raises(Conflict, match="No version was made: no file changed"):
            await session.checkpoint("Only rows")
        server.ask(f"ALTER ROLE {me} LOGIN")
        await session.restore(three.id)
        assert await rows(session, "SELECT count(*) FROM tasks") == [[3]]

        # Whatever runs there knows of no server, and neither does who reads what happened.
        inside = await used(session, "run_command", command="env; cat /proc/*/environ | tr '\\0' '\\n'")
        assert "APPBUILDER_DATABASE=postgresql" in inside.text
        for told in (inside.text, json.dumps([event.data for event in session.stored])):
            assert PASSWORD not in told
            assert str(server.folder) not in told
        assert session.id in server.ask(DATABASES)
        await builder.delete(session.id)
        assert "Tea" in (session.workspace.app / "data/app.pgsql").read_text()
        assert server.ask(DATABASES) == server.ask(ROLES) == ""
        assert PASSWORD not in server.log.read_text()


@pytest.mark.parametrize("isolation", ["landlock", pytest.param("gvisor", marks=pytest.mark.walk)])
async def test_versions_have_the_database_in_every_isolation(tmp_path: Path, server: Server, isolation: str):
    if isolation not in isolations(slow=True):
        pytest.skip(f"{isolation} does not work on this machine")
    async with app_builder(
        tmp_path, database=server.url, config=Config(LocalSandbox={"isolation": isolation})
    ) as builder:
        session = await builder.create(name="tasks", template="serverless")
        await session.creation.ready()
        await used(session, "change_data", sql="DELETE FROM tasks WHERE id = 1")
        await session.checkpoint("One")
        (one, *_) = await session.workspace.checkpoints()
        made = next(event.data for event in reversed(session.stored) if event.type == "checkpoint.created")
        assert (made["checkpoint"], made.get("note"), made.get("data")) == (one.id, None, True)
        await used(session, "change_data", sql="DELETE FROM tasks")
        await session.restore(one.id)
        assert await rows(session, "SELECT count(*) FROM tasks") == [[1]]
        await builder.delete(session.id, files=True)


@pytest.mark.walk
async def test_the_whole_way_of_an_app_on_postgresql(tmp_path: Path, server: Server):
    async with app_builder(tmp_path, database=server.url) as builder:
        session = await builder.create(name="tasks", template="serverless")
        await session.creation.ready()
        # The app's code is sound as it begins, and its server goes on where the database's was away.
        query = "SELECT id, title, count(*) OVER () AS n FROM tasks WHERE id::bigint >= :least ORDER BY id;\n"
        await used(session, "write_file", path="functions/some.sql", content=query)
        some = await used(session, "call_function", name="some?least=2")
        assert '[{"id":2,"title":"Add a task of your own","n":1}]' in some.text, some.text
        checked = await used(session, "run_command", command="node /opt/template/check.mjs")
        assert checked.ok, checked.text
        # It brings no database along for readers, which is said before anything is built.
        with pytest.raises(Conflict, match="on a PostgreSQL server"):
            await session.publish("here")
        targets = (await session.publishing.overview())["targets"]
        assert all("PostgreSQL" in target["unavailable"] for target in targets)
        await session.start_preview()
        for _ in range(2):
            answer = await session.app.ask_functions("call", name="tasks", request={"method": "GET"})
            assert answer["status"] == 200, answer
            server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'appbuilder%'")

        await session.checkpoint("As it began")
        began = (await session.workspace.checkpoints())[0].id
        await session.checkpoint("Nothing since")
        assert (await session.workspace.checkpoints())[0].id == began

        failed = await used(session, "update_database_schema", name="bad", sql="CREATE TABLE a (id int);\n\nSELEC 1")
        assert "line 3: syntax error" in failed.text
        lossy = await used(session, "update_database_schema", name="drop", sql="ALTER TABLE tasks DROP COLUMN title;")
        assert "tasks.title goes, which 2 of 2 rows have." in lossy.text
        more = "ALTER TABLE tasks ADD COLUMN weight numeric(8, 2) DEFAULT 1.5;"
        applied = await used(session, "update_database_schema", name="weight", sql=more)
        assert "Applied migrations/0002_weight.sql" in applied.text
        assert not (await used(session, "change_data", sql="DROP TABLE tasks")).ok
        assert not (await used(session, "query_database", sql="DELETE FROM tasks")).ok
        assert (await used(session, "change_data", sql="INSERT INTO tasks (title) VALUES ('Tea')")).ok

        # Its notebook makes another database, and drops it again.
        session.notebook.changed()
        await session.notebook.flush()
        rebuilt = await replay(session.notebook.path, tmp_path / "again", SandboxDatabases(lambda: Here(builder)))
        assert (rebuilt.verified, rebuilt.data) == (True, True)
        assert len(server.ask(DATABASES).split()) == 1

        # What is taken along asks the server that its own settings name.
        content = await zipped(session, builder.library, builder.datasets)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(tmp_path / "taken")
        taken = next((tmp_path / "taken").rglob("server/data.mjs")).parents[1]
        assert "DATABASE_URL=" in (taken / ".env.example").read_text()
        server.ask("CREATE ROLE taken LOGIN PASSWORD 'plain'")
        server.ask("CREATE DATABASE taken OWNER taken")
        (taken / ".env").write_text(f"DATABASE_URL=postgresql://taken:plain@/taken?host={server.folder}\n")
        node = [str(find_node() / "bin" / "node"), "server/data.mjs", json.dumps({"op": "migrate"})]
        ran = await asyncio.to_thread(subprocess.run, node, cwd=taken, capture_output=True, text=True, timeout=120)
        assert '"applied":["0001_tasks.sql","0002_weight.sql"]' in ran.stdout, ran.stdout + ran.stderr
        assert server.ask("SELECT count(*) FROM tasks", "taken") == "2"
        await builder.delete(session.id, files=True)


async def test_an_app_may_have_another_database_than_what_is_configured(tmp_path: Path, server: Server):
    async with app_builder(tmp_path, database=server.url) as builder:
        plain = await builder.create(name="plain", template="serverless", database="sqlite")
        other = await builder.create(name="other", template="static")
        # What was recorded for the demo is written for SQLite.
        demo = await builder.create(prompt=find_recordings()["inventory"].prompt, model=DEMO)
        assert [one.record.engine for one in (plain, other, demo)] == ["sqlite", "sqlite", "sqlite"]
        with pytest.raises(Unavailable, match="An app of static"):
            await builder.create(name="static", template="static", database="postgresql")
        with pytest.raises(InvalidInput, match="no database 'oracle'"):
            await builder.create(name="oracle", template="serverless", database="oracle")
    assert server.ask(DATABASES) == ""
    async with app_builder(tmp_path) as builder:
        with pytest.raises(Unavailable, match="No PostgreSQL server"):
            await builder.create(name="none", template="serverless", database="postgresql")


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
        serving = asyncio.create_task(gate.answer(b"", *await asyncio.open_connection(sock=far)))
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
    # Nor does what it forbids itself.
    assert await answered(f'REVOKE CONNECT ON DATABASE "{me}" FROM CURRENT_USER') == [[]]
    assert await answered("SELECT 2", f'ALTER DATABASE "{me}" CONNECTION LIMIT 0') == [[["2"]], []]
    (await PostgresServer(address_of(server.url)).open(session)).close()
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


async def test_passwords_are_told_as_a_server_asks_for_them(server: Server, tmp_path: Path):
    server.ask("CREATE ROLE clear LOGIN PASSWORD 'plain @:/ é'")
    server.ask("SET password_encryption = md5; CREATE ROLE old LOGIN PASSWORD 'plain @:/ é'")
    for role in ("clear", "old"):
        url = server.url.replace(f"{ADMIN}:{PASSWORD}", f"{role}:plain%20%40%3A%2F%20%C3%A9")
        address = address_of(url)
        link = await connect(address, user=role, password=address.password, database="postgres")
        assert await ask(link, "SELECT current_user") == [[role]]
        link.close()
        environment = os.environ | {"APPBUILDER_DATABASE": "postgresql", "DATABASE_URL": url}
        request = json.dumps({"op": "query", "mark": "!", "sql": "SELECT current_user"})
        node = [str(find_node() / "bin" / "node"), str(PROGRAM), request]
        run = functools.partial(subprocess.run, cwd=tmp_path, env=environment, capture_output=True, timeout=120)
        assert f'[["{role}"]]'.encode() in (await asyncio.to_thread(run, node)).stdout


async def test_what_a_server_that_was_away_kept_is_dropped_once_it_is_back(server: Server, tmp_path: Path):
    left, other = "44" * 8, "55" * 8
    here = PostgresServer(address_of(server.url), Leavings(tmp_path / "left"))
    (await here.open(left)).close()
    gone = address_of(f"postgresql://{ADMIN}:{PASSWORD}@/postgres?host={tmp_path}")
    with pytest.raises(Unavailable):
        await PostgresServer(gone, Leavings(tmp_path / "left")).drop(left)
    assert left in server.ask(DATABASES)
    (await here.open(other)).close()
    async with asyncio.timeout(120):
        while left in server.ask(DATABASES):
            await asyncio.sleep(0.1)
    await here.drop(other)
    assert server.ask(DATABASES) == ""


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


class Asked:
    """The database's program on a database of its own, without a sandbox around it."""

    def __init__(self, folder: Path, server: Server, name: str) -> None:
        self._folder = folder
        server.ask(f"CREATE ROLE {name} LOGIN PASSWORD 'plain'")
        server.ask(f"CREATE DATABASE {name} OWNER {name}")
        url = f"postgresql://{name}:plain@/{name}?host={server.folder}"
        self._environment = os.environ | {"APPBUILDER_DATABASE": "postgresql", "DATABASE_URL": url}
        (folder / "migrations").mkdir()
        self.write("0001_tasks.sql", TASKS)

    def write(self, name: str, sql: str) -> None:
        (self._folder / "migrations" / name).write_text(sql)

    def __call__(self, op: str, **request: Any) -> dict[str, Any]:
        text = json.dumps({"op": op, "mark": "!", "file": "data/app.db", **request})
        node = [str(find_node() / "bin" / "node"), str(PROGRAM), text]
        ran = subprocess.run(node, cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=120)
        answer = json.loads(ran.stdout.rpartition("\n!")[2])
        return answer["ok"] if "ok" in answer else answer["error"]


TASKS = """
CREATE TABLE tasks (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, title text NOT NULL, weight numeric(20, 2), tags text[],
  share double precision, info jsonb, photo bytea, created timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title := trim(NEW.title); RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION touched();
INSERT INTO tasks (title, weight, tags, info, photo, share) VALUES
  (' Look; at it', 1.5, '{a,"b c",NULL}', '{"a": [1, 2]}', '\\x00ff', 0.5),
  ('Add', 12345678901234.56, NULL, NULL, NULL, 'NaN');
"""


def test_what_is_asked_of_a_database_is_answered_as_of_sqlite(tmp_path: Path, server: Server):
    ask = Asked(tmp_path, server, "asked")
    assert ask("describe")["exists"] is False
    (table,) = ask("describe", apply=True)["tables"]
    assert (table["name"], table["rows"], table["primary_key"]) == ("tasks", 2, ["id"])
    assert ask("query", sql="SELECT title, weight, tags, info, photo FROM tasks ORDER BY id")["rows"] == [
        ["Look; at it", 1.5, '{a,"b c",NULL}', '{"a": [1, 2]}', {"blob": "AP8=", "bytes": 2}],
        ["Add", "12345678901234.56", None, None, None],
    ]
    for sql in ("DELETE FROM tasks", "WITH gone AS (DELETE FROM tasks RETURNING 1) SELECT * FROM gone"):
        assert "not authorized: a query only reads" in ask("query", sql=sql)["message"]
    for sql in ("SELECT 'a\0b'", 'SELECT * FROM U&"\\005fappbuilder".migrations'):
        assert "NUL" in (said := ask("query", sql=sql)["message"]) or "not authorized" in said
    for sql in ("DROP TABLE tasks", "SELECT 1 AS a INTO made"):
        assert "not authorized" in ask("change", sql=sql)["message"]
    changed = ask("change", sql="INSERT INTO tasks (title) VALUES ('Tea'); UPDATE tasks SET weight = 2 WHERE id < 3")
    assert changed["changes"] == [{"table": "tasks", "inserted": 1, "updated": 2, "deleted": 0}]

    assert ask("csv", table="tasks", to="files/tasks.csv", contains="tea") == {"rows": 1, "more": False}
    assert (tmp_path / "files/tasks.csv").read_text("utf-8-sig").startswith("id,title,weight")

    # By their key, wherever a row that was changed lies now.
    ask("export", table="tasks", to="files/all")
    ids = [json.loads(line)[0] for line in (tmp_path / "files/all").read_text().splitlines()]
    assert ids == [1, 2, 3]
    text = ask("change", sql="UPDATE tasks SET info = ? WHERE id = 1", parameters=["a text"])
    assert "JSON.stringify(value)" in text["message"]

    # One row, by the values that were seen.
    page = ask("rows", table="tasks", sort=[{"column": "title"}], contains="add")
    assert (page["total"], [row[1] for row in page["rows"]]) == (1, ["Add"])
    seen = dict(zip((column["name"] for column in page["columns"]), page["rows"][0], strict=True))
    assert seen["share"] == {"real": "nan"}
    edit: dict[str, Any] = {"table": "tasks", "change": "update", "values": {"title": "Added"}, "was": seen}
    key = ask("edit", **edit, key=page["keys"][0])["key"]
    assert "another by now" in ask("edit", **edit, key=page["keys"][0])["message"]
    assert ask("edit", table="tasks", change="delete", key=key, was={"title": "Added"}) == {}


def test_what_a_migration_would_lose_is_found_in_a_transaction_that_is_taken_back(tmp_path: Path, server: Server):
    ask = Asked(tmp_path, server, "tried")
    assert ask("migrate") == {"applied": ["0001_tasks.sql"]}

    def losses(sql: str) -> list[str]:
        return ask("migrate_try", name="next", sql=sql)["losses"]

    assert losses("ALTER TABLE tasks RENAME TO jobs; ALTER TABLE jobs RENAME COLUMN title TO name;") == []
    assert losses("ALTER TABLE tasks DROP COLUMN info;") == ["tasks.info goes, which 1 of 2 rows have."]
    assert losses("DROP TABLE tasks;") == ["The table tasks goes, with 2 rows."]
    assert losses("ALTER TABLE tasks ALTER COLUMN weight TYPE text;") == []
    assert losses("ALTER TABLE tasks ALTER COLUMN weight TYPE bigint;") == [
        "tasks.weight becomes bigint, and 2 values are others then."
    ]
    failed = ask("migrate_try", name="bad", sql="CREATE TABLE a (id int);\n\nSELEC 1")["failed"]
    assert (failed["file"], failed["line"]) == ("migrations/0002_bad.sql", 3)
    assert "COMMIT" in ask("migrate_try", name="bad", sql="DELETE FROM tasks; COMMIT;")["failed"]["message"]
    assert ask("query", sql="SELECT count(*) FROM tasks")["rows"] == [[2]]
    ask_again = tmp_path / "migrations/0001_tasks.sql"
    ask_again.write_text(TASKS + "\n-- changed\n")
    assert "was changed after it was applied" in ask("migrate")["message"]


def test_a_copy_has_all_there_is_and_comes_back_whole_or_not_at_all(tmp_path: Path, server: Server):
    ask = Asked(tmp_path, server, "copied")
    ask("migrate")
    before = ask("dump")
    bytes_of_it = ask("snapshot", to="data/app.pgsql")["bytes"]
    copy = tmp_path / "data/app.pgsql"
    status = copy.stat()
    assert bytes_of_it == status.st_size
    assert ask("snapshot", to="data/app.pgsql") == {"bytes": bytes_of_it}
    assert copy.stat().st_ino == status.st_ino  # nothing new, so nothing written
    assert ask("snapshot", to="data/small.sql", most=100)["too_large"] > 100
    assert not (tmp_path / "data/small.sql").exists()
    ask("change", sql="DELETE FROM tasks")
    assert ask("restore", place="data/app.pgsql") == {}
    assert ask("dump") == before
    server.ask("DROP SCHEMA public CASCADE", "copied")
    assert ask("restore", place="data/app.pgsql") == {}
    assert ask("dump") == before
    (tmp_path / "data/broken.sql").write_text(copy.read_text() + "\nSELEC 1;\n")
    ask("change", sql="DELETE FROM tasks WHERE id = 1")
    assert "the database is as it was" in ask("restore", place="data/broken.sql")["message"]
    assert ask("query", sql="SELECT count(*) FROM tasks")["rows"] == [[1]]


NOTES = """import type { Context } from "app";

export const access = "user";

export function GET(_request: Request, { db, auth }: Context) {
  return db.all("SELECT id, text FROM notes WHERE owner = ? ORDER BY id", auth.need().id);
}

export async function POST(request: Request, { db, auth }: Context) {
  const { text } = (await request.json()) as { text: string };
  return db.get("INSERT INTO notes (owner, text) VALUES (?, ?) RETURNING id, text", auth.need().id, text);
}
"""
HEARD = """import type { Socket, SocketContext } from "app";

export function socket(socket: Socket, { db }: SocketContext) {
  socket.onmessage = ({ data }) => {
    db.run("INSERT INTO heard (text) VALUES (?)", String(data));
    socket.send(db.get("SELECT count(*) AS n, max(text) AS last FROM heard"));
  };
}
"""


@pytest.mark.walk
async def test_accounts_and_websockets_are_there_too(tmp_path: Path, server: Server):
    async with app_builder(tmp_path, database=server.url) as builder:
        web_server = httpserver.HTTPServer(web.Application([*preview_handlers("/", builder.previews)]))
        (listening,) = netutil.bind_sockets(0, "127.0.0.1", family=socket.AF_INET)
        web_server.add_sockets([listening])
        session = await builder.create(name="notes", template="serverless")
        await session.creation.ready()
        layout = json.loads((session.workspace.app / "ui.json").read_text())
        await used(session, "write_file", path="ui.json", content=json.dumps(layout | {"accounts": {"by": "name"}}))
        made = (
            "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
            "owner bigint NOT NULL REFERENCES _users(id), text text NOT NULL); CREATE TABLE heard (text text);"
        )
        applied = await used(session, "update_database_schema", name="notes", sql=made)
        assert applied.ok, applied.text
        for name, code in (("notes", NOTES), ("heard", HEARD)):
            await used(session, "write_file", path=f"functions/{name}.ts", content=code)
        await used(session, "write_file", path="functions/all.sql", content="SELECT text FROM notes;\n")
        checked = await used(session, "run_command", command="node /opt/template/check.mjs")
        assert "functions/all.sql(1,1): error: Rows of notes belong to people" in checked.text
        mine = "SELECT text FROM notes WHERE owner = :user;\n"
        await used(session, "write_file", path="functions/all.sql", content=mine)
        checked = await used(session, "run_command", command="node /opt/template/check.mjs")
        assert checked.ok, checked.text

        await session.start_preview()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}{session.app.base_path}"
        async with httpx.AsyncClient(base_url=url, timeout=90, follow_redirects=True) as page:
            signed = await page.post("api/_auth/sign-up", json={"name": "Ada", "password": "correct horse"})
            assert signed.status_code == 200, signed.text
            again = await page.post("api/_auth/sign-up", json={"name": "ADA", "password": "another horse"})
            assert again.status_code == 409
        kept = await used(session, "call_function", name="notes", method="POST", body='{"text": "Tea"}', as_user="Ada")
        assert '{"id":1,"text":"Tea"}' in kept.text, kept.text
        assert (await used(session, "call_function", name="notes")).text.startswith("Status 401")
        assert "Tea" in (await used(session, "call_function", name="all", as_user="Ada")).text
        hidden = await used(session, "query_database", sql="SELECT * FROM _appbuilder.passwords")
        assert "not authorized: people's accounts" in hidden.text
        assert not (await used(session, "change_data", sql="DELETE FROM _users")).ok

        opened = await websocket_connect(url.replace("http", "ws") + "api/heard")
        for number in (1, 2):
            await opened.write_message(f"word {number}")
            answer = await asyncio.wait_for(opened.read_message(), 90)
            assert json.loads(answer or "") == {"n": number, "last": f"word {number}"}
            server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'appbuilder%'")
        opened.close()
        web_server.stop()
        await web_server.close_all_connections()
        await builder.delete(session.id, files=True)


@pytest.mark.walk
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
