"""The session's notebook while it is open: the record goes on in it by itself, and what a person does in it stays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer
from playwright.sync_api import Page, expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, Panel, command, wait_for

SOURCES = """() => {
    const { sharedModel } = window.jupyterapp.shell.currentWidget.content.model;
    return sharedModel.cells.map(cell => cell.getSource());
}"""
DIRTY = "() => window.jupyterapp.shell.currentWidget.context.model.dirty"


@pytest.fixture
def session(lab: Lab, model: ModelServer) -> dict[str, Any]:
    """A session with one turn behind it."""
    session = lab.new_session(title="Open notebook", model="custom:scripted")
    model.steps = [*writes("first.txt")]
    lab.api("POST", f"sessions/{session['id']}/messages", {"text": "The first request"})
    wait_for(
        lambda: any("verify" in source for source in on_disk(lab, session)[-1:]) and "first.txt" in joined(lab, session)
    )
    return session


def writes(*paths: str, **options: Any) -> list[dict[str, Any]]:
    """The model's steps of a turn that writes these files, one after the other."""
    calls = [{"name": "write_file", "arguments": {"path": path, "content": f"{path}\n"}} for path in paths]
    return [*({"tool_calls": [call], **options} for call in calls), {"text": f"Wrote {paths[-1]}."}]


def file_of(lab: Lab, session: dict[str, Any]) -> Path:
    return lab.root / session["notebook"]


def on_disk(lab: Lab, session: dict[str, Any]) -> list[str]:
    file = file_of(lab, session)
    try:
        cells: list[dict[str, Any]] = json.loads(file.read_text())["cells"]
    except (FileNotFoundError, ValueError):  # not there yet, or in the middle of being saved
        return []
    return ["".join(cell["source"]) for cell in cells]


def joined(lab: Lab, session: dict[str, Any]) -> str:
    return "\n".join(on_disk(lab, session))


def open_notebook(page: Page, session: dict[str, Any]) -> None:
    command(page, "docmanager:open", {"path": session["notebook"]})
    expect(page.locator(".jp-NotebookPanel .jp-Cell").first).to_be_visible(timeout=LONG)
    page.wait_for_function("window.jupyterapp.shell.currentWidget.context?.isReady", timeout=LONG)


def shown(page: Page, part: str) -> None:
    """Wait until a cell of the open notebook has this in its source."""
    page.wait_for_function(f"part => ({SOURCES})().some(source => source.includes(part))", arg=part, timeout=LONG)


def count(sources: list[str], part: str) -> int:
    return sum(part in source for source in sources)


def test_cells_appear_by_themselves_and_what_the_person_typed_stays(
    lab: Lab, model: ModelServer, session: dict[str, Any], open_lab: OpenLab
) -> None:
    panel: Panel = open_lab(session["id"])
    page = panel.page
    open_notebook(page, session)
    dialog = page.locator(".jp-Dialog")

    # Nothing unsaved: what is added is saved.
    model.steps = [*model.steps, *writes("second.txt", "third.txt", delay=0.05)]
    panel.say("The second request")
    shown(page, "write second.txt")
    panel.finished(2)
    wait_for(lambda: count(on_disk(lab, session), "%appbuilder checkpoint") == 2, page)
    page.wait_for_function(f"() => !({DIRTY})()")
    assert on_disk(lab, session) == page.evaluate(SOURCES)
    assert count(on_disk(lab, session), "write third.txt") == 1

    # An unsaved cell of the person's.
    command(page, "notebook:move-cursor-down")
    page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1e6")
    command(page, "notebook:insert-cell-below")
    command(page, "notebook:enter-edit-mode")
    page.keyboard.type("mine = 'half a thou")
    before = file_of(lab, session).read_bytes()
    model.steps = [*model.steps, *writes("fourth.txt", "fifth.txt")]
    panel.say("The third request")
    shown(page, "write fifth.txt")
    panel.finished(3)
    shown(page, "Wrote fifth.txt")
    wait_for(lambda: page.evaluate(SOURCES)[-1].startswith("%appbuilder verify"), page)
    sources = page.evaluate(SOURCES)
    assert page.evaluate(DIRTY)
    assert file_of(lab, session).read_bytes() == before
    for part in ("first", "second", "third", "fourth", "fifth"):
        assert count(sources, f"%%appbuilder write {part}.txt") == 1
    assert count(sources, "%appbuilder verify") == 1
    mine = next(index for index, source in enumerate(sources) if source.startswith("mine = 'half a thou"))
    assert "write third.txt" in "\n".join(sources[:mine])
    assert "write fourth.txt" in "\n".join(sources[mine:])
    panel.picture("open-notebook")

    command(page, "docmanager:save")
    page.wait_for_function(f"() => !({DIRTY})()")
    expect(dialog).to_have_count(0)
    assert on_disk(lab, session) == sources
    command(page, "application:close")
    expect(page.locator(".jp-NotebookPanel")).to_have_count(0)
    expect(dialog).to_have_count(0)

    # Nobody has it open any more: the server writes it, around the person's cell.
    model.steps = [*model.steps, *writes("sixth.txt")]
    panel.say("The fourth request")
    panel.finished(4)
    wait_for(
        lambda: "write sixth.txt" in joined(lab, session) and "verify" in "".join(on_disk(lab, session)[-1:]), page
    )
    sources = on_disk(lab, session)
    assert count(sources, "mine = 'half a thou") == 1
    assert [file.name for file in file_of(lab, session).parent.glob("*.ipynb")] == [file_of(lab, session).name]
    again = file_of(lab, session).parent / "again"
    replayed = subprocess.run(
        [sys.executable, "-m", "jupyter_appbuilder.cli", "replay", str(file_of(lab, session)), "--into", str(again)],
        env=lab.environment,
        capture_output=True,
        text=True,
    )
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert (again / "app" / "sixth.txt").read_text() == "sixth.txt\n"


def test_what_is_discarded_on_closing_is_in_the_file_all_the_same(
    lab: Lab, model: ModelServer, session: dict[str, Any], open_lab: OpenLab
) -> None:
    panel: Panel = open_lab(session["id"])
    page = panel.page
    open_notebook(page, session)
    command(page, "notebook:insert-cell-below")
    model.steps = [*model.steps, *writes("second.txt")]
    panel.say("The second request")
    shown(page, "write second.txt")
    panel.finished(2)
    assert "second.txt" not in joined(lab, session)
    page.context.close()
    wait_for(lambda: "write second.txt" in joined(lab, session))


def test_run_all_builds_the_app_again_beside_the_notebook(
    lab: Lab, model: ModelServer, session: dict[str, Any], open_lab: OpenLab
) -> None:
    panel: Panel = open_lab(session["id"])
    page = panel.page
    open_notebook(page, session)
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'", timeout=LONG
    )
    command(page, "notebook:run-all-cells")
    rebuilt = file_of(lab, session).parent / "replay"
    wait_for(lambda: any(rebuilt.rglob("first.txt")), page)
    page.wait_for_function(
        """() => {
            const { cells } = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
            return cells.at(-1).execution_count !== null && cells.at(-1).outputs.length > 0;
        }""",
        timeout=LONG,
    )
    outputs = page.evaluate("window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.at(-1).outputs")
    assert all(output["output_type"] != "error" for output in outputs), outputs

    # The record goes on behind it, and the outputs stay.
    model.steps = [*model.steps, *writes("second.txt")]
    panel.say("The second request")
    shown(page, "write second.txt")
    panel.finished(2)
    assert (
        page.evaluate("window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells[1].execution_count") == 1
    )
