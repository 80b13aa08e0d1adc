from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
from refusing_disk import locked, no_file_above

from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound, Unavailable
from jupyter_appbuilder.workspace import FileChange, Workspace, pack, tree_of, unpack


def git(folder: Path, *arguments: str) -> str:
    """Git as a person runs it in a terminal."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


async def test_a_new_workspace_holds_the_template_and_its_tree_is_what_git_says(make, template):
    workspace = await make()
    assert [file.path for file in await workspace.list()] == [
        ".gitignore",
        "index.html",
        "run.sh",
        "src/App.tsx",
        "src/logo.bin",
    ]
    tree = await workspace.snapshot()
    assert tree == git(workspace.app, "rev-parse", "HEAD^{tree}") == tree_of(template)
    assert [file.binary for file in await workspace.list("src")] == [False, True]


async def test_git_in_a_terminal_inside_the_app_works_and_finds_nothing_to_commit(make):
    workspace = await make()
    await workspace.write("src/new.ts", "export const a = 1;\n")
    await workspace.checkpoint("Add a constant")
    assert git(workspace.app, "log", "--format=%s").splitlines() == ["Add a constant", "Start from the template"]
    assert git(workspace.app / "src", "status", "--porcelain") == ""
    git(workspace.folder, "fsck", "--strict")


async def test_a_hand_made_index_is_not_disturbed(make):
    workspace = await make()
    (workspace.app / "index.html").write_text("mine\n")
    git(workspace.app, "add", "index.html")
    await workspace.write("src/new.ts", "1\n")
    await workspace.checkpoint("Something else")
    assert git(workspace.app, "diff", "--cached", "--name-only", "HEAD~1") == "index.html"


async def test_the_tree_is_the_same_as_the_one_git_makes_for_odd_names(make):
    workspace = await make()
    for path in ["a.b/c", "a/b", "a-b", "a0", "ü ñ/日本.txt", "deep/er/and/deeper.txt", "sp ace", "x/.gitignore"]:
        await workspace.write(path, f"{path}\n")
    os.symlink("App.tsx", workspace.app / "src" / "link.tsx")
    tree = await workspace.snapshot()
    git(workspace.app, "add", "-A", "-f", ".")
    assert git(workspace.app, "write-tree") == tree


UNENDING = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""At each of these, too, ``str.splitlines`` begins a line."""


@pytest.mark.parametrize(
    ("rules", "path", "ignored"),
    [
        ("dist", "dist/a.js", True),
        ("dist/", "dist", False),
        ("/dist", "src/dist/a.js", False),
        ("src/dist", "lib/src/dist/a", False),
        ("*.log", "a/b/c.log", True),
        ("*.log\n!keep.log", "a/keep.log", False),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "a/b", True),
        ("**/foo/bar", "x/foo/bar", True),
        ("abc/**", "abc/d/e", True),
        ("build\n!build/keep", "build/keep", True),
        ("*.[oa]", "x/lib.a", True),
        ("*.[!oa]", "x/lib.a", False),
        ("\\!important", "!important", True),
        ("\\#hash", "#hash", True),
        ("trailing   ", "trailing", True),
        ("escaped\\ ", "escaped ", True),
        ("# comment", "# comment", False),
        ("f?o", "fxo", True),
        ("foo*bar*baz", "foo1bar2baz", True),
        ("foo*bar*baz", "foo1baz2bar", False),
        ("a[", "a[", False),
        ("[[:digit:]]x", "notes", False),
        ("te**st", "texxst", True),
        ("/*\n!/src", "src/a", False),
        ("/*\n!/src", "lib/a", True),
        ("foo//bar", "foo/bar", False),
        # Only a line feed ends a line.
        *((f"a{mark}dist", "dist", False) for mark in UNENDING),
        *((f"a{mark}dist", f"a{mark}dist", True) for mark in UNENDING),
        ("*.log\r\ndist/\r", "dist/a", True),
        ("\ufeffdist", "dist", True),
        ("a\n\ufeffdist", "dist", False),
        ("a\\\\  ", "a\\", True),
        ("a\\\\\\  ", "a\\ ", True),
    ],
)
async def test_gitignore_is_read_as_git_reads_it(make, rules, path, ignored):
    workspace = await make()
    await workspace.write(".gitignore", rules + "\n")
    target = workspace.app / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("x\n")
    listed = path in [file.path for file in await workspace.list()]
    said = subprocess.run(["git", "check-ignore", "-q", "--no-index", path], cwd=workspace.app).returncode == 0
    assert said is ignored
    assert listed is not ignored


