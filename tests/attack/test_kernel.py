"""What code in a sandbox asks of the kernel, and must not get."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import SECRET, TOOLS, MakeBox

CALLS = """
    mount_memory mount_writable_again unmount mount_by_descriptor clone_mounts user_namespace mount_namespace
    network_namespace user_namespace_by_clone user_namespace_by_clone3 enter_namespace change_root swap_root
    load_module load_kernel kernel_program kernel_map watch_performance fault_handler keyring_of_the_session
    keyring_of_the_user add_key kernel_log open_by_handle set_clock set_host_name restart swap account become_root
    become_another_group give_capabilities memory_device hypervisor_socket packet_socket raw_socket watch_all_files
    type_into_the_terminal ports ring
"""


@contextmanager
def bystander() -> Iterator[int]:
    """A process of the person's; its id."""
    process = subprocess.Popen(["sleep", "60"], env={"TOKEN": SECRET})
    try:
        while SECRET.encode() not in Path(f"/proc/{process.pid}/environ").read_bytes():
            time.sleep(0.01)  # it is not yet what it is going to be
        yield process.pid
    finally:
        process.kill()
        process.wait()


answers: dict[tuple[str, str], dict[str, str]] = {}
"""What each kind answered to all attempts of a test's parameters: asked in one go, for they are many."""


@pytest.mark.parametrize("call", CALLS.split())
async def test_the_kernel_refuses(box: MakeBox, kind: str, call: str):
    if (kind, "calls") not in answers:
        async with box() as here:
            await here.python("syscalls", "control")
            ask = "echo $call $(/usr/bin/python3 syscalls.py $call 2>&1 || echo ended $?)"
            result = await here.run(f"for call in control {' '.join(CALLS.split())}; do {ask}; done")
            lines = [line.partition(" ") for line in result.stdout.splitlines()]
            answers[kind, "calls"] = {name: answer for name, _, answer in lines}
    answer = answers[kind, "calls"]
    assert answer["control"] == "done"
    # Ended by the filter, or refused with an error.
    assert answer[call].startswith("refused ") or answer[call].endswith("ended 159"), answer[call]


async def test_a_disk_cannot_be_opened_as_a_device(box: MakeBox):
    disk = os.stat("/").st_dev
    async with box() as here:
        result = await here.python("syscalls", "block_device", os.major(disk), os.minor(disk))
        assert result.stdout.startswith("refused ")


@pytest.mark.parametrize(
    "act", ["signal_another_process", "trace_another_process", "read_another_process", "take_a_descriptor"]
)
async def test_a_process_of_the_person_is_left_alone(box: MakeBox, act: str):
    with bystander() as another, bystander() as pid:
        outside = [sys.executable, str(TOOLS / "syscalls.py"), act, str(another)]
        # The same from outside works, or at least finds the process.
        said = subprocess.run(outside, capture_output=True, text=True, check=False).stdout
        assert said.strip() in ("done", "refused EPERM", "refused EFAULT")
        async with box() as here:
            result = await here.python("syscalls", act, pid)
            assert result.stdout.startswith("refused "), result.stdout
        assert Path(f"/proc/{pid}/stat").read_text().split()[2] in "SR"


async def test_killing_everything_kills_only_the_sandbox(box: MakeBox):
    with bystander() as pid:
        async with box() as here:
            # The group and the session, too: their numbers mean something outside.
            for attempt in ("kill -9 -1", "kill -9 1", "kill -9 0", "pkill -9 .", "kill -STOP 0; sleep 1"):
                result = await here.run(f"sleep 5 & {attempt}; echo unharmed", timeout=3)
                assert result.exit_code in (0, 137), attempt
            assert (await here.run("echo again")).stdout == "again\n"
        assert Path(f"/proc/{pid}/stat").read_text().split()[2] in "SR"


async def test_the_processes_of_this_machine_cannot_be_looked_at(box: MakeBox):
    with bystander() as pid:
        assert SECRET.encode() in Path(f"/proc/{pid}/environ").read_bytes()
        async with box() as here:
            result = await here.run(
                "cat /proc/self/status /proc/[0-9]*/{environ,cmdline,maps,stat,status,mountinfo} 2>/dev/null;"
                f"ls -l /proc/{pid}/ /proc/{pid}/fd /proc/{pid}/root/ 2>&1"
            )
            assert "Name:\tcat" in result.stdout  # it does see its own
            assert SECRET not in result.stdout
            assert str(os.getpid()) not in (await here.run("ls /proc")).stdout.split()


