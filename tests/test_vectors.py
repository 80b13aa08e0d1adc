"""Rules that stand in Python and in TypeScript, on the same examples (`vectors.test.ts` has the other half)."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.approvals.shell import DISGUISES
from jupyter_appbuilder.events import UsageData, stored
from jupyter_appbuilder.log import Summary
from jupyter_appbuilder.log.summary import fold
from jupyter_appbuilder.log.totals import UsageTotals
from jupyter_appbuilder.notebook.document import Cell, Notebook, digest
from jupyter_appbuilder.notebook.merge import merged
from jupyter_appbuilder.turns import plans


def vectors(name: str) -> list[dict[str, Any]]:
    return json.loads((Path(__file__).parent / "vectors" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", vectors("checklist"), ids=lambda vector: vector["case"])
def test_the_items_of_a_plan_are_counted_as_in_the_panel(vector):
    assert plans.items(vector["text"]) == vector["items"]


def test_letters_that_hide_or_turn_text_are_the_panels():
    expected = {
        letter for span in vectors("disguises") for letter in range(int(span["first"], 16), int(span["last"], 16) + 1)
    }
    assert {letter for letter in range(0x10000) if DISGUISES.match(chr(letter))} == expected


@pytest.mark.parametrize("vector", vectors("usage"), ids=lambda vector: vector["case"])
def test_usage_is_summed_as_in_the_panel(vector):
    requests: list[UsageData] = vector["requests"]
    total = functools.reduce(UsageTotals.plus, requests, UsageTotals())
    recorded = [
        stored("s1", number, 0.0, "usage.recorded", {"turn": "t1", "model": "openai:gpt", "usage": usage})
        for number, usage in enumerate(requests, 1)
    ]
    summary = fold(Summary("s1"), recorded)
    for name in ("input_tokens", "output_tokens", "cached_tokens", "cost"):
        expected = pytest.approx(vector["sum"][name])
        assert getattr(total, name) == expected
        assert getattr(summary, name) == expected
    assert bool(total.estimated) == vector["sum"].get("estimated", False)


@pytest.mark.parametrize("vector", vectors("merge"), ids=lambda vector: vector["case"])
def test_a_notebook_on_disk_takes_in_what_is_new_as_an_open_one_does(vector):
    before, ours = notebook(vector["before"]), notebook(vector["ours"])
    found = notebook(vector["found"]) | {"metadata": before["metadata"]}
    result = merged(found, ours)
    assert (result is None) == vector["apart"]
    if result is not None:
        assert [[cell["id"], cell["cell_type"], cell["source"]] for cell in result["cells"]] == vector["open"]


def notebook(cells: list[list[str]]) -> Notebook:
    """A session's notebook of these cells, each an id, a type and a source."""
    whole: list[Cell] = [{"id": id, "cell_type": type, "source": source} for id, type, source in cells]
    written = [f"{cell['id']} {digest(cell)}" for cell in whole]
    return {"cells": whole, "metadata": {"appbuilder": {"session": "s1", "last_seq": 1, "cells": written}}}
