"""Limits, each with programs that really try to get past it. All of them are small and short."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.sandbox.base import ExecResult
from jupyter_appbuilder.sandbox.local.processes import limits as limits_module
from jupyter_appbuilder.sandbox.local.processes.limits import Limits, find_control_groups, find_place
from jupyter_appbuilder.tools.commands import ending

from .conftest import MakePlace

MiB = 1024 * 1024
PATIENCE = 90.0  # seconds that a command has to be ended by its limit, on a busy machine too

both = pytest.mark.parametrize("control_groups", [True, False], ids=["control groups", "watch"])


def told(result: ExecResult, setting: str) -> None:
    """What a person and an agent read names the setting."""
    assert f"c.LocalSandbox.{setting}" in ending(result)


# Memory

HOGS = {
    "one process": ["node", "-e", "const held = []; for (;;) held.push(Buffer.alloc(8 << 20, 1));"],
    "several processes": [
        "bash",
        "-c",
        "hog='const held = []; for (let i = 0; i < 12; i++) held.push(Buffer.alloc(8 << 20, 1));"
        ' setTimeout(() => {}, 20000)\'; for i in 1 2 3 4; do node -e "$hog" & done; wait -n',
    ],
    "shared memory": [
        "python3",
        "-c",
        "import mmap, time\nm = mmap.mmap(-1, 600 << 20)\nfor i in range(0, 600 << 20, 4096): m[i] = 1\ntime.sleep(20)",
    ],
    "a file in memory": [
        "python3",
        "-c",
        "import os, time\nf = os.memfd_create('x')\nfor i in range(600): os.write(f, bytes(1 << 20))\ntime.sleep(20)",
    ],
    "temporary files": [
        "bash",
        "-c",
        "head -c 150M /dev/zero > /tmp/x; head -c 150M /dev/zero > /dev/shm/x; head -c 150M /dev/zero > ~/x; sleep 20",
    ],
}


@both
@pytest.mark.parametrize("how", HOGS)
async def test_memory_is_limited(place: MakePlace, control_groups: bool, how: str):
    async with place(limits=Limits(memory=300 * MiB), control_groups=control_groups) as here:
        enough = await here.sandbox.exec(["node", "-e", "Buffer.alloc(64 << 20, 1)"], timeout=PATIENCE)
        assert (enough.ended, enough.exit_code, enough.message) == ("exit", 0, "")
        result = await here.sandbox.exec(HOGS[how], timeout=PATIENCE)
        assert result.ended == "memory"
        told(result, "memory")
        assert (await here.sandbox.exec("echo alive")).stdout == "alive\n"


# Processor

BURN = "python3 -c 'while True: pass'"


async def cores_used(run: Callable[[], Awaitable[float]], seconds: float = 1.0) -> float:
    began, before = time.monotonic(), await run()
    await asyncio.sleep(seconds)
    return (await run() - before) / (time.monotonic() - began)


@both
async def test_where_memory_is_short_a_look_in_the_background_ends_before_the_dev_server(
    place: MakePlace, control_groups: bool
):
    from jupyter_appbuilder.tools.diagnostics import POLITELY

    hold = "const held = []; for (let n = 0; n < {}; n += 20) held.push(Buffer.alloc(20 << 20, 1)); "
    async with place(limits=Limits(memory=500 * MiB), control_groups=control_groups) as here:
        held = asyncio.Event()
        script = hold.format(300) + "console.log(held.length); setTimeout(() => {}, 60000)"
        app = await here.sandbox.start(["node", "-e", script], on_output=lambda *_: held.set())
        await asyncio.wait_for(held.wait(), 30)
        look = hold.format(20) + "setInterval(() => held.push(Buffer.alloc(20 << 20, 1)), 50)"
        result = await here.sandbox.exec(["bash", "-c", POLITELY, "look", "node", "-e", look], timeout=40)
        assert result.ended == "memory"
        assert app.running
        await app.kill()


@both
@pytest.mark.parametrize(
    "escape", [":", "python3 -c 'import os; os.sched_setaffinity(os.getppid(), range(os.cpu_count()))' || true"]
)
async def test_processor_time_is_limited(place: MakePlace, control_groups: bool, escape: str):
    cpus = 0.5 if control_groups and find_control_groups() else 1.0
    async with place(limits=Limits(cpus=cpus), control_groups=control_groups) as here:
        burners = f"for i in 1 2 3 4; do ({escape}; exec {BURN}) & done; wait"
        running = asyncio.create_task(here.sandbox.exec(burners, timeout=20))

        async def used() -> float:
            return (await here.sandbox.stats()).cpu

        await asyncio.sleep(1.5)
        share = await cores_used(used)
        running.cancel()
        assert 0.02 < share < cpus * 1.3


# Processes

BOMBS = {
    "forks": "b() { b | b & b; }; b; sleep 20",
    "forks of python": "python3 -c '\nimport os, time\nwhile True:\n"
    "  try: os.fork()\n  except OSError: time.sleep(0.01)'",
    "detached sessions": 'b() { for i in 1 2; do setsid bash -c "$(declare -f b); b" & done; }; b; sleep 20',
}
THREADS = """
import threading, time
started = 0
try:
    for _ in range(1000):
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
        started += 1
