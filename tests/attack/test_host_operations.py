"""What the host does with files that generated code made, or is changing at this very moment."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from jupyter_appbuilder.errors import AppBuilderError, InvalidInput
from jupyter_appbuilder.sandbox.local.processes.disk import Quota
from jupyter_appbuilder.workspace import Workspace
from jupyter_appbuilder.workspace.archive import pack, tree_of
from jupyter_appbuilder.workspace.folder import remove_tree

from .conftest import SECRET, Box, MakeBox

SWAP_SECONDS = 1.5


async def workspace_of(here: Box) -> Workspace:
    """The host's hands on the app of a sandbox."""
    workspace = Workspace(here.app.parent)
    template = here.app.parent / "template"
    template.mkdir()
    (template / "index.html").write_text("<p>first</p>\n")
    await workspace.create(template)
    return workspace


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@asynccontextmanager
async def swapping(here: Box, name: str, target: Path) -> AsyncGenerator[None]:
    """While this lasts, code in the sandbox swaps ``name`` for a link to ``target`` and back, all the time."""
    (here.app / "swap.py").write_text((Path(__file__).parent / "tools" / "swap.py").read_text())
    told = asyncio.Event()
    process = await here.sandbox.start(
        ["/usr/bin/python3", "swap.py", name, str(target), str(SWAP_SECONDS)], on_output=lambda *_: told.set()
    )
    try:
        await asyncio.wait_for(told.wait(), 20)
        yield
    finally:
        await process.kill()
        await process.wait()


async def test_what_a_link_leads_to_is_never_read_written_or_deleted(usual: MakeBox, secret: Path):
    async with usual() as here:
        workspace = await workspace_of(here)
        result = await here.run(f"ln -s {secret.parent} out && ln -s {secret} file && ls -l out file")
        assert result.exit_code == 0
        assert (here.app / "out" / "secret.txt").read_text() == SECRET  # on the host the link does lead there
        for path in ("out/secret.txt", "file"):
            with pytest.raises(AppBuilderError):
                await workspace.read(path)
            with pytest.raises(AppBuilderError):
                await workspace.write(path, "owned")
        with pytest.raises(AppBuilderError):
            await workspace.delete("out/secret.txt")
        with pytest.raises(AppBuilderError):
            await workspace.rename("out/secret.txt", "mine.txt")
        with pytest.raises(AppBuilderError):
            await workspace.write("out/new/deep.txt", "owned")
        await workspace.checkpoint("With links")
        assert SECRET.encode() not in await workspace.zip()
        assert SECRET not in zip_text(await workspace.zip())
        assert tree(secret.parent) == {"secret.txt": SECRET.encode()}


async def test_a_folder_swapped_for_a_link_while_the_host_writes_leads_nowhere(usual: MakeBox, secret: Path):
    async with usual() as here:
        workspace = await workspace_of(here)
        done = 0
        async with swapping(here, "src", secret.parent):
            while done < 150:
                done += 1
                with suppress(AppBuilderError):
                    await workspace.write("src/planted.txt", "owned")
                with suppress(AppBuilderError):
                    await workspace.write("src/secret.txt", "owned")
        assert tree(secret.parent) == {"secret.txt": SECRET.encode()}


async def test_a_folder_swapped_for_a_link_while_the_host_reads_tells_nothing(usual: MakeBox, secret: Path):
    async with usual() as here:
        workspace = await workspace_of(here)
        (here.app / "src").mkdir()
        (here.app / "src" / "secret.txt").write_text("harmless")
        seen = b""
        async with swapping(here, "src", secret.parent):
            for _ in range(60):
                with suppress(AppBuilderError):
                    seen += await workspace.read("src/secret.txt")
                seen += zip_text(await workspace.zip()).encode()
                await workspace.snapshot()
        assert b"harmless" in seen
        assert SECRET.encode() not in seen
        patch = await workspace.patch((await workspace.checkpoints())[0].tree, await workspace.snapshot())
        assert SECRET not in patch


