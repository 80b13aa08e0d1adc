"""What a template's ``warm`` command prepares reaches every session, and nothing of one session reaches another."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.sandbox.local.packages.dependencies import read_manifest
from jupyter_appbuilder.sandbox.local.sandbox import AppSandbox
from jupyter_appbuilder.templates.templates import Template

from .conftest import SERVER

WARM = ("bash", "-c", "cat kind.txt > node_modules/.vite/bundle")


@asynccontextmanager
async def sandboxes(
    folder: Path, warm: tuple[str, ...] = WARM, packages: str = "left"
) -> AsyncGenerator[tuple[AppSandbox, AppSandbox]]:
    """Two sessions' sandboxes on copies of one template, whose packages are in the cache."""
    files = folder / "template" / "files"
    files.mkdir(parents=True)
    (files / "package.json").write_text(json.dumps({"dependencies": {"left": "1"}}))
    (files / "package-lock.json").write_text("{}")
    (files / "kind.txt").write_text("the template's")
    (files / "server.mjs").write_text(SERVER)
    serve = ("node", "server.mjs", "{port}", "{base}")
    template = Template("tiny", "Tiny", "One file.", files.parent, serve, ("true",), warm=warm)
    provider = LocalSandbox(folder / "cache")
    made: list[AppSandbox] = []
    try:
        for name in ("one", "two"):
            app = folder / name
            app.mkdir()
            for file in files.iterdir():
                (app / file.name).write_bytes(file.read_bytes())
            (app / "package.json").write_text(json.dumps({"dependencies": {packages: "1"}}))
            (app / "kind.txt").write_text(f"changed by {name}")
            manifest = read_manifest(app, template.lock)
            assert manifest
            modules = folder / "cache" / "deps" / manifest.key / "node_modules"
            for writable in (".vite", ".vite-temp", ".cache", ".tmp"):
                (modules / writable).mkdir(parents=True, exist_ok=True)
            made.append(await provider.create(name, app, template))
        yield made[0], made[1]
    finally:
        await provider.close()


async def bundle(sandbox: AppSandbox) -> str:
    server = await sandbox.serve("/")
    assert server.state == "ready", server
    return (await sandbox.exec("cat node_modules/.vite/bundle")).stdout


async def test_a_session_begins_with_what_was_prepared_from_the_templates_own_files(tmp_path: Path):
    async with sandboxes(tmp_path) as (one, two):
        assert await bundle(one) == "the template's"
        assert await bundle(two) == "the template's"


async def test_what_a_session_writes_there_is_its_own_and_survives_a_restart(tmp_path: Path):
    async with sandboxes(tmp_path) as (one, two):
        await bundle(one)
        assert (await one.exec("echo mine > node_modules/.vite/bundle")).exit_code == 0
        assert await bundle(one) == "mine\n"
        assert await bundle(two) == "the template's"


async def test_a_check_before_the_first_page_takes_nothing_away_from_it(tmp_path: Path):
    async with sandboxes(tmp_path) as (one, _):
        assert (
            await one.exec("echo state > node_modules/.tmp/check; echo code > node_modules/.cache/node")
        ).exit_code == 0
        assert await bundle(one) == "the template's"
        assert (await one.exec("cat node_modules/.tmp/check")).stdout == "state\n"


async def test_other_packages_than_the_templates_get_nothing(tmp_path: Path):
    async with sandboxes(tmp_path, packages="right") as (one, _):
        assert await bundle(one) == ""


async def test_a_warm_command_that_fails_keeps_no_app_from_starting(tmp_path: Path):
    async with sandboxes(tmp_path, warm=("bash", "-c", "echo no >&2; exit 3")) as (one, _):
        assert await bundle(one) == ""
