"""Resource limits of a sandbox, and what enforces them.

Control groups where this process may make them (version 1 or 2), which is exact; else resource limits and a watch over
the processes of each sandbox.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ....workspace.holds import is_alive, own_mark

MiB = 1024 * 1024
GROUP_PREFIX = "appbuilder-"
CONTROLLERS = ("memory", "pids", "cpu")
NEEDED = {"memory", "pids"}


Ended = Literal["exit", "timeout", "output", "memory", "disk", "processes"]
"""How a command ended; see ``base.ExecResult``."""


@dataclass(frozen=True)
class Limits:
    """Of one session's sandbox, all its processes together unless said otherwise."""

    memory: int = 2048 * MiB  # bytes
    processes: int = 512  # threads count
    cpus: float = 2.0  # cores
    open_files: int = 8192  # per process
    file_size: int = 1024 * MiB  # bytes, one file
    disk: int = 2048 * MiB  # bytes, the app's folder and what its tools write beside it
    files: int = 200_000  # files and folders there
    scratch: int = 512 * MiB  # bytes, each of /tmp and the home directory; counts as memory under control groups
    exec_seconds: float = 900  # a command, whatever timeout it is given
    background_seconds: float = 4 * 3600  # a command in the background
    dependency_memory: int = 4096 * MiB  # bytes, while packages are installed
    dependency_disk: int = 8192 * MiB  # bytes, one installation
    dependency_files: int = 1_000_000


def in_words(size: float) -> str:
    """Bytes, for people: ``"512 MiB"``, ``"1.5 GiB"``."""
    if size < 1024 * MiB:
        return f"{size / MiB:.3g} MiB"
    return f"{size / (1024 * MiB):.3g} GiB"


def describe(limits: Limits, groups: ControlGroups | None) -> str:
    """The limits and what enforces them, for ``doctor``."""
    size = f"memory {in_words(limits.memory)}, {limits.processes} processes, {limits.cpus:g} cores"
    if groups:
        return f"{size}, enforced by control groups v{groups.version}"
    watched = "resource limits and a watch"
    if os.getuid() == 0 and not namespaces_have_limits():
        watched += (
            " (many processes at once can slow this machine down: the kernel exempts root; better be another user)"
        )
    return (
        f"{size} (whole ones), enforced by {watched}. For exact limits start Jupyter where it may "
        "make control groups, with systemd: systemd-run --user --scope -p Delegate=yes jupyter lab"
    )


def namespaces_have_limits() -> bool:
    """True if each process namespace has a limit on processes of its own: the only one that holds for root."""
    major, minor, *_ = os.uname().release.split(".")
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (6, 14)


def describe_disk(limits: Limits) -> str:
    """The limits on disk and time, which need no control groups, for ``doctor``."""
    return (
        f"{in_words(limits.disk)} and {limits.files:,} files a session, {in_words(limits.file_size)} a file, "
        f"{in_words(limits.scratch)} in /tmp; commands end after {limits.exec_seconds:g} s"
    )


# What people and agents read when a limit ended something: what happened, and the setting that allows more.


def too_much_memory(memory: int, installs: bool = False) -> str:
    who, setting = ("an installation", "install_memory") if installs else ("a session", "memory")
    return f"It used more than the {in_words(memory)} of memory that {who} may (c.LocalSandbox.{setting})."


def too_many_processes(processes: int) -> str:
    return f"It reached the limit of {processes} processes and threads of a session (c.LocalSandbox.processes)."


def too_long(seconds: float) -> str:
    return f"Nothing may run longer than {seconds:g} s here (c.LocalSandbox.max_exec_seconds)."


def too_long_in_background(seconds: float) -> str:
    return f"Nothing may run in the background longer than {seconds:g} s (c.LocalSandbox.max_background_seconds)."


def too_many_files(number: int) -> str:
    return f"It reached the limit of {number} open files of a process (c.LocalSandbox.open_files)."


def too_much_scratch(size: int) -> str:
    return f"/tmp and the home directory hold at most {in_words(size)} each (c.LocalSandbox.tmp)."


