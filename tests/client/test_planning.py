"""Plans and questions outside the panel: in Python, below a cell, in the widget and on the command line."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from building import call, write
from engines import environment, prepared
from model_server import ModelServer, model_server_in_thread

from jupyter_appbuilder import App
from jupyter_appbuilder.errors import Conflict, InvalidInput

from .test_asking import COMMAND, configure
from .test_magics import kernel
from .test_widget import FrontEnd, has

PLAN = "# A clock\n\n- [ ] `index.html`"
BUILDING = [{"tool_calls": [write("clock.txt", "tick\n")]}, {"text": "It ticks."}]
STEPS = [{"tool_calls": [call("write_plan", text=PLAN)]}, *BUILDING, {"text": "It shows the time."}]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with model_server_in_thread() as server:
        server.steps = STEPS
        yield server


@pytest.fixture
def settings(tmp_path: Path, model: ModelServer) -> dict[str, str]:
    made = environment(tmp_path)
    configure(tmp_path, model)
    return made


def last_request(model: ModelServer) -> str:
    return [m["content"] for m in model.requests[-1].body["messages"] if m["role"] == "user"][-1]


def test_a_plan_is_an_object_that_can_be_accepted_once(tmp_path: Path, model: ModelServer) -> None:
    with prepared(tmp_path):
        configure(tmp_path, model)
        app = App("clock")
        plan = app.plan("a clock")
        assert (plan.id, plan.text, plan._repr_markdown_()) == ("p1", PLAN, PLAN)
        assert "clock.txt" not in app.files
        with pytest.raises(InvalidInput, match="plan is empty"):
            plan.accept("  ")
        turn = plan.accept(PLAN + "\n- [ ] seconds")
        assert turn.ok
        assert turn.files == ("clock.txt",)
        assert "- [ ] seconds" in str(model.requests[1].body["messages"])
        with pytest.raises(Conflict, match="accepted already"):
            app.plans[0].accept()
        assert app.ask("What does it show?").text == "It shows the time."
        cells = ["".join(cell["source"]) for cell in json.loads(app.notebook.read_text())["cells"]]
        assert any(cell.startswith("**You asked for a plan**") for cell in cells)
        assert f"**Plan p1**\n\n{PLAN}" in cells
        assert "**Plan p1 was accepted**, edited." in cells
        assert any(cell.startswith("**You asked about the app**\n\n> What does it show?") for cell in cells)


async def test_below_a_cell_a_plan_is_made_edited_and_built(
    tmp_path: Path, settings: dict[str, str], model: ModelServer
) -> None:
    async with kernel(tmp_path, settings) as cells:
        await cells.run("%load_ext jupyter_appbuilder")
        status, _, text = await cells.run("%%appbuilder plan\na clock")
        assert status == "ok", text
        assert "- [ ] `index.html`" in text
        assert "nothing was changed" in text
        assert "%appbuilder accept" in text
        status, _, text = await cells.run("%%appbuilder accept\n# A clock\n\nWith seconds.")
        assert status == "ok", text
        assert "With seconds." in str(model.requests[1].body["messages"])
        status, _, text = await cells.run("%appbuilder accept")
        assert status == "error"
        assert "accepted already" in text
        assert "It shows the time." in (await cells.run("%%appbuilder ask\nwhat is it?"))[2]


def test_the_widget_accepts_a_plan(tmp_path: Path, model: ModelServer) -> None:
    with prepared(tmp_path):
        configure(tmp_path, model)
        page = FrontEnd(App("clock").widget())
        page.ask("watch", after=0)
        page.ask("send", text="a clock", mode="plan")
        page.until(lambda message: has(message, "turn.finished"))
        assert page.ask("accept", plan="p2")["error"]["reason"] == "unknown_plan"
        assert page.ask("accept", plan="p1", text="# Mine")["result"] == {"turn": "t2"}
        message = page.until(lambda message: has(message, "plan.accepted"))
        [data] = [event["data"] for event in message["events"] if event["type"] == "plan.accepted"]
        assert (data["edited"], data["by"]) == (True, "notebook")
        page.until(lambda message: has(message, "turn.finished"))
        assert page.ask("send", text="x", mode="dream")["error"]["reason"] == "invalid_input"


def run(settings: dict[str, str], *arguments: str, stdin: str = "") -> tuple[dict[str, Any], str]:
    done = subprocess.run(
        [*COMMAND, *arguments, "--root", settings["APPBUILDER_ROOT"], "--json"],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=120,
        input=stdin,
    )
    return json.loads(done.stdout or "null"), done.stderr


def test_a_program_plans_accepts_and_asks(settings: dict[str, str], model: ModelServer) -> None:
    found, told = run(settings, "build", "--plan", "a clock", "--name", "clock")
    assert found["plan"] == {"plan": "p1", "text": PLAN}, told
    app = Path(settings["APPBUILDER_ROOT"]) / "appbuilder" / "clock" / "app"
    assert not (app / "clock.txt").exists()
    found, told = run(settings, "accept", "clock", "--edited", "-", stdin="# Mine\n\nWith seconds.\n")
    assert found["turn"]["reason"] == "done", told
    assert (app / "clock.txt").exists()
    assert "With seconds." in str(model.requests[1].body["messages"])
    found, _ = run(settings, "accept", "clock")
    assert found["error"]["reason"] == "plan_accepted"
    found, told = run(settings, "ask", "what is it?", "--session", "clock")
    assert found["answer"] == "It shows the time.", told


def test_on_a_terminal_a_plan_is_edited_and_then_built(
    tmp_path: Path, settings: dict[str, str], model: ModelServer
) -> None:
    editor = tmp_path / "editor"
    editor.write_text(f"#!{sys.executable}\nimport sys\nopen(sys.argv[1], 'a').write('\\nWith seconds.\\n')\n")
    editor.chmod(0o755)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "build", "--plan", "a clock", "--no-serve", "--root", settings["APPBUILDER_ROOT"]],
        env=os.environ | settings | {"TERM": "xterm", "EDITOR": str(editor), "VISUAL": ""},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown, answers = "", ["e", "y"]
    try:
        while True:
            try:
                shown += os.read(ours, 4096).decode(errors="replace")
            except OSError:  # it has ended
                break
            if answers and shown.count("[N]ot now: ") > 2 - len(answers):
                os.write(ours, f"{answers.pop(0)}\n".encode())
    finally:
        process.wait(60)
        os.close(ours)
    assert process.returncode == 0, shown
    assert "A clock" in shown
    assert "With seconds." in str(model.requests[1].body["messages"])
