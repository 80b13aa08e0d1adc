"""A notebook is run again for a published app: readers get its rows if all goes well, else keep what they have."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pyarrow as pa
import pytest
from publishing.test_publishing import published, published_app

from jupyter_appbuilder.datasets.parquet import read, write
from jupyter_appbuilder.datasets.sources import opened
from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound
from jupyter_appbuilder.refreshing.base import Run
from jupyter_appbuilder.refreshing.shelf import KEPT, now
from jupyter_appbuilder.session import Session

PUBLISH = """
[publish]
kind = "static"
build = ["sh", "-c", "mkdir -p dist && cp -r index.html data dist/"]
output = ["dist/"]
"""
DAILY = "0 6 * * *"

APP = """import pandas as pd
from jupyter_appbuilder import App
app = App.open("past")"""
HANDS = 'app.data("sales", pd.DataFrame({"region": ["n", "s"], "amount": [3, 4]}))'

PEOPLE = """app.data('sales', pd.DataFrame({
    'region': [f'person{n}@wollmann-und-sohn.de' for n in range(50)], 'amount': range(50)}))"""


def notebook(folder: Path, *cells: str, name: str = "sales.ipynb") -> Path:
    book: Any = nbformat.v4.new_notebook()  # pyright: ignore
    book.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]  # pyright: ignore
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python"}
    path = folder / name
    path.write_text(nbformat.writes(book))  # pyright: ignore
    return path


async def hand_over(session: Session, table: Any, name: str = "sales") -> None:
    file = session.data.new_file()
    written = write(opened(table), file)
    await session.hand_over(name, written, file, keep="latest", private=False)


@asynccontextmanager
async def app_with_data(folder: Path) -> AsyncGenerator[tuple[Any, Session]]:
    """One whose readers have a table of sales."""
    async with published_app(folder, PUBLISH) as (builder, session):
        await hand_over(session, pa.table({"region": ["n"], "amount": [1]}))
        assert (await published(session))["state"] == "done"
        yield builder, session


def amounts(builder: Any) -> list[int]:
    """What readers get now."""
    there = builder.published.find("here", "past")
    [file] = builder.published.bundle("here", "past", there.live).content.rglob("sales.parquet")
    return read(file, "arrow")["amount"].to_pylist()


async def test_readers_get_new_rows_of_the_version_that_they_have(tmp_path: Path) -> None:
    async with app_with_data(tmp_path) as (builder, session):
        refreshing = session.refreshing
        with pytest.raises(NotFound):
            await refreshing.refresh()
        path = notebook(
            tmp_path,
            APP,
            "%load_ext jupyter_appbuilder",
            "%%appbuilder\nA dashboard over {df}, which costs money to ask for",
            'app.build("The same")\nraise SystemExit("never run")',
            f"print('x' * 100_000)\n{HANDS}",
            'raise ValueError("after the last that hands data over")',
        )
        plan = await refreshing.set(DAILY, zone="Europe/Berlin", notebook=path, promise="2d")
        assert plan.target == "here"
        before = session.data.one("sales").as_of
        await session.send("second")
        await session.wait()  # the draft goes on; readers keep the version that they have
        run = await refreshing.refresh()
        assert (run.state, run.message) == ("done", "")
        assert run.release == 2
        assert run.datasets == {"sales": 2}
        assert amounts(builder) == [3, 4]
        assert "first" in (builder.published.bundle("here", "past", 2).content / "index.html").read_text()
        assert [cell.number for cell in run.cells] == [1, 2, 3, 4, 5]
        assert [cell.number for cell in run.cells if cell.left_out] == [4]
        assert sum(len(cell.output) for cell in run.cells) < 20_000
        overview = await refreshing.overview()
        assert overview["data_as_of"] > before
        assert not overview["late"]
        assert len(overview["schedule"]["next"]) == 3
        [told] = [event.data for event in session.stored if event.type == "data.refreshed"]
        assert (told["state"], told["release"], told["datasets"]) == ("done", 2, ["sales"])
        # Handed over by the magic, in a notebook that says no app.
        notebook(
            tmp_path,
            "import pandas as pd\n%load_ext jupyter_appbuilder\ndf = pd.DataFrame({'region': ['w'], 'amount': [9]})",
            "%appbuilder data df --table sales",
        )
        assert (await refreshing.refresh()).state == "done"
        assert amounts(builder) == [9]
        # By a function that is called again, and for another app that this one has nothing of.
        notebook(
            tmp_path,
            APP + '\nother = App("other")',
            'other.data("sales", pd.DataFrame({"wrong": [1]}))\n'
            'app.data("sales", lambda: pd.DataFrame({"region": ["n"], "amount": [7]}))\napp.refresh("sales")',
        )
        assert (await refreshing.refresh()).state == "done"
        assert amounts(builder) == [7]
        await builder.delete(session.id)
        assert not (builder.refreshes.folder / session.id).exists()


FAILING = [
    ((APP, 'raise OSError("no route to the warehouse")'), "cell_failed", "no route to the warehouse"),
    ((APP, "app.data('sales', pd.DataFrame({'region': ['n'], 'total': [1]}))"), "columns_changed", "amount"),
    ((APP, "app.data('sales', pd.DataFrame({'region': [1], 'amount': [1]}))"), "columns_changed", "region"),
    ((APP, "app.data('sales', pd.DataFrame({'region': ['n'], 'amount': [1]})[:0])"), "no_rows", "it had 1"),
    ((APP, "app.data('other', pd.DataFrame({'a': [1]}))"), "unknown_dataset", "other"),
    ((APP, "print('no data')"), "data_gone", "no data"),
    ((APP, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"), "kernel_died", "Cell 2"),
    ((APP, "import time\nprint('waits')\ntime.sleep(600)"), "too_slow", "Cell 2"),
    ((APP, "held = bytearray(700_000_000)\nimport time\ntime.sleep(600)"), "too_much_memory", "Cell 2"),
    (("app.data('sales'",), "cell_failed", "SyntaxError"),
    ((APP, PEOPLE), "findings", "found"),
]


async def test_readers_keep_what_they_have_and_are_told_why(tmp_path: Path) -> None:
    async with app_with_data(tmp_path) as (builder, session):
        for number, (cells, reason, said) in enumerate(FAILING, 1):
            plan = await session.refreshing.set(DAILY, notebook=notebook(tmp_path, *cells), memory=500)
            builder.refreshes.keep(session.id, replace(plan, seconds=6 if reason == "too_slow" else 120))
            run = await session.refreshing.refresh("schedule")
            assert (run.number, run.state, run.reason) == (number, "failed", reason), run
            assert said in run.message
            assert run.hint
            assert run.release is None
            assert amounts(builder) == [1]
            if reason != "findings":
                assert session.data.one("sales").rows == 1  # the draft, too
            event = [event for event in session.stored if event.type == "data.refreshed"][-1]
            assert (event.data["state"], event.data["message"]) == ("failed", run.message)
            assert not (builder.refreshes.folder / session.id / "collected").exists()
        assert not session.publishing.busy
        # What it handed over before has to come again.
        plan = await session.refreshing.plan()
        assert plan
        path = notebook(tmp_path, APP, "print('none')")
        builder.refreshes.keep(session.id, replace(plan, datasets=("sales",), notebook=str(path)))
        assert "sales" in (await session.refreshing.refresh()).message


async def test_two_at_once_a_stop_and_a_process_that_is_killed(tmp_path: Path) -> None:
    async with app_with_data(tmp_path) as (builder, session):
        refreshing, kept = session.refreshing, builder.refreshes
        waits = notebook(tmp_path, APP, "import os, time\nopen('began', 'w').write(str(os.getpid()))\ntime.sleep(600)")
        await refreshing.set(DAILY, notebook=waits)
        await refreshing.start()
        with pytest.raises(Conflict):
            await refreshing.start()
        assert (await refreshing.runs())[0].state == "running"
        began = tmp_path / "began"
        while not (began.exists() and began.read_text()):
            await asyncio.sleep(0.05)
        await refreshing.stop()
        assert (await refreshing.runs())[0].state == "stopped"
        assert not Path(f"/proc/{began.read_text()}").exists()
        # Another process holds it, and is killed.
        script = (
            "import sys, time; from pathlib import Path; from jupyter_appbuilder.refreshing.shelf import Refreshes\n"
            "from jupyter_appbuilder.refreshing.base import Run\n"
            "from jupyter_appbuilder.events import timestamp\n"
            "kept = Refreshes(Path(sys.argv[1]))\n"
            "with kept.running(sys.argv[2]):\n"
            "    kept.begin(sys.argv[2], Run(0, 'schedule', 'running', timestamp())); print('.', flush=True)\n"
            "    time.sleep(600)"
        )
        other = subprocess.Popen([sys.executable, "-c", script, str(kept.folder), session.id], stdout=subprocess.PIPE)
        assert other.stdout
        other.stdout.read(1)
        with pytest.raises(Conflict):
            await refreshing.start()
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
        [killed, *_] = await refreshing.runs()
        assert (killed.state, killed.reason) == ("interrupted", "interrupted")
        # It is made up for once.
        assert await refreshing.due()
        plan = await refreshing.plan()
        assert plan
        kept.keep(session.id, replace(plan, set_at="2090-01-01T00:00:00Z"))  # of a schedule of before
        assert not await refreshing.due()
        kept.keep(session.id, plan)
        kept.begin(session.id, replace(killed, by="person", state="done"))
        assert not await refreshing.due()
        kept.begin(session.id, killed)
        assert not await refreshing.due()


async def test_what_cannot_be_scheduled_says_why(tmp_path: Path) -> None:
    async with published_app(tmp_path, PUBLISH) as (builder, session):
        path = notebook(tmp_path, HANDS)
        with pytest.raises(Conflict, match="not published"):
            await session.refreshing.set(DAILY, notebook=path)
        await hand_over(session, pa.table({"region": ["n"], "amount": [1]}))
        await published(session)
        with pytest.raises(NotFound):
            await session.refreshing.set(DAILY, notebook=tmp_path / "gone.ipynb")
        (tmp_path / "no.ipynb").write_text("{")
        os.mkfifo(tmp_path / "pipe.ipynb")
        for wrong in ("no.ipynb", "pipe.ipynb"):
            with pytest.raises(InvalidInput):
                await session.refreshing.set(DAILY, notebook=tmp_path / wrong)
        with pytest.raises(InvalidInput):
            await session.refreshing.set(DAILY)
        await session.refreshing.set(DAILY, notebook=path)
        plan = await session.refreshing.pause(True)
        builder.refreshes.keep(session.id, replace(plan, handled="2020-01-01T00:00:00Z"))
        assert not await session.refreshing.due()
        await session.refreshing.pause(False)
        assert not await session.refreshing.due()  # what came meanwhile is not made up for
        plan = await session.refreshing.plan()
        assert plan
        builder.refreshes.keep(session.id, replace(plan, handled="2020-01-01T00:00:00Z"))
        assert await session.refreshing.due()
        builder.refreshes.keep(session.id, replace(plan, handled="2090-01-01T00:00:00Z"))  # a clock was set back
        assert not await session.refreshing.due()
        book = json.loads(path.read_text())
        book["metadata"]["kernelspec"]["name"] = "fortran"
        path.write_text(json.dumps(book))
        run = await session.refreshing.refresh()
        assert (run.state, run.reason) == ("failed", "no_kernel")
        for _ in range(KEPT + 3):
            builder.refreshes.begin(session.id, Run(0, "person", "done", now().isoformat()))
        assert [one.number for one in await session.refreshing.runs()] == list(range(KEPT + 4, 4, -1))
        await session.refreshing.drop()
        with pytest.raises(NotFound):
            await session.refreshing.drop()


async def test_what_is_due_runs_once_and_leaves_the_app_to_others(tmp_path: Path) -> None:
    async with app_with_data(tmp_path) as (builder, session):
        plan = await session.refreshing.set(DAILY, notebook=notebook(tmp_path, APP, HANDS))
        assert [one async for one in builder.due.once()] == []
        builder.refreshes.keep(session.id, replace(plan, handled="2020-01-01T00:00:00Z"))
        await builder.release(session.id)
        [done] = [one async for one in builder.due.once()]
        assert done.run
        assert done.run.state == "done", done.run
        assert amounts(builder) == [3, 4]
        assert session.id not in builder._sessions.opened
        assert [one async for one in builder.due.once()] == []
        # A schedule that nobody can read says so, and of an app that is gone nothing is left.
        (builder.refreshes.folder / session.id / "plan.json").write_text("{")
        [damaged] = [one async for one in builder.due.once()]
        assert damaged.error
        # So does one that no longer fits this machine; those after it have their time.
        wrong = ({"zone": "Mars/Base"}, {"zone": "../etc"}, {"cron": "x y"}, {"handled": "2020-01-01T00:00:00"})
        for change in wrong:
            builder.refreshes.keep(session.id, replace(plan, **{"handled": "2020-01-01T00:00:00Z", **change}))
            [damaged] = [one async for one in builder.due.once()]
            assert damaged.error, change
            assert "is damaged" in damaged.error.message
        builder.refreshes.keep("0" * 16, replace(plan, handled="2020-01-01T00:00:00Z"))
        (builder.refreshes.folder / session.id / "plan.json").unlink()
        assert [one.run async for one in builder.due.once()] == [None]
        assert builder.refreshes.sessions() == []
