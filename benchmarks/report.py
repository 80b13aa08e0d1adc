"""How a benchmark says what it found: the machine, the command, each figure beside its peer, and the ratio."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime


def machine() -> str:
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {len(models)} × {models[0] if models else 'unknown CPU'}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )


def heading(title: str) -> None:
    command = " ".join(["python -m benchmarks", *sys.argv[1:]])
    print(f"\n## {title}\n\n`{command}` — {machine()}\n", flush=True)


def row(what: str, value: float, unit: str, *, peer: float | None = None, of: str = "", target: str = "") -> None:
    """One line: a figure and, where there is a peer measured in the same run, its figure and the ratio."""
    line = f"- {what}: {value:,.4g} {unit}"
    if peer is not None:
        line += f"; {of}: {peer:,.4g} {unit}; ratio {value / peer:.2f}×"
    if target:
        line += f" (target {target})"
    print(line, flush=True)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
