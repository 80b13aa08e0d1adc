"""The recorded demos as a person plays them: each ends with scenarios that work and a check that finds nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from building import app_builder

from jupyter_appbuilder.eyes.scenarios import list_scenarios
from jupyter_appbuilder.models.demo.recordings import find_recordings
from jupyter_appbuilder.session import Session

pytestmark = pytest.mark.eyes

EVERY = int(os.environ.get("EYES_EVERY", "1"))
"""In CI every so-manieth is played."""

SCENARIOS = {
    "crm-contacts": 3,
    "task-board-dark-search": 6,
    "dashboard": 3,
    "trip-expenses": 3,
    "inventory-value": 4,
    "notebook-dashboard": 3,
}
"""How many an app has at the end; of one that goes on from another, with those of the other."""


def test_every_demo_is_played_here() -> None:
    recordings = find_recordings()
    before = {recordings[name].after for name in SCENARIOS}
    calling = {name for name, recording in recordings.items() if recording.function}  # tests/live/test_tutorial.py
    assert {*SCENARIOS, *before} - {None} == set(recordings) - calling


async def told(session: Session, tool: str) -> list[dict[str, Any]]:
    """What the calls of a tool came to."""
    events = await session.events()
    return [dict(event.data) for event in events if event.type == "tool.finished" and event.data["tool"] == tool]


@asynccontextmanager
async def played(folder: Path, name: str) -> AsyncGenerator[Session]:
    """The app of a demo, which has ended well."""
    recordings = find_recordings()
    recording = recordings[name]
    chain = [recordings[recording.after], recording] if recording.after else [recording]
    async with app_builder(folder, model="demo:recorded", browser="", demo_pace=0) as builder:
        session = await builder.create(prompt=chain[0].prompt)
        for each in chain:
            await session.send(each.prompt)
            await session.wait()
            last = (await told(session, "check_app"))[-1]
            assert last["ok"], last["text"]
            assert last["detail"]["problems"] == []
        ends = [event.data["reason"] for event in await session.events() if event.type == "turn.finished"]
        assert ends == ["done"] * len(chain)
        for written in await told(session, "write_scenario"):
            assert written["ok"], written["text"]
        assert len(await list_scenarios(session.workspace)) == SCENARIOS[name]
        assert f"{SCENARIOS[name]} of {SCENARIOS[name]} things work" in last["summary"]
        yield session


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", list(SCENARIOS)[:3][::EVERY])
async def test_a_demo_ends_with_scenarios_that_work_and_no_finding(tmp_path: Path, name: str) -> None:
    async with played(tmp_path, name):
        pass


@pytest.mark.walk
@pytest.mark.timeout(600)
async def test_a_demo_repairs_what_the_trial_of_a_check_found(tmp_path: Path) -> None:
    async with played(tmp_path, "trip-expenses") as session:
        first, _ = await told(session, "check_app")
    (fault,) = first["detail"]["problems"]
    assert first["detail"]["types"]["ok"]
    assert fault["message"].startswith('After clicking button "Delete ')
    assert "Reduce of empty array with no initial value" in fault["message"]
    assert fault["source"].startswith("src/lib/expenses.ts:24:")


@pytest.mark.walk
@pytest.mark.timeout(600)
async def test_the_stock_room_meets_its_mistakes_in_calls_and_mends_them(tmp_path: Path) -> None:
    async with played(tmp_path, "inventory-value") as session:
        calls = await told(session, "call_function")
        asked = await told(session, "query_database")
    summary, taken, refused, allowed, failed, mended = calls
    assert summary["ok"]
    assert taken["detail"]["changes"] == [{"table": "movements", "inserted": 1, "updated": 0, "deleted": 0}]
    assert "-36" in asked[0]["text"]
    assert (refused["detail"]["status"], refused["detail"]["changes"]) == (400, [])
    assert "There are only 14 of Espresso beans, 1 kg." in refused["text"]
    assert allowed["ok"]
    assert failed["detail"]["status"] == 500
    assert "no such column: products.price" in failed["text"]
    assert "functions/values.ts:11:" in failed["text"]
    assert mended["ok"]
    assert '"value_cents":46110' in mended["text"]


@pytest.mark.walk
@pytest.mark.timeout(600)
async def test_a_notebook_becomes_a_dashboard_over_its_data(tmp_path: Path) -> None:
    async with played(tmp_path, "notebook-dashboard") as session:
        (data,) = await told(session, "add_dataset")
        (taken,) = await told(session, "take_notebook")
        first, _ = await told(session, "check_app")
    assert data["detail"]["rows"] == 546
    assert taken["summary"] == "Read bicycles.ipynb: 8 cells, 4 tables"
    assert "'string' is not assignable to parameter of type 'Date'" in first["text"]
    assert all(problem["kind"] != "page" for problem in first["detail"]["problems"])
