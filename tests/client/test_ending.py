"""Processes that end without closing their apps: the notebook has everything, and nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbclient
import nbformat
import papermill
import psutil
import pytest
from engines import DEMO, environment

PATIENCE = 60  # seconds; only a hang takes them

BEGIN = "from jupyter_appbuilder import App\napp = App('board')\n"
CHANGE = "app.write('a.txt', 'the last change\\n')\n"


def surroundings(folder: Path) -> dict[str, str]:
    return {**os.environ, **environment(folder)}


def ended(script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What became of a Python process that ran the script."""
    command = [sys.executable, *(arguments or ("-c", script))]
    environ = surroundings(folder)
    return subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)


def written(folder: Path) -> str:
    return (folder / "root/appbuilder/board/board.ipynb").read_text()


def running(mark: str) -> bool:
    def of(process: psutil.Process) -> list[str]:
        try:
            return process.cmdline()
        except psutil.Error:
            return []

    return any(mark in " ".join(of(process)) for process in psutil.process_iter())


def gone(mark: str) -> bool:
    """Whether no process has the mark in its command line; killed ones take a moment."""
    until = time.monotonic() + PATIENCE
    while running(mark):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def test_a_script_leaves_its_last_change_in_the_notebook_and_says_nothing(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(BEGIN + CHANGE)
    result = ended("", tmp_path, str(script))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert "the last change" in written(tmp_path)


def test_all_apps_of_a_process_are_closed(tmp_path: Path):
    other = f"other = App('other', root={str(tmp_path / 'elsewhere')!r})\nother.write('b.txt', 'there as well')\n"
    result = ended(BEGIN + other + CHANGE, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "the last change" in written(tmp_path)
    assert "there as well" in (tmp_path / "elsewhere/appbuilder/other/other.ipynb").read_text()


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [("raise ValueError('of the script')", 1, "ValueError: of the script"), ("import sys; sys.exit(3)", 3, "")],
)
def test_however_a_script_ends_only_its_own_words_are_on_stderr(tmp_path: Path, end: str, code: int, said: str):
    result = ended(BEGIN + CHANGE + end, tmp_path)
    assert result.returncode == code
    assert result.stderr.strip().endswith(said)
    assert result.stderr.count("Traceback") == bool(said)
    assert "jupyter_appbuilder/" not in result.stderr
    assert "the last change" in written(tmp_path)


def test_what_runs_in_the_sandbox_ends_with_the_script(tmp_path: Path):
    mark = f"sleep 86{os.getpid()}"
    script = (
        BEGIN + f"assert app.preview().state == 'ready'\napp.run('{mark} & {mark} & disown; echo begun')\n" + CHANGE
    )
    result = ended(script, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "the last change" in written(tmp_path)
    assert gone(mark)
    assert gone(str(tmp_path))


def test_an_interrupt_in_a_command_ends_everything(tmp_path: Path):
    mark = f"sleep 87{os.getpid()}"
    script = BEGIN + CHANGE + f"app.run('touch begun; {mark}')\n"
    # A shell that starts tests in the background has them ignore interrupts, and so their children.
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + script
    with subprocess.Popen(
        [sys.executable, "-c", script], env=surroundings(tmp_path), cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + PATIENCE
        while not (tmp_path / "root/appbuilder/board/app/begun").exists():
            assert time.monotonic() < until
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert said.strip().endswith("KeyboardInterrupt")
    assert said.count("Traceback") == 1
    assert "the last change" in written(tmp_path)
    assert gone(mark)


def test_an_interrupt_in_a_turn_leaves_what_it_did_in_the_notebook(tmp_path: Path):
    begun = "next(message for message in turn if message['kind'] == 'live')\n"
    script = BEGIN + CHANGE + f"turn = app.stream({DEMO!r})\n" + begun + "raise KeyboardInterrupt\n"
    environ = surroundings(tmp_path)
    config = tmp_path / "config/jupyter_server_config.json"
    config.write_text('{"AppBuilder": {"demo_pace": 0.5, "model": "demo:recorded"}}')
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert result.stderr.strip().endswith("KeyboardInterrupt")
    assert result.stderr.count("Traceback") == 1
    assert "The turn ended: stopped." in written(tmp_path)


def test_a_forked_child_ends_at_once_and_leaves_the_app_to_its_parent(tmp_path: Path):
    fork = """
import multiprocessing
def work(): print(app.files)
child = multiprocessing.get_context("fork").Process(target=work)
child.start(); child.join(30)
assert child.exitcode == 1, child.exitcode
"""
    result = ended(BEGIN + fork + CHANGE, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "only runs in the process that opened it" in result.stderr
    assert "the last change" in written(tmp_path)


def notebook() -> nbformat.NotebookNode:
    cells = [nbformat.v4.new_code_cell(BEGIN), nbformat.v4.new_code_cell(CHANGE)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.mark.parametrize("runner", ["nbclient", "papermill"])
def test_a_notebook_run_by_a_program_leaves_its_last_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: str
):
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    source = tmp_path / "source.ipynb"
    nbformat.write(notebook(), source)
    if runner == "nbclient":
        nbclient.NotebookClient(notebook(), timeout=PATIENCE, resources={"metadata": {"path": str(tmp_path)}}).execute()
    else:
        papermill.execute_notebook(source, tmp_path / "out.ipynb", cwd=str(tmp_path), progress_bar=False)
    assert "the last change" in written(tmp_path)
