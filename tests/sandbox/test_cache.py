"""The package cache as a whole: what is evicted, what is swept away, what never is. By real folders and processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.sandbox.local.packages.cache import Cache
from jupyter_appbuilder.sandbox.local.processes.layout import WORKSPACE, Bind
from jupyter_appbuilder.sandbox.local.processes.runner import Setting
from jupyter_appbuilder.workspace.folder import remove_folder

from .conftest import MakePlace

MiB = 1024 * 1024
LONG_AGO = time.time() - 100_000


def entry(cache: Path, name: str, size: int = 4 * MiB, used: float = LONG_AGO) -> Path:
    folder = cache / name
    (folder / "node_modules").mkdir(parents=True)
    (folder / "node_modules/data").write_bytes(os.urandom(size))
    os.utime(folder, (used, used))
    return folder


def left(cache: Path) -> set[str]:
    return {path.relative_to(cache).as_posix() for path in cache.glob("*/*") if path.is_dir()}


def test_what_was_not_used_for_the_longest_time_goes_first(tmp_path: Path):
    for age, name in enumerate(["deps/new", "python/middle", "bundles/old", "deps/oldest"]):
        entry(tmp_path, name, used=LONG_AGO - age)
    cache = Cache(tmp_path, 9 * MiB)
    assert {path.name for path in cache.evict()} == {"old", "oldest"}
    assert left(tmp_path) == {"deps/new", "python/middle"}
    assert cache.evict() == []
    assert not list(tmp_path.glob("*/.*"))


def test_using_an_entry_keeps_it(tmp_path: Path):
    old, new = entry(tmp_path, "deps/old"), entry(tmp_path, "deps/new", used=LONG_AGO + 10)
    cache = Cache(tmp_path, 5 * MiB)
    held = cache.hold(old / "node_modules")
    assert held
    held.release()
    assert cache.evict() == [new]


def test_what_was_just_used_stays_even_if_it_is_too_much(tmp_path: Path):
    entry(tmp_path, "deps/now", used=time.time())
    assert Cache(tmp_path, 1).evict() == []


def test_large_downloads_go_before_what_is_installed(tmp_path: Path):
    entry(tmp_path, "deps/one")
    entry(tmp_path, "npm", size=8 * MiB, used=LONG_AGO + 10)
    assert [path.name for path in Cache(tmp_path, 10 * MiB).evict()] == ["npm"]
    assert left(tmp_path) == {"deps/one"}


def test_what_another_process_uses_stays_until_that_process_ends(tmp_path: Path):
    used = entry(tmp_path, "deps/used")
    entry(tmp_path, "deps/unused")
    program = """
        import os, sys
        from pathlib import Path
        from jupyter_appbuilder.sandbox.local.packages.cache import Cache
        path = Path(sys.argv[1])
        held = Cache(path.parent.parent.parent, 1).hold(path)
        os.utime(path.parent, (1, 1))
        print("held", flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(used / "node_modules")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        cache = Cache(tmp_path, 1)
        assert [path.name for path in cache.evict()] == ["unused"]
        other.kill()
        other.wait()
    assert cache.evict() == [used]


async def test_what_a_sandbox_mounts_is_not_evicted_while_it_runs(place: MakePlace, tmp_path: Path):
    async with place() as here:
        runner = await here.provider._ready()
        used = entry(runner.cache.folder, "deps/used")
        begun = asyncio.Event()
        cell = runner.cell("test")
        binds = [Bind(here.app, WORKSPACE, writable=True), Bind(used / "node_modules", "/mnt")]
        running = asyncio.create_task(
            runner.run(cell, ["bash", "-c", "echo; sleep 60"], Setting(binds, on_output=lambda *_: begun.set()))
        )
        await asyncio.wait_for(begun.wait(), 10)
        os.utime(used, (LONG_AGO, LONG_AGO))
        runner.cache.most = 1
        assert runner.cache.evict() == []
        running.cancel()
        await asyncio.wait([running])
        await runner.leave(cell)
        assert runner.cache.evict() == [used]


async def test_the_size_is_a_setting_and_kept_while_the_server_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jupyter_appbuilder.sandbox.local.provider.TIDY_SECONDS", 0.05)
    old, new = entry(tmp_path, "deps/old"), entry(tmp_path, "deps/new", used=LONG_AGO + 10)
    provider = LocalSandbox(tmp_path, cache_size=5 * MiB)
    try:
        await provider._ready()
        for _ in range(100):
            if not old.exists():
                break
            await asyncio.sleep(0.05)
        assert not old.exists()
        assert new.exists()
        late = entry(tmp_path, "deps/late", used=LONG_AGO + 20)
        for _ in range(100):
            if not new.exists():
                break
            await asyncio.sleep(0.05)
        assert not new.exists()
        assert late.exists()
    finally:
        await provider.close()


def test_ruins_are_swept_away_and_live_work_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jupyter_appbuilder.sandbox.local.packages.cache.YOUNG_SECONDS", 0.0)
    entry(tmp_path, "deps/.dead-1234")
    entry(tmp_path, "scratch/dead")
    alive = [entry(tmp_path, "deps/.alive-1234"), entry(tmp_path, "scratch/alive")]
    entry(tmp_path, "deps/made")
    cache = Cache(tmp_path, 1)
    held = [cache.hold(path / "node_modules") for path in alive]
    cache.sweep()
    assert left(tmp_path) == {"deps/.alive-1234", "scratch/alive", "deps/made"}
    assert all(held)


def test_what_code_made_can_be_removed_however_deep_it_lies(tmp_path: Path):
    folder = tmp_path / "deep"
    folder.mkdir()
    script = "for i in range(1500):\n  os.mkdir('n' * 20)\n  os.chdir('n' * 20)\n"
    subprocess.run([sys.executable, "-c", f"import os\n{script}"], cwd=folder, check=True)
    remove_folder(folder)
    assert not folder.exists()


def test_what_code_made_can_be_removed_whatever_its_permissions(tmp_path: Path):
    locked = entry(tmp_path, "deps/locked") / "node_modules"
    locked.chmod(0)
    remove_folder(tmp_path / "deps")
    assert not (tmp_path / "deps").exists()
