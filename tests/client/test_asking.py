"""The agent's questions outside the panel: below a cell, on a terminal, and where nobody is there to answer."""

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
from building import call
from engines import environment, prepared
from model_server import ModelServer, model_server_in_thread
from plain_app import plain_template

from jupyter_appbuilder import App

from .test_magics import kernel
from .test_widget import FrontEnd, has

ASK = {"tool_calls": [call("request_network", host="api.example.org", reason="The weather.")]}
REMOVE = {"tool_calls": [call("run_command", command="npm --version\nrm -rf src")]}
COMMAND = [sys.executable, "-m", "jupyter_appbuilder.cli"]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with model_server_in_thread() as server:
        server.steps = [ASK, {"text": "Understood."}]
        yield server


def configure(folder: Path, model: ModelServer) -> None:
    """Have processes with ``environment(folder)`` ask the scripted model for apps of the plain template."""
    builder = {
        "model": "custom:scripted",
        "providers": {"custom": {"base_url": model.url, "api_key": "sk-test-not-a-secret"}},
        "browser": "none",
        "template": "plain",
        "template_path": [str(plain_template(folder))],
    }
    (folder / "config" / "jupyter_server_config.json").write_text(json.dumps({"AppBuilder": builder}))


@pytest.fixture
def settings(tmp_path: Path, model: ModelServer) -> dict[str, str]:
    """Variables for a process that works like that."""
    made = environment(tmp_path)
    configure(tmp_path, model)
    return made


def told(model: ModelServer) -> str:
    return str(model.requests[-1].body["messages"])


