"""Reading what is not the app's."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import SECRET, Box, MakeBox, manifest

Place = Callable[[Path], Path]


def in_home(name: str) -> Place:
    return lambda folder: folder / "home" / name


# What a person has beside their apps, and where: `folder` holds their home, Jupyter's root and its data folder.
PLACES: dict[str, Place] = {
    "ssh key": in_home(".ssh/id_ed25519"),
    "npm token": in_home(".npmrc"),
    "pip token": in_home(".config/pip/pip.conf"),
    "cloud keys": in_home(".aws/credentials"),
    "shell history": in_home(".bash_history"),
    "notebook": lambda folder: folder / "root" / "thesis.ipynb",
    "server token": in_home(".local/share/jupyter/runtime/jpserver-4242.json"),
    "server cookie key": in_home(".local/share/jupyter/runtime/jupyter_cookie_secret"),
    "kernel connection": in_home(".local/share/jupyter/runtime/kernel-1b2c.json"),
    "server settings": in_home(".jupyter/jupyter_server_config.json"),
    "model keys": lambda folder: folder / "data" / "appbuilder" / "providers.json",
    "event log": lambda folder: folder / "data" / "appbuilder" / "log.db",
    "page storage": lambda folder: folder / "data" / "appbuilder" / "storage" / "other.json",
    "the app's repository": lambda folder: folder / "root" / "appbuilder" / "session" / ".git" / "config",
    "the app's notebook": lambda folder: folder / "root" / "appbuilder" / "session" / "session.ipynb",
    "another app": lambda folder: folder / "root" / "appbuilder" / "other" / "app" / ".env",
    "another app's scratch": lambda folder: folder / "cache" / "scratch" / "other" / ".vite" / "secret.js",
    "another app's packages": lambda folder: folder / "cache" / "deps" / "0123" / "node_modules" / "a" / "index.js",
    "downloads": lambda folder: folder / "cache" / "npm" / "_cacache" / "index",
}


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, str]]:
    """What each kind of sandbox got of each place: asked in one go, for they are many."""
    return {}


@pytest.mark.parametrize("what", PLACES)
async def test_what_lies_beside_the_app_cannot_be_read(
    box: MakeBox, kind: str, tmp_path: Path, what: str, answers: dict[str, dict[str, str]]
):
    if kind not in answers:
        places = {name: place(tmp_path) for name, place in PLACES.items()}
        for place in places.values():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(SECRET)
        async with box() as here:
            (here.app / "own.txt").write_text("mine to read")
            answers[kind] = {"": (await here.python("read", "own.txt")).stdout}
            result = await here.python("read", *places.values())
            each = len(result.stdout.splitlines()) // len(places)
            for number, (name, place) in enumerate(places.items()):
                assert place.read_text() == SECRET
                answers[kind][name] = "\n".join(result.stdout.splitlines()[number * each : (number + 1) * each])
    assert answers[kind][""].count("mine to read") >= 3
    assert SECRET not in answers[kind][what]
    assert answers[kind][what].count("failed:") == 6


async def test_accounts_and_passwords_of_this_machine_cannot_be_read(box: MakeBox):
    async with box() as here:
        result = await here.run("cat /etc/shadow /etc/sudoers /etc/ssh/ssh_host_* /root/.bashrc /var/lib/dpkg/status")
        assert result.stdout == ""
        assert Path("/etc/shadow").exists()
        names = [line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines()]
        seen = (await here.run("cut -d: -f1 /etc/passwd")).stdout.split()
        assert here.kind == "landlock" or len(seen) < len(names)


async def by_shell(here: Box, path: Path) -> str:
    result = await here.run(
        f"cat own.txt; cat {path}; cat < {path}; cp {path} .; tar cf - {path} | strings; head {path}"
    )
    return result.stdout


async def by_node(here: Box, path: Path) -> str:
    source = """
