"""Data that a person hands to an app with a database: a table with its types, all of it or what was there before."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from building import app_builder
from database_app import FIRST, database_session, shelf, used

from jupyter_appbuilder.databases.frames import read_table
from jupyter_appbuilder.databases.rows import table_names
from jupyter_appbuilder.datasets.parquet import write
from jupyter_appbuilder.datasets.sources import opened
from jupyter_appbuilder.errors import InvalidInput, ToolFailed
from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.session import Session
from tests.datasets.stage import HOSTILE, every_type

NO_MIGRATIONS: dict[str, str] = {}


async def handed(session: Session, name: str, source: Any, **options: Any) -> list[str]:
    """Hand rows over; what people are told of them."""
    file = session.data.new_file()
    written = write(opened(source), file)
    _, notes = await session.hand_over(name, written, file, keep="latest", private=False, **options)
    return list(notes)


async def table(session: Session, name: str) -> pa.Table:
    """The table as ``app.table`` has it."""
    return await read_table(session.database, session.workspace.app, "arrow", name, session.data.kept(name))


async def asked(session: Session, sql: str) -> list[list[Any]]:
    return (await session.database.ask("query", sql=sql))["rows"]


async def test_every_type_is_there_to_be_asked_and_comes_back_as_it_was(tmp_path: Path):
    rows, _ = every_type()
    async with database_session(tmp_path, NO_MIGRATIONS) as session:
        notes = await handed(session, "sales", rows)
        assert notes == ["Indexed: id, day, at."]
        (told,) = await asked(session, "SELECT count, open, price, day, at, clock, took, tags FROM sales LIMIT 1")
        assert told == [
            1,
            1,
            "12345678901234567890.12",
            "2024-02-29",
            "2024-01-02T03:04:05Z",
            "2024-01-02T03:04:05.678",
            1_500_000,
            "[1, null]",
        ]
        back = await table(session, "sales")
        assert [str(kind) for kind in back.drop_columns("tags").schema.types] == [
            str(kind) for kind in rows.drop_columns("tags").schema.types
        ]
        assert back.to_pylist() == rows.to_pylist()
        described = (await used(session, "describe_database")).text
        assert "table sales: 3 rows" in described
        assert "open BOOLEAN" in described
        assert "_appbuilder" not in described
        assert (session.workspace.app / "datasets/sales.sql").read_text().startswith("-- Written by App Builder")
        assert not list(session.workspace.app.rglob("*.parquet"))
        assert not list((session.workspace.app / "data").glob(".rows-*"))


async def test_a_frame_of_pandas_keeps_its_types(tmp_path: Path):
    import pandas as pd

    frame = pd.DataFrame(
        {
            "id": pd.array([1, None, 3], "Int32"),
            "at": pd.to_datetime(["2024-01-02 03:04:05.123456789", None, "1969-12-31 00:00:00.0"], utc=True),
            "kind": pd.Categorical(["b", "a", "b"]),
            "share": [0.1, float("inf"), None],
            "text": ["ünï 🐧", "", None],
            "flag": [True, False, True],
        }
    )
    async with database_session(tmp_path, NO_MIGRATIONS) as session:
        await handed(session, "sales", frame)
        back = await read_table(session.database, session.workspace.app, "pandas", "sales", session.data.kept("sales"))
        assert back.dtypes.to_dict() == frame.dtypes.to_dict()
        pd.testing.assert_frame_equal(back, frame)


async def test_names_of_columns_are_text_whatever_they_say(tmp_path: Path):
    names = [*HOSTILE, "A", "a", "a_2", '"); DROP TABLE sales; --', "é", "É", "rowid", "select"]
    rows = pa.table({name: pa.array([name or "empty"]) for name in names})
    async with database_session(tmp_path, NO_MIGRATIONS) as session:
        notes = await handed(session, "sales", rows)
        assert "'a' is 'a_2'" in notes[0]
        assert (await table(session, "sales")).to_pylist() == rows.to_pylist()


def test_names_that_sqlite_takes_for_one_are_told_apart():
    assert table_names(["A", "a", "a_2", "É", "é", "x\0"]) == ["A", "a_2", "a_2_2", "É", "é", "x\ufffd"]


async def test_new_rows_replace_the_old_ones_and_what_the_app_made_of_the_table_stays(tmp_path: Path):
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="begin", sql="CREATE TABLE log (text TEXT);")
        await handed(session, "sales", pa.table({"id": [1, 2], "city": ["Oslo", "Rome"], "sold": [3, 5]}))
        made = await used(
            session,
            "update_database_schema",
            name="around_sales",
            sql="CREATE VIEW by_city AS SELECT city, sum(sold) AS sold FROM sales GROUP BY city;\n"
            "CREATE UNIQUE INDEX one_city ON sales (city);\n"
            "CREATE TRIGGER noted AFTER INSERT ON sales BEGIN INSERT INTO log VALUES (new.city); END;",
        )
        assert made.ok, made.text
        assert await handed(session, "sales", pa.table({"id": [7], "city": ["Bern"], "sold": [9]})) == ["Indexed: id."]
        assert await asked(session, "SELECT * FROM by_city") == [["Bern", 9]]
        assert await asked(session, "SELECT * FROM log") == [], "its triggers are not run by rows that are handed over"
        await used(session, "change_data", sql="INSERT INTO sales VALUES (8, 'Graz', 1)")
        assert await asked(session, "SELECT * FROM log") == [["Graz"]]
        assert not (await used(session, "change_data", sql="INSERT INTO sales VALUES (9, 'Graz', 1)")).ok

        notes = await handed(session, "sales", pa.table({"id": [7], "place": ["Bern"]}), replace=True)
        assert any(note.startswith("No longer possible with these columns: index one_city") for note in notes)
        assert any(note.startswith("No longer possible with these columns: view by_city") for note in notes)


async def test_rows_that_were_changed_in_the_app_go_only_with_a_word(tmp_path: Path):
    first, second = pa.table({"id": [1, 2]}), pa.table({"id": [3]})
    async with database_session(tmp_path, NO_MIGRATIONS) as session:
        await handed(session, "sales", first)
        changed = await used(
            session, "change_data", sql="UPDATE sales SET id = 5 WHERE id = 1; DELETE FROM sales WHERE id = 2"
        )
        assert changed.ok, changed.text
        with pytest.raises(ToolFailed, match=r"rows of sales were changed in the app \(1 changed, 1 deleted\)"):
            await handed(session, "sales", second)
        assert await asked(session, "SELECT id FROM sales") == [[5]]
        await handed(session, "sales", second, replace=True)
        assert await asked(session, "SELECT id FROM sales") == [[3]]
        await handed(session, "sales", first)
        assert await asked(session, "SELECT id FROM sales ORDER BY id") == [[1], [2]]


async def test_a_table_of_the_apps_own_and_rows_that_others_need_are_not_replaced(tmp_path: Path):
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="nothing", sql="SELECT 1;")
        with pytest.raises(ToolFailed, match="has a table customers that is the app's own"):
            await handed(session, "customers", pa.table({"id": [1]}))
        assert await asked(session, "SELECT count(*) FROM customers") == [[2]]

        await handed(session, "cities", pa.table({"city_id": [1, 2]}))
        made = await used(
            session,
            "update_database_schema",
            name="visits",
            sql="CREATE UNIQUE INDEX cities_once ON cities (city_id);\n"
            "CREATE TABLE visits (city INTEGER REFERENCES cities (city_id));\nINSERT INTO visits VALUES (2);",
        )
        assert made.ok, made.text
        with pytest.raises(ToolFailed, match="Rows of the app's table visits refer to rows of cities"):
            await handed(session, "cities", pa.table({"city_id": [1]}))
        assert await asked(session, "SELECT count(*) FROM cities") == [[2]]
        await handed(session, "cities", pa.table({"city_id": [1, 2, 3]}))


async def test_what_is_stopped_or_killed_leaves_the_table_whole(tmp_path: Path):
    async with database_session(tmp_path, NO_MIGRATIONS) as session:
        await handed(session, "sales", pa.table({"id": [1, 2]}))
        many = pa.table({"id": pa.array(range(400_000)), "text": pa.array(["some text"] * 400_000)})
        seen = asyncio.Event()
        loop = asyncio.get_running_loop()

        def told(rows: int) -> None:
            assert 0 < rows <= 400_000
            loop.call_soon_threadsafe(seen.set)

        work = asyncio.ensure_future(handed(session, "sales", many, on_rows=told))
        async with asyncio.timeout(120):
            await seen.wait()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        if work.cancelled():
            assert await asked(session, "SELECT id FROM sales ORDER BY id") == [[1], [2]]
            assert (await table(session, "sales")).num_rows == 2
        assert not list((session.workspace.app / "data").glob(".rows-*"))
        await handed(session, "sales", many, replace=True)
        assert await asked(session, "SELECT count(*) FROM sales") == [[400_000]]


async def test_a_hostile_schema_is_an_error_of_its_own_database(tmp_path: Path):
    async with database_session(tmp_path, NO_MIGRATIONS) as session:
        await handed(session, "sales", pa.table({"id": [1]}))
        # As code of the app's could leave it: it writes the file as it likes.
        with contextlib.closing(sqlite3.connect(session.workspace.app / "data/app.db")) as db:
            db.executescript(
                "CREATE TRIGGER endless AFTER INSERT ON sales BEGIN INSERT INTO sales VALUES (new.id + 1); END;"
                "CREATE VIEW loop_one AS SELECT * FROM sales, sales, sales;"
                "PRAGMA writable_schema = ON;"
                "INSERT INTO sqlite_schema VALUES ('index', 'broken', 'sales', 0, 'CREATE INDEX broken ON nothing (x');"
            )
        with pytest.raises(ToolFailed):
            await handed(session, "sales", pa.table({"id": [2]}), replace=True)
        (session.workspace.app / "data/app.db").write_bytes(b"no database")
        with pytest.raises(ToolFailed, match="file is not a database"):
            await handed(session, "sales", pa.table({"id": [2]}), replace=True)
        for path in (session.workspace.app / "data").iterdir():
            path.unlink()
        await handed(session, "sales", pa.table({"id": [2]}))
        assert await asked(session, "SELECT id FROM sales") == [[2]]


async def test_more_columns_than_a_table_has_are_refused(tmp_path: Path):
    async with database_session(tmp_path, NO_MIGRATIONS) as session:
        with pytest.raises((InvalidInput, ToolFailed), match=r"2,001 columns"):
            await handed(session, "wide", pa.table({f"c{n}": [n] for n in range(2001)}))


async def test_a_fork_has_the_rows_and_a_new_database_the_empty_table(tmp_path: Path):
    template = shelf(tmp_path, {"0001_first.sql": FIRST})
    async with app_builder(tmp_path, template_path=[str(template)]) as builder:
        session = await builder.create(name="kept", template="kept")
        await handed(session, "sales", pa.table({"id": [1, 2]}))
        fork, _ = await builder.fork(session.id, checkpoint=(await session.workspace.checkpoints())[0].id)
        await fork.ready()
        assert await asked(fork, "SELECT id FROM sales ORDER BY id") == [[1], [2]]
        assert [one.name for one in fork.data.all()] == ["sales"]

        (session.workspace.app / "data/app.db").unlink()
        applied = await used(session, "update_database_schema", name="on_sales", sql="CREATE INDEX more ON sales (id);")
        assert applied.ok, applied.text
        assert await asked(session, "SELECT count(*) FROM sales") == [[0]]
        await handed(session, "sales", pa.table({"id": [1, 2]}))
        assert await asked(session, "SELECT count(*) FROM sales") == [[2]]


async def test_a_replay_says_that_the_table_is_empty_and_how_its_rows_come_back(tmp_path: Path):
    async with database_session(tmp_path, NO_MIGRATIONS) as session:
        await handed(session, "sales", pa.table({"id": [1, 2]}))
        session.notebook.changed()
        await session.notebook.flush()
        result = await replay(session.notebook.path)
    said = result.missing[0]
    assert said.startswith("The table sales lacks its 2 rows")
    assert 'app.data("sales", df)' in said
