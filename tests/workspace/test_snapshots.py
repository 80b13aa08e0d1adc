"""Large data of an app are kept beside git, once for each content, and go back with a version."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_appbuilder.errors import Conflict
from jupyter_appbuilder.workspace import Workspace, data, snapshots
from jupyter_appbuilder.workspace.snapshots import beyond

MANY = 3 * 1024 * 1024


async def begun(tmp_path: Path) -> Workspace:
    """An app with a data folder."""
    files = tmp_path / "template"
    files.mkdir()
    (files / "a.txt").write_text("a\n")
    made = Workspace(tmp_path / "app")
    made.data_folders = ("data/",)
    await made.create(files)
    (made.app / "data").mkdir()
    return made


def kept(workspace: Workspace) -> list[Path]:
    return sorted((workspace.folder / ".git/appbuilder-data").iterdir())


async def version(workspace: Workspace) -> str:
    made = await workspace.checkpoint("By hand", for_data=True)
    assert made
    return made.id


async def test_large_files_go_back_with_the_version_and_stay_where_files_alone_are_wanted(tmp_path: Path):
    workspace = await begun(tmp_path)
    place = workspace.app / "data" / "app.db"
    contents = [os.urandom(MANY) for _ in range(2)]
    versions: list[str] = []
    for content in contents:
        place.write_bytes(content)
        versions.append(await version(workspace))
    assert len(kept(workspace)) == 2
    assert await workspace.checkpoint("Nothing", for_data=True) is None

    await workspace.restore(versions[0], data=False)
    assert place.read_bytes() == contents[1]
    await workspace.restore(versions[0])
    assert place.read_bytes() == contents[0]
    (place.parent / "app.db-wal").write_bytes(b"of another time")
    await workspace.restore(versions[1])
    assert place.read_bytes() == contents[1]
    assert not (place.parent / "app.db-wal").exists()
    assert len(kept(workspace)) == 2


async def test_without_for_data_only_files_make_a_version(tmp_path: Path):
    workspace = await begun(tmp_path)
    (workspace.app / "data" / "app.db").write_bytes(b"new")
    assert await workspace.checkpoint("Turn") is None


async def test_what_is_not_kept_any_more_changes_nothing(tmp_path: Path):
    workspace = await begun(tmp_path)
    place = workspace.app / "data" / "app.db"
    place.write_bytes(bytes(MANY))
    first = await version(workspace)
    (file,) = kept(workspace)
    file.unlink()
    place.write_bytes(b"now")
    with pytest.raises(Conflict, match="no longer kept"):
        await workspace.restore(first)
    assert place.read_bytes() == b"now"
    await workspace.restore(first, data=False)


async def test_the_oldest_versions_give_up_their_data_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    workspace = await begun(tmp_path)
    monkeypatch.setattr(snapshots, "UNUSED_SECONDS", -1.0)
    monkeypatch.setattr("jupyter_appbuilder.workspace.workspace.beyond", lambda versions: beyond(versions, 2 * MANY))
    place = workspace.app / "data" / "app.db"
    notes: list[str] = []
    for _ in range(3):
        place.write_bytes(os.urandom(MANY))
        made = await workspace.checkpoint("By hand", for_data=True)
        assert made
        notes.append(made.note)
    assert notes[:2] == ["", ""]
    assert "no more room for the data of an older version" in notes[2]
    assert len(kept(workspace)) == 2


async def test_too_much_is_said_and_links_and_holes_are_not_read(tmp_path: Path):
    workspace = await begun(tmp_path)
    outside = tmp_path / "secret"
    outside.write_bytes(bytes(MANY))
    place = workspace.app / "data"
    (place / "link.db").symlink_to(outside)
    with open(place / "holes.db", "wb") as file:
        file.truncate(data.LARGEST_KEPT + 1)
    (workspace.app / "b.txt").write_text("b\n")
    made = await workspace.checkpoint("Too much")
    assert made
    assert "The limit is 512 MiB." in made.note
    assert not (workspace.folder / ".git/appbuilder-data").exists()


async def test_a_file_that_names_another_is_only_a_file(tmp_path: Path):
    workspace = await begun(tmp_path)
    (workspace.app / "data/app.db").write_bytes(bytes(MANY))
    first = await version(workspace)
    (file,) = kept(workspace)
    place = workspace.app / ".snapshots/data"
    place.mkdir(parents=True)
    (place / "app.db").write_text(f'{{"mode": "100644", "sha256": "{file.name}", "size": 1}}')
    (workspace.app / "data/app.db").unlink()
    second = await version(workspace)
    await workspace.restore(first)
    assert (workspace.app / "data/app.db").stat().st_size == MANY
    await workspace.restore(second)
    assert not (workspace.app / "data/app.db").exists()


def test_the_newest_versions_keep_what_they_share():
    versions = {"c": {"x": 5}, "b": {"x": 5, "y": 4}, "a": {"z": 3}}
    assert beyond(versions, 10) == ["a"]
    assert beyond(versions, 12) == []
    assert beyond(versions, 4) == ["c", "b"]
