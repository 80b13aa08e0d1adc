"""How long it takes to hand a million rows over, and how much memory beside the frame, beside pandas and polars writing
Parquet themselves. Each in a process of its own, on one core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .report import heading, median, row

ROWS = 1_000_000
ROUNDS = 3
WAYS = {"pandas": "pandas.to_parquet", "polars": "polars.write_parquet"}


def frame() -> Any:
    """A million rows and ten columns of the kinds that people have."""
    import numpy as np
    import pandas as pd

    some = np.random.default_rng(0)
    start = pd.Timestamp("2020-01-01", tz="Europe/Berlin")
    return pd.DataFrame(
        {
            "id": np.arange(ROWS),
            "amount": some.normal(100, 20, ROWS).round(2),
            "share": some.random(ROWS),
            "region": pd.Categorical(some.choice(["North", "South", "East", "West"], ROWS)),
            "customer": some.choice([f"customer {number}" for number in range(50_000)], ROWS),
            "at": start + pd.to_timedelta(some.integers(0, 10**8, ROWS), unit="s"),
            "count": pd.array(some.integers(0, 100, ROWS), dtype="Int64"),
            "paid": some.random(ROWS) > 0.5,
            "plz": [f"{number:05}" for number in some.integers(0, 99_999, ROWS)],
            "items": some.integers(0, 1000, ROWS),
        }
    )


def measured(act: Callable[[], object]) -> tuple[float, float, float]:
    """Seconds of processor and by the clock, and megabytes above what there was."""

    def held() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before, most, done = held(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            most[0] = max(most[0], held() - before)

    watching = threading.Thread(target=watch)
    watching.start()
    clock, processor = time.perf_counter(), time.process_time()
    act()
    taken = time.process_time() - processor, time.perf_counter() - clock
    done.set()
    watching.join()
    return (*taken, most[0] / 1e6)


def once(way: str, library: str, file: Path) -> tuple[float, float, float]:
    import polars as pl
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401

    from jupyter_appbuilder.datasets.parquet import write
    from jupyter_appbuilder.datasets.sources import opened

    source = frame()
    if library == "polars":
        source = pl.from_pandas(source)
    if way == "ours":
        return measured(lambda: write(opened(source), file))
    if library == "polars":
        return measured(lambda: source.write_parquet(file, compression="snappy"))
    return measured(lambda: source.to_parquet(file, index=False))


def apart(way: str, library: str) -> tuple[float, float, float]:
    """The medians of some rounds, each in a process that has one core."""
    rounds: list[tuple[float, float, float]] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.data", way, library, str(Path(folder) / "rows.parquet")]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rounds.append(tuple(json.loads(done.stdout)))
    processor, clock, memory = (median([one[part] for one in rounds]) for part in range(3))
    return processor, clock, memory


def main() -> None:
    heading(f"Handing over {ROWS:,} rows of 10 columns")
    for library, peer in WAYS.items():
        ours, theirs = apart("ours", library), apart("peer", library)
        target = "2 s" if library == "pandas" else ""
        row(
            f"{library}, processor, with what is said of the columns",
            ours[0],
            "s",
            peer=theirs[0],
            of=peer,
            target=target,
        )
        row(f"{library}, by the clock", ours[1], "s", peer=theirs[1], of=peer)
        row(f"{library}, memory above the frame", ours[2], "MB", peer=theirs[2], of=peer, target="100 MB")


if __name__ == "__main__":
    os.sched_setaffinity(0, {next(iter(os.sched_getaffinity(0)))})
    print(json.dumps(once(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