async def test_a_folder_swapped_for_a_link_while_the_host_deletes_saves_nothing_elsewhere(usual: MakeBox, secret: Path):
    async with usual() as here:
        workspace = await workspace_of(here)
        async with swapping(here, "src", secret.parent):
            for _ in range(120):
                with suppress(AppBuilderError):
                    await workspace.delete("src/secret.txt")
                with suppress(AppBuilderError):
                    await workspace.rename("src/secret.txt", "stolen.txt")
        assert tree(secret.parent) == {"secret.txt": SECRET.encode()}
        assert not (here.app / "stolen.txt").exists()


async def test_going_back_to_a_version_does_not_write_through_a_link(usual: MakeBox, secret: Path):
    async with usual() as here:
        workspace = await workspace_of(here)
        await workspace.write("src/secret.txt", "from the first version")
        first = await workspace.checkpoint("First")
        assert first
        assert (await here.run(f"rm -r src && ln -s {secret.parent} src")).exit_code == 0
        with suppress(AppBuilderError):
            await workspace.restore(first.id)
        assert tree(secret.parent) == {"secret.txt": SECRET.encode()}


async def test_looking_for_repositories_does_not_follow_a_swapped_folder(usual: MakeBox, tmp_path: Path):
    """After each command, repositories below the app are removed: the person's own must not be."""
    projects = tmp_path / "projects"
    for number in range(3):
        (projects / f"p{number}" / ".git" / "hooks").mkdir(parents=True)
        (projects / f"p{number}" / ".git" / "config").write_text("[core]\n")
    before = tree(projects)
    async with usual() as here:
        await here.run("mkdir -p src/p0/.git src/p1/.git; for n in $(seq 300); do mkdir -p src/p0/d$n; done")
        assert not (here.app / "src/p0/.git").exists()  # such a one is found and removed
        async with swapping(here, "src", projects):
            for _ in range(25):
                await here.run("mkdir -p src/p0/.git src/p1/.git src/p2/.git 2>/dev/null")
    assert tree(projects) == before


async def test_pipes_sockets_and_devices_hold_nobody_up(usual: MakeBox):
    async with usual() as here:
        workspace = await workspace_of(here)
        script = """
import os, socket
for name in ("pipe", ".gitignore", "package.json", "package-lock.json", "src/.gitignore"):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    os.mkfifo(name)
socket.socket(socket.AF_UNIX).bind("socket")
print(sorted(os.listdir(".")))
"""
        made = await here.python(script)
        assert "'pipe'" in made.stdout
        assert "'socket'" in made.stdout
        async with asyncio.timeout(20):
            assert "pipe" not in [file.path for file in await workspace.list()]
            await workspace.checkpoint("With pipes")
            await workspace.zip()
            await workspace.outside_changes()
            for name in ("pipe", "socket", "package.json"):
                with pytest.raises(InvalidInput):
                    await workspace.read(name)
            result = await here.run("echo still here")
            assert "still here" in result.stdout


async def test_a_pipe_where_packages_are_mounted_does_not_end_the_session(usual: MakeBox, tmp_path: Path):
    async with usual() as here:
        for trap in (
            "mkfifo node_modules",
            "ln -s /etc node_modules",
            "ln -s nowhere node_modules",
            "echo > node_modules",
        ):
            assert (await here.run(f"rm -rf node_modules; {trap}")).exit_code == 0
            entry_for(here, tmp_path / "cache")
            result = await here.run("cat node_modules/pkg/index.js")
            assert "exports" in result.stdout, (trap, result.stderr)
            (here.app / "package.json").unlink()
            here.sandbox._modules = None


