"""The tutorial's function and the recorded app that calls it: a form whose changes the notebook answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.async_api import expect
from previewed import browsing, running

from jupyter_appbuilder.live.running import exposed
from jupyter_appbuilder.models.demo.recordings import find_recordings

from .stage import Kernel, runtime_folder

TUTORIAL = Path(__file__).parents[2] / "notebooks/live-function.ipynb"


def function_of(notebook: Path) -> Callable[..., Any]:
    """The function that a cell of it exposes."""
    cells: list[dict[str, Any]] = json.loads(notebook.read_text())["cells"]
    (cell,) = [text for text in ("".join(cell["source"]) for cell in cells) if "@app.expose" in text]
    exposed: list[Callable[..., Any]] = []
    exec(cell, {"app": SimpleNamespace(expose=exposed.append)})
    return exposed[0]


def test_the_function_is_right() -> None:
    repayment = function_of(TUTORIAL)
    table = repayment(120_000, 0.0, 10)
    assert [row["left"] for row in table[:2]] == [108_000, 96_000]
    assert repayment(200_000)[-1]["left"] == 0
    assert sum(row["interest"] for row in repayment(200_000)) == pytest.approx(42_988.3, abs=0.5)


async def test_the_recorded_app_asks_the_function_with_each_change_of_its_form(tmp_path: Path) -> None:
    repayment = function_of(TUTORIAL)
    recording = find_recordings()["live-loan"]
    assert not recording.offered
    with runtime_folder(tmp_path):
        async with running(tmp_path, recording.template) as (session, _, url):
            notebook = Kernel()
            await session.expose(exposed(repayment).told)
            await notebook.expose(repayment, session.id)
            await session.send(recording.prompt)
            assert (await session.wait())["reason"] == "done"
            async with browsing(url) as (page, problems):
                await expect(page.get_by_role("status")).to_have_text("Answered by the notebook")
                await expect(page.get_by_role("listitem")).to_have_count(10)
                await expect(page.get_by_text("Interest over 10 years: 42,988")).to_be_visible()
                await page.get_by_label("Years").fill("5")
                await expect(page.get_by_role("listitem")).to_have_count(5)
                assert problems == []
                await notebook.socket.close()
                await page.get_by_label("Years").fill("4")
                await expect(page.get_by_role("status")).to_contain_text("does not run")
                await expect(page.get_by_role("listitem")).to_have_count(5)
