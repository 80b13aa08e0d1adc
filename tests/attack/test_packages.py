"""Hostile packages, manifests and lock files; and one session's packages in another's hands."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.errors import AppBuilderError
from jupyter_appbuilder.sandbox.local.packages.dependencies import PACKAGE
from jupyter_appbuilder.sandbox.network.registries import Registries

from .conftest import SECRET, Box, MakeBox, manifest
from .registry import package, packed, registry

OWN = "echo owned > /npm/owned; echo owned > $PWD/owned; echo owned > /workspace/owned"
MOMENTS = ("preinstall", "install", "postinstall", "prepare", "prepublish", "preprepare", "postprepare", "dependencies")
SCRIPTS = dict.fromkeys(MOMENTS, OWN)


async def install(here: Box, *names: str) -> str:
    """What npm said, however it ended."""
    try:
        result = await here.sandbox.install(list(names))
        return result.stdout + result.stderr
    except AppBuilderError as error:
        return f"{error.message} {error.hint}"


def traces(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name == "owned"]


def modules(here: Box) -> Path:
    """The folder that the app's packages are mounted from."""
    found = here.sandbox._modules  # pyright: ignore
    assert found
    return found


async def test_no_script_of_a_package_runs_when_it_is_installed(usual: MakeBox, tmp_path: Path):
    hostile = package("hostile", {"scripts": SCRIPTS, "gypfile": True}, {"package/binding.gyp": GYP})
    said = {"scripts": SCRIPTS, "hasInstallScript": True}
    with registry({"hostile": hostile, "tame": package("tame")}, hostile=said) as (url, _):
        async with usual(registries=Registries(url)) as here:
            assert "added" in await install(here, "hostile", "tame")
            assert "exports.a" in (await here.run("cat node_modules/hostile/index.js")).stdout
            assert "exports.a" in (await here.run("cat node_modules/tame/index.js")).stdout
            assert traces(tmp_path) == []
            # The same script does run where the app asks for it: in its own sandbox.
            manifest(here.app, scripts={"postinstall": "echo owned > owned"})
            await here.run("npm run postinstall")
            assert traces(tmp_path) == [here.app / "owned"]


GYP = json.dumps({"targets": [{"target_name": "x", "actions": [{"action_name": "x", "action": ["sh", "-c", OWN]}]}]})


async def test_no_script_of_the_apps_own_manifest_runs_when_packages_are_installed(usual: MakeBox, tmp_path: Path):
    with registry({"tame": package("tame")}) as (url, _):
        async with usual(registries=Registries(url)) as here:
            manifest(here.app, scripts=SCRIPTS, dependencies={"tame": "1.0.0"}, gypfile=True)
            (here.app / "binding.gyp").write_text(GYP)
            assert "exports.a" in (await here.run("cat node_modules/tame/index.js")).stdout
            assert traces(tmp_path) == []


SETTINGS = """
registry=http://127.0.0.1:1/
ignore-scripts=false
foreground-scripts=true
node-options=--require=/workspace/owned.js
script-shell=/workspace/owned.sh
git=/workspace/owned.sh
globalconfig=/workspace/owned.rc
prefix=/npm
cache=/workspace/cache
"""


async def test_npms_settings_in_the_app_have_no_say_in_an_installation(usual: MakeBox, tmp_path: Path):
    hostile = package("hostile", {"scripts": SCRIPTS})
    with registry({"hostile": hostile}) as (url, asked):
        async with usual(registries=Registries(url)) as here:
            (here.app / ".npmrc").write_text(SETTINGS.replace("node-options", "x-options"))
            assert "127.0.0.1:1/" in (await here.run("npm config get registry")).stdout  # elsewhere npm does read it
            (here.app / ".npmrc").write_text(SETTINGS)
            (here.app / "owned.sh").write_text(f"#!/bin/sh\n{OWN}\n")
            (here.app / "owned.sh").chmod(0o755)
            (here.app / "owned.js").write_text("require('fs').writeFileSync('/npm/owned', '')")
            assert "added" in await install(here, "hostile")
            assert asked
            assert traces(tmp_path) == []
            assert not (here.app / "cache").exists()


