"""Templates from a folder and from a git repository, friendly and hostile."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from building import app_builder
from plain_app import plain_template

from jupyter_appbuilder.errors import InvalidInput, NotFound, Unavailable
from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.templates.sources import fetch_template, is_source, parse_repository
from jupyter_appbuilder.templates.templates import find_template

MANIFEST = """
title = "Mine"
summary = "My own."
[serve]
command = ["node", "{template}/serve.mjs", "{port}", "{base}"]
"""


def template(folder: Path) -> Path:
    for path, text in {
        "template.toml": MANIFEST,
        "files/index.html": "<h1>mine</h1>",
        "files/bin/run": "#!/bin/sh\n",
        "runtime/serve.mjs": "//",
        "notes/secret.txt": "not part of a template",
        "files/node_modules/x/index.js": "not part either",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "files/bin/run").chmod(0o755)
    return folder


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def repository(folder: Path) -> str:
    """All that lies in ``folder``, committed; its address."""
    git(folder, "init", "-q")
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "-m", "all")
    return f"file://{folder}"


def held(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


COPIED = {"template.toml", "files/index.html", "files/bin/run", "runtime/serve.mjs"}


async def test_a_folder_becomes_a_template_that_stays_as_it_was(tmp_path: Path):
    source, shelf = template(tmp_path / "My Template"), tmp_path / "shelf"
    first = await fetch_template("./My Template", shelf, [tmp_path / "elsewhere", tmp_path])
    assert held(first.folder) == COPIED
    assert os.access(first.files / "bin/run", os.X_OK)
    assert first.name.startswith("my-template-")
    assert first.serve[1] == "/opt/template/serve.mjs"
    assert (await fetch_template(str(source), shelf)).folder == first.folder

    (source / "files/index.html").write_text("<h1>changed</h1>")
    second = await fetch_template(str(source), shelf)
    assert second.name != first.name
    assert (find_template(first.name, [shelf]).files / "index.html").read_text() == "<h1>mine</h1>"
    assert [path.name for path in shelf.iterdir() if path.name.startswith(".")] == []


async def test_a_repository_and_a_folder_in_it(tmp_path: Path):
    template(tmp_path / "many" / "deep" / "one")
    address = repository(tmp_path / "many")
    found = await fetch_template(f"{address}#deep/one", tmp_path / "shelf")
    assert held(found.folder) == COPIED
    assert os.access(found.files / "bin/run", os.X_OK)
    assert found.name.startswith("one-")
    same = await fetch_template(str(tmp_path / "many/deep/one"), tmp_path / "shelf")
    assert same.folder == found.folder
    with pytest.raises(InvalidInput, match=r"no template\.toml"):
        await fetch_template(address, tmp_path / "shelf")


async def test_a_repository_cannot_run_anything_or_bring_links(tmp_path: Path):
    proof = tmp_path / "it-ran"
    source = template(tmp_path / "hostile")
    (source / ".gitattributes").write_text("* filter=evil export-subst\n")
    (source / "files/index.html").write_text("$Format:%H$")
    address = repository(source)
    for name in ("post-checkout", "post-update", "reference-transaction"):
        hook = source / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {proof}\n")
        hook.chmod(0o755)
    for key, value in {
        "filter.evil.smudge": f"touch {proof}; cat",
        "uploadpack.packObjectsHook": f"touch {proof}; exec",
        "core.fsmonitor": f"touch {proof}",
    }.items():
        git(source, "config", key, value)
    found = await fetch_template(address, tmp_path / "shelf")
    assert (found.files / "index.html").read_text() == "$Format:%H$"
    assert not proof.exists()
    git(source, "status")  # the traps work for whoever uses git as it is
    assert proof.exists()

    linked = template(tmp_path / "linked")
    (linked / "files/passwd").symlink_to("/etc/passwd")
    for from_where in (str(linked), repository(linked)):
        with pytest.raises(InvalidInput, match="files/passwd is a link"):
            await fetch_template(from_where, tmp_path / "shelf")


async def test_a_link_to_a_folder_is_not_followed(tmp_path: Path):
    source = template(tmp_path / "hostile")
    (source / "files/etc").symlink_to("/etc")
    with pytest.raises(InvalidInput, match="files/etc is a link"):
        await fetch_template(str(source), tmp_path / "shelf")
    (source / "files/etc").unlink()
    os.mkfifo(source / "files/pipe")
    with pytest.raises(InvalidInput, match="files/pipe"):
        await fetch_template(str(source), tmp_path / "shelf")


async def test_what_is_too_large_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = template(tmp_path / "large")
    with (source / "files/big.bin").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(InvalidInput, match="larger than 64 MiB"):
        await fetch_template(str(source), tmp_path / "shelf")
    (source / "files/big.bin").write_bytes(os.urandom(3 * 1024 * 1024))
    address = repository(source)
    monkeypatch.setattr("jupyter_appbuilder.templates.sources.LARGEST", 2 * 1024 * 1024)
    with pytest.raises(InvalidInput, match="larger than 2 MiB"):
        await fetch_template(address, tmp_path / "shelf")
    monkeypatch.setattr("jupyter_appbuilder.templates.sources.LARGEST_PACK", 1024 * 1024)
    with pytest.raises(Unavailable, match="larger than 1 MiB"):
        await fetch_template(address, tmp_path / "shelf")


async def test_trees_that_hold_one_another_are_not_listed_to_their_end(tmp_path: Path):
    git(tmp_path, "init", "-q")

    def make(*arguments: str, given: str) -> str:
        line = ["git", *arguments]
        return subprocess.run(
            line, cwd=tmp_path, input=given, check=True, capture_output=True, text=True
        ).stdout.strip()

    blob = make("hash-object", "-w", "--stdin", given="x")
    tree = make("mktree", given=f"100644 blob {blob}\tx\n")
    for _ in range(5):  # 100**5 files
        tree = make("mktree", given="".join(f"040000 tree {tree}\td{number}\n" for number in range(100)))
    tree = make("mktree", given=f"100644 blob {blob}\ttemplate.toml\n040000 tree {tree}\tfiles\n")
    git(
        tmp_path,
        "update-ref",
        "HEAD",
        make("-c", "user.name=a", "-c", "user.email=a", "commit-tree", tree, given="all"),
    )
    with pytest.raises(InvalidInput, match="more than 5000 files"):
        await fetch_template(f"file://{tmp_path}", tmp_path / "shelf")


@pytest.mark.parametrize(
    "text", [f"title = {'[' * 100_000}", f'title = "{"x" * 300_000}"', MANIFEST.replace("Mine", "x" * 300)]
)
async def test_a_manifest_without_end_is_refused(tmp_path: Path, text: str):
    source = template(tmp_path / "endless")
    (source / "template.toml").write_text(text)
    with pytest.raises(InvalidInput):
        await fetch_template(str(source), tmp_path / "shelf")


async def test_a_token_in_an_address_is_in_no_error(tmp_path: Path):
    with pytest.raises(Unavailable) as caught:
        await fetch_template("https://ghp_token@localhost:1/t.git", tmp_path / "shelf")
    assert "ghp_token" not in f"{caught.value.message} {caught.value.hint}"


async def test_an_icon_that_is_none_is_left_out(tmp_path: Path):
    source = template(tmp_path / "icon")
    (source / "icon.svg").write_bytes(b"\xff\xfe")
    assert (await fetch_template(str(source), tmp_path / "shelf")).icon == ""


async def test_errors_name_the_thing_and_the_next_step(tmp_path: Path):
    shelf = tmp_path / "shelf"
    with pytest.raises(NotFound, match="There is no folder nowhere/x"):
        await fetch_template("nowhere/x", shelf, [tmp_path])
    with pytest.raises(Unavailable, match="could not be fetched from file:///nowhere") as caught:
        await fetch_template("file:///nowhere/x.git", shelf)
    assert "clone it yourself" in caught.value.hint
    broken = template(tmp_path / "broken")
    (broken / "template.toml").write_text(MANIFEST + "\n[chek]\ncommand = ['true']\n")
    with pytest.raises(InvalidInput, match=r"template.toml: chek is not a key") as caught:
        await fetch_template(str(broken), shelf)
    assert "Did you mean check?" in caught.value.hint
    assert list(shelf.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "ext::sh -c id",
        "http://x/y.git",
        "git://x/y",
        "https://me:secret@x/y.git",
        "ssh://x/y#../z",
        "fd::3/x",
        "https://me:secret@[x/y",
    ],
)
def test_addresses_that_git_is_not_asked(text: str):
    if "://" not in text:  # a path, for all we know: git never sees it
        assert parse_repository(text) is None
        return
    with pytest.raises(InvalidInput) as caught:
        parse_repository(text)
    assert "secret" not in str(caught.value)


def test_names_are_told_from_places():
    assert not any(map(is_source, ("react-vite", "my_template", "a.b")))
    assert all(map(is_source, ("./x", "~/x", "a/b", "/a", "https://x/y.git", "git@x:y/z.git", "git@x:y.git#z", "..")))


async def test_an_app_made_from_a_folder_is_found_again_and_rebuilds_from_its_notebook(tmp_path: Path):
    shelf = plain_template(tmp_path)
    source = shelf / "plain"
    async with app_builder(tmp_path, model="demo:recorded") as builder:
        session = await builder.create(name="mine", template=str(source))
        await session.ready()
        assert session.summary.template.startswith("plain-")
        assert session.summary.template not in builder.library.all()  # the list is not filled with copies
        await session.start_preview()
        assert session.app.server.state == "ready", session.app.server.message
        await session.call("write_file", {"path": "index.html", "content": "<h1>new</h1>"}, by="person")
        tree = await session.workspace.snapshot()
        session.notebook.changed()
        await session.notebook.flush()
        notebook, name = session.notebook.path, session.id
    shutil.rmtree(shelf)
    async with app_builder(tmp_path, model="demo:recorded") as builder:
        again = await builder.session(name)
        await again.start_preview()
        assert again.app.server.state == "ready", again.app.server.message
    assert (await replay(notebook, tmp_path / "replayed")).tree == tree


async def test_a_template_path_may_name_a_template(tmp_path: Path):
    source = plain_template(tmp_path) / "plain"
    async with app_builder(tmp_path, template_path=[str(source)]) as builder:
        assert builder.library.find("plain").folder == source
        assert "plain" in builder.library.all()
