"""An app of a notebook, from Python: data handed over, the agent told, the log and the session's notebook naming it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from analyses.notebooks import code, notebook, sales_notebook, table
from engines import prepared

from jupyter_appbuilder import App
from jupyter_appbuilder.agents.history import View, messages
from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.notebook.replay import replay


def stored(app: App) -> list[Any]:
    async def read() -> list[Any]:
        return list((await app.aio.session()).stored)

    return app.aio.engine.run(read())


def told(app: App, **view: int) -> str:
    return str(messages(stored(app), "system", View(**view)))


def test_a_files_data_is_handed_over_and_the_agent_is_told_of_its_cells(tmp_path: Path):
    path = sales_notebook(tmp_path, code("orders = pd.read_sql('select 1', engine)\nkey = 'sk-abcdef123456'", table()))
    with prepared(tmp_path):
        app = App.from_notebook(path, template="static")
        assert app.summary["title"] == "Sales by region"
        (dataset,) = app.datasets
        assert (dataset.name, dataset.rows) == ("sales", 2)
        text = told(app)
        for part in ("Notebook sales.ipynb: 4 cells", "dataset sales", "groupby(", "orders (read_sql)", "from 3 to 5"):
            assert part in text
        assert "sk-abcdef123456" not in text
        (step,) = [
            event for event in stored(app) if event.type == "tool.started" and "notebook" in event.data["arguments"]
        ]
        assert step.data["arguments"]["notebook"] == "sales.ipynb"
        assert step.data["by"] == "person"
        assert "sales.ipynb" in app.notebook.read_text()
        assert asyncio.run(replay(app.notebook, tmp_path / "again")).tree == app.tree


def test_only_a_model_that_takes_images_is_shown_the_charts_and_a_small_one_is_told_less(tmp_path: Path):
    path = sales_notebook(tmp_path, *[code(f"x = {number}\n" + "# more\n" * 100) for number in range(60)])
    with prepared(tmp_path):
        app = App.from_notebook(path, template="static")
        shown = [one for one in messages(stored(app), "system", View(pictures=1)) if "pictures" in one]
        assert [len(one["pictures"]) for one in shown] == [1]
        assert not [one for one in messages(stored(app), "system") if "pictures" in one]
        small = told(app, result=8_000)
        assert len(small) < len(told(app))
        assert "groupby(" in small


def test_frames_of_the_kernel_are_handed_over_and_private_ones_without_a_value(tmp_path: Path):
    frame = pd.DataFrame({"region": ["Nordkap"], "units": [4711]})
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook(code("frame = make()\nframe", table())))
    with prepared(tmp_path):
        app = App.from_notebook(path, template="static", private=True, variables={"frame": frame, "x": 1})
        assert [(one.name, one.private) for one in app.datasets] == [("frame", True)]
        pd.testing.assert_frame_equal(app.table("frame"), frame)
        text = told(app)
        assert "units" in text
        assert "frame of the notebook is the app" in text
        for value in ("Nordkap", "4711", "North"):
            assert value not in text


def test_data_that_cannot_be_read_is_left_out_with_its_reason_and_the_rest_comes(tmp_path: Path):
    path = sales_notebook(tmp_path, code("bad = pd.read_parquet('bad.parquet')\nbad"))
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    with prepared(tmp_path):
        app = App.from_notebook(path, template="static")
        assert [dataset.name for dataset in app.datasets] == ["sales"]
        assert "bad.parquet cannot be read as Parquet" in told(app)


def test_a_notebook_with_nothing_in_it_teaches_and_makes_no_app(tmp_path: Path):
    path = tmp_path / "empty.ipynb"
    path.write_bytes(notebook(code("")))
    with prepared(tmp_path) as root:
        with pytest.raises(InvalidInput, match="nothing in it") as refused:
            App.from_notebook(path, template="static")
        assert "chart" in refused.value.hint
        assert not (root / "appbuilder").exists()
