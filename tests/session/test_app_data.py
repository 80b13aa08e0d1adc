"""What the app itself writes into its data folders is nobody's edit, and goes back with the versions."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
from building import call, scripted_builder, write
from plain_app import plain
from refusing_disk import no_file_above

from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.workspace import data
from jupyter_appbuilder.workspace.objects import LooseStore
from jupyter_appbuilder.workspace.scan import scan
from jupyter_appbuilder.workspace.snapshots import Snapshots

WRITER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA wal_autocheckpoint = 20")
db.execute("CREATE TABLE IF NOT EXISTS notes (a INTEGER, b INTEGER)")
number = 0
while True:
    number += 1
    db.execute("BEGIN")
    db.execute("INSERT INTO notes VALUES (?, 0)", [number])
    db.execute("UPDATE notes SET b = ?", [number])
    db.execute("COMMIT")
    if number == 1:
        print("writing", flush=True)
    if number % 100 == 0:
        db.execute("DELETE FROM notes")
"""


@contextlib.asynccontextmanager
async def storing(folder: Path, steps: list[Any] | None = None) -> AsyncGenerator[tuple[AppBuilder, Session, Path]]:
    """A session of a template with a data folder, and that folder."""
    traits = plain(folder)
    manifest = folder / "templates" / "plain" / "template.toml"
    manifest.write_text('data = ["data/"]\n' + manifest.read_text())
    async with scripted_builder(folder, steps or [], **traits) as (builder, _):
        session = await builder.create(name="storing")
        await session.ready()
        place = session.workspace.app / "data"
        place.mkdir()
        yield builder, session, place


