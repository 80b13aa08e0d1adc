"""A session's notebook rebuilds its files exactly, however it is run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import papermill
import pytest
from recorded import AWKWARD, Recorded

from jupyter_appbuilder.errors import AppBuilderError, Conflict, InvalidInput, NotFound
from jupyter_appbuilder.notebook.replay import Different, replay
from jupyter_appbuilder.notebook.writer import NotebookWriter
from jupyter_appbuilder.workspace import Workspace
from jupyter_appbuilder.workspace.apart import Apart


async def recorded(folder: Path) -> tuple[Path, str]:
    """A notebook of a session with every kind of change, moved away from its session; and the tree."""
    async with Recorded(folder / "made") as session:
        tree = await session.everything()
        writer = NotebookWriter(session.folder / "board.ipynb", session.read)
        writer.changed()
        await writer.flush()
        notebook = folder / "elsewhere" / "board.ipynb"
        notebook.parent.mkdir()
        shutil.copy(writer.path, notebook)
        shutil.rmtree(folder / "made")
        return notebook, tree


def alter(notebook: Path, old: str, new: str) -> None:
    content = nbformat.read(notebook, 4)
    for cell in content.cells:
        if old in cell.source:
            cell.source = cell.source.replace(old, new)
            return nbformat.write(content, notebook)
    raise AssertionError(f"no cell holds {old!r}")


async def test_a_replay_gives_the_identical_tree_and_the_history(tmp_path: Path):
    notebook, tree = await recorded(tmp_path)
    result = await replay(notebook)
    assert result.tree == tree
    assert result.verified is True
    assert result.workspace == notebook.parent / "replay" / "board"
    assert result.session == "s1"
    titles = [checkpoint.title for checkpoint in await Workspace(result.workspace).checkpoints()]
    assert titles == ["A board", "Start from the template"]
    for path, content in AWKWARD.items():
        if path not in ("src/empty.txt", "src/trailing.txt"):
            assert (result.workspace / "app" / path).read_bytes() == content.encode(), path
    assert (result.workspace / "app/run.sh").stat().st_mode & 0o100
    again = subprocess.run(
        ["git", "rev-parse", "HEAD^{tree}"], cwd=result.workspace / "app", capture_output=True, text=True, check=True
    )
    assert again.stdout.strip() == tree


async def test_a_replay_uses_a_fresh_folder_and_never_wipes_what_somebody_changed(tmp_path: Path):
    notebook, _ = await recorded(tmp_path)
    first = await replay(notebook)
    assert (await replay(notebook)).workspace == first.workspace
    (first.workspace / "app" / "mine.txt").write_text("mine")
    assert (await replay(notebook)).workspace == first.workspace.with_name("board-2")
    assert (first.workspace / "app" / "mine.txt").read_text() == "mine"
    with pytest.raises(Conflict, match="not empty"):
        await replay(notebook, tmp_path / "elsewhere")
    assert (await replay(notebook, tmp_path / "given")).workspace == tmp_path / "given"


async def test_a_replay_is_made_anew_whatever_the_app_left_in_its_folder(tmp_path: Path):
    notebook, tree = await recorded(tmp_path)
    made = await replay(notebook)
    folder = os.open(made.workspace / "app", os.O_RDONLY)
    for name in ["node_modules", *["deep"] * 1500]:  # what an app keeps there is no edit of anybody's
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    again = await replay(notebook)
    assert (again.workspace, again.tree) == (made.workspace, tree)
    assert not (made.workspace / "app" / "node_modules").exists()


async def test_an_altered_cell_fails_the_last_one(tmp_path: Path):
    notebook, tree = await recorded(tmp_path)
    alter(notebook, "const a = 1;", "const a = 2;")
    with pytest.raises(Different, match=tree) as caught:
        await replay(notebook)
    assert "Run" in caught.value.hint or "run all" in caught.value.hint


async def test_what_is_no_notebook_of_ours_is_refused_with_the_next_step(tmp_path: Path):
    with pytest.raises(NotFound):
        await replay(tmp_path / "none.ipynb")
    (tmp_path / "bad.ipynb").write_text("{")
    with pytest.raises(InvalidInput, match="not a notebook"):
        await replay(tmp_path / "bad.ipynb")
    (tmp_path / "other.ipynb").write_text(json.dumps({"cells": []}))
    with pytest.raises(InvalidInput, match="holds no app"):
        await replay(tmp_path / "other.ipynb")
    cell = {"cell_type": "code", "source": ["%%appbuilder\n", "a task board"]}
    (tmp_path / "asks.ipynb").write_text(json.dumps({"cells": [cell]}))
    with pytest.raises(InvalidInput, match=r"Cell 1: .*cannot be replayed"):
        await replay(tmp_path / "asks.ipynb")


async def test_a_notebook_cannot_write_outside_its_folder(tmp_path: Path):
    notebook, _ = await recorded(tmp_path)
    alter(notebook, "write src/plain.ts", "write ../../escaped.ts")
    with pytest.raises(InvalidInput, match="Cell"):
        await replay(notebook)
    alter(notebook, "new board ", "new ../../board ")
    with pytest.raises(InvalidInput, match="not a name"):
        await replay(notebook)
    assert not list(tmp_path.rglob("escaped.ts"))


async def test_a_repository_that_came_with_a_notebook_runs_nothing(tmp_path: Path):
    notebook, _ = await recorded(tmp_path)
    theirs, ran = notebook.parent, tmp_path / "ran"
    subprocess.run(["git", "init", "-q", str(theirs)], check=True)
    # What is not in it is fetched with a program that it names.
    (theirs / ".git" / "config").write_text(
        "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = theirs\n"
        f'[remote "theirs"]\n\tpromisor = true\n\turl = {theirs}\n\tuploadpack = "touch {ran}; git-upload-pack"\n'
        '[protocol]\n\tallow = always\n[protocol "file"]\n\tallow = always\n'
    )
    large = Apart("big.bin", None, ("100644", "1" * 40), "2" * 64, 3_000_000)
    content = nbformat.read(notebook, 4)
    begun = next(number for number, cell in enumerate(content.cells) if "appbuilder new " in cell.source)
    content.cells[begun + 1 :] = [nbformat.v4.new_code_cell("%%appbuilder patch\n" + large.section())]
    nbformat.write(content, notebook)
    with pytest.raises(NotFound, match=r"big\.bin .* is not here"):
        await replay(notebook)
    assert not ran.exists()


async def test_run_all_in_a_fresh_kernel_gives_the_identical_tree(tmp_path: Path):
    notebook, tree = await recorded(tmp_path)
    ran = await nbclient.NotebookClient(
        nbformat.read(notebook, 4), resources={"metadata": {"path": str(notebook.parent)}}, timeout=120
    ).async_execute()
    assert ran.cells[-1].source == f"%appbuilder verify {tree}"
    assert "Verified" in ran.cells[-1].outputs[0].text
    assert await Workspace(notebook.parent / "replay" / "board").snapshot() == tree


async def test_run_all_of_an_altered_notebook_fails_at_the_last_cell(tmp_path: Path):
    notebook, _ = await recorded(tmp_path)
    alter(notebook, "const b = 2;", "const b = 3;")
    client = nbclient.NotebookClient(
        nbformat.read(notebook, 4), resources={"metadata": {"path": str(notebook.parent)}}, timeout=120
    )
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="not those the session left"):
        await client.async_execute()
    assert client.nb.cells[-1].outputs[-1].output_type == "error"
    assert all(not c.get("outputs") or c.outputs[-1].output_type != "error" for c in client.nb.cells[:-1])


def test_papermill_gives_the_identical_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    notebook, tree = asyncio.run(recorded(tmp_path))
    monkeypatch.setenv("APPBUILDER_REPLAY_INTO", str(tmp_path / "into"))
    ran = tmp_path / "ran.ipynb"
    papermill.execute_notebook(notebook, ran, kernel_name="python3", progress_bar=False, parameters={"unused": 1})
    assert asyncio.run(Workspace(tmp_path / "into" / "board").snapshot()) == tree


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap to take the network away")
async def test_a_replay_needs_no_network(tmp_path: Path):
    notebook, tree = await recorded(tmp_path)
    command = [
        *["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--"],
        *[sys.executable, "-m", "jupyter_appbuilder.cli", "replay", str(notebook), "--json"],
    ]
    result = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["tree"] == tree


ODD: list[Any] = [
    None,
    7,
    -1.5,
    True,
    "",
    "x",
    "\0",
    "\ud800",
    "é" * 300,
    "/etc",
    "../x",
    [],
    ["x"],
    [None],
    {},
    {"a": 1},
]


def broken(content: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """A notebook with something in it that is not as we wrote it."""
    content = json.loads(json.dumps(content))
    cells = content["cells"]
    match dice.randrange(8):
        case 0:
            content[dice.choice(["cells", "metadata", "nbformat"])] = dice.choice(ODD)
        case 1:
            content["metadata"]["appbuilder"] = dice.choice(ODD)
        case 2:
            cells[dice.randrange(len(cells))] = dice.choice(ODD)
        case 3:
            cells[dice.randrange(len(cells))][dice.choice(["source", "cell_type"])] = dice.choice(ODD)
        case 4:
            del cells[dice.randrange(len(cells))][dice.choice(["source", "cell_type"])]
        case 5:  # a piece out of a cell, or something else in its place
            cell = dice.choice([cell for cell in cells if cell["cell_type"] == "code"])
            source = "".join(cell["source"])
            start = dice.randrange(len(source))
            odd = dice.choice([odd for odd in ODD if isinstance(odd, str)])
            cell["source"] = source[:start] + odd + source[start + dice.randrange(40) :]
        case 6:  # another body
            cell = dice.choice([cell for cell in cells if cell["cell_type"] == "code"])
            body = dice.choice(["x", "[1]", '[{"search": 1}]', "# base64\n/w==", "/w==", "diff --git a/x b/x", "\0"])
            cell["source"] = f"{''.join(cell['source'][:1]).rstrip()} {dice.choice(['', '--encoding base64'])}\n{body}"
        case _:
            command = dice.choice(
                ["write", "patch", "edit", "run", "install", "rename", "checkpoint", "restore", "new"]
            )
            words = [shlex.quote(odd) for odd in ODD if isinstance(odd, str)]
            line = f"%%appbuilder {command} {' '.join(dice.choices(words, k=dice.randrange(3)))}"
            cells.insert(
                dice.randrange(3, len(cells)), {"cell_type": "code", "source": f"{line}\n{dice.choice(words)}"}
            )
    return content


async def test_a_malformed_notebook_ends_with_a_sentence(tmp_path: Path):
    notebook, tree = await recorded(tmp_path)
    content = json.loads(notebook.read_bytes())
    dice = random.Random(5)
    for number in range(100):
        file = tmp_path / "broken.ipynb"
        file.write_text(json.dumps(broken(content, dice)))
        with contextlib.suppress(AppBuilderError):  # anything else would be a traceback
            result = await replay(file, tmp_path / "into" / str(number))
            assert result.tree == tree or result.verified is None, number


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe{", b'{"cells": {}}', b"[]", b"", b'{"cells": "x"}'])
async def test_a_file_that_is_no_notebook_ends_with_a_sentence(tmp_path: Path, content: bytes):
    (tmp_path / "bad.ipynb").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"bad\.ipynb is not a notebook"):
        await replay(tmp_path / "bad.ipynb")