@pytest.mark.parametrize("source", ["file:../../../../etc", "git+file:///workspace", "http://127.0.0.1:PORT/x.tgz"])
async def test_a_dependency_from_elsewhere_brings_nothing_of_this_machine(
    usual: MakeBox, tmp_path: Path, secret: Path, source: str
):
    import http.server
    import threading

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(404, SECRET)

        def log_message(self, *_: object) -> None:
            pass

    seen: list[str] = []
    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    try:
        with registry({"tame": package("tame")}) as (url, _):
            async with usual(registries=Registries(url)) as here:
                source = source.replace("PORT", str(other.server_address[1]))
                manifest(here.app, dependencies={"x": source, "tame": "1.0.0"})
                result = await here.run("ls -lR node_modules/; cat node_modules/x/*")
                assert SECRET not in result.stdout + result.stderr
                assert "root:" not in result.stdout
                assert seen == []
                for path in (tmp_path / "cache").rglob("*"):
                    assert not path.is_symlink() or path.resolve().is_relative_to(tmp_path / "cache"), path
    finally:
        other.shutdown()
        other.server_close()


@pytest.mark.parametrize("resolved", ["http://127.0.0.1:PORT/x.tgz", "file:/etc/hostname"])
async def test_a_lock_file_cannot_send_npm_elsewhere(usual: MakeBox, tmp_path: Path, resolved: str):
    with registry({"tame": package("tame")}) as (other, seen), registry({"tame": package("tame")}) as (url, asked):
        async with usual(registries=Registries(url)) as here:
            manifest(here.app, dependencies={"tame": "1.0.0"})
            lock: dict[str, Any] = {
                "lockfileVersion": 3,
                "packages": {
                    "": {"dependencies": {"tame": "1.0.0"}},
                    "node_modules/tame": {
                        "version": "1.0.0",
                        "resolved": resolved.replace("PORT", other.split(":")[2].strip("/")),
                    },
                },
            }
            (here.app / "package-lock.json").write_text(json.dumps(lock))
            await here.run("ls node_modules/tame")
            assert seen == []
            del lock["packages"]["node_modules/tame"]["resolved"]
            (here.app / "package-lock.json").write_text(json.dumps(lock))
            here.sandbox._asked = 0.0  # pyright: ignore
            await here.run("ls node_modules/tame")
            assert asked


async def test_a_lock_file_with_hostile_folders_writes_nothing_outside(usual: MakeBox, tmp_path: Path, secret: Path):
    with registry({"tame": package("tame")}) as (url, _):
        async with usual(registries=Registries(url)) as here:
            before = sorted(path for path in tmp_path.iterdir())
            for folder in ("../../escaped", str(secret.parent / "x")):
                manifest(here.app, dependencies={"tame": "1.0.0"})
                entry = {"version": "1.0.0", "resolved": f"{url}tame/-/tame-1.0.0.tgz"}
                lock = {"lockfileVersion": 3, "packages": {"": {"dependencies": {"tame": "1.0.0"}}, folder: entry}}
                (here.app / "package-lock.json").write_text(json.dumps(lock))
                here.sandbox._asked = 0.0  # pyright: ignore
                await here.run("ls node_modules")
            await install(here, "tame")
            assert sorted(path for path in tmp_path.iterdir() if path.name != "cache") == [
                path for path in before if path.name != "cache"
            ]
            assert [path.name for path in secret.parent.iterdir()] == ["secret.txt"]
            assert not list(tmp_path.rglob("escaped"))


async def test_an_archive_of_a_package_cannot_write_outside_its_folder(usual: MakeBox, tmp_path: Path):
    archive = packed(
        {
            "package/package.json": json.dumps({"name": "hostile", "version": "1.0.0"}),
            "package/index.js": "exports.a = 1\n",
            "../../../owned": "x",
            "package/../../../owned": "x",
            "/workspace/owned": "x",
            "/npm/owned": "x",
            "package/out/owned": "x",
            "package/../tame/index.js": "owned",
        },
        links={"package/out": "/npm", "package/up": "../../../..", "package/abs": "/etc"},
        hard={"package/hard": "../tame/index.js"},
        devices=["package/pipe"],
    )
    with registry({"hostile": archive, "tame": package("tame")}) as (url, _):
        async with usual(registries=Registries(url)) as here:
            await install(here, "tame", "hostile")
            result = await here.run("cat node_modules/tame/index.js; ls node_modules/hostile")
            assert "exports.a" in result.stdout
            assert [path for path in traces(tmp_path) if "node_modules/hostile" not in str(path)] == []
            for path in modules(here).rglob("*"):
                mode = path.lstat().st_mode
                assert stat.S_ISREG(mode) or stat.S_ISDIR(mode), path
                assert not mode & 0o7000, (path, oct(mode))