import fs from 'node:fs';
import { execSync } from 'node:child_process';
const path = process.argv[2];
console.log(fs.readFileSync('own.txt', 'utf8'));
for (const attempt of [
  () => fs.readFileSync(path, 'utf8'),
  () => fs.readFileSync(new URL('file://' + path), 'utf8'),
  () => (fs.copyFileSync(path, 'copy'), fs.readFileSync('copy', 'utf8')),
  () => process.binding('fs').internalModuleReadJSON?.(path),
  () => execSync(`cat ${path}`).toString(),
]) { try { console.log(attempt()); } catch (error) { console.log('refused', error.code); } }
try { console.log((await import(path, { with: { type: 'text' } })).default); } catch { console.log('refused'); }
"""
    return (await here.node(source, path)).stdout


async def by_package_script(here: Box, path: Path) -> str:
    manifest(here.app, scripts={"preread": "cat own.txt", "read": f"cat {path}", "postread": f"cp {path} ."})
    result = await here.run("npm run read")
    return result.stdout


async def by_check(here: Box, path: Path) -> str:
    # The template's own check, told by the app's files what to do.
    (here.app / "tsconfig.json").write_text(json.dumps({"extends": str(path), "files": [str(path)]}))
    (here.app / "check.js").write_text(
        "const fs = require('fs'); console.log(fs.readFileSync('own.txt', 'utf8'));"
        "const { files } = JSON.parse(fs.readFileSync('tsconfig.json'));"
        "try { console.log(fs.readFileSync(files[0], 'utf8')) } catch (error) { console.log(error.code) }"
    )
    return (await here.run(["node", "check.js"])).stdout


async def by_background(here: Box, path: Path) -> str:
    process = await here.sandbox.start(["bash", "-c", f"cat own.txt; cat {path}"])
    return (await process.wait()).stdout


async def by_dev_server(here: Box, path: Path) -> str:
    (here.app / "server.mjs").write_text(
        "import http from 'node:http'; import fs from 'node:fs';"
        "http.createServer((request, response) => { let text = fs.readFileSync('own.txt', 'utf8');"
        f"try {{ text += fs.readFileSync({json.dumps(str(path))}, 'utf8') }} catch (error) {{ text += error.code }}"
        "response.end(text) }).listen(Number(process.argv[2]), '127.0.0.1')"
    )
    server = await here.sandbox.serve("/base/")
    assert server.address, server.message
    reader, writer = await asyncio.open_unix_connection(str(server.address.socket))
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    return answer


@pytest.mark.parametrize("way", [by_shell, by_node, by_package_script, by_check, by_background, by_dev_server])
async def test_no_way_of_running_code_reads_outside(box: MakeBox, secret: Path, way: Callable[[Box, Path], object]):
    async with box() as here:
        (here.app / "own.txt").write_text("mine to read")
        said = await way(here, secret)  # pyright: ignore
        assert "mine to read" in said
        assert SECRET not in said


async def test_the_servers_environment_is_not_in_any_process(
    box: MakeBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("OPENAI_API_KEY", "JUPYTER_TOKEN", "JPY_API_TOKEN", "E2B_API_KEY", "NPM_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    async with box() as here:
        (here.app / "server.mjs").write_text("process.stdin.resume(); await new Promise(() => {})")
        look = "env; cat /proc/self/environ /proc/[0-9]*/environ /proc/1/environ; set; declare -p; ps auxe"
        result = await here.run(look, env={"MINE": "seen"})
        assert "MINE=seen" in result.stdout
        assert SECRET not in result.stdout
        assert os.environ["OPENAI_API_KEY"] == SECRET


async def test_another_sandboxs_files_and_processes_cannot_be_seen(box: MakeBox):
    async with box("first") as first, box("second") as second:
        (first.app / "private.txt").write_text(SECRET)
        process = await first.sandbox.start(["bash", "-c", f"echo {SECRET} > /tmp/mine; exec -a {SECRET} sleep 20"])
        try:
            assert SECRET in (await first.run("cat private.txt")).stdout
            result = await second.run(
                f"cat {first.app}/private.txt ../../first/app/private.txt /proc/[0-9]*/root/tmp/mine /tmp/mine;"
                "cat /proc/[0-9]*/cmdline; cat /proc/[0-9]*/cwd/private.txt; ls /tmp /dev/shm"
            )
            assert SECRET not in result.stdout
        finally:
            await process.kill()
