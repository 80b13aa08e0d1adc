"""Making git, run by the person or by the host, do what the app's code wants."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from jupyter_appbuilder.errors import AppBuilderError

from .conftest import MakeBox
from .test_host_operations import workspace_of


def git(folder: Path, *arguments: str) -> str:
    """git as a person runs it in a terminal in ``folder``."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    result = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return result.stdout + result.stderr


def make_repository(folder: Path, mark: Path) -> None:
    """On the host, to see that the trap works: a repository whose monitor writes ``mark``."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    git(folder, "config", "core.fsmonitor", f"touch {mark}; false")


async def test_the_trap_works_where_a_repository_is_allowed(tmp_path: Path):
    make_repository(tmp_path / "repository", tmp_path / "owned")
    git(tmp_path / "repository", "status")
    assert (tmp_path / "owned").exists()


async def test_no_command_leaves_a_repository_for_the_persons_git(box: MakeBox, tmp_path: Path):
    async with box() as here:
        workspace = await workspace_of(here)
        mark = tmp_path / "owned"
        script = f"""
            for d in . sub sub/deep 'with space' .hidden elsewhere; do
              mkdir -p "$d" && git init -q "$d" && git -C "$d" config core.fsmonitor 'touch {mark}; false'
            done
            mv elsewhere/.git repository; mkdir pointing; echo 'gitdir: ../repository' > pointing/.git; chmod 500 sub
            find . -name .git | wc -l; ls
        """
        result = await here.run(script)
        assert int(result.stdout.split()[0]) >= 4, result.stdout + result.stderr
        for folder in (here.app, *(path for path in here.app.rglob("*") if path.is_dir())):
            git(folder, "status")
            git(folder, "diff")
        assert not mark.exists()
        assert [path for path in here.app.rglob(".git") if path != here.app / ".git"] == []
        assert await workspace.checkpoint("After") is not None


async def test_a_bare_repository_in_a_folder_is_defused(box: MakeBox, tmp_path: Path):
    """Git takes any folder with HEAD, objects and refs for a repository, and a HEAD that names a common one, too."""
    mark = tmp_path / "owned"
    config = (
        f'[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n\tfsmonitor = "touch {mark}; false"\n'
    )
    allowed = tmp_path / "allowed"
    (allowed / "objects").mkdir(parents=True)
    (allowed / "refs").mkdir()
    (allowed / "HEAD").write_text("ref: refs/heads/main\n")
    (allowed / "config").write_text(config)
    git(allowed, "status")
    assert mark.exists()
    mark.unlink()
    async with box() as here:
        script = """
import os, sys
def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").write(text)
for folder in ("bare", "deep/bare", "common"):
    os.makedirs(folder + "/objects"); os.makedirs(folder + "/refs")
    put(folder + "/config", sys.argv[1])
    if folder != "common": put(folder + "/HEAD", "ref: refs/heads/main\\n")
put("tree/HEAD", "ref: refs/heads/main\\n"); put("tree/commondir", "../common\\n"); put("tree/gitdir", "x\\n")
put("fine/HEAD", "an ordinary file")
print("made")
"""
        assert "made" in (await here.python(script, config)).stdout
        for folder in ("bare", "deep/bare", "common", "tree", "."):
            git(here.app / folder, "status")
        assert not mark.exists()
        assert (here.app / "fine" / "HEAD").read_text() == "an ordinary file"


async def test_a_repository_the_dev_server_makes_meanwhile_is_removed_soon(usual: MakeBox, tmp_path: Path):
    """Between commands, too: the person may open a terminal at any moment."""
    server = (
        "import http from 'node:http'; import fs from 'node:fs';"
        "http.createServer((request, response) => { fs.mkdirSync('sub/.git/objects', { recursive: true });"
        "fs.writeFileSync('sub/.git/config', '[core]'); fs.writeFileSync('sub/.git/HEAD', 'ref: refs/heads/main');"
        "response.end('made') }).listen(Number(process.argv[2]), '127.0.0.1')"
    )
    async with usual() as here:
        workspace = await workspace_of(here)
        (here.app / "server.mjs").write_text(server)
        started = await here.sandbox.serve("/base/")
        assert started.state == "ready", started.message
        place = here.app / "sub" / ".git"
        assert (here.app / "sub").exists()
        began = time.monotonic()
        while place.exists() and time.monotonic() - began < 30:
            await asyncio.sleep(0.1)
        assert not place.exists()
        assert all(".git" not in file.path for file in await workspace.list())


async def test_the_hosts_git_runs_nothing_of_the_app(usual: MakeBox, tmp_path: Path):
    mark = tmp_path / "owned"
    async with usual() as here:
        workspace = await workspace_of(here)
        run = f"touch {mark}"
        files = {
            ".gitattributes": "* filter=x diff=x merge=x text eol=crlf working-tree-encoding=UTF-16 ident\n",
            ".gitmodules": f'[submodule "x"]\n\tpath = sub\n\turl = ext::sh -c "{run}"\n\tupdate = !{run}\n',
            ".gitconfig": f'[core]\n\tfsmonitor = {run}\n\thooksPath = hooks\n[filter "x"]\n\tclean = {run}\n',
            "hooks/post-commit": f"#!/bin/sh\n{run}\n",
            ".mailmap": "x\n",
            "a.txt": "$Id$ $Format:%H$\nline\n",
        }
        for name, text in files.items():
            await workspace.write(name, text)
        settings = (here.app.parent / ".git" / "config").read_text()
        await here.run("chmod +x hooks/*; ln -s ../../.git/hooks inside; mkdir -p .git/hooks; echo x > .git/config")
        first = await workspace.checkpoint("With attributes")
        assert first
        await workspace.write("a.txt", "$Id$\nother\n")
        second = await workspace.checkpoint("Changed")
        assert second
        for point in (first, second):
            await workspace.diff(point.id)
        await workspace.restore(first.id)
        assert await workspace.read("a.txt") == files["a.txt"].encode()  # not filtered, converted or expanded
        assert not mark.exists()
        assert (here.app.parent / ".git" / "config").read_text() == settings


def added(path: str, *lines: str, mode: str = "100644") -> str:
    body = "".join(f"+{line}\n" for line in lines)
    head = f"diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n"
    return f"{head}@@ -0,0 +1,{len(lines)} @@\n{body}"


NO_NEWLINE = "\\ No newline at end of file\n"


@pytest.mark.parametrize(
    "patch",
    [
        added("../outside.txt", "x"),
        added(".git/hooks/x", "x", mode="100755"),
        added("sub/.GIT/config", "x"),
        added("link", "../../outside", mode="120000") + NO_NEWLINE + added("link/x", "x"),
        added("sub", "Subproject commit 0123456789012345678901234567890123456789", mode="160000"),
        added("/etc/owned", "x"),
    ],
)
async def test_a_patch_of_a_notebook_cannot_leave_the_app(usual: MakeBox, tmp_path: Path, patch: str):
    async with usual() as here:
        workspace = await workspace_of(here)
        await workspace.apply(added("f", "x"))
        assert await workspace.read("f") == b"x\n"
        outside = here.app.parent.parent.parent / "outside"
        outside.mkdir()
        with suppress(AppBuilderError):
            await workspace.apply(patch)
        assert list(outside.iterdir()) == []
        assert not (here.app.parent / "outside.txt").exists()
        assert not (here.app.parent / ".git" / "hooks" / "x").exists()
        assert not (here.app / ".git" / "hooks").exists()
        assert not Path("/etc/owned").exists()
        assert not [path for path in here.app.rglob("*") if path.name.lower() == ".git" and path != here.app / ".git"]
