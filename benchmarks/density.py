"""Many apps at once: what each sandbox holds beside its dev server, and how long a sleeping one takes to wake."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

import psutil
from building import app_builder

from jupyter_appbuilder.session import Session

from .report import heading, median, percentile, row
from .vite import copy_app, vite

AWAKE = 10
ASLEEP = 30
MiB = 2**20
REST_SECONDS = 10
"""How long apps are left alone before they are measured."""


def held(pid: int) -> int:
    """Bytes of a process, its part of what is shared with others included (PSS)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def is_app(process: psutil.Process) -> bool:
    try:
        return "vite.js" in " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return False


def swapped() -> int:
    """Pages this machine has written to swap so far."""
    lines = Path("/proc/vmstat").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("pswpout ")), 0)


def available() -> int:
    return psutil.virtual_memory().available


def sandboxes() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


async def measure(folder: Path) -> None:
    swapped_before, free_before = swapped(), available()
    async with app_builder(folder, model="demo:recorded") as builder:
        first = await builder.create(title="First")  # what all sessions share is loaded and started with it
        await first.app.ensure()
        await asyncio.sleep(1)
        server_before = psutil.Process().memory_info().rss
        sessions: list[Session] = [first]
        while len(sessions) < AWAKE + ASLEEP:
            session = await builder.create(title="Benchmark")
            server = await session.app.ensure()
            assert server.state == "ready", server
            sessions.append(session)
            if len(sessions) <= ASLEEP:
                await session.app.sleep()
        await first.app.sleep()
        await asyncio.sleep(REST_SECONDS)
        awake = [session for session in sessions if session.app.server.state == "ready"]
        asleep = [session for session in sessions if session.app.server.state == "asleep"]
        print(f"- {len(awake)} apps awake, {len(asleep)} asleep")

        processes = sandboxes()
        apps = sum(held(each.pid) for each in processes if is_app(each))
        rest = sum(held(each.pid) for each in processes if not is_app(each))
        row(
            "dev server, each",
            apps / len(awake) / MiB,
            "MiB (PSS)",
            peer=bare_memory(folder),
            of="bare vite, started before",
        )
        row("sandbox beside its dev server, each awake app", rest / len(awake) / MiB, "MiB (PSS)", target="≤ 15 MiB")
        grown = psutil.Process().memory_info().rss - server_before
        row("server process, each further session", grown / (len(sessions) - 1) / MiB, "MiB")
        row("all of it", (free_before - available()) / MiB, "MiB less available")
        row("swapped out meanwhile", (swapped() - swapped_before) * os.sysconf("SC_PAGE_SIZE") / MiB, "MiB", target="0")

        woken: list[float] = []
        for session in asleep[:AWAKE]:
            began = time.perf_counter()
            assert (await session.app.ensure()).state == "ready"
            woken.append((time.perf_counter() - began) * 1000)
            await session.app.sleep()
        row("waking, p50", median(woken), "ms", target="≤ 1,000 ms")
        row("waking, p90", percentile(woken, 0.9), "ms", target="≤ 1,000 ms")


def bare_memory(folder: Path) -> float:
    """MiB of the same app's dev server started by hand, as long after its start."""
    app = copy_app(folder)
    with vite(app):
        time.sleep(REST_SECONDS)  # it bundles the packages, as it was done for all sessions
    with vite(app, warm=True):
        time.sleep(REST_SECONDS)
        return sum(held(each.pid) for each in sandboxes() if is_app(each) and each.cwd() == str(app)) / MiB


def main() -> None:
    heading(f"{AWAKE} apps awake and {ASLEEP} asleep")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