async def test_a_hostile_ignore_pattern_takes_no_time(make):
    workspace = await make()
    await workspace.write(".gitignore", "*a" * 60 + "b\n" + "**/a*" * 4 + "b\n" + "**/" * 200 + "x\n")
    await workspace.write("a" * 200, "x")
    await asyncio.wait_for(workspace.snapshot(), 10)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../secret",
        "src/../../secret",
        "src/..",
        "a\0b",
        ".git/config",
        "src/.GIT/hooks/pre-commit",
        "src\\App.tsx",
        "out/secret",
        "out",
        "deep/link",
        "\ud800",
        "x" * 300,
    ],
)
async def test_no_path_leaves_the_app(make, tmp_path, path):
    workspace = await make()
    (tmp_path / "secret").write_text("s3cret")
    os.symlink(tmp_path, workspace.app / "out")
    (workspace.app / "deep").mkdir()
    os.symlink("../../../../secret", workspace.app / "deep" / "link")
    with pytest.raises(InvalidInput):
        workspace.resolve(path)
    for attempt in (workspace.read(path), workspace.read_text(path), workspace.write(path, "x")):
        with pytest.raises(InvalidInput):
            await attempt
    with pytest.raises(InvalidInput):
        await workspace.rename("index.html", path if path not in ("out", "deep/link") else "out/x")
    assert (tmp_path / "secret").read_text() == "s3cret"


async def test_a_folder_swapped_for_a_link_after_the_check_is_not_followed(make, tmp_path, monkeypatch):
    workspace = await make()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "App.tsx").write_text("secret")
    from jupyter_appbuilder.workspace import workspace as module

    checked = module.inside

    def swap(root: Path, path: str, **options: bool) -> tuple[str, ...]:
        parts = checked(root, path, **options)
        shutil.rmtree(workspace.app / "src", ignore_errors=True)
        if not (workspace.app / "src").is_symlink():
            os.symlink(outside, workspace.app / "src")
        return parts

    monkeypatch.setattr(module, "inside", swap)
    for attempt in (
        workspace.read("src/App.tsx"),
        workspace.write("src/App.tsx", "x"),
        workspace.delete("src/App.tsx"),
    ):
        with pytest.raises((InvalidInput, Conflict, NotFound)):
            await attempt
        (workspace.app / "src").unlink()
        (workspace.app / "src").mkdir()
    assert (outside / "App.tsx").read_text() == "secret"


async def test_links_within_the_app_work_and_deleting_one_leaves_its_target(make):
    workspace = await make()
    os.symlink("src", workspace.app / "source")
    assert "Hello" in await workspace.read_text("source/App.tsx")
    await workspace.delete("source")
    assert (workspace.app / "src" / "App.tsx").exists()


async def test_dependencies_cannot_be_written(make):
    workspace = await make()
    with pytest.raises(InvalidInput, match="install_packages"):
        await workspace.write("node_modules/react/index.js", "x")


async def test_reading_says_what_is_wrong(make):
    workspace = await make()
    with pytest.raises(NotFound, match=r"no file src/Nope\.tsx"):
        await workspace.read("src/Nope.tsx")
    with pytest.raises(NotFound):
        await workspace.read("index.html/x")
    with pytest.raises(InvalidInput, match="is a folder"):
        await workspace.read_text("src")
    with pytest.raises(InvalidInput, match="not a text file"):
        await workspace.read_text("src/logo.bin")
    (workspace.app / "big.txt").write_text("x" * 2_100_000)
    with pytest.raises(InvalidInput, match="too large"):
        await workspace.read_text("big.txt")
    os.mkfifo(workspace.app / "pipe")
    with pytest.raises(InvalidInput, match="cannot be read"):
        await asyncio.wait_for(workspace.read("pipe"), 5)