except RuntimeError as error:
    raise SystemExit(f"{error} after {started}")
print("all", started)
time.sleep(5)
"""


@both
@pytest.mark.parametrize("how", BOMBS)
async def test_a_fork_bomb_stays_small(place: MakePlace, control_groups: bool, how: str):
    watched = not control_groups and os.getuid() == 0
    async with place(limits=Limits(processes=80, cpus=0.5), control_groups=control_groups) as here:
        # Where nothing but the watcher ends it, it must have the time to grow, on a busy machine too.
        running = asyncio.create_task(here.sandbox.exec(BOMBS[how], timeout=PATIENCE if watched else 2))
        most = 0
        while not running.done():
            most = max(most, (await here.sandbox.stats()).processes)
            await asyncio.sleep(0.02)
        result = await running
        assert result.exit_code != 0
        # Without control groups root is only stopped by the process namespace's own limit, which begins at 300.
        assert 1 < most <= (90 if find_control_groups() and control_groups else 400)
        if watched:
            assert result.ended == "processes"
            told(result, "processes")
        assert (await here.sandbox.exec("echo alive")).stdout == "alive\n"


@both
async def test_threads_count_as_processes(place: MakePlace, control_groups: bool):
    async with place(limits=Limits(processes=80), control_groups=control_groups) as here:
        result = await here.sandbox.exec(["python3", "-c", THREADS], timeout=PATIENCE)
        assert result.exit_code != 0
        assert "all" not in result.stdout
        told(result, "processes")


# Files


async def test_open_files_are_limited(place: MakePlace):
    async with place(limits=Limits(open_files=100)) as here:
        opening = "import sys; held = [open('/dev/null') for _ in range(int(sys.argv[1]))]; print(len(held))"
        assert (await here.sandbox.exec(["python3", "-c", opening, "50"])).stdout == "50\n"
        result = await here.sandbox.exec(["python3", "-c", opening, "200"])
        assert result.exit_code != 0
        told(result, "open_files")
        raised = await here.sandbox.exec(["bash", "-c", "ulimit -n 200"])
        assert raised.exit_code != 0


async def test_a_file_cannot_grow_without_end(place: MakePlace):
    async with place(limits=Limits(file_size=1 * MiB)) as here:
        result = await here.sandbox.exec("head -c 3000000 /dev/zero > big")
        assert (result.ended, result.exit_code) == ("exit", 153)
        told(result, "file_size")
        assert (here.app / "big").stat().st_size <= 1 * MiB


async def test_temporary_files_are_limited(place: MakePlace):
    async with place(limits=Limits(scratch=2 * MiB)) as here:
        result = await here.sandbox.exec(
            "head -c 1000000 /dev/zero > /tmp/small && head -c 3000000 /dev/zero > /tmp/big"
        )
        assert "No space left" in result.stderr
        told(result, "tmp")


# Disk

FILL = "for i in $(seq 1 400); do head -c 1M /dev/urandom > {}; sleep 0.01; done; sleep 10"
MAPPED = """
import ctypes, os, time
mmap = ctypes.CDLL(None).mmap
mmap.restype = ctypes.c_void_p
for i in range(400):
  name = f"MARKd{i}"
  f = os.open(name, os.O_RDWR | os.O_CREAT)
  os.write(f, os.urandom(1 << 20))
  mmap(None, ctypes.c_size_t(1 << 20), 3, 1, f, ctypes.c_long(0))
  os.unlink(name)
  os.close(f)
  time.sleep(0.01)
