"""Datasets over REST: what they are, and no row."""

from __future__ import annotations

import asyncio
from typing import Any

import pandas as pd
import pytest
from database_app import shelf

from jupyter_appbuilder.datasets.parquet import write
from jupyter_appbuilder.datasets.sources import opened
from jupyter_appbuilder.errors import NotFound
from jupyter_appbuilder.session.uploads import Taken, take_upload

TASKS = "CREATE TABLE tasks (id INTEGER PRIMARY KEY, title TEXT NOT NULL);"
SALES = "\ufeffcity,code,sold\r\nOslo,00070,3\r\nKöln,00071,4\r\n".encode()


@pytest.fixture
def app_config(app_config: dict[str, Any], tmp_path) -> dict[str, Any]:
    settings = app_config["AppBuilder"]
    settings["template_path"] = [*settings["template_path"], str(shelf(tmp_path, {"0001_tasks.sql": TASKS}))]
    return app_config


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


async def test_a_file_that_is_sent_in_parts_is_a_table_and_asks_before_changed_rows_go(call, new_session, builder):
    id = await new_session(title="Sales", template="kept")
    session = await builder.session(id)
    await session.ready()
    await session.database.ask("migrate", seconds=60)
    uploads = ("sessions", id, "datasets", "uploads")

    async def sent(content: bytes, name: str = "C:\\data\\Sales 2026.csv") -> str:
        begun = await call("POST", *uploads, json={"file": name, "size": len(content)})
        assert begun.status == 201, begun.body
        token = begun.data["upload"]
        for at in range(0, len(content), 20):
            part = await call("PUT", *uploads, token, body=content[at : at + 20], offset=at)
            assert (part.status, part.data["received"]) == (200, min(at + 20, len(content)))
        return token

    async def rows(table: str) -> list[Any]:
        return (await call("GET", "sessions", id, "database", "rows", table=table)).data["rows"]

    token = await sent(SALES)
    state = (await call("GET", *uploads, token)).data
    assert (state["file"], state["name"], state["received"]) == ("Sales 2026.csv", "sales_2026", len(SALES))
    taken = await call("POST", *uploads, token, json={"name": "tasks"})
    assert (taken.status, taken.data["reason"]) == (409, "table_taken")
    assert "app.data" not in taken.body.decode()
    taken = await call("POST", *uploads, token, json={"name": "sales", "private": True})  # what was sent is still here
    assert taken.status == 201, taken.body
    assert (taken.data["dataset"]["rows"], taken.data["dataset"]["private"], taken.data["path"]) == (2, True, "")
    assert await rows("sales") == [["Oslo", "00070", 3], ["Köln", "00071", 4]]
    assert (await call("GET", *uploads, token)).data["reason"] == "unknown_upload"

    change = {"table": "sales", "change": "delete", "key": 1}
    assert (await call("POST", "sessions", id, "database", "rows", json=change)).status == 200
    token = await sent(SALES.replace(b"Oslo", b"Rome"))
    taken = await call("POST", *uploads, token, json={"name": "sales"})
    assert (taken.status, taken.data["reason"]) == (409, "rows_changed")
    assert "1 deleted" in taken.data["message"]
    assert await rows("sales") == [["Köln", "00071", 4]]
    taken = await call("POST", *uploads, token, json={"name": "sales", "replace": True})
    assert (taken.status, taken.data["dataset"]["private"]) == (201, True)
    assert (await rows("sales"))[0][0] == "Rome"

    broken = await sent(b"a,b\n1,2,3\n")
    refused = await call("POST", *uploads, broken, json={"name": "broken"})
    assert refused.status == 400
    assert "Sales 2026.csv has 3 fields" in refused.data["message"]
    assert (await call("DELETE", *uploads, broken)).status == 204
    assert list((builder.datasets.folder / ".drops").iterdir()) == []


async def test_a_file_for_an_app_without_a_database_lies_beside_its_files(call, new_session, builder):
    id = await new_session(title="Sales")
    uploads = ("sessions", id, "datasets", "uploads")
    token = (await call("POST", *uploads, json={"file": "sales.csv", "size": len(SALES)})).data["upload"]
    early = await call("POST", *uploads, token, json={"name": "sales"})
    assert (early.status, early.data["reason"]) == (409, "unfinished_upload")
    assert (await call("PUT", *uploads, token, body=SALES)).status == 200
    taken = await call("POST", *uploads, token, json={"name": "sales"})
    assert taken.data["path"].endswith("/sales.parquet")
    assert ((await builder.session(id)).workspace.app / taken.data["path"]).is_file()


async def test_parts_and_hand_overs_at_once_come_one_after_the_other(new_session, builder):
    session = await builder.session(await new_session(title="Sales"))
    await session.ready()
    uploads = session.data.uploads
    rows = b"n\n" + b"".join(b"%07d\n" % row for row in range(200_000))
    parts = [rows[at : at + 400_000] for at in range(0, len(rows), 400_000)]
    upload = await uploads.begin("sales.csv", len(rows))
    await asyncio.gather(*(uploads.add(upload.token, at * 400_000, part) for at, part in enumerate(parts)))
    assert upload.path.read_bytes() == rows
    cancelled = asyncio.create_task(take_upload(session, upload.token, "given_up", private=None, replace=False))
    await asyncio.sleep(0)
    cancelled.cancel()
    both = [take_upload(session, upload.token, name, private=None, replace=False) for name in ("first", "second")]
    first, second = await asyncio.gather(*both, return_exceptions=True)
    assert isinstance(first, Taken)
    assert isinstance(second, NotFound)
    assert [dataset.name for dataset in session.data.all()] == ["first"]


async def test_what_cannot_be_sent_is_refused_at_once(call, new_session, builder):
    id = await new_session(title="Sales")
    uploads = ("sessions", id, "datasets", "uploads")
    for file in ("sales.pdf", "sales", ".csv", "../..", "a/.csv", "\n"):
        refused = await call("POST", *uploads, json={"file": file, "size": 1})
        assert refused.status == 400, file
    large = await call("POST", *uploads, json={"file": "sales.csv", "size": 2 * 1024**3})
    assert (large.status, large.data["reason"]) == (413, "too_large")
    assert "1,024 MB" in large.data["message"]
    begun = await call("POST", *uploads, json={"file": "../../sales.csv", "size": 4})
    assert begun.data["file"] == "sales.csv"
    token = begun.data["upload"]
    assert (await call("PUT", *uploads, token, body=b"a,b", offset=1)).data["reason"] == "out_of_order"
    assert (await call("PUT", *uploads, token, body=b"a,b\n1")).status == 413
    assert (await call("PUT", *uploads, "0" * 32, body=b"a")).status == 404
    other = await new_session(title="Another")
    assert (await call("GET", "sessions", other, "datasets", "uploads", token)).status == 404
