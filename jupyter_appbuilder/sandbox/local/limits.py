"""What a sandbox may use of the machine, and what enforces it.

Control groups where this process may make them (version 1 or 2), which is exact; else resource limits and a watch over
the processes of each sandbox.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MiB = 1024 * 1024
GROUP_PREFIX = "appbuilder-"


@dataclass(frozen=True)
class Limits:
    """Of one session's sandbox, all its processes together unless said otherwise."""

    memory: int = 2048 * MiB  # bytes
    processes: int = 512  # threads count
    cpus: float = 2.0  # cores
    open_files: int = 8192  # per process
    file_size: int = 1024 * MiB  # bytes, one file
    scratch: int = 512 * MiB  # bytes, each of /tmp and the home directory; counts as memory under control groups
    dependency_memory: int = 4096 * MiB  # bytes, while packages are installed


@dataclass(frozen=True, slots=True)
class Group:
    """One sandbox's control group: a directory in one (version 2) or several (version 1) hierarchies."""

    directories: tuple[Path, ...]

    @property
    def joins(self) -> tuple[Path, ...]:
        """Files that a process writes its id to in order to enter."""
        return tuple(directory / "cgroup.procs" for directory in self.directories)

    def processes(self) -> list[int]:
        with suppress(OSError):
            return [int(line) for line in self.joins[0].read_text().split()]
        return []

    def kills(self) -> int:
        """How many processes were killed for want of memory so far."""
        for directory in self.directories:
            for name in ("memory.events", "memory.oom_control"):
                with suppress(OSError, ValueError):
                    for line in (directory / name).read_text().splitlines():
                        if line.startswith("oom_kill "):
                            return int(line.split()[1])
        return 0

    def remove(self) -> None:
        for directory in self.directories:
            with suppress(OSError):
                directory.rmdir()


class ControlGroups:
    """Makes groups below the directories found by ``find_control_groups``."""

    def __init__(self, version: int, parents: dict[str, Path]) -> None:
        self.version = version
        self._parents = parents

    def create(self, name: str, memory: int, limits: Limits) -> Group:
        """Raises ``OSError`` where the kernel refuses."""
        directories = {
            controller: parent / f"{GROUP_PREFIX}{os.getpid()}-{name}" for controller, parent in self._parents.items()
        }
        for directory in set(directories.values()):
            directory.mkdir()
        quota = int(limits.cpus * 100_000)
        if self.version == 2:
            settings = {
                ("memory", "memory.max"): memory,
                ("memory", "memory.swap.max"): 0,
                ("pids", "pids.max"): limits.processes,
                ("cpu", "cpu.max"): f"{quota} 100000",
            }
        else:
            settings = {
                ("memory", "memory.limit_in_bytes"): memory,
                ("memory", "memory.memsw.limit_in_bytes"): memory,
                ("pids", "pids.max"): limits.processes,
                ("cpu", "cpu.cfs_period_us"): 100_000,
                ("cpu", "cpu.cfs_quota_us"): quota,
            }
        for (controller, file), value in settings.items():
            if controller in directories:
                target = directories[controller] / file
                if target.exists():  # swap accounting and the cpu controller are optional
                    target.write_text(str(value))
        return Group(tuple(dict.fromkeys(directories.values())))

    def sweep(self) -> None:
        """Remove the groups that killed servers left, and end what may still run in them."""
        for parent in set(self._parents.values()):
            for directory in parent.glob(f"{GROUP_PREFIX}*"):
                owner = directory.name.removeprefix(GROUP_PREFIX).partition("-")[0]
                if owner.isdigit() and not Path("/proc", owner).exists():
                    for pid in Group((directory,)).processes():
                        with suppress(OSError):
                            os.kill(pid, signal.SIGKILL)
                    with suppress(OSError):  # what was just ended may take a moment: the next sweep gets it
                        directory.rmdir()


def find_control_groups() -> ControlGroups | None:
    """Control groups this process may make and enter; None where it may not. Tried for real."""
    for candidate in (_version_2(), _version_1()):
        if candidate is None:
            continue
        group: Group | None = None
        try:
            group = candidate.create("probe", 64 * MiB, Limits())
            script = 'for f in "$@"; do echo $$ > "$f" || exit 1; done'
            entered = subprocess.run(
                ["/bin/sh", "-c", script, "sh", *map(str, group.joins)], capture_output=True, timeout=5, check=False
            )
            if entered.returncode == 0:
                candidate.sweep()
                return candidate
        except (OSError, subprocess.TimeoutExpired):
            continue
        finally:
            if group:
                group.remove()
    return None


def _memberships() -> dict[str, str]:
    found: dict[str, str] = {}
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                found[controller] = path
    return found


def _mounts() -> Iterable[tuple[str, Path, set[str]]]:
    """Type, mount point and options of each control group hierarchy."""
    with suppress(OSError):
        for line in Path("/proc/self/mounts").read_text().splitlines():
            _, point, kind, options, *_ = line.split()
            if kind in ("cgroup", "cgroup2"):
                yield kind, Path(point), set(options.split(","))


def _version_2() -> ControlGroups | None:
    root = next((point for kind, point, _ in _mounts() if kind == "cgroup2"), None)
    path = _memberships().get("")
    if root is None or path is None:
        return None
    own = root / path.lstrip("/")
    # A group with processes of its own cannot hand controllers on, so the place is usually further up.
    for place in (own, *own.parents):
        if not place.is_relative_to(root):
            break
        with suppress(OSError):
            controllers = (place / "cgroup.subtree_control").read_text().split()
            if {"memory", "pids"} <= set(controllers) and os.access(place, os.W_OK):
                return ControlGroups(2, {name: place for name in ("memory", "pids", "cpu") if name in controllers})
    return None


def _version_1() -> ControlGroups | None:
    memberships = _memberships()
    parents: dict[str, Path] = {}
    for kind, point, options in _mounts():
        for controller in ("memory", "pids", "cpu"):
            if kind == "cgroup" and controller in options:
                own = point / memberships.get(controller, "/").lstrip("/")
                place = own if own.is_dir() else point  # in a container the path may be the host's
                if os.access(place, os.W_OK):
                    parents[controller] = place
    return ControlGroups(1, parents) if {"memory", "pids"} <= parents.keys() else None


@dataclass(frozen=True, slots=True)
class Use:
    memory: int  # bytes resident that are not shared
    processes: int
    threads: int
    cpu: float  # seconds


def descendants(pids: Sequence[int], most: int = 100_000) -> list[int]:
    """``pids`` and all processes below them, up to ``most``: a fork bomb grows faster than it can be counted."""
    found: list[int] = []
    waiting = list(pids)
    while waiting and len(found) < most:
        pid = waiting.pop()
        found.append(pid)
        with suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                with suppress(OSError):
                    waiting += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def measure(pids: Sequence[int]) -> Use:
    memory = processes = threads = ticks = 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            memory += max(0, resident - shared)
            processes += 1
            threads += int(fields[17])
            ticks += sum(map(int, fields[11:15]))  # own and waited-for children, user and system
    return Use(memory * os.sysconf("SC_PAGE_SIZE"), processes, threads, ticks / os.sysconf("SC_CLK_TCK"))