def too_large_a_file(size: int) -> str:
    return f"A file grew beyond {in_words(size)}, the largest a file may be (c.LocalSandbox.file_size)."


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

    def weigh(self, share: int) -> None:
        """Set its share of a busy processor, relative to groups of the usual 100."""
        for directory in self.directories:
            for name, value in (("cpu.weight", share), ("cpu.shares", max(2, share * 1024 // 100))):
                with suppress(OSError):
                    if (directory / name).exists():
                        (directory / name).write_text(str(value))

    def kills(self) -> int:
        """The number of processes killed for lack of memory so far."""
        for directory in self.directories:
            for name in ("memory.events", "memory.oom_control"):
                with suppress(OSError, ValueError):
                    for line in (directory / name).read_text().splitlines():
                        if line.startswith("oom_kill "):
                            return int(line.split()[1])
        return 0

    def refusals(self) -> int:
        """The number of processes not started because of the limit on processes."""
        for directory in self.directories:
            with suppress(OSError, ValueError):
                for line in (directory / "pids.events").read_text().splitlines():
                    if line.startswith("max "):
                        return int(line.split()[1])
        return 0

    def kill(self) -> None:
        """End every process in it, however quickly they start others."""
        for directory in self.directories:
            with suppress(OSError):
                (directory / "cgroup.kill").write_text("1")  # version 2, Linux 5.14
                return
        for directory in self.directories:
            with suppress(OSError):
                (directory / "pids.max").write_text("0")  # from here on nothing starts
        for pid in self.processes():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def remove(self) -> None:
        for directory in self.directories:
            with suppress(OSError):
                directory.rmdir()


def own_prefix() -> str:
    """The prefix of the names of all groups of this process."""
    return f"{GROUP_PREFIX}{own_mark()}-"


class ControlGroups:
    """Makes groups below the directories found by ``find_control_groups``."""

    def __init__(self, version: int, parents: dict[str, Path]) -> None:
        self.version = version
        self._parents = parents

    @property
    def parents(self) -> set[Path]:
        return set(self._parents.values())

    def create(self, name: str, memory: int, limits: Limits) -> Group:
        """Raises ``OSError`` where the kernel refuses."""
        directories = {controller: parent / f"{own_prefix()}{name}" for controller, parent in self._parents.items()}
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
        for parent in self.parents:
            for directory in parent.glob(f"{GROUP_PREFIX}*"):
                owner = directory.name.removeprefix(GROUP_PREFIX).partition("-")[0]
                if not is_alive(owner):
                    group = Group((directory,))
                    group.kill()
                    for _ in range(100):  # what was just ended takes a moment to be gone
                        if not group.processes():
                            break
                        time.sleep(0.005)
                    group.remove()


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
        for line in os.fsdecode(Path("/proc/self/cgroup").read_bytes()).split("\n")[:-1]:
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                found[controller] = path
    return found


def _mounts() -> Iterable[tuple[str, Path, set[str]]]:
    """Type, mount point and options of each control group hierarchy."""
    with suppress(OSError):
        for line in os.fsdecode(Path("/proc/self/mounts").read_bytes()).split("\n")[:-1]:
            _, point, kind, options, *_ = line.split(" ")
            if kind in ("cgroup", "cgroup2"):
                yield kind, Path(point), set(options.split(","))


def _version_2() -> ControlGroups | None:
    root = next((point for kind, point, _ in _mounts() if kind == "cgroup2"), None)
    path = _memberships().get("")
    if root is None or path is None:
        return None
    return find_place(root, root / path.lstrip("/"))


def find_place(root: Path, own: Path) -> ControlGroups | None:
    """The folder below ``root`` (version 2) where this process, a member of ``own``, may make groups."""
    if _is_delegated(own) and (found := _handing_on(own) or _arrange(own)):
        return found
    # A group with processes of its own cannot hand controllers on, so the place is usually further up: the slice of
    # a person's own programs under systemd, for one.
    for place in (own, *own.parents):
        if not place.is_relative_to(root):
            break
        if found := _handing_on(place):
            return found
    return _arrange(own) if _is_ours(own) else None


def _handing_on(place: Path) -> ControlGroups | None:
    with suppress(OSError):
        controllers = (place / "cgroup.subtree_control").read_text().split()
        if set(controllers) >= NEEDED and os.access(place, os.W_OK):
            return ControlGroups(2, {name: place for name in CONTROLLERS if name in controllers})
    return None


def _arrange(own: Path) -> ControlGroups | None:
    """Move the processes of ``own``, this one among them, into a group below it: then it can hand controllers on."""
    with suppress(OSError):
        offered = (own / "cgroup.controllers").read_text().split()
        if not set(offered) >= NEEDED:
            return None
        members = own / f"{GROUP_PREFIX}members"
        members.mkdir(exist_ok=True)
        for pid in (own / "cgroup.procs").read_text().split():
            with suppress(OSError):  # it has ended
                (members / "cgroup.procs").write_text(pid)
        (own / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS if name in offered))
        return _handing_on(own)
    return None


def _is_delegated(own: Path) -> bool:
    """True if systemd leaves all in ``own`` to us (``Delegate=yes``)."""
    for name in ("user.delegate", "trusted.delegate"):
        with suppress(OSError):
            return os.getxattr(own, name) == b"1" and os.access(own, os.W_OK)
    return False


def _is_ours(own: Path) -> bool:
    """True if all in ``own`` is ours without anybody saying so: it is a person's, or all that a container sees."""
    with suppress(OSError):
        if not os.access(own / "cgroup.procs", os.W_OK):
            return False
        # The root of a namespace looks like the root of all, but for this file, which the root of all has not.
        in_container = _memberships().get("") == "/" and (own / "cgroup.type").exists()
        return in_container or own.stat().st_uid == os.getuid() != 0
    return False


def _version_1() -> ControlGroups | None:
    memberships = _memberships()
    parents: dict[str, Path] = {}
    for kind, point, options in _mounts():
        for controller in CONTROLLERS:
            if kind == "cgroup" and controller in options:
                own = point / memberships.get(controller, "/").lstrip("/")
                place = own if own.is_dir() else point  # in a container the path may be the host's
                if os.access(place, os.W_OK):
                    parents[controller] = place
    return ControlGroups(1, parents) if parents.keys() >= NEEDED else None


@dataclass(frozen=True, slots=True)
class Use:
    memory: int  # bytes resident that are not shared
    processes: int
    threads: int
    cpu: float  # seconds
    resident: int = 0  # bytes


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
    memory = processes = threads = ticks = pages = 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            memory += max(0, resident - shared)
            pages += resident
            processes += 1
            threads += int(fields[17])
            ticks += sum(map(int, fields[11:15]))  # own and waited-for children, user and system
    page = os.sysconf("SC_PAGE_SIZE")
    return Use(memory * page, processes, threads, ticks / os.sysconf("SC_CLK_TCK"), pages * page)
