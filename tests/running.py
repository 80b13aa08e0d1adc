"""Whether processes still run, which may end at any moment."""

from __future__ import annotations

from collections.abc import Iterable

import psutil


def runs(process: psutil.Process) -> bool:
    """True unless it has ended; one that nobody has waited for yet has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def that_run(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if runs(process)]


def pid_runs(pid: int) -> bool:
    try:
        return runs(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False
