"""A small template without packages, so that a session stands within a moment, and what must hold of any session."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

from building import call, write

from jupyter_appbuilder.agents.history import messages
from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.workspace import Workspace

SERVER = """
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html')
  try { response.end(readFileSync('index.html')) } catch (error) { response.end(String(error)) }
}).listen(Number(process.argv[2]), '127.0.0.1')
"""

TEMPLATE = """
title = "Plain"
summary = "One page."
[serve]
command = ["node", "server.mjs", "{port}", "{base}"]
[check]
command = ["true"]
"""

FILES: dict[str, bytes] = {
    "index.html": b"<!doctype html><title>Plain</title><p>first</p>\n",
    "server.mjs": SERVER.encode(),
    ".gitignore": b"dist/\n*.log\n",
    "src/main.js": b"export const a = 1\nexport const b = 2\nexport const c = 3\n",
    "package.json": b'{"name": "plain", "private": true, "scripts": {"stamp": "echo stamped > stamp.txt"}}\n',
}


def plain_template(folder: Path) -> Path:
    """The shelf for ``AppBuilder.template_path``; the template's name is ``plain``."""
    files = folder / "templates" / "plain" / "files"
    for path, content in FILES.items():
        place = files / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (files.parent / "template.toml").write_text(TEMPLATE)
    return files.parent.parent


def plain(folder: Path) -> dict[str, Any]:
    """Traits for ``scripted_builder``."""
    return {"template_path": [str(plain_template(folder))], "template": "plain"}


async def assert_sound(session: Session, folder: Path) -> None:
    """The log, the files, the notebook and what a model is told agree with each other."""
    events = await session.events()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    stored = [event.to_json() for event in await session.record._log.read(session.id)]
    assert stored[: len(events)] == [event.to_json() for event in events]
    started = [event.data["call"] for event in events if event.type == "tool.started"]
    finished = [event.data["call"] for event in events if event.type == "tool.finished"]
    assert len(set(started)) == len(started)
    assert sorted(started) == sorted(finished)
    begun = [event.data["turn"] for event in events if event.type == "turn.started"]
    assert begun == [event.data["turn"] for event in events if event.type == "turn.finished"]
    assert_valid(messages(events, "system"))
    tree = await session.workspace.snapshot()
    session.notebook.changed()
    await session.notebook.flush()
    shutil.rmtree(folder / "replayed", ignore_errors=True)
    result = await replay(session.notebook.path, folder / "replayed")
    assert result.tree == tree, await differing(session.workspace, result.workspace)
    assert result.verified is not False


async def differing(made: Workspace, replayed: Path) -> str:
    ours = {file.path: await made.read(file.path) for file in await made.list()}
    again = Workspace(replayed)
    theirs = {file.path: await again.read(file.path) for file in await again.list()}
    return "\n".join(
        f"{path}: {ours.get(path, b'(none)')[:200]!r} is not {theirs.get(path, b'(none)')[:200]!r}"
        for path in sorted(ours.keys() | theirs.keys())
        if ours.get(path) != theirs.get(path)
    )


def assert_valid(conversation: list[dict[str, Any]]) -> None:
    """What every OpenAI-compatible provider asks of a conversation."""
    assert conversation[0]["role"] == "system"
    waiting: list[str] = []
    ids: set[str] = set()
    for message in conversation[1:]:
        match message["role"]:
            case "assistant":
                assert not waiting
                waiting = [call["id"] for call in message.get("tool_calls", ())]
                for item in message.get("tool_calls", ()):
                    assert isinstance(json.loads(item["function"]["arguments"]), dict)
                assert len(set(waiting)) == len(waiting)
                assert waiting or message["content"]
                ids.update(waiting)
            case "tool":
                assert message["tool_call_id"] == waiting.pop(0)
                assert isinstance(message["content"], str)
            case "user":
                assert not waiting
                assert message["content"].strip()
            case other:
                raise AssertionError(other)
    assert not waiting
    json.dumps(conversation, ensure_ascii=False).encode()


