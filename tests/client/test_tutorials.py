"""The tutorials run from top to bottom, as they are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nbclient
import nbformat
import pytest
from engines import environment

TUTORIALS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def test_there_are_tutorials():
    assert [path.name for path in TUTORIALS] == ["build-an-app.ipynb", "live-function.ipynb", "python-api.ipynb"]


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
async def test_a_tutorial_runs_and_ships_without_outputs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in environment(tmp_path).items():
        monkeypatch.setitem(os.environ, name, value)
    shutil.copy(path, tmp_path / "root")
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    resources = {"metadata": {"path": str(tmp_path / "root")}}
    await nbclient.NotebookClient(notebook, timeout=120, resources=resources).async_execute()
    assert list((tmp_path / "root" / "appbuilder").glob("*/*.ipynb"))
