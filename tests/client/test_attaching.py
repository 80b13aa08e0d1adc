"""Files that go with a request outside the panel: from Python, below a cell, on a terminal."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from attachments.test_reading import png
from engines import environment, prepared
from model_server import ModelServer, model_server_in_thread

from jupyter_appbuilder import App
from jupyter_appbuilder.errors import NotFound

from .test_asking import COMMAND, configure, told
from .test_magics import kernel


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with model_server_in_thread() as server:
        yield server


def test_python_hands_files_in_and_the_next_request_has_none(tmp_path: Path, model: ModelServer):
    notes = tmp_path / "notes.md"
    notes.write_text("# Blue\nand round")
    with prepared(tmp_path):
        configure(tmp_path, model)
        model.steps = [{"text": "As in the notes."}, {"text": "A picture."}, {"text": "Nothing."}]
        app = App("shown")
        assert app.build("Like this", attach=[notes]).text == "As in the notes."
        assert "and round" in told(model)
        app.ask("What is it?", attach=[("mock.png", png(30, 20))])
        assert "mock.png" in told(model)
        app.ask("And now?")
        last = model.requests[-1].body["messages"][-1]
        assert "And now?" in str(last)
        assert "mock.png" not in str(last)
        with pytest.raises(NotFound, match=r"gone\.png"):
            app.build("Like that", attach=[tmp_path / "gone.png"])
        assert "Like that" not in told(model), "nothing was asked without it"


async def test_a_cell_and_a_command_line_hand_files_in(tmp_path: Path, model: ModelServer):
    settings = environment(tmp_path)
    configure(tmp_path, model)
    (tmp_path / "a mock.txt").write_text("A round button")
    (tmp_path / "more.csv").write_text("colour,count\nteal,7\n")
    async with kernel(tmp_path, settings) as cells:
        await cells.run("%load_ext jupyter_appbuilder")
        model.steps = [{"text": "Round."}]
        source = '%%appbuilder --attach "a mock.txt" --attach more.csv\nLike this'
        status, _, shown = await cells.run(source)
        assert (status, "Round." in shown) == ("ok", True), shown
        assert "A round button" in told(model)
        assert "teal,7" in told(model)
        asked = len(model.requests)
        status, _, shown = await cells.run("%%appbuilder --attach gone.png\nLike this")
        assert "gone.png" in shown
        assert len(model.requests) == asked

    model.steps = [{"text": "Teal."}]
    words = ["build", "Another app", "--attach", "more.csv", "--no-serve"]
    ran = subprocess.run([*COMMAND, *words], cwd=tmp_path, env=os.environ | settings, capture_output=True, timeout=120)
    assert ran.returncode == 0, ran.stderr.decode()
    assert "teal,7" in told(model)
