"""What an app's folder is called when its person does not say."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import app_builder
from plain_app import plain

from jupyter_appbuilder.session.names import title_of


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Make me a café finder", "café-finder"),
        ("家計簿アプリ", "家計簿アプリ"),
        ("Список дел: «дом»", "список-дел-дом"),
        ("हिंदी शब्दकोश", "हिंदी-शब्दकोश"),
        ("../../etc/passwd\0\u202e%2f", "etc-passwd-2f"),
        ("🚀🚀", "app"),
    ],
)
async def test_it_is_of_the_titles_own_letters_and_nothing_that_a_path_or_an_address_would_read(
    tmp_path: Path, title: str, name: str
) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title=title)
        await session.ready()
        assert session.summary.name == name
        assert (builder.places.shelf / name).is_dir()
        assert (await builder.create(title=title)).summary.name == f"{name}-2"


async def test_an_app_in_another_script_runs_and_has_its_notebook(tmp_path: Path) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="家計簿 " + "字" * 300)
        assert (await session.app.ensure()).state == "ready"
        assert (await builder.find(session.summary.name)).id == session.id
        _, result = await session.call("run_command", {"command": "ls"}, by="person")
        assert "index.html" in result.text
        assert len(session.summary.name) <= 40


@pytest.mark.parametrize(
    ("request_", "title"),
    [
        ("A page for our book club: the books of this year and who suggested them", "A page for our book club"),
        ("A pomodoro timer. It rings after 25 minutes.\nIn red.", "A pomodoro timer"),
        ("Todo: a list that I can sort", "Todo: a list that I can sort"),
        ("A clock for 10:30 in Node.js", "A clock for 10:30 in Node.js"),
        ("w " * 40, "w " * 28 + "…"),
    ],
)
def test_its_title_is_the_request_up_to_its_details(request_: str, title: str) -> None:
    assert title_of(request_) == title
