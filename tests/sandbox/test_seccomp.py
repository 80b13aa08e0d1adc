"""Which system calls get through. Tried outside first: a filter that refuses what fails anyway shows nothing."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import subprocess
import sys

import pytest

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.sandbox.local.processes.seccomp import COMMON, NETWORK, NUMBERS, SHARED, program

from .conftest import MakePlace

# Answers with the number of the error, 0 where the call was let through and did what was asked.
PROBE = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
for line in sys.argv[1:]:
    call, *rest = [int(word, 0) for word in line.split(",")]
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(call), *map(ctypes.c_long, rest))
    print(ctypes.get_errno() if result < 0 else 0)
"""
EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97


def number(call: str) -> int:
    found = NUMBERS[call][platform.machine() != "x86_64"]
    assert found is not None
    return found


# The call with arguments with which it fails outside for another reason than EPERM, or does not fail.
REFUSED = {
    "ptrace of oneself": ("ptrace", 0, 0, 0, 0),
    "reading another's memory": ("process_vm_readv", 1, 0, 0, 0, 0, 0),
    "a key ring": ("keyctl", 0, -3, 1),
    "an event counter": ("perf_event_open", 0, 0, -1, -1, 0),
    "a fault handler": ("userfaultfd", 1),
    "io_uring": ("io_uring_setup", 0, 0),
    "a file by its handle": ("open_by_handle_at", -1, 0, 0),
    "another personality": ("personality", 0x0400000),
    "mounting": ("fsopen", 0, 99),
    "a namespace by unshare": ("unshare", 0x10000000),
    "entering a namespace": ("setns", -1, 0),
}


def outside(*calls: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", PROBE, *calls], capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


def line(call: str, *arguments: int) -> str:
    return ",".join(map(str, (number(call), *arguments)))


async def test_what_generated_code_never_needs_is_refused(place: MakePlace):
    calls = [line(*call) for call in REFUSED.values()]
    before = dict(zip(REFUSED, outside(*calls), strict=True))
    assert EPERM not in [error for what, error in before.items() if os.getuid() == 0], before
    async with place() as here:
        result = await here.sandbox.exec(["/usr/bin/python3", "-c", PROBE, *calls])
        after = dict(zip(REFUSED, map(int, result.stdout.split()), strict=True))
        assert set(after.values()) == {EPERM}, after


async def test_new_namespaces_cannot_be_made_by_clone_either(place: MakePlace):
    flags = 0x10000000 | 17
    calls = [line("clone", flags, 0, 0, 0, 0), line("clone3", 0, 0)]
    async with place() as here:
        result = await here.sandbox.exec(["/usr/bin/python3", "-c", PROBE, *calls])
        assert result.stdout.split() == [str(EPERM), str(ENOSYS)]


async def test_only_sockets_that_web_servers_need_can_be_made(place: MakePlace):
    families = {"unix": (1, 1, 0), "inet": (2, 1, 0), "inet6": (10, 1, 0), "route": (16, 3, 0)}
    others = {
        "netfilter": (16, 3, 12),
        "packet": (17, 3, 0),
        "kernel crypto": (38, 5, 0),
        "virtual machine": (40, 1, 0),
    }
    calls = [line("socket", *call) for call in (*families.values(), *others.values())]
    async with place() as here:
        result = await here.sandbox.exec(["/usr/bin/python3", "-c", PROBE, *calls])
        assert list(map(int, result.stdout.split())) == [0] * len(families) + [EAFNOSUPPORT] * len(others)


async def test_a_program_with_its_makers_rights_cannot_be_made(place: MakePlace):
    script = "cp /bin/true t && chmod 755 t && chmod u+s t || echo refused; chmod 2755 t || echo refused; stat -c %a t"
    done = subprocess.run(["sh", "-c", f"cd /tmp && {script}"], capture_output=True, text=True, check=True)
    assert "refused" not in done.stdout
    opening = (
        "import os\ntry: os.open('made', os.O_CREAT | os.O_WRONLY, 0o4755)\nexcept PermissionError: print('refused')"
    )
    async with place() as here:
        result = await here.sandbox.exec(script)
        assert result.stdout.split() == ["refused", "refused", "755"]
        assert (await here.sandbox.exec(["/usr/bin/python3", "-c", opening])).stdout == "refused\n"


async def test_calls_of_another_architecture_are_refused(place: MakePlace):
    if platform.machine() != "x86_64":
        return  # there is one set of calls only
    async with place() as here:
        x32_getpid = f"{0x40000000 + 39}"
        result = await here.sandbox.exec(["/usr/bin/python3", "-c", PROBE, x32_getpid])
        assert result.stdout.split() == [str(EPERM)]


async def test_node_and_python_do_their_work_under_the_filter(place: MakePlace):
    node = """
const os = require('os'), { Worker } = require('worker_threads'), { spawnSync, fork } = require('child_process');
console.log(Object.keys(os.networkInterfaces()).length > 0, os.cpus().length > 0, process.memoryUsage().rss > 0);
console.log(spawnSync('echo', ['child']).stdout.toString().trim());
new Worker('require("worker_threads").parentPort.postMessage("worker")', { eval: true }).on('message', console.log);
"""
    python = """
import subprocess, threading, concurrent.futures, tempfile, os, asyncio
print(subprocess.run(["echo", "child"], capture_output=True, text=True).stdout.strip())
with concurrent.futures.ThreadPoolExecutor() as pool: print(pool.submit(lambda: "thread").result())
async def main():
    process = await asyncio.create_subprocess_exec("echo", "loop", stdout=-1)
    print((await process.communicate())[0].decode().strip())
asyncio.run(main())
"""
    async with place() as here:
        result = await here.sandbox.exec(["node", "-e", node])
        assert result.stdout.splitlines() == ["true true true", "child", "worker"], result.stderr
        result = await here.sandbox.exec(["/usr/bin/python3", "-c", python])
        assert result.stdout.split() == ["child", "thread", "loop"], result.stderr


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_filter_is_made_for_both_processors(machine: str):
    for rules in ((*COMMON, *NETWORK), (*COMMON, *SHARED)):
        code = program(rules, machine)
        steps = list(struct.iter_unpack("<HBBI", code))
        for at, (operation, then, otherwise, _) in enumerate(steps):
            if operation & 7 == 5:
                assert at + 1 + max(then, otherwise) < len(steps)  # no jump leads out
        assert steps[-1][0] == 6


def test_a_processor_that_is_not_known_is_refused():
    with pytest.raises(Unavailable, match="riscv64"):
        program(COMMON, "riscv64")


def test_the_numbers_are_those_of_this_machines_headers():
    """Asked of the C library: ``syscall`` by a wrong number would test something else."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(ctypes.c_long(number("personality")), ctypes.c_long(0xFFFFFFFF)) >= 0
