import asyncio
import gc
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
import weakref
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from another_user import python_for_all

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.events import Draft, UnknownEvent
from jupyter_appbuilder.log import Owner, SqliteEventStore
from jupyter_appbuilder.log.migrations import MIGRATIONS
from jupyter_appbuilder.log.sqlite import on_network_disk

CREATED = Draft(
    "session.created",
    {
        "name": "board",
        "title": "Task board",
        "root": "/srv",
        "path": "appbuilder/board",
        "template": "react-vite",
        "template_tree": "0" * 40,
        "model": "demo:recorded",
        "sandbox": "local",
    },
)


@asynccontextmanager
async def open_log(path, **owner):
    log = SqliteEventStore(path, Owner(**owner))
    try:
        yield log
    finally:
        await log.close()


async def test_the_garbage_collector_has_no_more_to_look_at_however_long_a_session_is(tmp_path):
    detail = {"files": [{"path": f"src/{number}.ts", "added": number} for number in range(5)]}
    finished = {"turn": None, "call": "c", "tool": "x", "ok": True, "summary": "", "text": "", "duration_ms": 1}
    async with open_log(tmp_path / "log.db") as log:
        await log.claim("s")
        await log.append("s", [CREATED])
        gc.collect()
        before = len(gc.get_objects())
        stored = await log.append("s", [Draft("tool.finished", finished | {"detail": detail}) for _ in range(1000)])
        read = await log.read("s")
        await log.claim("fork")
        adopted = await log.adopt("fork", read, [])
        gc.collect()
        assert len(gc.get_objects()) - before < 100
        assert stored == read[1:]
        assert [event.data for event in adopted] == [event.data for event in read]
        # Nothing of them is kept once nobody has them.
        kept = weakref.ref(marked := Marked())
        adopted[0].data["mark"] = marked
        del marked, adopted, read, stored
        await log.renew()  # the thread lets go of its last work
        assert kept() is None


class Marked:
    """Something whose end can be seen."""


async def test_a_log_from_before_that_holds_no_numbers_can_be_read(tmp_path):
    path = tmp_path / "log.db"
    async with open_log(path) as log:
        await log.claim("s")
        await log.append("s", [CREATED])
    data = '{"turn": "t1", "call": "c", "tool": "read_file", "arguments": {"end_line": Infinity}, "by": "agent"}'
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO events VALUES ('s', 2, 0, 'tool.started', 1, ?)", [data])
    async with open_log(path) as log:
        assert [event.data.get("arguments") for event in await log.read("s")] == [None, {"end_line": None}]


async def test_an_event_of_another_shape_is_refused():
    with pytest.raises(UnknownEvent, match="missing \\['root'"):
        Draft("session.created", {k: v for k, v in CREATED.data.items() if k != "root"})
    with pytest.raises(UnknownEvent, match=r"unknown \['colour'\]"):
        Draft("session.updated", {"colour": "red"})
    with pytest.raises(UnknownEvent, match=r"session\.exploded"):
        Draft("session.exploded")


async def test_a_summary_of_an_older_fold_is_rebuilt_from_the_events(tmp_path):
    path = tmp_path / "log.db"
    async with open_log(path) as log:
        await log.claim("s")
        await log.append("s", [CREATED, Draft("session.ready")])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE sessions SET summary = ?", [json.dumps({"projection": 0, "id": "s", "title": "stale"})])
    async with open_log(path) as log:
        assert (await log.summary("s")).title == "Task board"
        assert [summary.title for summary in await log.summaries()] == ["Task board"]


def _append_for_ever(path, ready):
    async def main():
        log = SqliteEventStore(path)
        await log.claim("s")
        await log.append("s", [CREATED])
        number = 0
        while True:
            number += 1
            events = await log.append("s", [Draft("session.updated", {"title": str(number)})])
            ready.send(events[0].seq)

    asyncio.run(main())


async def test_a_killed_owner_loses_its_lease_at_once_and_none_of_its_events(tmp_path):
    path = tmp_path / "log.db"
    receive, send = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_append_for_ever, args=(path, send))
    process.start()
    acknowledged = 0
    while acknowledged < 50:
        acknowledged = receive.recv()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while receive.poll():
        acknowledged = receive.recv()
    async with open_log(path) as log:
        assert await log.claim("s")
        events = await log.read("s")
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert len(events) >= acknowledged
        assert (await log.summary("s")).last_seq == len(events)


