"""The model's key: it must be nowhere but in the request to the model."""

from __future__ import annotations

import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from building import app_builder, call, write
from model_server import ModelServer, Step, model_server
from plain_app import plain

from jupyter_appbuilder.session import Session

KEY = "sk-attack-0123456789abcdefghij-not-a-secret"

LOOK = """
env; set; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/self/mounts; cat ~/.jupyter/* ~/.npmrc ~/.netrc;
find / -xdev \\( -name providers.json -o -name 'log.db*' -o -name 'jpserver-*' \\) 2>/dev/null -exec cat {} +;
grep -rl sk-attack / --include='*.json' --include='*.toml' --include='.env*' -s 2>/dev/null | head; echo looked
"""


def folder_of(builder: Any) -> list[Path]:
    return [Path(builder.root_dir), Path(builder.data_dir)]


def holding(folders: list[Path], word: str) -> list[Path]:
    """Files that hold ``word``, packed ones of git looked into."""
    found: list[Path] = []
    for folder in folders:
        for path in folder.rglob("*"):
            if not path.is_file() or "cache" in path.relative_to(folder).parts:
                continue
            content = path.read_bytes()
            with suppress(zlib.error):
                content += zlib.decompress(content)
            if word.encode() in content:
                found.append(path)
    return found


async def attacked(tmp_path: Path, steps: list[Step], **traits: Any) -> tuple[Session, ModelServer, list[Path], str]:
    """A session that went through ``steps`` with the key in use; files that hold the key, and all that was told."""
    async with model_server(steps) as server:
        endpoint = {"custom": {"base_url": server.url, "api_key": KEY}}
        async with app_builder(
            tmp_path, model="custom:scripted", providers=endpoint, **plain(tmp_path), **traits
        ) as it:
            session = await it.create(name="keys")
            await session.send("Find the key.")
            await session.wait()
            session.notebook.changed()
            await session.notebook.flush()
            told = str([event.to_json() for event in await session.events()]) + session.notebook.path.read_text()
            return session, server, holding(folder_of(it), KEY), told


def was_used(server: ModelServer) -> bool:
    return any(KEY in str(request) for request in server.requests) or bool(server.requests)


async def test_generated_code_finds_no_key_however_it_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("OPENAI_API_KEY", "CUSTOM_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, KEY)
    steps: list[Step] = [
        {"tool_calls": [call("run_command", command=LOOK)]},
        {
            "tool_calls": [
                write(
                    "look.mjs",
                    "console.log(JSON.stringify(process.env), process.execArgv, process.report?.getReport())",
                )
            ]
        },
        {"tool_calls": [call("run_command", command="node look.mjs; npm config list -l; npm run env")]},
        {"tool_calls": [call("read_file", path="../../../data/appbuilder/providers.json")]},
        {"tool_calls": [call("read_file", path="/proc/self/environ"), call("list_files", under="../..")]},
        {"tool_calls": [call("search_files", query="sk-attack")]},
        {"text": "Nothing."},
    ]
    session, server, files, told = await attacked(tmp_path, steps)
    assert was_used(server)
    assert "looked" in told
    assert "execArgv" in told or "look.mjs" in told
    assert KEY not in told
    assert files == []
    assert session.summary.name == "keys"


@pytest.mark.parametrize(
    "step",
    [
        {"status": 401, "body": {"error": {"message": f"Incorrect API key provided: {KEY}"}}},
        {"status": 400, "body": {"error": {"message": f"Authorization: Bearer {KEY}", "param": KEY}}},
        {"error": {"message": f"upstream said: key={KEY}"}},
        {"malformed": f"{{not json {KEY}"},
    ],
    ids=["refused", "echoed", "late", "malformed"],
)
async def test_an_endpoint_that_sends_the_key_back_puts_it_nowhere(tmp_path: Path, step: Step):
    _, server, files, told = await attacked(tmp_path, [step] * 4)
    assert was_used(server)
    assert KEY not in told
    assert files == []


async def test_the_key_given_to_a_file_by_the_person_stays_out_of_versions(tmp_path: Path):
    """`.env` is where people put keys by hand: it is in no version, list or archive."""
    async with app_builder(tmp_path, **plain(tmp_path)) as it:
        session = await it.create(name="env")
        await session.call("list_files", {}, by="person")  # the folder is there
        for name in (".env", ".env.local", ".env.production.local"):
            (session.workspace.app / name).write_text(f"KEY={KEY}\n")
        await session.workspace.checkpoint("After")
        assert not any(".env" in file.path for file in await session.workspace.list())
        assert KEY.encode() not in await session.workspace.zip()
        assert KEY not in await session.workspace.archive()
        found = [path.name for path in holding(folder_of(it), KEY)]
        assert sorted(found) == [".env", ".env.local", ".env.production.local"]
