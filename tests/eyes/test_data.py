"""What the app itself keeps is put back after somebody tried it, and the app goes on with it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from building import app_builder

Rows = frozenset[tuple[object, ...]]


def rows_of(database: Path) -> Rows:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return frozenset(connection.execute("SELECT id, title, read FROM books"))


async def test_rows_that_were_added_and_deleted_in_a_trial_are_gone_and_back(tmp_path: Path) -> None:
    async with app_builder(tmp_path, model="demo:recorded", browser="") as builder:
        session = await builder.create(name="app", template="fastapi-react")
        await session.start_preview()
        assert session.app.server.state == "ready", session.app.server.message
        database = session.workspace.app / "data" / "app.db"
        before = rows_of(database)

        steps = [
            {"do": "fill", "name": "Title", "value": "Momo"},
            {"do": "fill", "name": "Author", "value": "Michael Ende"},
            {"do": "fill", "name": "Pages", "value": 304},
            {"do": "click", "role": "button", "name": "Add"},
            {"do": "expect", "role": "button", "name": "Delete Momo"},
            {"do": "click", "role": "button", "name": "Delete Invisible Cities"},
            {"do": "expect", "role": "listitem", "text": "Invisible Cities", "is": "hidden"},
        ]
        _, used = await session.call("use_app", {"steps": steps}, by="person")
        assert used.ok, used.text
        assert rows_of(database) == before

        seen: set[Rows] = set()

        async def watch() -> None:
            while True:
                with suppress(sqlite3.OperationalError):  # it is being written
                    seen.add(rows_of(database))
                await asyncio.sleep(0.02)

        watching = asyncio.create_task(watch())
        for _ in range(9):  # on a busy machine a trial may end before it comes to the form
            await session.app.look_over()
            if any(rows - before for rows in seen):
                break
        watching.cancel()
        assert any(rows - before for rows in seen), "the trials added none"
        assert rows_of(database) == before
        _, shown = await session.call("look_at_app", {}, by="person")
        assert "Invisible Cities" in shown.text
        assert "Momo" not in shown.text


@pytest.mark.walk
async def test_each_scenario_finds_the_data_as_they_were(tmp_path: Path) -> None:
    async with app_builder(tmp_path, model="demo:recorded", browser="") as builder:
        session = await builder.create(name="app", template="fastapi-react")
        await session.start_preview()
        assert session.app.server.state == "ready", session.app.server.message
        count = len(rows_of(session.workspace.app / "data" / "app.db"))
        titles = ("Momo", "Emma", "Ulysses")
        for title in titles:
            steps = [
                {"do": "expect", "role": "listitem", "is": "count", "count": count},
                {"do": "fill", "name": "Title", "value": title},
                {"do": "fill", "name": "Author", "value": "Somebody"},
                {"do": "fill", "name": "Pages", "value": 300},
                {"do": "click", "role": "button", "name": "Add"},
                {"do": "expect", "role": "listitem", "is": "count", "count": count + 1},
            ]
            _, written = await session.call("write_scenario", {"title": f"{title} counts", "steps": steps}, by="person")
            assert written.ok, written.text
        _, tried = await session.call("try_scenarios", {"names": []}, by="person")
        assert tried.ok, tried.text
