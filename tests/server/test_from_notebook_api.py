"""An app of a notebook over REST: what is found, what is made, what is refused."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from analyses.notebooks import code, notebook, sales_notebook, table

from jupyter_appbuilder.client.from_notebook import lay_out


async def test_what_is_in_a_notebook_is_told_and_nothing_is_made(call, builder):
    sales_notebook(builder.places.root, code("x = pd.read_sql('select 1', engine)", table()))
    found = (await call("GET", "notebooks", path="sales.ipynb")).data
    assert (found["title"], found["summary"]) == ("Sales by region", "4 cells, 1 chart, 2 tables")
    assert [(one["name"], one["dataset"]) for one in found["files"]] == [("df", "sales")]
    assert "read_sql" in found["missing"][0]
    assert {"df", "by_region"} <= set(found["variables"])
    assert (await call("GET", "sessions")).data == []


async def test_an_app_is_made_with_the_data_and_asked(call, builder):
    sales_notebook(builder.places.root)
    made = await call("POST", "notebooks", json={"path": "sales.ipynb", "prompt": "A dashboard"})
    assert made.status == 201
    id = made.data["id"]
    assert made.data["title"] == "Sales by region"
    assert [one["name"] for one in (await call("GET", "sessions", id, "datasets")).data] == ["sales"]
    session = await builder.session(id)
    await session.wait()
    steps = [event.data["tool"] for event in session.stored if event.type == "tool.started"]
    assert steps[:2] == ["add_dataset", "take_notebook"]
    assert [event.data["text"] for event in session.stored if event.type == "message.user"] == ["A dashboard"]


async def test_frames_of_the_kernel_come_through_a_folder_that_goes_again(call, builder, monkeypatch):
    (builder.places.root / "n.ipynb").write_bytes(notebook(code("top = load()\ntop", table())))

    class Shell:
        user_ns: ClassVar[dict[str, Any]] = {
            "top": pd.DataFrame({"city": ["Oslo"]}),
            "odd": pd.DataFrame({"a": [1, "x"]}),
            "n": 1,
        }

    monkeypatch.setattr("IPython.core.getipython.get_ipython", Shell)
    expected = (await call("POST", "notebooks", "frames", json={"variables": ["top", "odd", "n", "gone"]})).data
    said = json.loads(eval(expected["expression"]))
    assert said["written"] == ["top"]
    assert "odd" in said["failed"]
    given = {"path": "n.ipynb", "prompt": "A page", "frames": expected["frames"], "private": True}
    id = (await call("POST", "notebooks", json=given)).data["id"]
    (dataset,) = (await call("GET", "sessions", id, "datasets")).data
    assert (dataset["name"], dataset["rows"], dataset["private"]) == ("top", 1, True)
    assert builder.datasets.dropped(expected["frames"]) == {}


async def test_what_is_left_out_is_not_handed_over(call, builder):
    sales_notebook(builder.places.root)
    given = {"path": "sales.ipynb", "prompt": "A page", "leave_out": ["df"]}
    id = (await call("POST", "notebooks", json=given)).data["id"]
    assert (await call("GET", "sessions", id, "datasets")).data == []


async def test_files_that_the_browser_does_not_show_and_tokens_that_are_none_are_refused(call, builder):
    sales_notebook(builder.places.root.parent / "elsewhere")
    sales_notebook(builder.places.root / ".hidden")
    (builder.places.root / "empty.ipynb").write_bytes(notebook())
    for path in ("../elsewhere/sales.ipynb", ".hidden/sales.ipynb", "gone.ipynb", "/etc/passwd", ""):
        assert (await call("GET", "notebooks", path=path)).status in (400, 404), path
    assert (await call("GET", "notebooks", path="empty.ipynb")).data["reason"] == "empty_notebook"
    assert builder.datasets.dropped("../../x") == builder.datasets.dropped("..") == {}
    assert (await call("GET", "sessions")).data == []


async def test_a_folder_that_nobody_fetched_goes_after_a_day(builder):
    token, folder = builder.datasets.new_drop()
    os.utime(folder, (time.time() - 2 * 24 * 3600,) * 2)
    other, _ = builder.datasets.new_drop()
    assert not folder.exists()
    assert token != other


def test_no_kernel_lays_out_nothing(tmp_path: Path):
    assert json.loads(lay_out(str(tmp_path), ["df"])) == {"written": [], "failed": {}}