async def test_what_the_file_system_refuses_is_told_as_it_is(make):
    workspace = await make()
    os.mkfifo(workspace.app / "pipe")
    for refused in (workspace.delete("pipe"), workspace.write("pipe", "x")):
        with pytest.raises(Conflict, match=r"^pipe cannot be .*: not a regular file\.") as caught:
            await refused
        assert "ls -la" in caught.value.hint
    with no_file_above(1_000_000), pytest.raises(Unavailable, match=r"disk of .* is full") as told:
        await workspace.write("large.txt", "x" * 2_000_000)
    assert "Make room" in told.value.hint
    with locked(workspace.app / "src"):
        for refused in (
            workspace.delete("src/App.tsx"),
            workspace.write("src/App.tsx", "x"),
            workspace.rename("src/App.tsx", "App.tsx"),
            workspace.rename("index.html", "src/index.html"),
        ):
            with pytest.raises(
                Conflict, match=r"cannot be .*: (Permission denied|Operation not permitted)\."
            ) as caught:
                await refused
            assert "rights" in caught.value.hint
    assert await workspace.delete("src/App.tsx")


async def test_writing_counts_lines_and_keeps_the_executable_bit(make):
    workspace = await make()
    change = await workspace.write("src/App.tsx", "export default function App() {\n  return null;\n}\n// end\n")
    assert change == FileChange("src/App.tsx", "modified", 2, 1)
    assert await workspace.write("a/b/c.txt", "1\n2\n") == FileChange("a/b/c.txt", "created", 2, 0)
    await workspace.write("run.sh", "#!/bin/sh\necho bye\n")
    assert os.access(workspace.app / "run.sh", os.X_OK)
    assert await workspace.delete("a/b/c.txt") == FileChange("a/b/c.txt", "deleted", 0, 2)
    assert not (workspace.app / "a").exists()
    assert await workspace.outside_changes() == []


async def test_a_reader_never_sees_half_a_file(make):
    workspace = await make()
    sizes: set[int] = set()
    path = workspace.app / "src" / "App.tsx"

    async def watch() -> None:
        while True:
            sizes.add(len(await asyncio.to_thread(path.read_bytes)))

    await workspace.write("src/App.tsx", "x" * 1_000_000)
    watcher = asyncio.create_task(watch())
    for letter in "abcdefgh":
        await workspace.write("src/App.tsx", letter * 1_000_000)
        assert [name for name in os.listdir(path.parent) if name not in ("App.tsx", "logo.bin")] == []
    watcher.cancel()
    assert sizes == {1_000_000}


async def test_renaming_files_and_folders(make):
    workspace = await make()
    changes = await workspace.rename("src", "lib/app")
    assert [(change.path, change.change) for change in changes] == [
        ("src/App.tsx", "deleted"),
        ("lib/app/App.tsx", "created"),
        ("src/logo.bin", "deleted"),
        ("lib/app/logo.bin", "created"),
    ]
    with pytest.raises(Conflict, match="already exists"):
        await workspace.rename("index.html", "lib/app/App.tsx")
    with pytest.raises(NotFound):
        await workspace.rename("nope", "elsewhere")
    with pytest.raises(InvalidInput):
        await workspace.rename("lib", "lib/inner")
    assert await workspace.outside_changes() == []


