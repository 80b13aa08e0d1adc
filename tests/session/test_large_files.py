"""Files too large for a patch: their content is kept beside the log, once, and named by its hash."""

from __future__ import annotations

import json
import random
import shutil
import stat
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest
from building import scripted_builder
from plain_app import plain

from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound
from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.workspace import Workspace, apart

SIZE = 5_000_000


def rows(seed: int, size: int = SIZE) -> str:
    draw = random.Random(seed)
    lines = [f"{number},{draw.random()}\n" for number in range(size // 26)]
    return "".join(lines)


def kept(folder: Path) -> list[Path]:
    place = folder / "data" / "blobs"
    return sorted(place.iterdir()) if place.exists() else []


async def notebook_of(session: Session) -> Path:
    session.notebook.changed()
    await session.notebook.flush()
    return session.notebook.path


async def run_all(notebook: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a notebook in a kernel that begins in ``folder``; the tree of what it rebuilt there."""
    into = notebook.parent.parent / f"into-{folder.name}"
    monkeypatch.setenv("APPBUILDER_REPLAY_INTO", str(into))
    resources = {"metadata": {"path": str(folder)}}
    content: Any = nbformat.read(notebook, 4)
    ran = await nbclient.NotebookClient(content, resources=resources, timeout=120).async_execute()
    assert "Verified" in ran.cells[-1].outputs[0].text
    return await Workspace(into / "large").snapshot()


async def test_a_large_file_is_named_by_its_hash_and_a_replay_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with scripted_builder(tmp_path, **plain(tmp_path)) as (builder, _):
        session = await builder.create(name="large")
        await session.ready()
        app = session.workspace.app
        (app / "rows.csv").write_text(rows(1))
        (app / "small.txt").write_text("small\n")
        await session.look_for_edits()
        _, made = await session.call("run_command", {"command": "cp rows.csv copy.csv; rm small.txt"}, by="person")
        assert made.ok, made.text
        for act in (
            lambda: (app / "rows.csv").write_text(rows(1) + "1,2\n"),  # a small edit of it is a patch
            lambda: (app / "copy.csv").write_text(rows(2)),
            lambda: (app / "rows.csv").unlink(),
            lambda: (app / "copy.csv").chmod(0o755),
        ):
            act()
            await session.look_for_edits()
        await session.call("write_file", {"path": "last.txt", "content": "last\n"}, by="person")
        tree = await session.workspace.snapshot()
        assert sorted(path.stat().st_size for path in kept(tmp_path)) == sorted(len(rows(seed)) for seed in (1, 2))
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept(tmp_path))
        assert max(len(json.dumps(event.to_json())) for event in await session.events()) < 200_000
        written = await notebook_of(session)
        assert written.stat().st_size < 400_000
        assert "Kept apart: " in written.read_text()
        copy = tmp_path / "elsewhere" / "large.ipynb"
        copy.parent.mkdir()
        shutil.copy(written, copy)
        beside = await replay(written)
        assert (beside.verified, beside.tree) == (True, tree)

    config = tmp_path / "config"
    config.mkdir()
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(config))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    with pytest.raises(NotFound, match=r"copy.csv|rows.csv") as caught:
        await replay(copy)
    assert "blobs/" in caught.value.hint

    # Run in a kernel, the notebook finds the app's repository beside it, wherever its own code goes.
    assert await run_all(written, written.parent, monkeypatch) == tree
    elsewhere = tmp_path / "elsewhere-run"
    elsewhere.mkdir()
    monkeypatch.setenv("JPY_SESSION_NAME", str(written))
    assert await run_all(written, elsewhere, monkeypatch) == tree
    monkeypatch.delenv("JPY_SESSION_NAME")

    shutil.rmtree(tmp_path / "root")
    (tmp_path / "jupyter").mkdir()
    for place, where in (("configured", tmp_path / "data"), ("default", None)):
        if where:
            (config / "jupyter_server_config.json").write_text(json.dumps({"AppBuilder": {"data_dir": str(where)}}))
        else:
            (config / "jupyter_server_config.json").unlink()
            (tmp_path / "jupyter" / "appbuilder").symlink_to(tmp_path / "data")
        found = await replay(copy, tmp_path / place)
        assert (found.verified, found.tree) == (True, tree)


async def test_it_goes_with_the_last_session_that_names_it(tmp_path: Path):
    steps = [{"text": "Hello."}] * 3
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, _):
        session = await builder.create(name="first")
        await session.ready()
        (session.workspace.app / "rows.csv").write_text(rows(1))
        await session.send("Hello")
        await session.wait()
        assert len(kept(tmp_path)) == 1
        fork, _ = await builder.fork(session.id, turn="t1")
        await fork.ready()
        await builder.delete(session.id, files=True)
        assert len(kept(tmp_path)) == 1
        await builder.delete(fork.id, files=True)
        assert kept(tmp_path) == []


@pytest.mark.walk
async def test_many_files_at_once_do_not_make_a_huge_event_either(tmp_path: Path):
    async with scripted_builder(tmp_path, **plain(tmp_path)) as (builder, _):
        session = await builder.create(name="many")
        await session.ready()
        for number in range(12):
            (session.workspace.app / f"part{number}.csv").write_text(rows(number, 900_000))
        await session.call("run_command", {"command": "mkdir parts; mv *.csv parts/"}, by="person")
        tree = await session.workspace.snapshot()
        sizes = [len(json.dumps(event.to_json())) for event in await session.events()]
        assert max(sizes) < apart.MOST_PATCHED * 1.2
        result = await replay(await notebook_of(session))
        assert result.tree == tree


SOUND = apart.Apart("data/a.csv", None, ("100644", "a" * 40), "b" * 64, 5)


def test_a_section_is_read_as_it_was_written():
    patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-appbuilder-blob {}\n+b\n" + SOUND.section()
    assert apart.split(patch) == (patch.removesuffix(SOUND.section()), [SOUND])
    odd = apart.Apart('d\n"/é', ("120000", "a" * 40), None, "", 0)
    assert apart.split(odd.section()) == ("", [odd])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("data/a.csv", "../a.csv"),
        ("data/a.csv", "/etc/passwd"),
        ("data/a.csv", ".git/hooks/x"),
        ("data/a.csv", ".env"),
        ("100644", "160000"),
        ("a" * 40, "HEAD"),
        ("b" * 64, "../../x"),
        ('"size": 5', '"size": "5"'),
    ],
)
def test_a_section_that_somebody_changed_leads_nowhere(old: str, new: str):
    with pytest.raises(InvalidInput, match="cannot be read"):
        apart.split(SOUND.section().replace(old, new))


async def test_it_applies_only_to_the_file_it_was_made_for(tmp_path: Path):
    async with scripted_builder(tmp_path, **plain(tmp_path)) as (builder, _):
        session = await builder.create(name="fits")
        await session.ready()
        section = apart.Apart("index.html", ("100644", "a" * 40), None, "", 0).section()
        with pytest.raises(Conflict, match=r"index.html is another"):
            await session.workspace.apply(section)
        with pytest.raises(NotFound, match="not here"):
            await session.workspace.apply(SOUND.section())