async def test_descriptors_of_the_server_are_not_inherited(box: MakeBox, secret: Path):
    descriptor = os.open(secret, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        show = "for f in /proc/[0-9]*/fd/*; do readlink $f; [ -f $f ] && cat $f; done"
        outside = subprocess.run(
            ["bash", "-c", f"cat /proc/self/fd/{descriptor}"],
            close_fds=False,
            capture_output=True,
            text=True,
            check=True,
        )
        assert outside.stdout == SECRET
        async with box() as here:
            result = await here.run(show, timeout=10)
            assert SECRET not in result.stdout
            places = {line for line in result.stdout.splitlines() if line.startswith("/")}
            own = ("/dev/", "/proc/", "/workspace", "/tmp", "/usr", "/opt/appbuilder", str(here.app))
            assert not [place for place in places if not place.startswith(own)], places
            assert not [place for place in places if "guardian" in place or "jab-" in place], places
    finally:
        os.close(descriptor)


async def test_the_terminal_jupyter_was_started_in_is_out_of_reach(box: MakeBox):
    """Typing into it would run commands as the person once the server has ended."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(
            sys.executable, [sys.executable, "-c", "open('/dev/tty', 'w').write('reached'); import time; time.sleep(1)"]
        )
    try:
        assert b"reached" in os.read(terminal, 100)  # with a terminal, the same reaches it
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    async with box() as here:
        result = await here.run(
            "echo reached > /dev/tty; for n in /dev/pts/[0-9]* /dev/tty[0-9]*; do echo $n; done; tty"
        )
        assert "reached" not in result.stdout
        assert "not a tty" in result.stdout
        assert result.stderr  # none of them could be opened


SETTINGS = """
    /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/fs/binfmt_misc/register
    /proc/sys/vm/overcommit_memory /proc/sys/net/ipv4/ip_forward /proc/sysrq-trigger /proc/kcore /proc/kmsg
    /sys/kernel/uevent_helper /sys/fs/cgroup/release_agent /sys/fs/cgroup/memory/release_agent
    /sys/fs/cgroup/cgroup.procs /dev/mem /dev/kmsg /dev/loop0 /dev/vda /dev/fuse /dev/kvm /dev/vsock /dev/net/tun
"""

OPEN = """
import os, sys
for path in sys.argv:
    for flags in (os.O_WRONLY, os.O_RDWR):
        try:
            os.close(os.open(path, flags))
            print("opened", path)
        except OSError as error:
            print("refused", path, error.errno)
"""


@pytest.mark.parametrize("setting", SETTINGS.split())
async def test_a_setting_or_device_of_the_machine_cannot_be_opened(box: MakeBox, kind: str, setting: str):
    if (kind, "settings") not in answers:
        async with box() as here:
            result = await here.python(OPEN, *SETTINGS.split())
            assert "opened attack.py" in result.stdout
            answers[kind, "settings"] = {"": result.stdout}
    said = answers[kind, "settings"][""]
    assert f"opened {setting}\n" not in said
    assert said.count(f"refused {setting} ") == 2


HIDDEN = """
import sys
for name in sys.argv:
    try:
        print(name, len(open(name, "rb").read(100000)))
    except OSError as error:
        print(name, 0)
"""


async def test_what_the_kernel_tells_about_the_whole_machine_is_hidden(box: MakeBox):
    names = [f"/proc/{name}" for name in ("keys", "key-users", "kallsyms", "slabinfo", "timer_list", "vmallocinfo")]
    assert Path("/proc/keys").exists()
    async with box() as here:
        result = await here.python(HIDDEN, *names)
        found = dict(line.split() for line in result.stdout.splitlines())
        assert int(found.pop("attack.py")) > 50
        assert set(found.values()) == {"0"}, found


async def test_a_program_with_the_set_user_id_bit_gains_nothing(box: MakeBox):
    async with box() as here:
        result = await here.run(
            "cp /usr/bin/id . && chmod 6755 id; ls -l id; ./id -u; ./id -ru;"
            "for p in su mount passwd sudo; do [ -u /usr/bin/$p ] && $p root </dev/null; done;"
            "grep NoNewPrivs /proc/self/status"
        )
        assert "NoNewPrivs:\t1" in result.stdout or here.kind == "gvisor"  # which does not tell
        ids = [line for line in result.stdout.splitlines() if line.isdigit()]
        assert len(set(ids)) <= 1  # the same, effective and real
        if ids and (mode := (here.app / "id").stat().st_mode) & 0o6000:
            assert (here.app / "id").stat().st_uid == os.getuid(), oct(mode)


async def test_the_host_never_runs_what_the_app_marks_set_user_id(box: MakeBox):
    """A file of the app that is set-user-id would, for another user of this machine, run as the person."""
    async with box() as here:
        result = await here.run("cp /usr/bin/id trap; chmod 4755 trap; stat -c %a trap")
        assert (here.app / "trap").exists()
        assert not (here.app / "trap").stat().st_mode & 0o6000, result.stdout
