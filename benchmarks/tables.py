"""A million rows into a table of an app's database, and a version of an app with a database of a hundred megabytes.

Rows: from the frame to the table with its indexes, beside ``pandas.to_sql`` into a plain file. Versions:
``app.checkpoint`` after a row has changed, and when nothing has.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import time
from pathlib import Path

from building import share_dependencies

from .data import ROWS, frame, measured
from .report import heading, median, row

ROUNDS = 3


def peer(source: object, folder: Path) -> tuple[float, float, float]:
    def write() -> None:
        with contextlib.closing(sqlite3.connect(folder / "peer.db")) as db:
            source.to_sql("sales", db, index=False, if_exists="replace")  # pyright: ignore

    return measured(write)


def main() -> None:
    from jupyter_appbuilder import App

    heading(f"{ROWS:,} rows of 10 columns into a table, and versions of 100 MB")
    source = frame()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["JUPYTER_DATA_DIR"] = str(folder / "data")
        share_dependencies(folder / "data" / "appbuilder")
        app = App("tables", template="serverless", root=folder, model="demo:recorded")
        app.preview()
        ours = [measured(lambda: app.data("sales", source, replace=True)) for _ in range(ROUNDS)]
        theirs = [peer(source, folder) for _ in range(ROUNDS)]
        row(
            "by the clock",
            median([one[1] for one in ours]),
            "s",
            peer=median([one[1] for one in theirs]),
            of="pandas.to_sql",
            target="5 s",
        )
        row(
            "memory above the frame",
            median([one[2] for one in ours]),
            "MB",
            peer=median([one[2] for one in theirs]),
            of="pandas.to_sql",
            target="100 MB",
        )
        taken: list[float] = []
        for number in range(ROUNDS):
            app.call("change_data", sql=f"UPDATE sales SET items = {number} WHERE id = {number}")
            began = time.perf_counter()
            app.checkpoint(f"Version {number}")
            taken.append(time.perf_counter() - began)
        size = (Path(app.folder) / "app/data/app.db").stat().st_size
        row(f"a version of {size / 1e6:.0f} MB", median(taken), "s", target="0.5 s for 100 MB")
        time.sleep(2.5)  # a file that was written this moment is read again
        app.checkpoint("Once more")
        began = time.perf_counter()
        app.checkpoint("Nothing changed")
        row("one for nothing that changed", time.perf_counter() - began, "s")
        app.close()