def test_without_a_terminal_the_answer_is_no_and_names_the_flag(tmp_path: Path, settings: Any, model: ModelServer):
    arguments = [*COMMAND, "build", "the weather", "--root", f"{tmp_path}/root", "--json"]
    env = os.environ | settings
    done = subprocess.run(arguments, env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert "May this app reach api.example.org?" in done.stderr
    assert "Not allowed" in done.stderr
    assert "--allow-host api.example.org" in told(model)


def test_a_host_named_on_the_command_line_is_not_asked_for(tmp_path: Path, settings: Any, model: ModelServer):
    arguments = [
        *COMMAND,
        "build",
        "the weather",
        "--allow-host",
        "api.example.org",
        "--json",
        "--root",
        f"{tmp_path}/root",
    ]
    done = subprocess.run(arguments, env=os.environ | settings, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "May this app" not in done.stderr
    assert "can be reached already" in told(model)
    assert (tmp_path / "root" / "appbuilder" / "weather").is_dir()  # named after the request all the same
    wrong = [*COMMAND, "build", "x", "--allow-host", "127.0.0.1", "--root", f"{tmp_path}/root"]
    done = subprocess.run(wrong, env=os.environ | settings, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "egress_hosts" in done.stderr


def test_on_a_terminal_the_person_is_asked(tmp_path: Path, settings: Any, model: ModelServer):
    shown = on_a_terminal(tmp_path, settings, "a")
    assert "“The weather.”" in shown
    assert "Allowed for this app." in shown
    assert "Allowed: code in the sandbox reaches api.example.org" in told(model)


def on_a_terminal(tmp_path: Path, settings: Any, answer: str) -> str:
    """What a person sees who answers the first question so."""
    ours, theirs = pty.openpty()
    arguments = [*COMMAND, "build", "clean up", "--no-serve", "--root", f"{tmp_path}/root"]
    process = subprocess.Popen(
        arguments, env=os.environ | settings | {"TERM": "xterm"}, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    shown, answered = "", False
    try:
        while True:
            try:
                shown += os.read(ours, 4096).decode(errors="replace")
            except OSError:  # it has ended
                break
            if not answered and "[N]o: " in shown:
                answered = True
                os.write(ours, f"{answer}\n".encode())
    finally:
        process.wait(60)
        os.close(ours)
    assert process.returncode == 0, shown
    return shown


def test_a_destructive_command_is_asked_on_a_terminal_in_full(tmp_path: Path, settings: Any, model: ModelServer):
    model.steps = [REMOVE, {"text": "Fine."}]
    shown = on_a_terminal(tmp_path, settings, "n").replace("\r", "")
    assert "May the agent run this command? It deletes folders with all that is in them (rm -rf src)." in shown
    assert "    npm --version\n    rm -rf src\n" in shown
    assert "Always would allow: rm -rf src" in shown
    assert "The person does not allow it" in told(model)
    [app] = (tmp_path / "root" / "appbuilder").iterdir()
    assert list((app / "app" / "src").iterdir())


def test_without_a_terminal_a_destructive_command_is_not_run(tmp_path: Path, settings: Any, model: ModelServer):
    model.steps = [REMOVE, {"text": "Fine."}]
    arguments = [*COMMAND, "build", "clean up", "--root", f"{tmp_path}/root", "--json"]
    env = os.environ | settings
    done = subprocess.run(arguments, env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert "    rm -rf src\n" in done.stderr
    assert "jupyter appbuilder rules allow 'rm -rf src'" in told(model)
    [app] = (tmp_path / "root" / "appbuilder").iterdir()
    assert list((app / "app" / "src").iterdir())


async def test_below_a_cell_the_person_is_asked(tmp_path: Path, settings: Any, model: ModelServer):
    async with kernel(tmp_path, settings) as cells:
        await cells.run("%load_ext jupyter_appbuilder")
        prompts: list[str] = []

        def answer(message: dict[str, Any]) -> None:
            prompts.append(message["content"]["prompt"])
            cells.client.input("a")

        status, _, text = await cells.run("%%appbuilder\nthe weather", on_input=answer)
        assert status == "ok", text
        assert len(prompts) == 1
        assert prompts[0].startswith("May this app reach api.example.org?")
        assert "Allowed for this app." in text
        assert "api.example.org" in (await cells.run("%appbuilder hosts"))[2]
        assert "no network" in (await cells.run("%appbuilder revoke api.example.org"))[2]
        assert "*.example.org" in (await cells.run("%appbuilder allow *.example.org"))[2]


async def test_a_notebook_that_a_program_runs_is_told_no(tmp_path: Path, settings: Any, model: ModelServer):
    async with kernel(tmp_path, settings) as cells:
        await cells.run("%load_ext jupyter_appbuilder")
        status, _, text = await cells.run("%%appbuilder\nthe weather", on_input=None)
        assert status == "ok", text
        assert "Not allowed" in text
        assert "app.allow('api.example.org')" in told(model)
        model.steps = [*model.steps, ASK, {"text": "Fine."}]
        source = "asked = []\nturn = app.build('again', approve=lambda q: asked.append(q['subject']) or True)\nasked"
        assert "api.example.org:443" in (await cells.run(source))[2]


def test_the_widget_answers_and_keeps_the_list_of_hosts(tmp_path: Path, model: ModelServer):
    with prepared(tmp_path):
        configure(tmp_path, model)
        page = FrontEnd(App("weather").widget())
        page.ask("watch", after=0)
        page.ask("send", text="the weather")
        message = page.until(lambda message: has(message, "approval.requested"))
        [question] = [event["data"] for event in message["events"] if event["type"] == "approval.requested"]
        assert page.ask("answer", approval=question["approval"], granted=True, remember=True)["ok"]
        page.until(lambda message: has(message, "turn.finished"))
        assert [host["name"] for host in page.ask("hosts")["result"]] == ["api.example.org"]
        assert page.ask("answer", approval=question["approval"], granted=True)["error"]["reason"] == "unknown_approval"
        assert page.ask("allow", host="*.example.org")["ok"]
        assert page.ask("revoke", host="api.example.org")["ok"]
        assert [host["name"] for host in page.ask("hosts")["result"]] == ["*.example.org"]
        assert page.ask("sandboxes")["result"][0]["isolation"]["kind"]