async def test_edits_by_hand_are_told_with_a_patch_that_makes_them_again(make, tmp_path, template):
    workspace = await make()
    await workspace.write("src/ours.ts", "1\n")
    (workspace.app / "src" / "App.tsx").write_text("by hand\n")
    (workspace.app / "notes.txt").write_text("note")
    (workspace.app / "latin.txt").write_bytes("caf\xe9\n".encode("latin-1"))
    (workspace.app / "index.html").unlink()
    (workspace.app / "src" / "logo.bin").write_bytes(b"\0" * 10)
    (workspace.app / "run.sh").chmod(0o644)
    (workspace.app / ".gitignore").unlink()
    os.symlink("run.sh", workspace.app / ".gitignore")
    found = await workspace.outside_changes()
    assert [(change.path, change.change) for change, _ in found] == [
        ("index.html", "deleted"),  # what goes is told before what comes
        (".gitignore", "modified"),
        ("latin.txt", "created"),
        ("notes.txt", "created"),
        ("run.sh", "modified"),
        ("src/App.tsx", "modified"),
        ("src/logo.bin", "modified"),
    ]
    assert await workspace.outside_changes() == []

    copy = Workspace(tmp_path / "copy")
    await copy.create(template)
    await copy.write("src/ours.ts", "1\n")
    for _, patch in found:
        patch.encode()
        await copy.apply(patch)
    assert await copy.snapshot() == await workspace.snapshot()
    assert await copy.outside_changes() == []


async def test_an_edit_by_hand_that_we_write_over_is_still_told(make):
    workspace = await make()
    (workspace.app / "index.html").write_text("by hand\n")
    await workspace.write("index.html", "ours\n")
    ((change, patch),) = await workspace.outside_changes()
    assert change.path == "index.html"
    assert "+by hand" in patch


async def test_an_in_place_edit_of_the_same_size_is_noticed(make):
    workspace = await make()
    await workspace.write("a.txt", "1111\n")
    for content in ("2222\n", "3333\n", "4444\n"):
        with open(workspace.app / "a.txt", "r+") as file:
            file.write(content)
        assert [change.path for change, _ in await workspace.outside_changes()] == ["a.txt"]


async def test_changing_ignore_rules_is_not_taken_for_an_edit_by_hand(make):
    workspace = await make()
    await workspace.write(".gitignore", "src/\n")
    assert await workspace.outside_changes() == []
    assert "src/App.tsx" not in [file.path for file in await workspace.list()]
    await workspace.delete(".gitignore")
    assert await workspace.outside_changes() == []
    assert "src/App.tsx" in [file.path for file in await workspace.list()]


async def test_what_the_log_does_not_explain_after_a_crash_is_an_outside_change(make):
    workspace = await make()
    await workspace.write("settled.txt", "1\n")
    await workspace.commit_known()
    await workspace.write("lost.txt", "1\n")
    reopened = Workspace(workspace.folder)
    assert [change.path for change, _ in await reopened.outside_changes()] == ["lost.txt"]


async def test_checkpoints_tell_what_they_changed(make):
    workspace = await make()
    assert await workspace.checkpoint("Nothing") is None
    await workspace.write("src/App.tsx", "new\n")
    await workspace.delete("src/logo.bin")
    made = await workspace.checkpoint("Make it new\n\nwith details")
    assert made is not None
    assert (made.title, made.files, made.added, made.removed) == ("Make it new", 2, 1, 3)
    assert await workspace.checkpoint("Nothing") is None
    first, last = reversed(await workspace.checkpoints())
    assert last == made
    assert (first.title, first.parent, first.files) == ("Start from the template", None, 5)
    assert "+new" in await workspace.diff(made.id)
    assert "+<div id=root></div>" in await workspace.diff(first.id)
    for unknown in ("0" * 40, "HEAD", "--help", "../x"):
        with pytest.raises(NotFound):
            await workspace.diff(unknown)


