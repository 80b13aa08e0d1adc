"""Writing what is not the app's."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from .conftest import SECRET, Box, MakeBox
from .test_host_operations import entry_for

WRITE = r"""
import ctypes, mmap, os, shutil, sys
libc = ctypes.CDLL(None, use_errno=True)
target = sys.argv[1]

def by_opening(): open(target, "w").write("owned")
def by_adding(): open(target, "a").write("owned")
def by_updating(): os.close(os.open(target, os.O_RDWR))
def by_cutting(): os.truncate(target, 0)
def by_replacing(): open("new", "w").write("owned"); os.rename("new", target)
def by_exchanging(): open("new", "w").write("owned"); check(libc.renameat2(-100, b"new", -100, target.encode(), 2))
def by_deleting(): os.unlink(target)
def by_mode(): os.chmod(target, 0o777)
def by_owner():
    os.chown(target, os.getuid() + 1, -1)
    check(os.stat(target).st_uid != os.getuid() + 1)  # one that only looks as if it had been done is as good as refused
def by_time(): os.utime(target, (1, 1))
def by_hard_link():
    if os.path.lexists("hard"): os.unlink("hard")
    os.link(target, "hard"); open("hard", "w").write("owned")
def by_link():
    if os.path.lexists("soft"): os.unlink("soft")
    os.symlink(target, "soft"); open("soft", "w").write("owned")
def by_linked_folder():
    if os.path.lexists("up"): os.unlink("up")
    os.symlink(os.path.dirname(target), "up"); open("up/" + os.path.basename(target), "w").write("owned")
def by_climbing(): open("../" * 40 + os.path.abspath(target).lstrip("/"), "w").write("owned")
def by_root_of_init(): open("/proc/1/root" + os.path.abspath(target), "w").write("owned")
def by_reopening():
    descriptor = os.open(target, os.O_RDONLY)
    os.write(os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY), b"owned")
