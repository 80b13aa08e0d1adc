"""Enforces limits by polling: all of them without control groups, disk and time always."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .disk import DISK_SECONDS, PROMPT, measure_deleted
from .limits import (
    Limits,
    MiB,
    descendants,
    measure,
    namespaces_have_limits,
    too_many_processes,
    too_much_memory,
    too_much_scratch,
)

if TYPE_CHECKING:
    from .runner import Cell, Process

GOES_FIRST = 1000  # of what the kernel calls oom_score_adj
SECONDS = 0.05  # between two looks at memory and processes
RARE_SECONDS = 0.5
MOST_PATIENCE = 4  # looks that are left out while nothing happens
IDLE_DISK_SECONDS = 2.0  # while only the dev server runs
TIDY_AFTER = 60.0  # seconds that a command has the folders it makes for itself
DUTY = 20  # looking at the disk takes at most one part in so many of the time
COUNT_SECONDS = 2.0  # a sandbox that has no process namespace by then has none
SLACK = 64 * MiB  # what others may still write after one of them was ended for the disk
IN_MEMORY = ("tmp", "var/tmp", "dev/shm", "home/app")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Watched:
    """The watch's data about a sandbox without a control group."""

    cpu: float = -1.0  # seconds used at the last look
    quiet: int = 0  # looks since when nothing was used
    rarely: float = 0.0  # ``time.monotonic()`` of the next look at what seldom changes
    deleted: int = 0  # bytes of files in memory that have no name