async def test_programs_of_a_package_do_not_stand_in_for_the_systems(usual: MakeBox):
    """A package that calls its program ``node`` or ``bash`` must not be what every command of the app runs."""
    programs = {"bin": dict.fromkeys(("node", "npm", "bash", "sh", "git", "env"), "index.js")}
    with registry({"hostile": package("hostile", programs)}, hostile=programs) as (url, _):
        async with usual(registries=Registries(url)) as here:
            await install(here, "hostile")
            assert "git" in (await here.run("ls node_modules/.bin")).stdout
            found = (await here.run("command -v node; command -v npm")).stdout
            assert "node_modules" not in found


async def test_a_sessions_packages_cannot_be_changed_through_anothers_installation(usual: MakeBox, tmp_path: Path):
    """Both have the same dependencies. The first adds a package that tries to change them."""
    evil = packed(
        {
            "package/package.json": json.dumps({"name": "evil", "version": "1.0.0", "bundleDependencies": ["tame"]}),
            "package/index.js": "",
            "package/node_modules/tame/package.json": json.dumps({"name": "tame", "version": "1.0.0"}),
            "package/node_modules/tame/index.js": "owned",
        }
    )
    with registry({"evil": evil, "tame": package("tame")}) as (url, _):
        cache = tmp_path / "cache"
        async with (
            usual("first", registries=Registries(url), cache_dir=cache) as first,
            usual("second", registries=Registries(url), cache_dir=cache) as second,
        ):
            for here in (first, second):
                await install(here, "tame")
                await here.sandbox.prepare()
            assert modules(first) == modules(second)
            await install(first, "evil")
            await first.sandbox.prepare()
            assert modules(first) != modules(second)
            for path in modules(first).rglob("*"):
                if path.is_file():
                    assert path.stat().st_nlink == 1, path
            fresh = await second.run("cat node_modules/tame/index.js")
            assert fresh.stdout == "exports.a = 1\n"
        async with usual("third", registries=Registries(url), cache_dir=cache) as third:
            assert "added" in await install(third, "tame")
            assert (await third.run("cat node_modules/tame/index.js")).stdout == "exports.a = 1\n"


async def test_the_shared_downloads_cannot_be_reached_by_the_apps_code(box: MakeBox, tmp_path: Path):
    (tmp_path / "cache" / "npm").mkdir(parents=True)
    (tmp_path / "cache" / "npm" / "index").write_text("downloads")
    async with box() as here:
        result = await here.run(
            f"echo x > /npm/x; ls /npm {tmp_path}/cache; echo x > {tmp_path}/cache/npm/index; npm cache ls;"
            "npm config get cache; echo tried"
        )
        assert "tried" in result.stdout
        assert (tmp_path / "cache" / "npm" / "index").read_text() == "downloads"
        assert sorted(os.listdir(tmp_path / "cache" / "npm")) == ["index"]


NAMES = """
    --global -g tame|--ignore-scripts=false ../evil /etc file:/etc git+ssh://a/b a;id $(id) http://a/b.tgz
    tame@file:../.. tame@http://127.0.0.1/x.tgz tame@a/b tame@npm:../b tame@git+file:///x tame\\n--foreground-scripts
"""


async def test_a_packages_name_is_no_option_path_or_command(usual: MakeBox, tmp_path: Path):
    async with usual(registries=Registries("http://127.0.0.1:1/")) as here:
        for name in NAMES.split():
            said = await install(here, name.replace("|", " ").replace("\\n", "\n"))
            assert "is not the name of a package" in said, name
        for name in ("tame", "@scope/tame", "tame@^1.2 || 2.x", "tame@latest", "alias@npm:@scope/tame@1.0.0"):
            assert PACKAGE.fullmatch(name), name
