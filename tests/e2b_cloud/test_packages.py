"""Packages in the cloud: what is written here for them goes through no link, and over nobody's edit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_appbuilder.templates.templates import PythonPackages

from .stage import Place, place

NEEDS_NOTHING = "nothing; python_version < '3'"
"""A requirement for which nothing has to be fetched."""


def with_python(here: Place) -> None:
    here.template = replace(here.template, python=PythonPackages())


FAILS = "nothing==1.0,==2.0"
"""A requirement that no version fits, and for which nothing has to be fetched either."""


async def test_added_packages_stand_in_the_requirements_here(tmp_path: Path):
    async with place(tmp_path) as here:
        with_python(here)
        sandbox = await here.create()
        (here.app / "requirements.txt").write_text("# none yet\n")
        result = await sandbox.install([NEEDS_NOTHING], kind="python")
        assert result.exit_code == 0, result.stderr
        assert (here.app / "requirements.txt").read_text() == f"# none yet\n{NEEDS_NOTHING}\n"
        assert (here.app / "requirements.lock").exists()


async def test_a_link_that_code_puts_in_place_of_the_requirements_leads_nowhere(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.write_text("the person's\n")
    async with place(tmp_path) as here:
        with_python(here)
        sandbox = await here.create()
        (here.app / "requirements.txt").write_text("# none yet\n")
        code = f"until [ -e go ]; do sleep .02; done; while ln -sfn {outside} requirements.txt; do sleep .02; done"
        running = await sandbox.start(code)
        installing = asyncio.create_task(sandbox.install([FAILS], kind="python"))
        (here.copy / "go").touch()
        assert (await installing).exit_code
        assert (here.app / "requirements.txt").is_symlink()
        assert outside.read_text() == "the person's\n"
        await running.kill()


async def test_an_edit_by_hand_while_packages_are_installed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with place(tmp_path) as here:
        with_python(here)
        sandbox = await here.create()
        requirements = here.app / "requirements.txt"
        requirements.write_text("# none yet\n")
        await sandbox.exec("true")
        pull = sandbox.pull

        async def edited() -> list[str]:
            requirements.write_text("# mine\n")
            return await pull()

        monkeypatch.setattr(sandbox, "pull", edited)
        assert (await sandbox.install([FAILS], kind="python")).exit_code
        assert requirements.read_text() == "# mine\n"