class Watch(threading.Thread):
    """Ends what uses more than its share. A thread of its own: it must act when all else is slow.

    Costs nothing while nothing runs.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__(name="appbuilder-watch", daemon=True)
        self._limits = limits
        self._cells: list[Cell] = []
        self._changed = threading.Event()
        self._closed = False
        self._cores = sorted(os.sched_getaffinity(0))

    def add(self, cell: Cell) -> None:
        self._cells.append(cell)

    def remove(self, cell: Cell) -> None:
        with contextlib.suppress(ValueError):
            self._cells.remove(cell)

    def look(self) -> None:
        """Something has started or ended: look at once."""
        if not self._closed and not self.is_alive():
            with contextlib.suppress(RuntimeError):  # started meanwhile
                self.start()
        self._changed.set()

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    def cores(self, cell: Cell) -> set[int]:
        """The processor cores of a cell without a control group: as many whole ones as it may use."""
        many = min(len(self._cores), max(1, math.ceil(self._limits.cpus)))
        first = id(cell) // 64 % len(self._cores)
        return {self._cores[(first + number) % len(self._cores)] for number in range(many)}

    def run(self) -> None:
        with contextlib.suppress(OSError):  # root may; others look as often as they get to
            os.setpriority(os.PRIO_PROCESS, self.native_id or 0, -10)
        while not self._closed:
            wait: float | None = None
            for cell in list(self._cells):
                try:
                    due = self._look_at(cell)
                except Exception:
                    log.exception("A sandbox's limits could not be checked; trying again")
                    due = 1.0
                if due is not None:
                    wait = due if wait is None else min(wait, due)
            self._changed.wait(wait)
            self._changed.clear()

    def _look_at(self, cell: Cell) -> float | None:
        """Enforce the limits of one sandbox; seconds until the next look, None where nothing runs."""
        running = [process for process in list(cell.running) if process.running]
        if not running:
            if cell.quota and cell.quota.stale:
                cell.quota.measure()
            return None
        now = time.monotonic()
        waits = [IDLE_DISK_SECONDS]
        for process in running:
            if process.deadline is not None:
                if now > process.deadline:
                    process.kill("timeout", process.too_late)
                waits.append(max(0.01, process.deadline - now))
        pids: list[int] = []
        if cell.group is None:
            counted = [self._count(process) for process in running]
            pids = self._weigh(cell, running)
            # What uses no processor time takes no memory and starts nothing.
            patience = 1 + min(cell.watched.quiet, MOST_PATIENCE)
            waits.append(SECONDS * patience if all(counted) else SECONDS / 5)
        for process in running:
            if scratch := process.scratch:
                if now >= scratch.due:
                    scratch.measure()
                    scratch.due = time.monotonic() + max(DISK_SECONDS, DUTY * scratch.seconds)
                    if scratch.over:
                        process.kill("disk", too_much_scratch(scratch.bytes))
                waits.append(max(0.01, scratch.due - time.monotonic()))
        if cell.quota:
            if cell.quota.short():
                newest = max(running, key=lambda process: process.began)
                newest.kill("disk", "The disk of this machine is nearly full. Free some space.")
            if now >= cell.quota.due:
                self._measure_disk(cell, running, pids)
            waits.append(max(0.01, cell.quota.due - time.monotonic()))
        return min(waits)

    def _count(self, process: Process) -> bool:
        """Have the kernel itself limit the processes of a sandbox that root started; False while it is too early.

        The kernel exempts root from its limit on a user's processes, also in a user namespace. Since Linux 6.14 each
        process namespace has a limit of its own.
        """
        if not process.counted and os.getuid() == 0 and time.monotonic() - process.began < COUNT_SECONDS:
            inside = _first_inside(process.pid)
            if inside is None:
                return False
            # After its first round the kernel gives out no number below 300 again.
            script = f"echo {300 + self._limits.processes} > /proc/sys/kernel/pid_max"
            command = ["nsenter", "--target", str(inside), "--pid", "/bin/sh", "-c", script]
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                if namespaces_have_limits():
                    subprocess.run(command, capture_output=True, timeout=2, check=False)
        process.counted = True
        return True

    def _weigh(self, cell: Cell, running: Sequence[Process]) -> list[int]:
        """Memory and processes of a cell without a control group; the ids of its processes."""
        most = self._limits.processes
        trees = {process: descendants([process.pid], most + 2) for process in running}
        pids = [pid for tree in trees.values() for pid in tree]
        uses = {process: measure(tree) for process, tree in trees.items()}
        # The outermost process is ours, not the sandbox's.
        if sum(max(len(tree) - 1, uses[process].threads - 1) for process, tree in trees.items()) > most:
            largest = max(trees, key=lambda process: max(len(trees[process]), uses[process].threads))
            largest.kill("processes", too_many_processes(most))
            return pids
        watched = cell.watched
        cpu = sum(use.cpu for use in uses.values())
        watched.quiet = watched.quiet + 1 if cpu == watched.cpu else 0
        watched.cpu = cpu
        if time.monotonic() >= watched.rarely:
            watched.rarely = time.monotonic() + RARE_SECONDS
            watched.deleted = measure_deleted(pids)[1]
            _keep_to(self.cores(cell), pids)
        in_folders = sum(_in_memory(tree) for tree in trees.values())
        # The sum of what is resident is quick to have and too high: what processes share is counted for each.
        if sum(use.resident for use in uses.values()) + in_folders + watched.deleted > cell.memory:
            shares = {process: sum(map(_share, tree)) for process, tree in trees.items()}
            watched.deleted = measure_deleted(pids)[1]
            if sum(shares.values()) + in_folders + watched.deleted > cell.memory:
                largest = max(shares, key=lambda process: (_goes_first(trees[process]), shares[process]))
                largest.kill("memory", too_much_memory(cell.memory, cell.installs))
        return pids

    def _measure_disk(self, cell: Cell, running: Sequence[Process], pids: Sequence[int]) -> None:
        quota = cell.quota
        assert quota
        commands = [process for process in running if not process.serves]
        if not commands and quota.seconds > PROMPT and quota.quiet():
            quota.due = time.monotonic() + IDLE_DISK_SECONDS
            return
        usage = quota.measure(pids or cell.pids())
        # A command may be making one for itself; when it ends, it is looked for anyway.
        if usage.git and cell.tidy and all(it.serves or time.monotonic() - it.began > TIDY_AFTER for it in running):
            cell.tidy()
        pause = max(DISK_SECONDS if commands else IDLE_DISK_SECONDS, DUTY * quota.seconds)
        quota.due = time.monotonic() + pause
        if not quota.over:
            return
        guilty = [
            process
            for process in running
            if usage.bytes > process.disk_allowed
            or usage.files > process.files_allowed
            or (usage.too_deep and not process.deep_allowed)
        ]
        if not guilty:
            return
        # Nothing tells whose files they are. A command is more likely than the dev server, the latest the most; the
        # others may stay as long as it does not go on without it.
        newest = max(guilty, key=lambda process: (not process.serves, process.began))
        newest.kill("disk", quota.explain())
        for process in running:
            process.disk_allowed = max(process.disk_allowed, usage.bytes + SLACK)
            process.files_allowed = max(process.files_allowed, usage.files + 1000)
            process.deep_allowed = process.deep_allowed or bool(usage.too_deep)
        quota.due = time.monotonic() + DISK_SECONDS


def _goes_first(tree: Sequence[int]) -> bool:
    """True if a command asked to be the one that is ended when memory runs out, as one asks the kernel."""
    for pid in tree:
        with contextlib.suppress(OSError, ValueError):
            if int(Path(f"/proc/{pid}/oom_score_adj").read_text()) == GOES_FIRST:
                return True
    return False


def _first_inside(pid: int) -> int | None:
    """The first process below ``pid`` that is in another process namespace than ours."""
    own = os.stat("/proc/self/ns/pid").st_ino
    for child in descendants([pid], 8)[1:]:
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{child}/ns/pid").st_ino != own:
                return child
    return None


def _share(pid: int) -> int:
    """Bytes of memory, with what is shared divided among those who share it; files' pages do not count."""
    with contextlib.suppress(OSError, ValueError):
        total = 0
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in ("Pss_Anon", "Pss_Shmem", "SwapPss"):
                total += int(rest.split()[0]) * 1024
        return total
    return 0


def _in_memory(tree: Sequence[int]) -> int:
    """Bytes in a sandbox's private folders that live in memory, its many small files included."""
    if len(tree) < 2:
        return 0
    outside = {os.stat(folder).st_dev for folder in ("/", "/tmp", "/dev/shm") if Path(folder).exists()}
    seen: set[int] = set()
    total = 0
    for name in IN_MEMORY:
        with contextlib.suppress(OSError):
            place = f"/proc/{tree[-1]}/root/{name}"
            device = os.stat(place).st_dev
            if device in outside or device in seen or os.major(device):
                continue
            seen.add(device)
            found = os.statvfs(place)
            total += (found.f_blocks - found.f_bfree) * found.f_frsize + (found.f_files - found.f_ffree) * 1024
    return total


def _keep_to(cores: set[int], pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError):
                    if not os.sched_getaffinity(int(task)) <= cores:
                        os.sched_setaffinity(int(task), cores)
