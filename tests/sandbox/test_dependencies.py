"""Packages: fetched once through the egress proxy, shared read-only, reusable without a network."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_appbuilder.errors import Conflict, InvalidInput, Unavailable
from jupyter_appbuilder.sandbox.base import ExecResult, Progress
from jupyter_appbuilder.sandbox.local.packages.dependencies import Dependencies, Manifest, read_manifest
from jupyter_appbuilder.sandbox.local.processes.layout import find_node
from jupyter_appbuilder.sandbox.network.registries import Registries, read_registries

from .conftest import MakePlace, Place

USE = "console.log(require('is-number')(5))"


async def registries(**changes: object) -> Registries:
    node = find_node()
    known = await read_registries([str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")])
    return replace(known, **changes)  # type: ignore[arg-type]


def cut_off() -> dict[str, object]:
    """No network: the only way leads through a proxy that is not there."""
    return {"upstream": "http://127.0.0.1:1", "direct": ()}


def require(here: Place, **packages: str) -> None:
    (here.app / "package.json").write_text(json.dumps({"private": True, "dependencies": packages}))


async def test_an_installed_package_works_and_is_shared(place: MakePlace, tmp_path: Path):
    async with place() as here:
        output: list[str] = []
        result = await here.sandbox.install(["is-number@7.0.0"], on_output=lambda _, text: output.append(text))
        assert result.exit_code == 0, result.stderr
        assert "".join(output)
        assert json.loads((here.app / "package.json").read_text())["dependencies"] == {"is-number": "^7.0.0"}
        lock = (here.app / "package-lock.json").read_text()
        assert "is-number" in lock
        assert "resolved" not in lock  # lock files fit any mirror
        used = await here.sandbox.exec(["node", "-e", USE])
        assert used.stdout == "true\n", used.stderr
        assert list((here.app / "node_modules").iterdir()) == []  # mounted, never in the workspace
        written = await here.sandbox.exec("touch node_modules/is-number/x || touch node_modules/.vite/mine && echo ok")
        assert written.stdout == "ok\n"
        assert "Read-only" in written.stderr

        # Another session with the same files makes nothing anew, with or without a network.
        other = tmp_path / "other"
        other.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(here.app / name, other)
        second = await here.provider.create("second", other, here.sandbox.template)
        steps: list[Progress] = []
        await second.prepare(steps.append)
        assert steps == []
        assert (await second.exec(["node", "-e", USE])).stdout == "true\n"
        assert len(list((tmp_path / "cache/deps").glob("[!.]*/node_modules"))) == 1

    # npm's own cache is enough, too: here the shared entry is gone and there is no network.
    shutil.rmtree(tmp_path / "cache/deps")
    async with place(registries=await registries(**cut_off())) as here:
        await here.sandbox.prepare(steps.append)
        assert (await here.sandbox.exec(["node", "-e", USE])).stdout == "true\n"
        assert any(step.fraction is not None for step in steps)


async def test_without_a_network_or_a_cache_the_next_step_is_told(place: MakePlace):
    async with place(registries=await registries(**cut_off())) as here:
        require(here, **{"is-number": "7.0.0"})
        with pytest.raises(Unavailable, match="Connect to the network") as caught:
            await here.sandbox.prepare()
        assert caught.value.reason == "registry_unreachable"
        server = await here.sandbox.serve("/")
        assert server.state == "failed"
        assert "Connect to the network" in server.message
        # A command that needs no package still runs, and says what is missing.
        result = await here.sandbox.exec("echo works")
        assert result.stdout == "works\n"
        assert not list((here.app.parent / "cache/deps").glob("[!.]*/node_modules"))


async def test_a_manifest_edited_by_hand_is_followed(place: MakePlace):
    async with place() as here:
        require(here, **{"is-number": "7.0.0"})
        await here.sandbox.prepare()
        require(here, **{"is-number": "6.0.0"})
        await here.sandbox.prepare()
        result = await here.sandbox.exec(["node", "-p", "require('is-number/package.json').version"])
        assert result.stdout == "6.0.0\n"
        assert '"6.0.0"' in (here.app / "package-lock.json").read_text()


async def test_a_package_that_does_not_exist_is_the_commands_failure(place: MakePlace):
    async with place() as here:
        before = {"private": True}
        (here.app / "package.json").write_text(json.dumps(before))
        result = await here.sandbox.install(["@jupyter-appbuilder-tests/not-there"])
        assert result.exit_code != 0
        assert "404" in result.stderr
        assert json.loads((here.app / "package.json").read_text()) == before


async def test_two_sessions_that_need_the_same_packages_install_once(place: MakePlace, tmp_path: Path):
    async with place() as here:
        require(here, **{"is-number": "7.0.0"})
        other = tmp_path / "other"
        shutil.copytree(here.app, other)
        second = await here.provider.create("second", other, here.sandbox.template)
        await asyncio.gather(here.sandbox.prepare(), second.prepare())
        assert (await second.exec(["node", "-e", USE])).stdout == "true\n"
        assert (await here.sandbox.exec(["node", "-e", USE])).stdout == "true\n"


@pytest.mark.parametrize("name", ["--prefix=/x", "git+https://host/x", "../x", "a b", ""])
async def test_what_is_no_package_name_is_refused(place: MakePlace, name: str):
    async with place() as here:
        with pytest.raises(InvalidInput, match="not the name of a package"):
            await here.sandbox.install([name])


def test_a_manifest_that_is_a_link_is_not_read(tmp_path: Path):
    (tmp_path / "app").mkdir()
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "app/package.json").symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidInput, match="not an ordinary file"):
        read_manifest(tmp_path / "app", "package-lock.json")


async def test_an_edit_by_hand_while_packages_are_installed_is_kept(place: MakePlace, monkeypatch: pytest.MonkeyPatch):
    async with place() as here:
        require(here)
        theirs = '{"private": true, "scripts": {"mine": "ls"}}'

        async def make(*_: object, **__: object) -> tuple[ExecResult, Manifest]:
            (here.app / "package.json").write_text(theirs)  # the person saves it meanwhile
            return ExecResult(0, "", "", 0), Manifest(b'{"dependencies": {"is-number": "7.0.0"}}', b"{}")

        monkeypatch.setattr(Dependencies, "_make", make)
        with pytest.raises(Conflict, match="changed while packages were installed"):
            await here.sandbox.install(["is-number@7.0.0"])
        assert (here.app / "package.json").read_text() == theirs
        assert not (here.app / "package-lock.json").exists()


def test_a_folder_in_place_of_a_manifest_is_told(tmp_path: Path):
    (tmp_path / "package.json").mkdir()
    with pytest.raises(InvalidInput, match="not an ordinary file"):
        read_manifest(tmp_path, "package-lock.json")


def test_a_script_in_the_manifest_does_not_change_the_key():
    first = Manifest(b'{"dependencies": {"a": "1"}}', b"{}")
    second = Manifest(b'{"scripts": {"x": "y"}, "dependencies": {"a": "1"}}', b"{}")
    third = Manifest(b'{"dependencies": {"a": "2"}}', b"{}")
    assert first.key == second.key
    assert first.key != third.key


@pytest.mark.parametrize(
    "lock",
    [
        "[]",
        "null",
        '{"packages": [1]}',
        '{"packages": 3}',
        '{"packages": {"node_modules/a": "1.0"}}',
        '{"packages": {"node_modules/a": {"version": 1, "integrity": "x"}}}',
        '{"packages": {"node_modules/a": {"name": [], "version": "1", "integrity": "x"}}}',
        '{"packages": {"node_modules/a": {"os": 5}}}',
        "[" * 100_000,
        "\0\1",
    ],
)
def test_a_lock_file_that_is_none_is_told(lock: str):
    manifest = Manifest(b'{"dependencies": {"a": "1"}}', lock.encode())
    for look in (manifest.folders, lambda: manifest.located(lambda _: "https://registry.test")):
        with pytest.raises(InvalidInput, match="lock file"):
            look()
