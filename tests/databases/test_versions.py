"""Rows go back with a version of the app, or stay where only its files are wanted."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from building import app_builder
from database_app import FIRST, database_session, shelf, used

from jupyter_appbuilder.databases.contents import content_of
from jupyter_appbuilder.notebook.document import document
from jupyter_appbuilder.session import Session

MANY = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000) "
FILL = f"{MANY}INSERT INTO customers (name) SELECT hex(randomblob(500)) FROM n"


async def rows(session: Session) -> list[Any]:
    return (await session.database.ask("query", sql="SELECT count(*), max(phone) FROM customers"))["rows"][0]


async def newest(session: Session) -> str:
    return (await session.workspace.checkpoints())[0].id


async def test_a_version_by_hand_holds_rows_and_brings_them_back(tmp_path: Path):
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="log", sql="CREATE TABLE log (text TEXT);")
        assert (await used(session, "change_data", sql=FILL)).ok
        before = await newest(session)
        await session.checkpoint("Three thousand more")
        full = await newest(session)
        assert full != before
        await session.checkpoint("Nothing since")
        assert await newest(session) == full
        made = [event.data for event in session.stored if event.type == "checkpoint.created"][-1]
        assert (made["title"], made.get("data"), made["files"]) == ("Three thousand more", True, 0)
        assert list((session.workspace.folder / ".git/appbuilder-data").iterdir())

        await used(session, "change_data", sql="DELETE FROM customers WHERE id > 1; UPDATE customers SET phone = 'x'")
        await used(session, "write_file", path="notes.md", content="Later")
        await session.restore(full, data=False)
        assert not (session.workspace.app / "notes.md").exists()
        assert await rows(session) == [1, "x"]
        await session.restore(full)
        assert await rows(session) == [3002, "01"]
        undone = [event.data["previous"] for event in session.stored if event.type == "session.restored"][-1]
        await session.restore(undone)
        assert await rows(session) == [1, "x"]


async def test_a_database_that_is_cut_short_while_it_is_copied_harms_nobody(tmp_path: Path):
    async with database_session(tmp_path) as session:
        await used(session, "update_database_schema", name="log", sql="CREATE TABLE log (text TEXT);")
        await used(session, "change_data", sql=FILL)
        await session.checkpoint("Full")
        full = await newest(session)
        database = session.workspace.app / "data/app.db"
        stopped = asyncio.Event()

        def torn() -> None:
            """What hostile code does to the file, again and again."""
            size = database.stat().st_size
            while not stopped.is_set():
                os.truncate(database, size // 2)
                os.truncate(database, size)
                beside = database.with_name("swapped")
                beside.write_bytes(os.urandom(2_000_000))
                os.replace(beside, database)

        tearing = asyncio.create_task(asyncio.to_thread(torn))
        try:
            for number in range(5):
                await used(session, "write_file", path="a.txt", content=f"{number}\n")
        finally:
            stopped.set()
            await tearing
        for path in (session.workspace.app / "data").iterdir():
            path.unlink()
        await session.restore(full)
        assert await rows(session) == [3002, "01"]


BIG = f"{MANY.replace('3000', '6000')}INSERT INTO customers (name) SELECT hex(randomblob(500)) FROM n"


def verified(session: Session, upto: int) -> str:
    """The last cell of the notebook as it was after that many events."""
    cells = document(session.stored[:upto], "")["cells"]
    return next("".join(cell["source"]) for cell in cells if cell["id"] == "verify")


def made(session: Session) -> list[Any]:
    """The versions, the oldest first."""
    return [event.data for event in session.stored if event.type == "checkpoint.created"]


async def recorded(session: Session, title: str) -> dict[str, Any]:
    """What the database held in the newest version of that title, waited for."""
    made = [
        event.data for event in session.stored if event.type == "checkpoint.created" and event.data["title"] == title
    ]
    checkpoint = made[-1]["checkpoint"]
    while True:
        for event in session.stored:
            if event.type == "database.recorded" and event.data["checkpoint"] == checkpoint:
                return dict(event.data["database"])
        await asyncio.sleep(0.05)


async def test_what_a_large_database_holds_is_recorded_beside_everything_else(tmp_path: Path):
    async with app_builder(tmp_path, template_path=[str(shelf(tmp_path, {"0001_first.sql": FIRST}))]) as builder:
        session = await builder.create(name="kept", template="kept")
        assert (await used(session, "change_data", sql=BIG)).ok
        await session.checkpoint("Large")
        large = await newest(session)
        at = next(e.seq for e in session.stored if e.type == "checkpoint.created" and e.data["checkpoint"] == large)
        held = await recorded(session, "Large")
        (before, _, tables), after = verified(session, at).partition("\n"), verified(session, len(session.stored))
        assert (before.endswith(" --unrecorded"), tables) == (True, "")
        assert held["tables"][0]["hash"] in after

        # A version with the same rows has what is known of them, and so has one that is restored.
        await used(session, "write_file", path="notes.md", content="Only a file")
        assert (made(session)[-1]["files"], made(session)[-1].get("database")) == (1, held)

        # Of two at once the newest counts, which is that of the database now.
        await used(session, "change_data", sql="UPDATE customers SET phone = 'x' WHERE id = 7")
        await session.checkpoint("One")
        await used(session, "change_data", sql="UPDATE customers SET phone = 'y' WHERE id = 7")
        await session.checkpoint("Two")
        holds = await content_of(session.database)
        assert holds
        assert await recorded(session, "Two") == holds.to_json() != held
        await session.restore(large)
        assert [event.data for event in session.stored if event.type == "checkpoint.created"][-1].get(
            "database"
        ) == held

        # The server ends before it is known, and leaves its copy: the next one goes on.
        await used(session, "change_data", sql="UPDATE customers SET phone = 'z' WHERE id = 7")
        await session.checkpoint("Three")
        await session.shut(keep_notebook=False)
        data = session.workspace.app / "data"
        (data / ".version-0123456789abcdef.db").write_bytes(b"left")
        await builder.release(session.id)
        session = await builder.session(session.id)
        assert (await recorded(session, "Three"))["tables"][0]["rows"] == 6002
        while any(path.name.startswith(".version-") for path in data.iterdir()):
            await asyncio.sleep(0.05)

        fork, _ = await builder.fork(session.id, checkpoint=large)
        await fork.ready()
        assert await recorded(fork, "Large") == held
