"""What a person adds to the session's notebook stays in it while the record goes on."""

from __future__ import annotations

import asyncio
import copy
import json
from pathlib import Path

import nbformat
from recorded import Recorded

from jupyter_appbuilder.notebook import replay
from jupyter_appbuilder.notebook.merge import changed_since, merged
from jupyter_appbuilder.notebook.writer import NotebookWriter


def saved_by_lab(path: Path) -> nbformat.NotebookNode:
    """The notebook as read and about to be saved by Jupyter: it sorts keys and adds metadata."""
    found = nbformat.read(path, 4)
    found.metadata.kernelspec.display_name = "Python 3 (other)"
    found.metadata.language_info["version"] = "3.11.9"
    return found


def sources(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, 4).cells]


async def test_a_notebook_that_lab_saved_goes_on_with_the_persons_cells_and_outputs_in_place(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        writer = NotebookWriter(session.folder / "board.ipynb", session.read)
        await session.write("a.txt", "a\n")
        await session.checkpoint("first")
        writer.changed()
        await writer.flush()

        mine = saved_by_lab(writer.path)
        ran = nbformat.v4.new_code_cell("1 + 1", execution_count=7)
        ran.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=7)]
        mine.cells.insert(3, ran)
        mine.cells.append(nbformat.v4.new_markdown_cell("My own thoughts"))
        mine.cells[1].outputs = [nbformat.v4.new_output("stream", text="loaded\n")]
        nbformat.write(mine, writer.path)

        await session.write("b.txt", "b\n")
        tree = await session.checkpoint("second")
        writer.changed()
        await writer.flush()
        assert writer.path.name == "board.ipynb"
        assert [path.name for path in session.folder.glob("*.ipynb")] == ["board.ipynb"]
        now = nbformat.read(writer.path, 4)
        nbformat.validate(now)
        assert now.cells[3] == ran
        assert now.cells[1].outputs[0].text == "loaded\n"
        assert now.metadata.language_info.version == "3.11.9"
        said = sources(writer.path)
        thoughts = said.index("My own thoughts")
        later = next(index for index, source in enumerate(said) if source.startswith("%%appbuilder write b.txt"))
        assert thoughts < later < len(said) - 1
        assert [source.startswith("%appbuilder verify") for source in said] == [False] * (len(said) - 1) + [True]
        assert len(said) == len(set(said))

        result = await replay.replay(writer.path, tmp_path / "again")
        assert result.tree == tree


async def test_a_notebook_that_is_up_to_date_is_not_written_again(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        writer = NotebookWriter(session.folder / "board.ipynb", session.read)
        await session.write("a.txt", "a\n")
        writer.changed()
        await writer.flush()
        mine = saved_by_lab(writer.path)
        nbformat.write(mine, writer.path)
        before = writer.path.stat()
        writer.changed()
        await writer.flush()
        after = writer.path.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_a_cell_of_the_record_that_was_changed_moved_or_deleted_makes_the_notebook_the_persons(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        writer = NotebookWriter(session.folder / "board.ipynb", session.read)
        await session.write("a.txt", "a\n")
        await session.checkpoint("first")
        ours = await writer.notebook()
        assert merged(ours, ours) == ours

        changed, moved, deleted, foreign = (copy.deepcopy(ours) for _ in range(4))
        changed["cells"][3]["source"] = ["%%appbuilder write other.txt\n", "mine\n"]
        moved["cells"].insert(1, moved["cells"].pop(3))
        del deleted["cells"][3]
        foreign["metadata"]["appbuilder"]["session"] = "another"
        for found in (changed, moved, deleted, foreign, {"cells": []}, [], None):
            assert merged(found, ours) is None  # type: ignore[arg-type]


async def test_lines_that_join_a_cell_of_ours_reach_it_where_it_is(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        writer = NotebookWriter(session.folder / "board.ipynb", session.read)
        await session.write("a.txt", "a\n")
        await session.checkpoint("first")
        session.call("read_file", path="a.txt")
        before = await writer.notebook()
        last_seq = session.events[-1].seq
        mine = {"cell_type": "markdown", "id": "mine", "metadata": {}, "source": "mine"}
        found = json.loads(json.dumps(before))
        found["cells"].append(mine)
        session.call("read_file", path="b.txt")
        ours = await writer.notebook()
        whole = merged(found, ours)
        assert whole is not None
        assert whole["cells"] == [*ours["cells"], mine]
        assert len(ours["cells"][-1]["source"]) == len(before["cells"][-1]["source"]) + 1
        news = changed_since(ours, before)
        assert [cell["id"] for cell in news["cells"]] == [ours["cells"][-1]["id"], "verify"]
        assert await writer.notebook(after=last_seq) == news


async def test_a_hold_ends_with_its_last_client_or_by_itself(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        writer = NotebookWriter(session.folder / "board.ipynb", session.read)
        writer.hold("one")
        writer.hold("two", seconds=0.05)
        await session.write("a.txt", "a\n")
        writer.changed()
        writer.release("one")
        assert writer.held
        writer.hold("two", seconds=0.05)
        await writer.flush()
        assert not writer.path.exists()
        while writer.held:
            await asyncio.sleep(0.01)
        await writer.flush()
        assert any("a.txt" in source for source in sources(writer.path))


async def test_what_a_person_discards_on_closing_is_written_again(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        writer = NotebookWriter(session.folder / "board.ipynb", session.read)
        await session.write("a.txt", "a\n")
        writer.changed()
        await writer.flush()
        old = writer.path.read_bytes()
        await session.write("b.txt", "b\n")
        writer.changed()
        await writer.flush()
        writer.hold("lab")
        writer.path.write_bytes(old)
        writer.release("lab")
        await writer.flush()
        assert any("b.txt" in source for source in sources(writer.path))


async def test_a_file_that_is_just_being_saved_is_waited_for(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        writer = NotebookWriter(session.folder / "board.ipynb", session.read)
        writer.changed()
        await writer.flush()
        whole = writer.path.read_bytes()
        writer.path.write_bytes(whole[:100])
        await session.write("a.txt", "a\n")
        writer.changed()
        asyncio.get_running_loop().call_later(0.15, writer.path.write_bytes, whole)
        await writer.flush()
        assert writer.path.name == "board.ipynb"
        assert any("a.txt" in source for source in sources(writer.path))
