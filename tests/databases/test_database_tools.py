"""The database of an app by the agent's tools, in a real sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from pathlib import Path

import pytest
from database_app import database_session, used

from jupyter_appbuilder.databases import SqlError
from jupyter_appbuilder.databases.frames import has_table, read_rows
from jupyter_appbuilder.errors import Conflict, InvalidInput
from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.session import Session

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
INSERT = "INSERT INTO customers (name) VALUES ('C;d''--');"
ADD_STATUS = "ALTER TABLE customers ADD COLUMN status TEXT NOT NULL DEFAULT 'new';"


async def test_a_schema_grows_by_migrations_and_rows_are_asked_and_changed(tmp_path: Path):
    async with database_session(tmp_path) as session:
        begun = await used(session, "describe_database")
        assert "table customers: 2 rows" in begun.text  # nobody had applied its migration

        added = await used(session, "update_database_schema", name="add_status", sql=ADD_STATUS)
        assert added.ok, added.text
        assert "status TEXT not null default 'new'" in added.text
        assert (session.workspace.app / "migrations/0002_add_status.sql").read_text() == ADD_STATUS + "\n"

        changed = await used(session, "change_data", sql=INSERT)
        assert changed.ok, changed.text
        assert changed.text == "customers: 1 inserted"
        asked = await used(session, "query_database", sql="SELECT name, status FROM customers ORDER BY id DESC LIMIT 1")
        assert asked.text == 'name | status\n"C;d\'--" | "new"'
        described = await used(session, "describe_database")
        assert "table customers: 3 rows" in described.text
        assert "change_data: customers: 1 inserted" in described.text
        await used(session, "write_file", path="notes.md", content="Three customers")
        await session.checkpoint("Three customers")
        assert "inserted" not in (await used(session, "describe_database")).text


async def answered(session: Session, *, granted: bool) -> str:
    """Answer the next question; what it was."""
    async with asyncio.timeout(120):
        while True:
            events = session.stored
            given = {event.data["approval"] for event in events if event.type == "approval.given"}
            for event in events:
                if event.type == "approval.requested" and event.data["approval"] not in given:
                    await session.answer(event.data["approval"], granted=granted)
                    return event.data["question"]
            await asyncio.sleep(0.02)


async def test_what_would_lose_data_needs_a_reason_and_the_person(tmp_path: Path):
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="add_status", sql=ADD_STATUS)
        drop = "ALTER TABLE customers DROP COLUMN phone;"
        refused = await used(session, "update_database_schema", name="no_phone", sql=drop)
        assert not refused.ok
        assert "customers.phone goes, which 1 of 2 rows have." in refused.text
        assert not (session.workspace.app / "migrations/0003_no_phone.sql").exists()

        reason = "Phones are not kept any more."
        for granted in (False, True):
            call = used(session, "update_database_schema", name="no_phone", sql=drop, loses_data=reason)
            result, question = await asyncio.gather(call, answered(session, granted=granted))
            assert "customers.phone goes" in question
            assert result.ok == granted, result.text
            columns = await used(session, "query_database", sql="SELECT * FROM customers")
            assert ("phone" in columns.text) != granted


async def test_a_migration_that_fails_changes_nothing_and_says_where(tmp_path: Path):
    async with database_session(tmp_path) as session:
        sql = "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n\nALTER TABLE nobody ADD COLUMN x;"
        failed = await used(session, "update_database_schema", name="orders", sql=sql)
        assert not failed.ok
        assert "line 3: no such table: nobody" in failed.text
        assert "Statement: ALTER TABLE nobody ADD COLUMN x;" in failed.text
        migrations = session.workspace.app / "migrations"
        assert [path.name for path in migrations.iterdir()] == ["0001_first.sql"]

        # The same for files that somebody wrote, changed or deleted.
        await used(session, "write_file", path="migrations/0002_orders.sql", content=sql)
        described = (await used(session, "describe_database")).text
        assert "not applied yet: 0002_orders.sql" in described
        assert "cannot be applied: migrations/0002_orders.sql:3: no such table: nobody" in described
        await used(session, "delete_file", path="migrations/0002_orders.sql")
        first = (migrations / "0001_first.sql").read_text()
        await used(session, "write_file", path="migrations/0001_first.sql", content=first + "-- And more.")
        described = (await used(session, "describe_database")).text
        assert "table customers: 2 rows" in described
        assert "0001_first.sql was changed after it was applied. Put it back" in described
        await used(session, "delete_file", path="migrations/0001_first.sql")
        assert 'the file is gone: "0001_first.sql"' in (await used(session, "describe_database")).text


async def test_a_query_changes_nothing_and_reaches_no_other_file(tmp_path: Path):
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="add_status", sql=ADD_STATUS)
        for sql in (
            "DELETE FROM customers RETURNING *",
            "WITH x AS (SELECT 1) INSERT INTO customers (name) SELECT 'x'",
            "ATTACH '/tmp/other.db' AS other",
            "PRAGMA journal_mode = DELETE",
            "SELECT load_extension('x')",
            "VACUUM INTO 'data/other.db'",
            "CREATE TEMP TABLE t(x)",
            "SELECT 1; DROP TABLE customers",
            "",
            "-- nothing",
        ):
            asked = await used(session, "query_database", sql=sql or ";")
            assert not asked.ok, sql
            assert "broke down" not in asked.text
        for sql in ("DROP TABLE customers", "COMMIT", "ATTACH 'x' AS x", "UPDATE _appbuilder_migrations SET hash = ''"):
            assert not (await used(session, "change_data", sql=sql)).ok, sql
        for tool, sql in (("query_database", "SELECT * FROM custmers"), ("change_data", "DELETE FROM custmers")):
            said = (await used(session, tool, sql=sql)).text
            assert "no such table: custmers. Did you mean customers?" in said
        assert (await used(session, "query_database", sql="SELECT count(*) AS n FROM customers")).text == "n\n2"


async def test_paths_in_a_text_stay_as_they_are(tmp_path: Path):
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="add_status", sql=ADD_STATUS)
        asked = await used(session, "query_database", sql="SELECT '/workspace', '/opt/template/x', 'a/b' AS p")
        assert asked.text.splitlines()[1] == '"/workspace" | "/opt/template/x" | "a/b"'


async def test_changes_are_made_all_or_none(tmp_path: Path):
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="add_status", sql=ADD_STATUS)
        sql = "DELETE FROM customers; INSERT INTO customers (id) VALUES (1)"
        failed = await used(session, "change_data", sql=sql)
        assert not failed.ok
        assert "NOT NULL constraint failed: customers.name" in failed.text
        assert "INSERT INTO customers (id) VALUES (1)" in failed.text
        assert (await used(session, "query_database", sql="SELECT count(*) AS n FROM customers")).text == "n\n2"


HOSTILE = """
CREATE TABLE "a""; DROP TABLE x; --" ("c"";'" TEXT, "[x]" INTEGER, "😀" BLOB, g AS ("[x]" + 1));
INSERT INTO "a""; DROP TABLE x; --" VALUES ('nul' || char(0) || 'here', 9223372036854775807, zeroblob(100000));
INSERT INTO "a""; DROP TABLE x; --" VALUES (CAST(x'eda080ff' AS TEXT), -9007199254740993, 9e999);
CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n;
CREATE VIEW broken AS SELECT gone FROM nowhere;
CREATE VIRTUAL TABLE words USING fts5(text);
CREATE TRIGGER bites AFTER INSERT ON "a""; DROP TABLE x; --" BEGIN SELECT RAISE(ABORT, 'bitten'); END;
"""


async def test_a_hostile_schema_is_told_and_asked(tmp_path: Path):
    async with database_session(tmp_path) as session:
        made = await used(session, "update_database_schema", name="hostile", sql=HOSTILE)
        assert made.ok, made.text
        described = await used(session, "describe_database")
        assert described.ok, described.text
        assert '"a\\"; DROP TABLE x; --": 2 rows' in described.text
        assert "view broken ()" in described.text
        assert (
            "9223372036854775807"
            in (await used(session, "query_database", sql='SELECT "[x]" FROM "a""; DROP TABLE x; --"')).text
        )
        rows = await used(session, "query_database", sql='SELECT * FROM "a""; DROP TABLE x; --"')
        assert rows.ok, rows.text
        assert "-9007199254740993" in rows.text
        assert "(100000 bytes)" in rows.text
        assert "inf" in rows.text
        endless = await used(session, "query_database", sql="SELECT x FROM endless", rows=3)
        assert endless.text == "x\n1\n2\n3\n(There are more rows.)"
        bitten = await used(session, "change_data", sql='INSERT INTO "a""; DROP TABLE x; --" VALUES (1, 2, 3)')
        assert "bitten" in bitten.text
        columns = ", ".join(f"c{number} INTEGER" for number in range(1990))
        wide = await used(session, "update_database_schema", name="wide", sql=f"CREATE TABLE wide ({columns})")
        assert wide.ok, wide.text
        assert "more columns" in (await used(session, "describe_database")).text


async def test_what_never_ends_or_is_too_large_is_ended(tmp_path: Path):
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="add_status", sql=ADD_STATUS)
        program = session.database
        with pytest.raises(Conflict, match="did not answer within 2 seconds"):
            await program.ask("query", seconds=2, sql=ENDLESS)
        large = await used(session, "query_database", sql="SELECT replace(hex(zeroblob(2000000)), '0', 'x') AS x")
        assert large.ok
        assert len(large.text) < 5000
        with pytest.raises(InvalidInput, match="too long"):
            await program.ask("query", sql="SELECT 'x'", parameters=["y" * 200_000])
        assert (await used(session, "query_database", sql="SELECT count(*) AS n FROM customers")).text == "n\n2"


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path):
    async with database_session(tmp_path) as session:
        data = session.workspace.app / "data"
        await session.ready()
        data.mkdir()
        file = data / "app.db"
        for make, undo in (
            (lambda: os.mkfifo(file), file.unlink),
            (lambda: file.symlink_to("/etc/passwd"), file.unlink),
            (file.mkdir, file.rmdir),
            (lambda: file.write_bytes(b"no database " * 1000), file.unlink),
        ):
            make()
            for call in (
                {"tool": "describe_database"},
                {"tool": "query_database", "sql": "SELECT 1 FROM sqlite_schema"},
            ):
                result = await used(session, **call)
                assert not result.ok
                assert "no ordinary file" in result.text or "not a database" in result.text
            undo()


async def test_files_cut_short_and_swapped_while_it_is_asked_end_nobody(tmp_path: Path):
    """The server asks, and code in the sandbox truncates the files below it: SIGBUS may take the program, no more."""
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="add_status", sql=ADD_STATUS)
        file = session.workspace.app / "data/app.db"

        async def asking() -> None:
            for _ in range(12):
                await used(session, "describe_database")
                await used(session, "change_data", sql="INSERT INTO customers (name) VALUES ('x')")

        asked = asyncio.ensure_future(asking())
        number = 0
        while not asked.done():
            number += 1
            for ending in ("-shm", "-wal") if number % 3 else ("", "-wal"):
                with contextlib.suppress(OSError):
                    os.truncate(f"{file}{ending}", 0)
            await asyncio.sleep(0)
        await asked
        for ending in ("", "-wal", "-shm"):
            Path(f"{file}{ending}").unlink(missing_ok=True)
        again = await used(session, "update_database_schema", name="again", sql="CREATE TABLE again (x)")
        assert again.ok, again.text


async def test_rows_are_read_as_a_frame(tmp_path: Path):
    sql = "CREATE TABLE odd (id INTEGER PRIMARY KEY, big INTEGER, done BOOLEAN, price REAL, mixed, data BLOB);"
    sql += "INSERT INTO odd VALUES (1, 9007199254740993, 1, 1.5, 'x\n', x'00'), (2, NULL, 0, 2, 3, NULL);"
    async with database_session(tmp_path, {"0001_odd.sql": sql}) as session:
        await session.ready()
        program, app = session.database, session.workspace.app
        await program.ask("migrate", seconds=60)
        assert await has_table(program, "odd")
        table = await read_rows(program, app, "arrow", table="odd")
        assert table.to_pylist() == [
            {"id": 1, "big": 9007199254740993, "done": True, "price": 1.5, "mixed": "x\n", "data": b"\0"},
            {"id": 2, "big": None, "done": False, "price": 2.0, "mixed": "3", "data": None},
        ]
        frame = await read_rows(program, app, "pandas", sql="SELECT 1 AS n, 2 AS n, big FROM odd")
        assert list(frame.columns) == ["n", "n_2", "big"]
        assert frame["big"][0] == 9007199254740993
        with pytest.raises(SqlError, match="only rows are read here"):
            await read_rows(program, app, "pandas", sql="DELETE FROM odd RETURNING *")
        assert [path.name for path in (app / "data").iterdir() if "rows" in path.name] == []


async def test_a_version_has_the_rows_and_going_back_brings_them_back(tmp_path: Path):
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="add_status", sql=ADD_STATUS)
        await session.checkpoint("Two customers")
        (kept, *_) = await session.workspace.checkpoints()
        await used(session, "change_data", sql="DELETE FROM customers")
        await used(session, "update_database_schema", name="notes", sql="CREATE TABLE notes (x)")
        await session.restore(kept.id)
        assert (await used(session, "query_database", sql="SELECT count(*) AS n FROM customers")).text == "n\n2"
        assert not (await used(session, "query_database", sql="SELECT * FROM notes")).ok
        assert not (session.workspace.app / "migrations/0003_notes.sql").exists()


async def test_the_notebook_rebuilds_the_same_schema_and_rows_to_begin_with(tmp_path: Path):
    grow = "ALTER TABLE customers ADD COLUMN status TEXT; INSERT INTO customers (name, status) VALUES ('Cleo', 'new');"
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="grow", sql=grow)
        before = await session.database.ask("dump")
        await session.checkpoint("Grown")
        session.notebook.changed()
        await session.notebook.flush()
        replayed = await replay(session.notebook.path, tmp_path / "replayed")
        (tmp_path / "again").mkdir()
        async with database_session(tmp_path / "again") as again:
            await again.ready()
            shutil.copytree(
                replayed.workspace / "app" / "migrations", again.workspace.app / "migrations", dirs_exist_ok=True
            )
            await again.database.ask("migrate", seconds=60)
            after = await again.database.ask("dump")
    assert after == before
    assert after["tables"]["customers"]["rows"] == 3