async def test_sparse_files_do_not_fill_the_hosts_memory(usual: MakeBox, tmp_path: Path):
    """A file of 40 MB that takes nothing on the disk: a thousand of them would be 40 GB to whoever reads them all."""
    async with usual() as here:
        workspace = await workspace_of(here)
        make = "truncate -s 40M big$n; printf $n | dd of=big$n conv=notrunc status=none; printf $n > big$n.txt"
        result = await here.run(f"for n in $(seq 40); do {make}; done; du -s --apparent-size .")
        assert int(result.stdout.split()[0]) > 1_500_000
        import resource

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with asyncio.timeout(20):
            await workspace.checkpoint("Sparse")
            packed = await workspace.zip()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 400 * 1024  # KiB
        assert "big7.txt" in zipfile.ZipFile(io.BytesIO(packed)).namelist()


DIG = """
import os
for n in range(1200):
    os.makedirs("d", exist_ok=True)
    os.chdir("d")
"""


async def test_a_tree_too_deep_to_walk_stops_neither_checkpoints_nor_deletion(usual: MakeBox):
    async with usual() as here:
        try:
            workspace = await workspace_of(here)
            result = await here.python(DIG)
            if result.ended == "disk":  # noticed at once: so be it, the rest is about what is noticed too late
                subprocess.run([sys.executable, "-c", DIG], cwd=here.app, check=False)
            with pytest.raises(RecursionError):
                shutil.rmtree(here.app / "d")
            async with asyncio.timeout(30):
                await workspace.checkpoint("Deep")
                assert "index.html" in [file.path for file in await workspace.list()]
                await workspace.zip()
                assert "gone" in (await here.run("rm -rf d; echo gone")).stdout
            subprocess.run([sys.executable, "-c", DIG], cwd=here.app, check=True)
            await here.sandbox.stop()
        finally:
            remove_tree(here.app.parent)
        assert not here.app.parent.exists()


async def test_hostile_names_are_kept_out_or_kept_exact(usual: MakeBox, tmp_path: Path):
    script = r"""
import os
for name in (b"new\nline.txt", b"\x1b]0;title\x07.txt", b"not-\xff-utf8", "\u202egpj.exe".encode(), b"-rf", b"$(id)",
             b"a" * 255, "\u0130".encode() * 100, b".git ", b".GIT\xe2\x80\x8b", b"con", b"..."):
    open(name, "w").write("x")
print(len(os.listdir(b".")))
"""
    async with usual() as here:
        workspace = await workspace_of(here)
        assert int((await here.python(script)).stdout) >= 12
        point = await workspace.checkpoint("Names")
        assert point
        packed = zipfile.ZipFile(io.BytesIO(await workspace.zip()))
        packed.extractall(tmp_path / "unpacked")
        assert (tmp_path / "unpacked" / "$(id)").read_text() == "x"
        assert {path.parent for path in (tmp_path / "unpacked").iterdir()} == {tmp_path / "unpacked"}
        patch = await workspace.patch((await workspace.checkpoints())[-1].tree, point.tree)
        for line in patch.splitlines():
            assert "\x1b" not in line


def test_an_archive_cannot_write_outside(tmp_path: Path):
    """A notebook's packed files, made by somebody else."""
    import base64
    import json
    import lzma

    from jupyter_appbuilder.workspace import unpack

    def packed(content: dict[str, object]) -> str:
        return base64.b85encode(lzma.compress(json.dumps(content).encode())).decode()

    into = tmp_path / "into"
    unpack(packed({"fine.txt": {"text": "x"}}), into)
    assert (into / "fine.txt").read_text() == "x"
    outside = tmp_path / "outside"
    outside.mkdir()
    for content in (
        {"../outside/x": {"text": "owned"}},
        {"/tmp/attack-owned": {"text": "owned"}},
        {"a/../../outside/x": {"text": "owned"}},
        {"link": {"mode": "120000", "text": str(outside)}, "link/x": {"text": "owned"}},
        {".git/hooks/post-commit": {"mode": "100755", "text": "owned"}},
        {"x\0y": {"text": "owned"}},
        {"fine": {"mode": "40000", "text": "owned"}},
        {"a\\..\\..\\outside\\x": {"text": "owned"}},
    ):
        with suppress(AppBuilderError, OSError):
            unpack(packed(content), into)
        assert list(outside.iterdir()) == [], content
    assert not Path("/tmp/attack-owned").exists()
    assert not (into / ".git").exists()
    assert tree_of(into)
    assert pack(into)


