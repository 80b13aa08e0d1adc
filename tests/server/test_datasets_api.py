"""Datasets over REST: what they are, and no row."""

from __future__ import annotations

import pandas as pd

from jupyter_appbuilder.datasets.parquet import write
from jupyter_appbuilder.datasets.sources import opened


async def test_an_apps_datasets_are_listed_without_a_row(call, new_session, builder):
    id = await new_session(title="Sales")
    assert (await call("GET", "sessions", id, "datasets")).data == []
    session = await builder.session(id)
    await session.ready()
    file = session.data.new_file()
    written = write(opened(pd.DataFrame({"city": pd.Categorical(["Oslo"]), "sold": [7_654_321]})), file)
    await session.hand_over("sales", written, file, keep="all", private=True)
    answer = await call("GET", "sessions", id, "datasets")
    (listed,) = answer.data
    assert (listed["name"], listed["rows"], listed["private"], listed["keep"]) == ("sales", 1, True, "all")
    assert [column["type"] for column in listed["columns"]] == ["category", "integer"]
    assert b"Oslo" not in answer.body
    assert b"7654321" not in answer.body
    (step,) = [event.data for event in session.stored if event.type == "tool.started"]
    assert (step["tool"], step["by"]) == ("add_dataset", "person")


async def test_the_step_is_no_way_to_hand_over_what_is_not_there(call, new_session):
    id = await new_session(title="Sales")
    given = {"name": "x", "path": "../x", "hash": "../../x", "rows": 1, "size": 1, "columns": [], "as_of": ""}
    answer = await call("POST", "sessions", id, "tools", "add_dataset", json={"arguments": given})
    assert answer.data["ok"] is False
    assert "handed over" in answer.data["text"]
    assert (await call("GET", "sessions", id, "datasets")).data == []