time.sleep(10)
"""
HOARDS = {
    "files": FILL.format("f$i"),
    "a hidden folder": "mkdir h; chmod 300 h; " + FILL.format("h/f$i"),
    "a folder without permissions": "mkdir h; for i in $(seq 1 100); do head -c 1M /dev/urandom > h/f$i; done; "
    "chmod 000 h; sleep 10",
    "deleted files": "python3 -c '\nimport os, time\nheld = []\nfor i in range(400):\n"
    '  f = open(f"d{i}", "wb"); f.write(os.urandom(1 << 20)); f.flush(); os.unlink(f.name); held.append(f)\n'
    "  time.sleep(0.01)\ntime.sleep(10)'",
    "deleted files that are only mapped": f"python3 -c '{MAPPED}'".replace("MARK", ""),
    "the same with names like lines": f"python3 -c '{MAPPED}'".replace("MARK", r"a\r\x0c\u2028b"),
    "packages' own folder": FILL.format("node_modules/.cache/f$i") + " || sleep 10",
    "reserved space": "for i in $(seq 1 400); do fallocate -l 1M r$i; sleep 0.01; done; sleep 10",
    "deep folders": 'python3 -c \'\nimport os, time\nfor i in range(300): os.mkdir("n" * 40); os.chdir("n" * 40)\n'
    "time.sleep(10)'",
}


@pytest.mark.parametrize("how", HOARDS)
async def test_disk_is_limited(place: MakePlace, how: str):
    async with place(limits=Limits(disk=40 * MiB)) as here:
        if "node_modules" in HOARDS[how]:
            (here.app / "package.json").write_text('{"private": true}')
            (here.app / "node_modules/.cache").mkdir(parents=True)
        result = await here.sandbox.exec(HOARDS[how], timeout=PATIENCE)
        assert result.ended == "disk"
        assert "Delete what is not needed" in ending(result)
        if how != "deep folders":
            told(result, "disk")


async def test_the_number_of_files_is_limited(place: MakePlace):
    async with place(limits=Limits(files=300)) as here:
        many = "import time\nfor i in range(5000):\n  open(f'e{i}', 'w').close()\n  time.sleep(0.0005)\ntime.sleep(10)"
        result = await here.sandbox.exec(["python3", "-c", many], timeout=PATIENCE)
        assert result.ended == "disk"
        told(result, "files")


async def test_hard_links_count_once(place: MakePlace):
    async with place(limits=Limits(disk=20 * MiB)) as here:
        command = "head -c 5M /dev/urandom > one; for i in $(seq 1 20); do ln one link$i; done; sleep 1"
        assert (await here.sandbox.exec(command)).ended == "exit"


async def test_over_its_quota_a_session_can_delete_but_not_write(place: MakePlace):
    async with place(limits=Limits(disk=20 * MiB)) as here:
        (here.app / "dist").mkdir()
        (here.app / "dist/big").write_bytes(os.urandom(30 * MiB))
        said: list[str] = []
        refused = await here.sandbox.exec("echo more > more", on_output=lambda _, text: said.append(text))
        assert refused.exit_code != 0
        assert "dist (30 MiB)" in refused.stderr
        assert "can delete files, but write nothing" in "".join(said)
        told(refused, "disk")
        served = await here.sandbox.serve("/")
        assert served.state == "failed"
        assert "c.LocalSandbox.disk" in served.message
        assert (await here.sandbox.exec("rm -r dist")).exit_code == 0
        written = await here.sandbox.exec("echo more > more && cat more")
        assert (written.exit_code, written.stdout, written.stderr) == (0, "more\n", "")
        assert (await here.sandbox.serve("/")).state == "ready"


async def test_what_was_too_much_is_known_to_the_next_command(place: MakePlace):
    async with place(limits=Limits(disk=20 * MiB)) as here:
        at_once = await here.sandbox.exec("head -c 30M /dev/urandom > big")
        assert at_once.ended in ("exit", "disk")
        assert (await here.sandbox.exec("echo more > more")).exit_code != 0
        assert (await here.sandbox.exec("rm big")).exit_code == 0
        assert (await here.sandbox.exec("echo more > more")).exit_code == 0


async def test_a_command_that_fills_the_disk_does_not_take_the_preview_with_it(place: MakePlace):
    async with place(limits=Limits(disk=40 * MiB)) as here:
        assert (await here.sandbox.serve("/")).state == "ready"
        assert (await here.sandbox.exec(HOARDS["files"], timeout=PATIENCE)).ended == "disk"
        await asyncio.sleep(3)
        assert here.sandbox.server.state == "ready"


async def test_a_dev_server_that_fills_the_disk_is_ended_and_says_why(place: MakePlace):
    hoarder = """
        const fs = require('fs'), http = require('http');
        http.createServer((_, answer) => answer.end('ok')).listen(Number(process.argv[1]), '127.0.0.1');
        let n = 0;
        setInterval(() => n < 400 && fs.writeFileSync(`f${n++}`, Buffer.alloc(1 << 20, 1)), 10);
    """
    async with place(serve=("node", "-e", hoarder, "{port}"), limits=Limits(disk=40 * MiB)) as here:
        assert (await here.sandbox.serve("/")).state == "ready"
        for _ in range(800):
            if here.sandbox.server.state != "ready":
                break
            await asyncio.sleep(0.05)
        assert here.sandbox.server.state == "failed"
        assert "ended by a limit" in here.sandbox.server.message
        assert "c.LocalSandbox.disk" in here.sandbox.server.message


async def test_links_out_of_the_app_do_not_count(place: MakePlace):
    async with place(limits=Limits(disk=5 * MiB)) as here:
        assert (await here.sandbox.exec("ln -s /usr usr; ln -s / all; sleep 1")).ended == "exit"


# Time and output


async def test_no_command_runs_longer_than_the_limit(place: MakePlace):
    async with place(limits=Limits(exec_seconds=0.5)) as here:
        result = await here.sandbox.exec("echo begun; sleep 30", timeout=60)
        assert (result.ended, result.stdout) == ("timeout", "begun\n")
        told(result, "max_exec_seconds")
        own = await here.sandbox.exec("sleep 30", timeout=0.2)
        assert (own.ended, own.message) == ("timeout", "")


async def test_nothing_runs_in_the_background_longer_than_the_limit(place: MakePlace):
    async with place(limits=Limits(background_seconds=0.5)) as here:
        process = await here.sandbox.start("echo begun; sleep 30")
        result = await asyncio.wait_for(process.wait(), 10)
        assert (result.ended, result.stdout) == ("timeout", "begun\n")
        told(result, "max_background_seconds")


async def test_a_hundred_megabytes_of_output_are_cut(place: MakePlace):
    async with place() as here:
        arrived = 0

        def count(_: str, text: str) -> None:
            nonlocal arrived
            arrived += len(text)

        result = await here.sandbox.exec("head -c 100M /dev/zero | tr '\\0' x", timeout=60, on_output=count)
        assert result.ended == "output"
        assert "printed more than 4 MiB" in ending(result)
        assert len(result.stdout) == arrived == 4 * MiB


# Control groups of version 2, by the real kernel. CI machines have their controllers in version 1, so that the one left
# over stands for those that matter.


@pytest.fixture
def unified() -> Iterator[Path]:
    """A group of version 2 that can hand on the controller ``hugetlb``, with a process in it."""
    found = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if " cgroup2 " in line]
    root = Path(found[0]) if found else Path("/none")
    controllers = root / "cgroup.controllers"
    if not (
        controllers.is_file() and "hugetlb" in controllers.read_text() and os.access(root / "cgroup.procs", os.W_OK)
    ):
        pytest.skip("There is no writable hierarchy of version 2 here.")
    handed_on = "hugetlb" in (root / "cgroup.subtree_control").read_text()
    (root / "cgroup.subtree_control").write_text("+hugetlb")
    group = root / f"test-{os.getpid()}"
    group.mkdir()
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        (group / "cgroup.procs").write_text(str(sleeper.pid))
        yield group
    finally:
        sleeper.kill()
        sleeper.wait()
        for folder in [*group.iterdir(), group]:
            if folder.is_dir():
                folder.rmdir()
        if not handed_on:
            (root / "cgroup.subtree_control").write_text("-hugetlb")


@pytest.fixture
def _leftover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "CONTROLLERS", ("hugetlb",))
    monkeypatch.setattr(limits_module, "NEEDED", {"hugetlb"})


@pytest.mark.usefixtures("_leftover")
def test_a_delegated_group_is_arranged_so_that_it_can_hold_others(unified: Path):
    os.setxattr(unified, "user.delegate", b"1")  # what systemd does for Delegate=yes
    groups = find_place(unified.parent, unified)
    assert groups is not None
    made = groups.create("x", 300 * MiB, Limits())
    assert made.directories[0].parent == unified
    hog = subprocess.Popen(["bash", "-c", "while :; do sleep 60; done"], start_new_session=True)
    made.joins[0].write_text(str(hog.pid))
    assert hog.pid in made.processes()
    made.kill()
    assert hog.wait(10) == -9
    for _ in range(100):
        if not made.processes():
            break
        time.sleep(0.02)
    made.remove()
    assert not made.directories[0].exists()
    assert (unified / "cgroup.procs").read_text() == ""
    assert find_place(unified.parent, unified / "appbuilder-members") is not None  # where this process is from now on


@pytest.mark.usefixtures("_leftover")
def test_a_group_that_was_not_left_to_us_is_not_touched(unified: Path):
    if os.getuid():
        pytest.skip("What an ordinary user may write was left to it.")
    before = (unified / "cgroup.procs").read_text()
    handing_on = find_place(unified.parent, unified)
    assert handing_on is None or handing_on._parents["hugetlb"] == unified.parent
    assert (unified / "cgroup.procs").read_text() == before


# Without namespaces: what is temporary lies on disk, and nothing but the watch counts processes.


@pytest.mark.parametrize("how", BOMBS)
async def test_a_fork_bomb_stays_small_under_landlock(place: MakePlace, how: str):
    async with place(limits=Limits(processes=80, cpus=0.5), control_groups=False, isolation="landlock") as here:
        result = await here.sandbox.exec(BOMBS[how], timeout=PATIENCE)
        assert result.ended == "processes"
        told(result, "processes")
        assert (await here.sandbox.exec("echo alive")).stdout == "alive\n"
        assert (await here.sandbox.stats()).processes == 0


@pytest.mark.parametrize("how", ["one process", "shared memory"])
async def test_memory_is_limited_under_landlock(place: MakePlace, how: str):
    async with place(limits=Limits(memory=300 * MiB), control_groups=False, isolation="landlock") as here:
        result = await here.sandbox.exec(HOGS[how], timeout=PATIENCE)
        assert result.ended == "memory"
        told(result, "memory")


async def test_temporary_files_are_limited_under_landlock(place: MakePlace):
    async with place(limits=Limits(scratch=20 * MiB), isolation="landlock") as here:
        result = await here.sandbox.exec("cd $TMPDIR; " + HOARDS["files"], timeout=PATIENCE)
        assert result.ended == "disk"
        told(result, "tmp")


# Installations have limits of their own: an app's packages are more than the app.


@pytest.mark.parametrize("how", ["while it writes", "when it has ended"])
async def test_an_installation_is_limited_in_disk(place: MakePlace, how: str, monkeypatch: pytest.MonkeyPatch):
    if how == "when it has ended":  # it was done before anybody looked
        monkeypatch.setattr("jupyter_appbuilder.sandbox.local.processes.watch.Watch._measure_disk", lambda *_: None)
    async with place(limits=Limits(dependency_disk=3 * MiB)) as here:
        (here.app / "package.json").write_text('{"private": true, "dependencies": {"typescript": "5.9.2"}}')
        with pytest.raises(Unavailable, match=r"c\.LocalSandbox\.install_disk") as caught:
            await here.sandbox.prepare()
        assert caught.value.reason == "install_limit"
        said = await here.sandbox.install(["typescript@5.9.2"])
        assert said.ended == "disk"
        told(said, "install_disk")
        assert not list((here.app.parent / "cache/deps").glob("[!.]*/node_modules"))


async def test_a_dev_server_that_takes_too_much_memory_says_so(place: MakePlace):
    hog = """
        require('http').createServer((_, answer) => answer.end('ok')).listen(Number(process.argv[1]), '127.0.0.1');
        const held = [];
        setTimeout(() => setInterval(() => held.push(Buffer.alloc(8 << 20, 1)), 5), 300);
    """
    async with place(serve=("node", "-e", hog, "{port}"), limits=Limits(memory=300 * MiB)) as here:
        assert (await here.sandbox.serve("/")).state == "ready"
        for _ in range(200):
            if here.sandbox.server.state != "ready":
                break
            await asyncio.sleep(0.05)
        assert here.sandbox.server.state == "failed"
        assert "c.LocalSandbox.memory" in here.sandbox.server.message


@both
async def test_the_doctor_says_what_enforces_the_limits(place: MakePlace, control_groups: bool):
    async with place(limits=Limits(memory=300 * MiB, disk=40 * MiB), control_groups=control_groups) as here:
        found = {check.name: check.detail for check in await here.provider.check()}
        groups = find_control_groups() if control_groups else None
        assert (f"control groups v{groups.version}" if groups else "resource limits and a watch") in found["limits"]
        assert "memory 300 MiB" in found["limits"]
        assert found["disk"].startswith("40 MiB")
