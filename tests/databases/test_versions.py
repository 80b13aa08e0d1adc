"""Rows go back with a version of the app, or stay where only its files are wanted."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from database_app import database_session, used

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