PATHS = [
    "src/main.js",
    "src/new file.ts",
    "src/Ünïcode 🎈.txt",
    "a/b/c/deep.css",
    "notes.md",
    "empty",
    "run.sh",
    "-dash.js",
]
TEXTS = [
    "",
    "\n",
    "no newline at the end",
    "one\r\ntwo\r\n",
    "mixed\r\nends\nhere\r",
    "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
    "%%appbuilder write x\n# base64\n",
    "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-diff --git a/x b/x\n",
    "  \n\t\n",
    "line with \u2028 and \x0c and \x85\nnext\n",
    "export const a = 1\nexport const b = 2\nexport const c = 3\n",
    "\ufeffwith a byte order mark\n",
]
COMMANDS = [
    "printf 'x\\ny\\n' >> src/main.js",
    "mkdir -p bin && head -c 3000 /dev/urandom > bin/data.bin",
    "chmod +x index.html; chmod -x run.sh 2>/dev/null; true",
    "rm -rf a; echo gone",
    "rm -f notes.md && mkdir notes.md && echo in > notes.md/inner.txt",
    "rm -rf notes.md && echo file > notes.md",
    "ln -sf src/main.js link.js",
    "rm -f link.js; echo plain > link.js",
    "mkdir -p dist && date +%N > dist/out.txt; echo x > some.log",
    "printf '\\377\\376latin' > latin.txt",
    "npm run --silent stamp",
    "echo before; echo broken > broken.txt; exit 3",
    "mv src/main.js src/moved.js 2>/dev/null || mv src/moved.js src/main.js",
    'touch \'with "quote".txt\' "tab\tname.txt"; echo hi > \'with "quote".txt\'',
    ": > index.html; git init -q . 2>/dev/null; true",
]


def some_call(chance: random.Random) -> dict[str, Any]:
    """A tool call as a model might make it, quite possibly one that fails."""
    path = chance.choice(PATHS)
    match chance.randrange(10):
        case 0 | 1 | 2:
            text = chance.choice(TEXTS) + (f"// {chance.random()}\n" if chance.random() < 0.5 else "")
            return write(path, text)
        case 3 | 4:
            search, replace = chance.choice(["a = 1", "export const b = 2\n", "one", "nowhere", "=======", "x"]), "new"
            edits = [{"search": search, "replace": replace + str(chance.randrange(99))}]
            if chance.random() < 0.3:
                edits[0]["replace_all"] = True
            if chance.random() < 0.5:
                edits.append({"search": "const c", "replace": "const d\r\n"})
            return call("edit_file", path=path, edits=edits)
        case 5:
            return call("delete_file", path=path)
        case 6:
            return call(
                "rename_file", old=chance.choice([path, "src", "a"]), new=chance.choice([*PATHS, "lib", "src/a"])
            )
        case 7 | 8:
            return call("run_command", command=chance.choice(COMMANDS))
        case _:
            bad = [
                {"name": "nonsense", "arguments": {}},
                {"name": "write_file", "arguments": '{"path": "x", "content": '},
                call("read_file", path=path),
                call("write_file", path="../out", content="x"),
                write(".gitignore", chance.choice(["dist/\n*.log\n", "*.log\n", "bin/\n", ""])),
                write("dist/mine.txt", "ignored\n"),
                call("list_files"),
            ]
            return chance.choice(bad)


def edit_by_hand(app: Path, chance: random.Random) -> None:
    """What a person does in an editor or a file manager."""
    path = app / chance.choice([*PATHS, "hand.bin", "index.html", "notes.md/inner.txt", "a"])
    try:
        match chance.randrange(5):
            case 0 if path.is_dir():
                shutil.rmtree(path)
            case 0:
                path.unlink()
            case 1:
                path.write_bytes(bytes(chance.randrange(256) for _ in range(50)))
            case 2:
                path.chmod(0o755)
            case _:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(chance.choice(TEXTS) + str(chance.random()), newline="")
    except OSError:
        pass
