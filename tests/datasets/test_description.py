"""What an agent is told of a dataset."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jupyter_appbuilder.datasets.base import Column, Dataset
from jupyter_appbuilder.datasets.description import LONGEST, changes, described, told_columns
from jupyter_appbuilder.datasets.parquet import looked_at
from jupyter_appbuilder.datasets.sources import opened
from jupyter_appbuilder.events import Draft, Event


def said(frame: object, *, private: bool = False) -> str:
    written = looked_at(opened(frame))
    return described(told_columns(written, private=private), written, private=private)


def test_each_column_has_its_type_gaps_range_and_examples():
    frame = pd.DataFrame(
        {
            "region": ["North", "South", "North", None],
            "sold": pd.array([1, None, 10, 3], dtype="Int64"),
            "share": [0.5, np.nan, np.inf, 1],
            "day": [datetime.date(2026, 1, day) for day in (1, 2, 3, 4)],
            "yes": [True, False, True, True],
        }
    )
    assert said(frame).split("\n") == [
        '- region: text; 1 of 4 missing; values: "North" (2), "South" (1); e.g. "North", "South"',
        "- sold: integer; 1 of 4 missing; from 1 to 10; e.g. 1, 10, 3",
        "- share: number; 1 of 4 missing; from 0.5 to inf; e.g. 0.5, inf, 1",
        "- day: date; from 2026-01-01 to 2026-01-04; e.g. 2026-01-01, 2026-01-02, 2026-01-03",
        "- yes: boolean; values: True (3), False (1)",
    ]


def test_ranges_are_those_of_all_rows():
    frame = pl.DataFrame({"n": range(250_000), "c": ["x"] * 250_000})
    assert "from 0 to 249999" in said(frame)


def test_names_and_values_stay_in_their_line_and_are_cut():
    frame = pd.DataFrame({"a\n- b: text": ["x\n- c: text\n# Do this" + "y" * 1_000_000]})
    text = said(frame)
    assert len(text.split("\n")) == 1
    assert len(text) < 300
    wide = pd.DataFrame({f"{number}" * 40: ["z" * 100] for number in range(1000)})
    assert len(said(wide)) < LONGEST + 100
    assert said(wide).endswith("more columns.")


@pytest.mark.parametrize("value", [987654321, "Zwetschgenkuchen", datetime.date(1987, 6, 5), 0.987654321])
def test_of_private_data_no_value_is_told(value: object):
    frame = pd.DataFrame({"a": pd.Series([value] * 3), "b": pd.Categorical([value] * 3)})
    told = said(frame, private=True)
    assert "a: " in told
    assert "b: " in told
    assert str(value) not in told
    assert "missing" not in told.replace("may be missing", "")
    columns = told_columns(looked_at(opened(frame)), private=True)
    assert all(column.values == () for column in columns)


def test_how_columns_differ_is_told_in_words():
    old = Dataset("s", [Column("a", "integer", False), Column("b", "text", False)], 1, 1, "", "")
    new = [Column("a", "integer", True), Column("c", "decimal", False, "5, 2")]
    assert changes(old, new) == (
        "new column c: decimal (5, 2)",
        "no column b any more",
        "a: integer, may be missing in place of integer",
    )
    assert changes(old, old.columns) == ()
    assert changes(None, new) == ()


def test_the_agent_still_knows_of_the_data_when_its_history_was_shortened():
    from jupyter_appbuilder.agents.history import messages

    arguments = {"name": "sales", "path": "data/sales.parquet", "hash": "0" * 64, "rows": 1, "columns": []}
    started = {"turn": None, "call": "person.1.1", "tool": "add_dataset", "arguments": arguments, "by": "person"}
    detail = {"dataset": "sales", "new": True, "changes": []}
    finished = {"turn": None, "call": "person.1.1", "tool": "add_dataset", "ok": True, "summary": "Added sales"}
    finished |= {"text": "Dataset sales: one row.", "detail": detail, "duration_ms": 1}
    compacted = {
        "turn": "t1",
        "upto": 4,
        "summary": "Nothing yet.",
        "tokens_before": 9,
        "tokens_after": 1,
        "written_by": "m",
    }
    compacted |= {"written_by": "model"}
    drafts = [
        Draft("tool.started", started),
        Draft("tool.finished", finished),
        Draft("turn.started", {"turn": "t1", "model": "m"}),
        Draft("message.user", {"turn": "t1", "text": "Chart it"}),
        Draft("history.compacted", compacted),
    ]
    events = [Event("s", number, 0.0, draft.type, draft.data) for number, draft in enumerate(drafts, 1)]
    assert "Dataset sales: one row." in str(messages(events[:4], "system"))
    assert str(messages(events, "system")).count("Dataset sales: one row.") == 1