async def test_a_log_of_a_newer_version_is_left_alone(tmp_path):
    path = tmp_path / "log.db"
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    async with open_log(path) as log:
        with pytest.raises(Unavailable, match="newer version"):
            await log.summaries()


async def test_the_log_is_readable_by_its_user_only(tmp_path):
    async with open_log(tmp_path / "data" / "log.db") as log:
        await log.claim("s")
        assert (tmp_path / "data" / "log.db").stat().st_mode & 0o077 == 0


async def test_the_log_and_its_companions_are_private_from_the_first_byte(tmp_path):
    folder = tmp_path / "data"
    old = os.umask(0)
    try:
        async with open_log(folder / "log.db") as log:
            await log.claim("s")
            await log.append("s", [CREATED])
            made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}
            assert log.warnings == []
    finally:
        os.umask(old)
    assert made.pop("data") == 0o700
    assert set(made) == {"log.db", "log.db-wal", "log.db-shm"}
    assert set(made.values()) == {0o600}


async def test_what_an_older_version_left_open_to_others_is_closed_at_the_next_start(tmp_path):
    folder = tmp_path / "data"
    async with open_log(folder / "log.db") as left:
        await left.claim("s")
        for path in [folder, *folder.iterdir()]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        async with open_log(folder / "log.db") as log:
            assert await log.summaries() == []
            assert not any(path.stat().st_mode & 0o077 for path in [folder, *folder.iterdir()])


async def test_a_data_folder_that_everybody_shares_keeps_its_rights_and_says_so(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    async with open_log(folder / "log.db") as log:
        await log.claim("s")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
        assert f"{folder} is open to other people" in log.warnings[0]


REFUSED = """
import asyncio, sys
from pathlib import Path
from jupyter_appbuilder.log import SqliteEventStore

async def main():
    log = SqliteEventStore(Path(sys.argv[1], "log.db"))
    assert await log.claim("s")
    print(*log.warnings)
    await log.close()

asyncio.run(main())
"""


@pytest.mark.skipif(os.getuid() != 0, reason="the folder has to be another person's")
def test_a_data_folder_whose_rights_cannot_be_changed_is_used_with_a_warning():
    python, setpriv = python_for_all(), shutil.which("setpriv")
    if python is None or setpriv is None:
        pytest.skip("root's Python, or checkout, is open to nobody else")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o777)
        places = [str(Path(__file__).parents[2]), *(path for path in sys.path if "site-packages" in path)]
        environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONPATH": os.pathsep.join(places)}
        command = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
        done = subprocess.run(
            [*command, python, "-c", REFUSED, folder], env=environment, capture_output=True, text=True, cwd="/"
        )
        assert done.returncode == 0, done.stderr
        assert "its rights cannot be changed: Operation not permitted" in done.stdout


def _open_at(moments, folder, times, told):
    async def main():
        for number in range(times):
            moments.wait()
            log = SqliteEventStore(folder / str(number) / "log.db")
            try:
                await log.claim(str(os.getpid()))
                await log.append(str(os.getpid()), [CREATED])
                told.put("stored")
            except Unavailable as error:
                told.put(str(error))
            moments.wait()
            await log.close()

    asyncio.run(main())


def test_many_processes_open_a_fresh_log_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    several, times = 10, 20
    moments, told = context.Barrier(several), context.Queue()
    processes = [context.Process(target=_open_at, args=(moments, tmp_path, times, told)) for _ in range(several)]
    for process in processes:
        process.start()
    assert {told.get(timeout=120) for _ in range(several * times)} == {"stored"}
    for process in processes:
        process.join()


