"""The notebook file follows the log, and never costs anybody their work."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from recorded import Recorded

from jupyter_appbuilder.events import Event
from jupyter_appbuilder.notebook import writer as writing
from jupyter_appbuilder.notebook.document import LARGEST_PICTURE, MOST_PICTURES, document
from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.notebook.writer import NotebookWriter


async def test_many_changes_make_few_writes_and_the_last_is_never_missed(tmp_path: Path, monkeypatch):
    writes: list[int] = []
    save = writing.save

    def counted(home, events, archive, pictures):
        writes.append(len(events))
        return save(home, events, archive, pictures)

    monkeypatch.setattr(writing, "save", counted)
    monkeypatch.setattr(writing, "QUIET_SECONDS", 0.05)
    async with Recorded(tmp_path) as session:
        writer = NotebookWriter(session.folder / "board.ipynb", session.read)
        for number in range(50):
            await session.write(f"{number}.txt", "x\n")
            writer.changed()
        for _ in range(100):
            if writes and writes[-1] == len(session.events):
                break
            await asyncio.sleep(0.05)
        await writer.flush()
        assert writes[-1] == len(session.events)
        assert len(writes) < 10
        assert sum("49.txt" in cell.source for cell in nbformat.read(writer.path, 4).cells) == 1
        assert [path.name for path in session.folder.glob("*.ipynb*")] == ["board.ipynb"]
        assert not list(session.folder.glob(".board*"))


async def test_a_notebook_whose_record_was_changed_by_hand_is_left_alone_and_goes_on_beside_it(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        home = session.folder / "board.ipynb"
        writer = NotebookWriter(home, session.read)
        await session.write("a.txt", "a\n")
        writer.changed()
        await writer.flush()
        assert writer.path == home

        mine = nbformat.read(home, 4)
        mine.cells[-2].source += "My own thoughts"
        nbformat.write(mine, home)
        kept = home.read_bytes()
        await session.write("b.txt", "b\n")
        writer.changed()
        await writer.flush()
        assert home.read_bytes() == kept
        assert writer.path == session.folder / "board-2.ipynb"
        second = nbformat.read(writer.path, 4)
        assert "board.ipynb was changed by hand" in second.cells[0].source
        assert any("a.txt" in cell.source for cell in second.cells)
        assert any("b.txt" in cell.source for cell in second.cells)

        # Another process goes on with the session: it knows as well.
        await session.write("c.txt", "c\n")
        later = NotebookWriter(home, session.read)
        later.changed()
        await later.flush()
        assert home.read_bytes() == kept
        assert later.path == writer.path


async def test_a_file_that_is_not_ours_is_never_written_over(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        home = session.folder / "board.ipynb"
        home.write_text("not even a notebook")
        writer = NotebookWriter(home, session.read)
        writer.changed()
        await writer.flush()
        assert home.read_text() == "not even a notebook"
        assert writer.path.name == "board-2.ipynb"


async def test_nothing_is_written_while_somebody_has_it_open_and_all_of_it_afterwards(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        writer = NotebookWriter(session.folder / "board.ipynb", session.read)
        writer.hold()
        await session.write("a.txt", "a\n")
        writer.changed()
        await writer.flush()
        assert not writer.path.exists()
        writer.release()
        await writer.flush()
        assert any("a.txt" in "".join(cell["source"]) for cell in json.loads(writer.path.read_text())["cells"])


async def test_what_is_being_written_is_written_when_flush_returns(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(writing, "QUIET_SECONDS", 0)
    reading, go_on = asyncio.Event(), asyncio.Event()
    async with Recorded(tmp_path) as session:

        async def read() -> list[Event]:
            reading.set()
            await go_on.wait()
            return await session.read()

        writer = NotebookWriter(session.folder / "board.ipynb", read)
        writer.changed()
        await reading.wait()
        flushing = asyncio.create_task(writer.flush())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.05, go_on.set)
        await flushing
        assert writer.path.exists()


async def test_a_change_while_the_notebook_is_closed_leaves_nothing_running(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(writing, "QUIET_SECONDS", 0.05)
    async with Recorded(tmp_path) as session:

        async def archive() -> str:
            writer.changed()
            return await session.workspace.archive()

        before = asyncio.all_tasks()
        writer = NotebookWriter(session.folder / "board.ipynb", session.read, archive)
        writer.changed()
        await writer.close()
        if left := asyncio.all_tasks() - before:
            await asyncio.wait(left, timeout=1)
        assert asyncio.all_tasks() == before
        assert writer.path.exists()


async def test_the_first_files_are_found_after_the_app_has_changed(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        archive = await session.workspace.archive()
        await session.write("index.html", "changed\n")
        await session.workspace.delete("logo.bin")
        await session.checkpoint("changed")
        assert await writing.first_files(session.folder) == archive


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "cells", [[], [{}], [{"id": "a", "source": "],[{}]\n"}, {"id": "b", "outputs": [{"text": ["x"]}]}]]
)
def test_a_notebook_is_read_as_json_whoever_wrote_it(cells: list[Any], indent: int | None, tmp_path: Path):
    path = tmp_path / "board.ipynb"
    for notebook in ({"cells": cells, "nbformat": 4}, {"cells": cells}, {"nbformat": 4, "cells": cells}):
        text = json.dumps(notebook, indent=indent)
        path.write_text(text + "\n")
        assert list(writing.read(path).items()) == list(notebook.items())
    os.utime(path, (0, 0))  # nobody is about to write it
    for broken in (text[:-1], text[: len(text) // 2], text + "x", text.replace("}", "},,").replace("[", "[,"), ""):
        path.write_text(broken)
        os.utime(path, (0, 0))
        assert writing.read(path) is None


async def test_a_long_notebook_is_nothing_the_garbage_collector_has_to_look_through(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        for number in range(40):
            await session.write(f"{number}.txt", "x\n")
        events = list(await session.read())
        path = session.folder / "board.ipynb"
        gc.collect()
        before = len(gc.get_objects())
        ours = document(events, "")
        writing.write(path, ours)
        found = writing.read(path)
        assert found == ours
        assert len(found["cells"]) > 40
        assert len(gc.get_objects()) - before < 40


async def test_a_notebook_keeps_its_pictures_while_they_are_shown_and_replays_without_them(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        kept: dict[str, bytes] = {}

        async def picture(sha256: str) -> bytes | None:
            return kept.get(sha256)

        async def written() -> list[Any]:
            writer.changed()
            await writer.flush()
            nbformat.validate(nbformat.read(writer.path, 4))
            return json.loads(writer.path.read_text())["cells"]

        writer = NotebookWriter(session.folder / "board.ipynb", session.read, picture=picture)
        await session.write("a.txt", "a\n")
        first = session.look(1)
        kept[first] = b"the first"
        tree = await session.checkpoint("first")
        assert [name for cell in await written() for name in cell.get("attachments", {})] == [f"{first[:16]}.png"]
        kept.clear()
        session.add("message.user", turn="t1", text="More")
        held = [cell for cell in await written() if "attachments" in cell]
        assert len(held) == 1, "it is no longer kept, but the notebook has it"
        session.add("message.user", turn="t1", text="And more")
        for number in range(2, MOST_PICTURES + 2):
            kept[session.look(number)] = b"x" * (LARGEST_PICTURE + 1 if number == MOST_PICTURES else 9)
        found = await written()
        assert not any(f"{first[:16]}.png" in str(cell) for cell in found), "there are newer ones"
        assert len([cell for cell in found if "attachments" in cell]) == MOST_PICTURES // 2
        assert len(list(session.folder.glob("*.ipynb"))) == 1
        result = await replay(writer.path, tmp_path / "replayed")
        assert result.tree == tree
