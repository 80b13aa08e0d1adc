"""Processors and memory that this machine has for a model."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

from .gguf import GGUFHeader

DEFAULT_CONTEXT = 16_384  # tokens: more takes a processor minutes to read
LEAST_CONTEXT = 4_096
OVERHEAD = 300 * 1024 * 1024  # bytes, besides the model and its context


def spare_memory() -> int:
    """Bytes that are free for use."""
    from ...sandbox.local import pool  # not when a server starts

    return pool.spare_memory()


def memory_needed(header: GGUFHeader, context: int) -> int:
    """Bytes that a model takes with ``context`` tokens."""
    return header.size + header.token_bytes * context + OVERHEAD


def fitting_context(header: GGUFHeader, wanted: int, spare: int) -> int:
    """Tokens of context a model gets: as many as ``wanted`` (0: a sensible number), as it was trained for, and as fit
    into ``spare`` bytes of memory. Never less than ``LEAST_CONTEXT`` for want of memory; whether there is enough for
    that is asked when it starts."""
    context = min(header.context_length, wanted or DEFAULT_CONTEXT)
    while context > LEAST_CONTEXT and memory_needed(header, context) > spare:
        context = max(LEAST_CONTEXT, context // 2)
    return context


def threads() -> int:
    """Processor cores this process may use: of cores that run two threads one, and no more than a container's share."""
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    cores: set[str] = set()
    for number in mine:
        siblings = str(number)
        with suppress(OSError):
            siblings = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list").read_text().strip()
        cores.add(siblings)
    return max(1, min(len(cores), _share()))


def _share() -> int:
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return math.ceil(int(quota) / int(period))  # "max" stands for no limit
    with suppress(OSError, ValueError):
        quota = int(Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").read_text())
        if quota > 0:
            return math.ceil(quota / int(Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us").read_text()))
    return os.cpu_count() or 1
