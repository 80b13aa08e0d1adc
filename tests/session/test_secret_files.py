"""Files that hold secrets by their name: what the agent writes into one stays on the disk, and nowhere else."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from building import call, scripted_builder, write
from growth import STRAIGHT, growth, shorter
from plain_app import plain

from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.tools.secret_files import described, unrecorded
from jupyter_appbuilder.workspace import ignore
from jupyter_appbuilder.workspace.ignore import is_secret

VALUE = "hunter2-not-a-secret"


def holding(folder: Path) -> list[str]:
    """Files below ``folder`` that hold the value, git's objects looked into."""
    found: list[str] = []
    for path in folder.rglob("*"):
        if path.is_file() and "cache" not in path.relative_to(folder).parts:
            content = path.read_bytes()
            with suppress(zlib.error):
                content += zlib.decompress(content)
            if VALUE.encode() in content:
                found.append(path.relative_to(folder).as_posix())
    return sorted(found)


SECRET = """
.env .ENV .env.production .env.local docker.env .envrc server.pem id_rsa .npmrc .netrc credentials.json secrets.toml
client_secret_12.apps.json service-account.json .ssh .dev.vars
.env~ .env-production .env_local .env.swp #.env# .#.env id_rsa.bak id_rsa~ .id_rsa.swp id_rsa.bak2 .npmrc.old
server.pem.orig secrets.toml.bak~
"""
OTHERS = """
.env.example .env.sample .env.template .env.defaults .env.local.example example.env env.ts env.d.ts credentials.ts
secrets.ts tokens.json id_rsa.pub id_rsa.pub~ .environment .envelope.ts App.tsx.bak
environment.ts key.ts keys.json Credentials.tsx
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_what_holds_secrets_by_its_name(name: str):
    assert is_secret(name)


@pytest.mark.parametrize("name", OTHERS.split())
def test_what_does_not(name: str):
    assert not is_secret(name)


async def test_a_secret_that_the_agent_writes_is_on_the_disk_and_nowhere_else(tmp_path: Path):
    put = {"search": "API_KEY=", "replace": f"OTHER={VALUE}\nAPI_KEY="}
    miss = {"search": "API_KEI=", "replace": VALUE}
    steps = [
        {
            "tool_calls": [
                write(".env.production", f"API_KEY={VALUE}\nexport PORT=80\n"),
                write("src/config.js", "export const key = process.env.API_KEY\n"),
            ]
        },
        {"tool_calls": [call("read_file", path=".env.production"), call("search_files", query="hunter2")]},
        {
            "tool_calls": [
                call("edit_file", path="./.env.production", edits=[put]),
                call("edit_file", path=".env.production", edits=[miss]),
            ]
        },
        {"tool_calls": [call("list_files")]},
        {"text": "Done."},
    ]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, server):
        session = await builder.create(name="keys")
        await session.send("Use a key")
        assert (await session.wait())["reason"] == "done"
        file = session.workspace.app / ".env.production"
        assert file.read_text() == f"OTHER={VALUE}\nAPI_KEY={VALUE}\nexport PORT=80\n"
        tree = await session.workspace.snapshot()

        results = [e.data for e in await session.events() if e.type == "tool.finished"]
        written, _, read, searched, edited, failed, listed = results[:7]
        assert "stay on the disk" in written["text"]
        assert "API_KEY, PORT" in read["text"]
        assert searched["detail"]["matches"] == 0
        assert edited["ok"]
        assert not failed["ok"]
        assert ".env.production" not in listed["text"]
        # The model has said it once; from then on it is not told it again.
        assert all(VALUE not in json.dumps(request.body) for request in server.requests)

        archive = zipfile.ZipFile(io.BytesIO(await session.workspace.zip()))
        assert ".env.production" not in archive.namelist()
        session.notebook.changed()
        await session.notebook.flush()
        text = session.notebook.path.read_text()
        assert "%appbuilder write .env.production --unrecorded" in text
        assert "not recorded" in text
        notebook = tmp_path / "elsewhere" / "keys.ipynb"
        notebook.parent.mkdir()
        shutil.copy(session.notebook.path, notebook)
    assert holding(tmp_path / "root") == ["appbuilder/keys/app/.env.production"]
    assert holding(tmp_path / "data") == []
    result = await replay(notebook)
    assert result.verified is True
    assert result.tree == tree
    assert not (result.workspace / "app" / ".env.production").exists()
    assert (result.workspace / "app" / "src" / "config.js").exists()


async def test_a_link_to_such_a_file_shows_no_more_of_it(tmp_path: Path):
    async with scripted_builder(tmp_path, **plain(tmp_path)) as (builder, _):
        session = await builder.create(name="linked")
        await session.ready()
        (session.workspace.app / ".env").write_text(f"KEY={VALUE}\n")
        (session.workspace.app / "notes.txt").symlink_to(".env")
        _, read = await session.call("read_file", {"path": "notes.txt"}, by="person")
        _, searched = await session.call("search_files", {"query": "hunter2"}, by="person")
        assert VALUE not in read.text
        assert VALUE not in searched.text
        assert VALUE.encode() not in await session.workspace.zip()
    assert holding(tmp_path / "root") == ["appbuilder/linked/app/.env", "appbuilder/linked/app/notes.txt"]


@pytest.mark.parametrize(
    "arguments",
    [
        json.dumps({"path": "config/.env", "content": f"A={VALUE}"}),
        json.dumps(json.dumps({"path": ".env", "content": f"A={VALUE}"})),
        '{"path": ".env", "content": "A=' + VALUE,
        json.dumps({"path": "id_rsa", "edits": [{"search": VALUE, "replace": VALUE}]}),
    ],
)
def test_an_answer_is_stored_without_it_however_it_was_written(arguments: str):
    usage = {"input_tokens": 1, "output_tokens": 1, "cached_tokens": 0, "cost": None}
    answer = {
        "turn": "t1", "response": "r1", "model": "m", "recorded": False, "text": "", "finish_reason": "stop",
        "usage": usage, "tool_calls": [{"call": "r1.0", "id": "1", "tool": "write_file", "arguments": arguments}],
    }  # fmt: skip
    stored = unrecorded(Draft("response.completed", answer))
    assert VALUE not in json.dumps(stored.data)
    assert isinstance(json.loads(stored.data["tool_calls"][0]["arguments"]), dict)


@pytest.mark.parametrize("name", ["~" * 1_000_000 + "x", "a" + ".bak" * 250_000 + "x", ".swp" * 250_000 + "!"])
def test_a_name_that_a_model_makes_up_is_judged_in_time(name: str):
    assert not is_secret(name)
    assert growth(is_secret, name, shorter(name)) < STRAIGHT


def test_a_secret_in_lists_in_lists_is_left_out_as_well():
    arguments = '{"path": ".env", "content": ' + "[" * 900 + f'"{VALUE}"' + "]" * 900 + "}"
    usage = {"input_tokens": 1, "output_tokens": 1, "cached_tokens": 0, "cost": None}
    answer = {
        "turn": "t1", "response": "r1", "model": "m", "recorded": False, "text": "", "finish_reason": "stop",
        "usage": usage, "tool_calls": [{"call": "r1.0", "id": "1", "tool": "write_file", "arguments": arguments}],
    }  # fmt: skip
    assert VALUE not in json.dumps(unrecorded(Draft("response.completed", answer)).data)


def test_no_part_of_a_value_is_taken_for_a_name():
    for mark in "\x0b\x0c\x1c\x85\u2028\u2029":
        said = described(".env", f"KEY=one{mark}PRIVATE=two\r\nOTHER=3\rLAST=4\n".encode())
        assert ".env has 3 lines." in said
        assert "It sets: KEY, OTHER, LAST." in said


def test_the_documentation_names_what_is_secret_by_its_name_and_nothing_else():
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    table = text.partition("### Files that hold secrets")[2].partition("Such a file is in no version")[0]
    rows = {row.split("|")[1].strip(): set(re.findall(r"`([^`]+)`", row)) for row in table.splitlines() if "|" in row}
    named = {name.rstrip("/") for kind in ("settings", "keys", "accounts") for name in rows[kind]}
    assert named == {*ignore.SECRET, ".env.*", ".env-*", ".env_*"} - {".env[._-]*"}
    assert rows["not these"] == set(ignore.NOT_SECRET)
    assert all(is_secret(name) for name in rows["copies"])
