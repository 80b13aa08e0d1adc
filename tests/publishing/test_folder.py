"""A release as a folder or archive."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import pytest

from jupyter_appbuilder.errors import Conflict, InvalidInput
from jupyter_appbuilder.publishing.targets.folder import MARK, FolderPublisher
from publishing.bundles import SITE, bundle, order


def publish(*args, **kwargs):
    told: list[str] = []
    return asyncio.run(FolderPublisher().publish(order(*args, **kwargs), told.append)), told


def site_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_holds_the_app_and_what_a_host_needs_and_is_replaced_whole(tmp_path):
    where = tmp_path / "www"
    published, told = publish(bundle(tmp_path / "1"), path=str(where))
    assert site_in(where).items() >= {path: Path(tmp_path, "1/site", path).read_bytes() for path in SITE}.items()
    assert b"Not found" in (where / "404.html").read_bytes()
    assert len((where / "README.txt").read_text().splitlines()) == 2
    assert str(where) in published.note
    assert any("release 1" in line for line in told)

    publish(bundle(tmp_path / "2", {"index.html": "second"}), 2, path=str(where))
    assert site_in(where).keys() == {"index.html", "404.html", "README.txt", MARK}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "www"], "nothing is left beside it"

    asyncio.run(FolderPublisher().unpublish("tea-times", {"path": str(where)}, told.append))
    assert not where.exists()


def test_what_somebody_else_put_there_stays(tmp_path):
    made = bundle(tmp_path / "1")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/thesis.tex").write_text("years of work")
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    (tmp_path / "file.zip").write_text("no archive of ours")
    publish(bundle(tmp_path / "other", name="other"), path=str(tmp_path / "others"))
    for name in ("theirs", "link", "file.zip", "others"):
        with pytest.raises(Conflict):
            publish(made, path=str(tmp_path / name))
        if name != "file.zip":
            with pytest.raises(Conflict):
                asyncio.run(FolderPublisher().unpublish("tea-times", {"path": str(tmp_path / name)}, print))
    assert site_in(tmp_path / "theirs") == {"thesis.tex": b"years of work"}
    for path in ("www", "~nobody-at-all/x", "/no/such/place/x", f"{tmp_path}/1/../x"):
        with pytest.raises(InvalidInput):
            publish(made, path=path)


def test_an_archive_is_the_same_each_time_and_works_in_any_folder(tmp_path):
    made = bundle(tmp_path / "1")
    first, _ = publish(made)
    assert first.file
    content = first.file.read_bytes()
    second, _ = publish(made)
    assert second.file == first.file
    assert second.file.read_bytes() == content
    with zipfile.ZipFile(first.file) as archive:
        assert archive.read("tea-times/index.html").decode() == SITE["index.html"]
        assert archive.testzip() is None
    chosen, _ = publish(made, path=str(tmp_path / "app.zip"))
    assert chosen.file == tmp_path / "app.zip"
    publish(made, path=str(tmp_path / "app.zip"))


def test_links_in_a_site_are_refused_and_paths_from_the_root_are_told(tmp_path):
    made = bundle(tmp_path / "1", {"index.html": '<a href="/x">x</a>\n<script src="/assets/a.js"></script>'})
    published, told = publish(made, path=str(tmp_path / "www"))
    assert "index.html, line 2: /assets/a.js" in published.note
    assert any("line 2" in line for line in told)
    made.content.joinpath("passwd").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInput, match="passwd"):
        publish(made, path=str(tmp_path / "www"))
    assert not (tmp_path / "www/passwd").exists()


def test_stopping_leaves_the_release_before(tmp_path):
    where = tmp_path / "www"
    publish(bundle(tmp_path / "1"), path=str(where))
    large = bundle(tmp_path / "2", {"index.html": "second", **{f"{n}.bin": bytes(4 << 20) for n in range(10)}})

    async def stop() -> None:
        begun = asyncio.Event()
        work = asyncio.create_task(
            FolderPublisher().publish(order(large, 2, path=str(where)), lambda line: begun.set())
        )
        await begun.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(stop())
    assert (where / "index.html").read_text() == SITE["index.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "www"]