async def test_the_bundles_of_a_template_are_not_copied_through_a_link(usual: MakeBox, secret: Path, tmp_path: Path):
    """What tools write below node_modules is the session's own; the host fills it before the dev server starts."""
    from jupyter_appbuilder.sandbox.local.packages.bundles import put_in_place

    bundle = tmp_path / "bundle"
    (bundle / ".vite" / "deps").mkdir(parents=True)
    (bundle / ".vite" / "deps" / "secret.txt").write_text("overwritten")
    scratch = tmp_path / "scratch"
    put_in_place(bundle, scratch)
    assert (scratch / ".vite/deps/secret.txt").read_text() == "overwritten"
    for link in ("deps", "deps/secret.txt"):
        shutil.rmtree(scratch)
        place = scratch / ".vite" / link
        place.parent.mkdir(parents=True)
        place.symlink_to(secret.parent if link == "deps" else secret)
        with suppress(OSError, AppBuilderError):
            put_in_place(bundle, scratch)
        assert tree(secret.parent) == {"secret.txt": SECRET.encode()}


async def test_the_disk_is_measured_without_following_links_or_hanging(usual: MakeBox, secret: Path):
    big = secret.parent / "big"
    big.write_bytes(os.urandom(3_000_000))
    async with usual() as here:
        await here.run(f"ln -s {secret.parent} out; mkfifo pipe; mkdir locked && echo x > locked/y && chmod 000 locked")
        usage = await asyncio.wait_for(asyncio.to_thread(Quota((here.app,), 10**9, 10**6).measure), 10)
        assert usage.bytes < 1_000_000
        assert usage.files >= 4


async def test_a_lock_file_that_is_a_link_is_not_written_through(usual: MakeBox, secret: Path):
    from jupyter_appbuilder.sandbox.local.packages.dependencies import read_file, write_file

    async with usual() as here:
        assert (await here.run(f"ln -s {secret} package-lock.json && ls -l package-lock.json")).exit_code == 0
        with pytest.raises(InvalidInput):
            read_file(here.app / "package-lock.json")
        write_file(here.app / "package-lock.json", b"{}")
        assert secret.read_text() == SECRET
        assert (here.app / "package-lock.json").read_bytes() == b"{}"


async def test_a_listening_socket_in_the_app_gets_nothing_from_the_host(usual: MakeBox):
    """A dev server cannot put its own socket where the host looks for another sandbox's."""
    async with usual() as here:
        folder = here.provider._runner.folder  # pyright: ignore
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(folder / "probe.sock"))
        assert (folder / "probe.sock").exists()
        result = await here.run(f"ls {folder}; touch {folder}/x; ls /tmp/jab-*")
        assert "probe.sock" not in result.stdout
        assert not (folder / "x").exists()


def zip_text(content: bytes) -> str:
    archive = zipfile.ZipFile(io.BytesIO(content))
    return "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())


def entry_for(here: Box, cache: Path) -> Path:
    """A package of the shared cache that the app asks for, made without npm; its folder."""
    from jupyter_appbuilder.sandbox.local.packages.dependencies import WRITABLE, read_manifest

    (here.app / "package.json").unlink(missing_ok=True)
    (here.app / "package.json").write_text('{"private": true, "dependencies": {"pkg": "1.0.0"}}')
    found = read_manifest(here.app, "package-lock.json")
    assert found
    package = cache / "deps" / found.key / "node_modules" / "pkg"
    if not package.exists():
        package.mkdir(parents=True)
        (package / "index.js").write_text("exports.a = 1;\n")
        for name in WRITABLE:
            (package.parent / name).mkdir()
    return package