NO_SHARED_MEMORY = """
import asyncio, ctypes, json, struct, sys
from pathlib import Path
from jupyter_appbuilder.log import SqliteEventStore
from jupyter_appbuilder.sandbox.local.processes import seccomp

def refuse_shared_maps():
    # As disks do that know none: some network disks, folders that a virtual machine shares.
    seccomp.NUMBERS["mmap"] = (9, 222)
    tests = (seccomp.Test(2, bits=2), seccomp.Test(3, among=(1, 3), masked=3), seccomp.Test(4, beside=(0xFFFFFFFF,)))
    code = seccomp.program([seccomp.Rule(("mmap",), seccomp.refuse(19), tests)])
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    text = ctypes.create_string_buffer(code)
    filter = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(text))
    assert libc.prctl(22, 2, filter, 0, 0) == 0, ctypes.get_errno()

async def main():
    path = Path(sys.argv[1])
    refuse_shared_maps()
    one, other = SqliteEventStore(path), SqliteEventStore(path)
    await one.open()
    await other.open()
    assert await one.claim("t") and not await other.claim("t")
    found = [summary.title for summary in await other.summaries()]
    print(json.dumps([one.journal, other.journal, found, sorted(file.name for file in path.parent.iterdir())]))
    await one.close()
    await other.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("before", ["nothing", "a log", "a log that was not closed"])
async def test_a_disk_that_shares_no_memory_gets_a_rollback_journal(tmp_path, before):
    path = tmp_path / "data" / "log.db"
    if before != "nothing":
        async with open_log(tmp_path / "first" / "log.db") as log:
            await log.claim("s")
            await log.append("s", [CREATED])
            assert log.journal == "wal"
            if before == "a log that was not closed":
                shutil.copytree(tmp_path / "first", path.parent)
        if before == "a log":
            shutil.copytree(tmp_path / "first", path.parent)
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", NO_SHARED_MEMORY, str(path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = await done.communicate()
    assert done.returncode == 0, errors.decode()
    one, other, titles, files = json.loads(output)
    assert (one, other) == ("truncate", "truncate")
    assert titles == ([] if before == "nothing" else ["Task board"])
    assert "log.db-wal" not in files
    async with open_log(path) as log:  # a machine that could share memory leaves it as the other needs it
        await log.claim("u")
        assert log.journal == "truncate"


MOUNTS = r"""22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 22 0:40 / /home rw,relatime shared:20 - nfs4 server:/home rw
41 40 0:41 / /home/jane/a\040disk rw - ext4 /dev/vdb rw
42 22 0:42 / /mnt/cloud rw - fuse.sshfs jane@server: rw
"""


def test_a_disk_that_other_machines_may_write_to_is_known():
    assert on_network_disk(Path("/home/jane/.local/share/jupyter/appbuilder/log.db"), MOUNTS)
    assert on_network_disk(Path("/mnt/cloud/log.db"), MOUNTS)
    assert not on_network_disk(Path("/homework/log.db"), MOUNTS)
    assert not on_network_disk(Path("/home/jane/a disk/log.db"), MOUNTS)
    assert not on_network_disk(Path("/srv/log.db"), MOUNTS)
    odd = "/mnt/a\r\x0c\x85\u2028\u3000b"
    assert on_network_disk(Path(odd, "log.db"), MOUNTS + f"43 22 0:43 / {odd} rw - nfs server:/x rw\n")


HOLDS = """
import asyncio, os, sys
from pathlib import Path
from jupyter_appbuilder.log import SqliteEventStore

async def main():
    log = SqliteEventStore(Path(sys.argv[1]))
    print(await log.claim("s"), os.getpid(), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await log.close()

asyncio.run(main())
"""


@asynccontextmanager
async def holder(path, *command):
    process = await asyncio.create_subprocess_exec(
        *command, sys.executable, "-c", HOLDS, str(path), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        claimed, pid = (await process.stdout.readline()).split()
        yield claimed == b"True", int(pid)
    finally:
        process.stdin.close()
        await process.wait()


@pytest.mark.parametrize("proc", [["--mount-proc"], []], ids=["its own /proc", "the machine's /proc"])
async def test_an_owner_in_another_process_namespace_is_not_taken_for_dead(tmp_path, proc):
    """Two containers of one image, with one host name and the same process ids, share a data folder."""
    apart = ["unshare", "--pid", "--fork", *proc]
    tried = await asyncio.create_subprocess_exec(*apart, "true", stderr=subprocess.DEVNULL)
    if await tried.wait():
        pytest.skip("no process namespaces can be made here")
    path = tmp_path / "log.db"
    async with holder(path, *apart) as (claimed, pid):
        assert claimed
        assert pid < 10
        async with open_log(path) as log:
            assert not await log.claim("s")
            assert await log.owner_of("s")
        async with holder(path, *apart) as (claimed, same):
            assert same == pid
            assert not claimed


async def test_an_owner_that_died_in_another_process_namespace_loses_its_lease_when_it_expires(tmp_path):
    path = tmp_path / "log.db"
    async with open_log(path, host="another container") as gone, open_log(path) as log:
        assert await gone.claim("s")
        assert not await log.claim("s")
        with sqlite3.connect(path) as db:
            db.execute("UPDATE leases SET expires_at = ?", [time.time() - 1])
        assert await log.claim("s")