async def test_restoring_goes_back_as_a_new_version_that_can_itself_be_undone(make):
    workspace = await make()
    start = (await workspace.checkpoints())[0]
    await workspace.write("src/App.tsx", "second\n")
    await workspace.write("src/extra/deep.ts", "1\n")
    await workspace.delete("index.html")
    second = await workspace.checkpoint("Second")
    assert second is not None
    (workspace.app / "dist").mkdir()
    (workspace.app / "dist" / "out.js").write_text("ignored")
    untouched = (workspace.app / "run.sh").stat().st_ino

    back, patch, _ = await workspace.restore(start.id)
    assert (back.tree, back.parent, back.title) == (start.tree, second.id, 'Restore "Start from the template"')
    assert await workspace.snapshot() == start.tree
    assert "second" in patch
    assert not (workspace.app / "src" / "extra").exists()
    assert (workspace.app / "dist" / "out.js").exists()
    assert (workspace.app / "run.sh").stat().st_ino == untouched
    assert await workspace.outside_changes() == []

    await workspace.restore(second.id)
    assert await workspace.snapshot() == second.tree
    again, *_ = await workspace.restore(back.id)
    assert (again.tree, again.title) == (start.tree, back.title)
    assert len(await workspace.checkpoints()) == 5


async def test_edits_by_hand_survive_a_restore_in_a_version_of_their_own(make):
    workspace = await make()
    start = (await workspace.checkpoints())[0]
    (workspace.app / "precious.txt").write_text("typed by hand\n")
    await workspace.restore(start.id)
    assert not (workspace.app / "precious.txt").exists()
    _, by_hand, _ = await workspace.checkpoints()
    assert by_hand.title == "Edits by hand"
    await workspace.restore(by_hand.id)
    assert (workspace.app / "precious.txt").read_text() == "typed by hand\n"


async def test_a_patch_that_does_not_fit_changes_nothing(make):
    workspace = await make()
    before = await workspace.snapshot()
    await workspace.write("src/App.tsx", "one\n")
    patch = await workspace.patch(before, await workspace.snapshot())
    await workspace.write("src/App.tsx", "two\n")
    now = await workspace.snapshot()
    with pytest.raises(Conflict, match="does not apply"):
        await workspace.apply(patch)
    for hostile in ("../evil.txt", ".git/hooks/post-commit", "/tmp/evil.txt"):
        with pytest.raises(Conflict):
            await workspace.apply(
                f"diff --git a/{hostile} b/{hostile}\nnew file mode 100644\n--- /dev/null\n+++ b/{hostile}\n"
                "@@ -0,0 +1 @@\n+evil\n"
            )
    assert await workspace.snapshot() == now
    assert await workspace.apply("") == []


async def test_a_repository_made_inside_the_app_is_never_used_and_its_files_are_kept(make, tmp_path):
    workspace = await make()
    marker = tmp_path / "ran"
    nested = workspace.app / "vendor"
    for place in (workspace.app, nested):
        place.mkdir(exist_ok=True)
        git(place, "-c", "init.defaultBranch=x", "init", "-q")
        (place / ".git" / "hooks" / "post-index-change").write_text(f"#!/bin/sh\ntouch {marker}\n")
        (place / ".git" / "hooks" / "post-index-change").chmod(0o755)
        with open(place / ".git" / "config", "a") as config:
            config.write(f'[core]\nfsmonitor = "touch {marker}"\n[filter "x"]\nclean = touch {marker}\nrequired\n')
            config.write(f'[diff "x"]\ntextconv = touch {marker}\ncommand = touch {marker}\n')
    (workspace.app / ".gitattributes").write_text("* filter=x diff=x text=auto\n")
    (nested / "lib.ts").write_text("kept\r\n")
    found = {change.path: patch for change, patch in await workspace.outside_changes()}
    assert list(found) == [".gitattributes", "vendor/lib.ts"]
    made = await workspace.checkpoint("With a nested repository")
    assert made is not None
    await workspace.diff(made.id)
    shutil.rmtree(nested)
    await workspace.restore(made.id)
    assert (nested / "lib.ts").read_bytes() == b"kept\r\n"
    assert not marker.exists()