@contextlib.contextmanager
def writing(database: Path) -> Generator[None]:
    """Another process that goes on writing into a database."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(database)], stdout=subprocess.PIPE)
    assert process.stdout
    try:
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def changed(session: Session) -> list[tuple[str, str]]:
    return [(e.data["path"], e.data["by"]) for e in await session.events() if e.type == "file.changed"]


async def version(session: Session, text: str) -> str:
    """Have a file written, so that there is a version; its id."""
    await session.call("write_file", {"path": "a.txt", "content": text}, by="person")
    return (await session.workspace.checkpoints())[0].id


def objects(session: Session) -> int:
    return sum(1 for path in (session.workspace.folder / ".git" / "objects").rglob("*") if path.is_file())


async def test_what_the_app_writes_is_nobodys_edit(tmp_path: Path):
    async with storing(tmp_path) as (_, session, place):
        before = objects(session)
        for number in range(5):
            (place / "rows.csv").write_text(f"{number}\n" * 50_000)
            (place / "app.db").write_bytes(bytes([number]) * 100_000)
            await session.look_for_edits()
        assert await changed(session) == []
        assert objects(session) == before
        listed = {file.path: file.binary for file in await session.workspace.list()}
        assert listed["data/rows.csv"] is False
        assert listed["data/app.db"] is False  # no zero byte but in the first
        (session.workspace.app / "mine.txt").write_text("mine\n")
        await session.look_for_edits()
        assert await changed(session) == [("mine.txt", "person")]


async def test_what_the_agent_writes_there_is_recorded_as_it_wrote_it(tmp_path: Path):
    seed = {"search": "app", "replace": "agent"}
    steps = [
        {
            "tool_calls": [
                write("data/seed.json", '["agent"]\n'),
                call("run_command", command="echo made > data/made.csv"),
            ]
        },
        {"text": "Done."},
        {"tool_calls": [call("read_file", path="data/seed.json")]},
        {"tool_calls": [call("edit_file", path="data/seed.json", edits=[seed])]},
        {"text": "Done."},
    ]
    async with storing(tmp_path, steps) as (_, session, place):
        await session.send("Seed it")
        assert (await session.wait())["reason"] == "done"
        (place / "seed.json").write_text('["app"]\n')
        await session.look_for_edits()
        assert [path for path, _ in await changed(session)] == ["data/seed.json", "data/made.csv"]
        await session.send("Change it")
        assert (await session.wait())["reason"] == "done"
        assert (await changed(session))[2:] == [("data/seed.json", "command"), ("data/seed.json", "agent")]
        assert (place / "seed.json").read_text() == '["agent"]\n'
        (place / "made.csv").unlink()  # by the app
        session.notebook.changed()
        await session.notebook.flush()
        result = await replay(session.notebook.path)
        assert result.verified is True
        assert (result.workspace / "app/data/made.csv").read_text() == "made\n"


async def test_a_version_brings_the_data_back_and_undo_too(tmp_path: Path):
    async with storing(tmp_path) as (_, session, place):
        (place / "deep").mkdir()
        (place / "deep" / "kept.csv").write_text("1\n")
        first = await version(session, "first\n")
        (place / "deep" / "kept.csv").write_text("1\n2\n")
        (place / "later.csv").write_text("later\n")
        (place / "app.db-wal").write_text("a journal of other data")
        await version(session, "second\n")
        (place / "later.csv").write_text("latest\n")  # after the version
        await session.restore(first)
        assert {path.relative_to(place).as_posix() for path in place.rglob("*.*")} == {"deep/kept.csv"}
        assert (place / "deep" / "kept.csv").read_text() == "1\n"
        assert (session.workspace.app / "a.txt").read_text() == "first\n"
        restored = next(e for e in reversed(await session.events()) if e.type == "session.restored")
        await session.restore(restored.data["previous"])
        assert (place / "later.csv").read_text() == "latest\n"
        assert (place / "deep" / "kept.csv").read_text() == "1\n2\n"
        assert await changed(session) == [("a.txt", "person")] * 2


async def test_the_app_is_stopped_while_its_data_are_put_back_and_runs_again(tmp_path: Path):
    async with storing(tmp_path) as (_, session, place):
        (place / "a.csv").write_text("1\n")
        first = await version(session, "first\n")
        await session.start_preview()
        (place / "a.csv").write_text("2\n")
        await session.restore(first)
        assert (place / "a.csv").read_text() == "1\n"
        assert session.app.server.state == "ready"


async def test_an_app_whose_data_cannot_be_put_back_runs_again(tmp_path: Path):
    async with storing(tmp_path) as (_, session, place):
        (place / "a.bin").write_bytes(os.urandom(8_000_000))
        first = await version(session, "first\n")
        await session.start_preview()
        (place / "a.bin").write_text("small\n")
        await version(session, "second\n")
        with no_file_above(4_000_000), pytest.raises(Unavailable, match="is full"):
            await session.restore(first)
        assert (session.workspace.app / "a.txt").read_text() == "second\n"  # files and data, or neither
        async with asyncio.timeout(30):
            while session.app.server.state != "ready":
                await asyncio.sleep(0.02)
        assert [e for e in await session.events() if e.type == "session.restored"] == []
        await session.restore(first)
        assert (place / "a.bin").stat().st_size == 8_000_000


def test_a_folder_of_more_files_than_are_kept_is_not_listed_to_its_end(tmp_path: Path):
    for folder in ("data", "data/more"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0").touch()
        for n in range(1, data.MOST_FILES + 200):
            os.link(tmp_path / folder / "0", tmp_path / folder / str(n))
    assert len(data.found(tmp_path, ["data/"])) == data.MOST_FILES + 1
    copy = data.copied(tmp_path, ["data/"], Snapshots(tmp_path))
    assert (copy.files, "more than 5,000 files in data/" in copy.note) == ({}, True)


def test_a_data_folder_of_very_many_empty_folders_is_not_walked_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for outer in range(25):
        for inner in range(900):
            os.makedirs(tmp_path / "app" / "data" / str(outer) / str(inner))
    opened = 0

    def counted(folder: Any) -> Any:
        nonlocal opened
        opened += 1
        return scandir(folder)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", counted)
    copy = data.copied(tmp_path / "app", ("data/",), Snapshots(tmp_path))
    assert (copy.files, "folders in data/" in copy.note) == ({}, True)
    assert opened <= data.MOST_DATA
    opened = 0
    assert scan(tmp_path / "app", LooseStore(tmp_path / "objects"), data=("data/",)) == {}
    assert opened <= data.MOST_DATA + 25


async def test_too_much_data_is_left_alone_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(data, "LARGEST_KEPT", data.LARGEST)
    async with storing(tmp_path) as (_, session, place):
        with (place / "large.csv").open("wb") as file:
            file.write(b"x" * (data.LARGEST + 1))
        first = await version(session, "first\n")
        await version(session, "second\n")
        made = [e.data for e in await session.events() if e.type == "checkpoint.created"]
        assert "21.0 MB in data/" in made[-1]["note"]
        assert "are not kept in this version" in made[-1]["note"]
        restored = await session.restore(first)
        assert (place / "large.csv").stat().st_size == data.LARGEST + 1
        assert restored.data.get("data") is False
        told = [e.data for e in await session.events() if e.type == "checkpoint.created"][-1]
        assert told["note"].startswith("That version has no copy of the app's data, which stay as they are.")
        # Not even a version that has a copy replaces what could not be kept first.
        (place / "large.csv").write_text("small\n")
        small = await version(session, "third\n")
        (place / "large.csv").write_bytes(b"x" * (data.LARGEST + 1))
        await session.restore(small)
        assert (place / "large.csv").stat().st_size == data.LARGEST + 1
        told = [e.data for e in await session.events() if e.type == "checkpoint.created"][-1]
        assert told["note"].startswith("The app's data could not be kept first, so they stay as they are.")
        (place / "large.csv").unlink()
        assert "data" not in (await session.restore(small)).data
        assert (place / "large.csv").read_text() == "small\n"
        await session.restore((await session.workspace.checkpoints())[-1].id)
        assert list(place.parent.glob("data/*")) == []  # as the app began
        session.notebook.changed()
        await session.notebook.flush()
        assert "not kept in this version" in session.notebook.path.read_text()


async def test_a_database_that_is_being_written_is_copied_whole_or_not_at_all(tmp_path: Path):
    async with storing(tmp_path) as (_, session, place):
        with writing(place / "app.db"):
            versions = [await version(session, f"{number}\n") for number in range(6)]
        notes = [e.data.get("note", "") for e in await session.events() if e.type == "checkpoint.created"][1:]
        for id, note in zip(versions, notes, strict=True):
            await session.restore(id)
            assert "data/app.db" in note or (place / "app.db").exists()
            if (place / "app.db").exists():
                with contextlib.closing(sqlite3.connect(place / "app.db")) as db:
                    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                    assert len(db.execute("SELECT DISTINCT b FROM notes").fetchall()) <= 1


async def test_links_out_of_the_data_folder_are_not_followed(tmp_path: Path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("not the app's")
    async with storing(tmp_path) as (_, session, place):
        (place / "out").symlink_to(tmp_path / "secret")
        (place / "key.txt").symlink_to(tmp_path / "secret" / "key.txt")
        (place / ".env").write_text("KEY=1\n")
        (place / "a.csv").write_text("1\n")
        assert list(data.copied(session.workspace.app, ("data/",), Snapshots(tmp_path)).files) == ["data/a.csv"]
        first = await version(session, "first\n")
        (place / "a.csv").unlink()
        await session.restore(first)
        assert (place / "a.csv").read_text() == "1\n"
        assert (tmp_path / "secret" / "key.txt").read_text() == "not the app's"