def by_mapping():
    descriptor = os.open(target, os.O_RDONLY)
    memory = mmap.mmap(descriptor, 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    memory[:1] = b"X"
def by_attribute(): os.setxattr(target, "user.owned", b"1")
def by_neighbour(): open(os.path.join(os.path.dirname(target), "planted"), "w").write("owned")
def by_folder(): os.mkdir(os.path.join(os.path.dirname(target), "planted-folder"))
def by_moving_away(): os.rename(os.path.dirname(target), "taken")
def by_nul(): open(target + "\0.txt", "w").write("owned")

def check(result):
    if result: raise OSError(ctypes.get_errno(), "refused")

for way in [way for name, way in list(globals().items()) if name.startswith("by_")]:
    try:
        way()
        print("done", way.__name__)
    except (OSError, ValueError) as error:
        print("refused", way.__name__, error)
"""


def state(path: Path) -> tuple[object, ...]:
    status = path.stat()
    inside = sorted(entry.name for entry in path.parent.iterdir())
    return path.read_bytes(), status.st_mode, status.st_mtime_ns, status.st_uid, os.listxattr(path), inside


async def test_a_file_outside_cannot_be_changed_by_any_means(box: MakeBox, secret: Path):
    before = state(secret)
    async with box() as here:
        (here.app / "own" / "deep").mkdir(parents=True)
        (here.app / "own" / "deep" / "file.txt").write_text("own")
        allowed = await here.python(WRITE, "own/deep/file.txt")
        assert allowed.stdout.count("done") >= 10, allowed.stdout
        result = await here.python(WRITE, secret)
        assert "done" not in result.stdout, result.stdout
        assert state(secret) == before


async def test_the_folder_that_holds_the_app_cannot_be_changed(box: MakeBox):
    async with box() as here:
        notebook = here.app.parent / "session.ipynb"
        notebook.write_text(SECRET)
        before = state(notebook)
        result = await here.run(
            "echo x > ../session.ipynb; rm ../session.ipynb; mv . ../moved; rmdir ../app; mkdir ../.git; touch ../y;"
            f"echo x > {notebook}; mv {here.app} {here.app}.away; echo tried"
        )
        assert "tried" in result.stdout
        assert state(notebook) == before
        assert here.app.is_dir()


def here_are_links(here: Box) -> bool:
    return here.kind == "landlock"


async def test_shared_packages_cannot_be_changed_by_any_means(box: MakeBox, tmp_path: Path):
    """Another session mounts the very same files."""
    async with box("first") as first, box("second") as second:
        package = entry_for(first, tmp_path / "cache") / "index.js"
        entry_for(second, tmp_path / "cache")
        before = state(package)
        assert "exports.a = 1" in (await second.run("cat node_modules/pkg/index.js")).stdout
        result = await first.python(WRITE, "node_modules/pkg/index.js")
        # Landlock has links to them there, which are the app's own and may be moved.
        done = [line for line in result.stdout.splitlines() if line.startswith("done")]
        assert done == (["done by_moving_away"] if here_are_links(first) else []), result.stdout
        assert state(package) == before
        if here_are_links(first):
            await first.run("mv taken node_modules/pkg")
        tools = await first.run("mkdir -p node_modules/.vite && echo x > node_modules/.vite/mine && echo written")
        assert "written" in tools.stdout  # where tools may write ...
        assert "No such file" in (await second.run("cat node_modules/.vite/mine")).stderr  # ... is each one's own
        assert not list((package.parent.parent / ".vite").iterdir())


@pytest.mark.parametrize("target", ["node", "npm", "npm-cli", "certificates"])
async def test_what_sandboxes_run_cannot_be_changed(box: MakeBox, target: str):
    async with box() as here:
        ask = {
            "node": "command -v node",
            "npm": "command -v npm",
            "npm-cli": "echo $(dirname $(command -v node))/../lib/node_modules/npm/bin/npm-cli.js",
            "certificates": "set -- /etc/ssl/certs/*; echo $1",
        }[target]
        path = (await here.run(ask)).stdout.strip()
        assert path
        digest = f"sha256sum $(readlink -f {path})"
        before = (await here.run(digest)).stdout
        assert before
        result = await here.python(WRITE, path)
        assert "refused by_opening" in result.stdout
        assert "done" not in result.stdout, result.stdout
        assert (await here.run(digest)).stdout == before


async def test_a_file_of_the_app_cannot_be_made_part_of_another_folder(box: MakeBox, secret: Path):
    """A hard link out of the app would let the app go on writing where it has no business."""
    async with box() as here:
        result = await here.run(
            f"echo own > own.txt; ln own.txt inside.txt && echo linked; ln own.txt {secret.parent}/x"
        )
        assert "linked" in result.stdout
        assert sorted(path.name for path in secret.parent.iterdir()) == ["secret.txt"]
        assert (here.app / "own.txt").stat().st_nlink == 2


async def test_nothing_the_sandbox_writes_outlives_it_on_this_machine(box: MakeBox):
    mark = hashlib.sha256(os.urandom(16)).hexdigest()
    folders = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/home", "$HOME", "/opt", "/usr/local", "/etc", "/")
    async with box() as here:
        result = await here.run(
            f"for d in {' '.join(folders)}; do echo x > $d/{mark} && echo $d; done; echo x > {mark}"
        )
        assert (here.app / mark).exists()
        assert "/tmp" in result.stdout or here.kind == "landlock"
        for folder in (*folders, str(Path.home())):
            assert not Path(folder, mark).exists(), folder


async def test_a_command_line_with_a_nul_is_refused_not_cut(usual: MakeBox, secret: Path):
    from jupyter_appbuilder.errors import AppBuilderError

    async with usual() as here:
        for command in ("echo a\0b", ["echo", "a\0b"]):
            with pytest.raises(AppBuilderError):
                await here.run(command)
        with pytest.raises(AppBuilderError):
            await here.run("true", env={"A\0B": "x"})
        with pytest.raises(AppBuilderError):
            await here.run("true", cwd=f"\0{secret.parent}")