async def test_a_zip_holds_the_app_and_no_secret_and_is_the_same_every_time(make, tmp_path):
    workspace = await make()
    (tmp_path / "secret").write_text("s3cret")
    for name in (".env", ".env.local", "src/.env.production.local"):
        (workspace.app / name).write_text("KEY=s3cret\n")
    (workspace.app / "node_modules").mkdir()
    (workspace.app / "node_modules" / "x.js").write_text("x")
    os.symlink(tmp_path / "secret", workspace.app / "leak")
    os.symlink("../.env", workspace.app / "src" / "env")
    os.symlink("App.tsx", workspace.app / "src" / "same.tsx")
    content = await workspace.zip()
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.namelist() == [
        ".gitignore", "index.html", "run.sh", "src/App.tsx", "src/logo.bin", "src/same.tsx",
    ]  # fmt: skip
    assert all(b"s3cret" not in archive.read(name) for name in archive.namelist())
    assert archive.getinfo("run.sh").external_attr >> 16 == 0o100755
    await workspace.write("index.html", await workspace.read("index.html"))
    assert await workspace.zip() == content


async def test_packed_files_come_out_as_they_went_in(make, tmp_path):
    workspace = await make()
    text = await workspace.archive()
    assert max(map(len, text.splitlines())) <= 120
    unpack(text, tmp_path / "out")
    assert tree_of(tmp_path / "out") == await workspace.snapshot()


@pytest.mark.parametrize("path", ["../evil", "/tmp/evil", "a/../../evil", ".git/config", "node_modules/x", ""])
def test_packed_files_cannot_leave_their_folder(tmp_path, path):
    import base64
    import json
    import lzma

    text = base64.b85encode(lzma.compress(json.dumps({"ok.txt": {"text": "x"}, path: {"text": "evil"}}).encode()))
    with pytest.raises(InvalidInput):
        unpack(text.decode(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_damaged_packed_files_say_so(tmp_path, template):
    text = pack(template)
    for damaged in ("", "not packed", text[: len(text) // 2], text.replace(text[10:20], "!" * 10)):
        with pytest.raises(InvalidInput, match="cannot be read"):
            unpack(damaged, tmp_path / "out")


async def test_an_existing_app_is_not_written_over(make, template):
    workspace = await make()
    with pytest.raises(Conflict, match="already holds"):
        await Workspace(workspace.folder).create(template)


async def test_missing_git_says_what_to_install(tmp_path, template, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="apt install git"):
        await Workspace(tmp_path / "app").create(template)


async def test_cancelling_a_write_leaves_a_whole_file_and_a_truthful_record(make):
    workspace = await make()
    task = asyncio.create_task(workspace.write("big.txt", "x" * 5_000_000))
    await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    changes = await workspace.outside_changes()
    assert changes == []
    assert not (workspace.app / "big.txt").exists() or (workspace.app / "big.txt").stat().st_size == 5_000_000


async def test_a_snapshot_of_an_unchanged_app_reads_no_file(make, monkeypatch):
    workspace = await make()
    past = time.time() - 100
    for file in await workspace.list():
        os.utime(workspace.app / file.path, (past, past))
    from jupyter_appbuilder.workspace import scan as module

    monkeypatch.setattr(module, "RACY", -(10**12))
    await workspace.snapshot()
    opened: list[str] = []
    read = module.read_at
    monkeypatch.setattr(module, "read_at", lambda folder, name, limit: opened.append(name) or read(folder, name, limit))
    await workspace.snapshot()
    assert set(opened) <= {".gitignore"}


async def test_the_copies_that_jupyterlabs_editor_keeps_are_nobodys_change(make):
    workspace = await make()
    copy = workspace.app / "src" / ".ipynb_checkpoints" / "App-checkpoint.tsx"
    copy.parent.mkdir(parents=True)
    copy.write_text("export default 1\n")
    assert await workspace.outside_changes() == []
    assert [file.path for file in await workspace.list() if "checkpoint" in file.path] == []


async def test_a_file_may_have_any_name(make):
    workspace = await make()
    for name in ("a\x01b", "\x01", "line\nbreak", "tab\tname", "diff --git a"):
        (workspace.app / name).write_text("x\n")
    assert len(await workspace.outside_changes()) == 5
    kept = await workspace.checkpoint("Odd names", of_known_tree=True)
    assert kept is not None
    assert (kept.files, kept.added) == (5, 5)
    assert [one.title for one in await workspace.checkpoints()] == ["Odd names", "Start from the template"]
