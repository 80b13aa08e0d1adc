"""Where apps go on servers whose root is not simply the person's own folder."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.services.contents.manager import ContentsManager
from tornado.web import HTTPError


class DatabaseContents(ContentsManager):
    """Keeps no files on this machine, as managers do that use a database or a bucket."""

    def dir_exists(self, path):
        return path in ("", "/")

    def file_exists(self, path=""):
        return False

    def is_hidden(self, path):
        return False

    def get(self, path, content=True, type=None, format=None, require_hash=False):
        raise HTTPError(404)

    def save(self, model, path):
        raise HTTPError(404)

    def delete_file(self, path):
        raise HTTPError(404)

    def rename_file(self, old_path, new_path):
        raise HTTPError(404)


def mount(*arguments: str) -> None:
    if subprocess.run(["mount", *arguments], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")


@pytest.fixture
def read_only(jp_root_dir: Path):
    """A root that cannot be written to, with the person's folder below it, as on many Hubs."""
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(jp_root_dir))
    try:
        home = jp_root_dir / "home" / "jane"
        home.mkdir(parents=True)
        mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", str(home))
        try:
            mount("-o", "remount,ro", str(jp_root_dir))
            yield jp_root_dir
        finally:
            subprocess.run(["umount", "--lazy", str(home)], check=True)
    finally:
        subprocess.run(["umount", "--lazy", str(jp_root_dir)], check=True)


@pytest.fixture
def settings() -> dict[str, Any]:
    return {}


@pytest.fixture
def app_config(app_config: dict[str, Any], settings: dict[str, Any], jp_root_dir: Path) -> dict[str, Any]:
    for name, values in settings.items():
        for key, value in values.items():
            wanted = value.format(root=jp_root_dir) if isinstance(value, str) else value
            app_config.setdefault(name, {})[key] = wanted
    return app_config


async def test_a_root_that_cannot_be_written_to_is_said_at_once_with_the_setting(read_only, call):
    apps = (await call("GET", "health")).data["apps"]
    assert (
        apps["problem"]["message"]
        == f"Apps cannot be made in {read_only}/appbuilder: that folder cannot be written to."
    )
    assert "c.AppBuilder.root_dir" in apps["problem"]["hint"]
    assert (await call("GET", "sessions")).data == []
    refused = await call("POST", "sessions", json={"title": "No room"})
    assert (refused.status, refused.data["reason"]) == (503, "no_folder")
    assert "c.AppBuilder.root_dir" in refused.data["hint"]


@pytest.mark.parametrize("settings", [{"FileContentsManager": {"preferred_dir": "home/jane"}}])
async def test_apps_go_to_the_preferred_folder_where_the_root_cannot_be_written_to(
    read_only, call, new_session, settings
):
    apps = (await call("GET", "health")).data["apps"]
    assert apps == {"folder": f"{read_only}/home/jane/appbuilder", "path": "home/jane/appbuilder", "problem": None}
    session = (await call("GET", "sessions", await new_session(title="Board"))).data
    assert session["app_path"] == "home/jane/appbuilder/board/app"
    assert (read_only / session["app_path"] / "index.html").exists()


@pytest.mark.parametrize("settings", [{"ServerApp": {"contents_manager_class": DatabaseContents}}])
async def test_a_server_without_files_of_its_own_makes_no_apps_in_the_root_of_the_machine(call, settings):
    apps = (await call("GET", "health")).data["apps"]
    assert (apps["folder"], apps["path"]) == (None, None)
    assert "keeps its files elsewhere" in apps["problem"]["message"]
    refused = await call("POST", "sessions", json={"title": "No files"})
    assert (refused.status, refused.data["reason"]) == (503, "no_folder")
    assert not Path("/appbuilder/no-files").exists()


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"AppBuilder": {"root_dir": "{root}/deeper/apps"}}, "deeper/apps/appbuilder"),
        ({"AppBuilder": {"root_dir": "{root}/../elsewhere"}}, None),
        ({"AppBuilder": {"root_dir": "{root}/.hidden"}}, None),
    ],
    ids=["below", "outside", "hidden"],
)
async def test_paths_are_those_of_the_file_browser_or_none(call, new_session, builder, settings, shown):
    apps = (await call("GET", "health")).data["apps"]
    assert apps == {"folder": str(builder.places.shelf), "path": shown, "problem": None}
    session = (await call("GET", "sessions", await new_session(title="Board"))).data
    below = shown and f"{shown}/board"
    assert (session["path"], session["app_path"]) == (below, below and f"{below}/app")
    assert session["notebook"] == (below and f"{below}/board.ipynb")
    assert (builder.places.shelf / "board" / "app" / "index.html").exists()
