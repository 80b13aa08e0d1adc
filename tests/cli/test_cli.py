"""``jupyter appbuilder``, as programs and people run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest
from analyses.notebooks import notebook, sales_notebook
from engines import environment
from model_server import model_server_in_thread

COMMAND = [sys.executable, "-m", "jupyter_appbuilder.cli"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


def run(folder: Path, *arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    env = os.environ | environment(folder)
    return subprocess.run(
        [*COMMAND, *arguments], env=env, cwd=folder / "root", capture_output=True, text=True, timeout=150, **more
    )


@pytest.fixture(scope="module")
def demo(folder: Path) -> dict[str, str]:
    """A demo that was built once, and what it printed for programs."""
    done = run(folder, "demo", "task-board-dark-search", "--name", "board", "--json")
    assert done.returncode == 0, done.stderr
    assert "✓ Created src/lib/tasks.ts" in done.stderr
    assert "no model was asked" in done.stderr
    return json.loads(done.stdout)


def test_the_help_is_quick_and_names_every_command(folder: Path):
    done = run(folder, "--help")
    assert done.returncode == 0
    for name in ("build", "demo", "replay", "list", "export", "sandboxes", "doctor", "retry", "fork"):
        assert re.search(rf"\n    {name}\s", done.stdout)
    heavy = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "jupyter_appbuilder.cli", "--help"], capture_output=True, text=True
    ).stderr
    assert not {"pydantic", "openai", "tornado", "IPython"} & {
        line.split("|")[-1].strip() for line in heavy.split("\n")
    }


def test_a_demo_tells_programs_where_everything_is(folder: Path, demo: dict[str, str]):
    assert Path(demo["workspace"]) == folder / "root" / "appbuilder" / "board" / "app"
    assert (Path(demo["workspace"]) / "src" / "App.tsx").is_file()
    assert Path(demo["notebook"]).name == "board.ipynb"
    assert demo["turn"]["reason"] == "done"
    assert "preview_url" not in demo
    tree = subprocess.run(
        ["git", "rev-parse", "HEAD^{tree}"], cwd=demo["workspace"], capture_output=True, text=True, check=True
    )
    assert tree.stdout.strip() == demo["tree"]


def test_a_replay_gives_the_same_tree(folder: Path, demo: dict[str, str]):
    done = run(folder, "replay", demo["notebook"], "--into", str(folder / "into"), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["tree"] == demo["tree"]
    assert found["session"] == demo["session"]
    assert Path(found["workspace"]) == folder / "into" / "app"
    again = run(folder, "replay", demo["notebook"], "--into", str(folder / "root"), "--json")
    assert again.returncode == 1
    assert "not empty" in json.loads(again.stdout)["error"]["message"]


async def test_run_all_rebuilds_what_the_demo_built(folder: Path, demo: dict[str, str], tmp_path: Path):
    notebook = nbformat.read(demo["notebook"], 4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    await client.async_execute()
    *_, last = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert last == f"%appbuilder verify {demo['tree']}"
    assert "Done, not seen" in notebook.cells[-1].source  # there is no browser here
    tree = subprocess.run(
        ["git", "rev-parse", "HEAD^{tree}"],
        cwd=tmp_path / "replay/board/app",
        capture_output=True,
        text=True,
        check=True,
    )
    assert tree.stdout.strip() == demo["tree"]


def test_a_replay_of_an_altered_notebook_fails_and_says_so(folder: Path, demo: dict[str, str]):
    altered = folder / "altered.ipynb"
    text = Path(demo["notebook"]).read_text()
    assert '"%%appbuilder write src/lib/tasks.ts\\n",' in text
    altered.write_text(
        text.replace(
            '"%%appbuilder write src/lib/tasks.ts\\n",', '"%%appbuilder write src/lib/tasks.ts\\n","//\\n",', 1
        )
    )
    done = run(folder, "replay", str(altered), "--into", str(folder / "altered"))
    assert done.returncode == 1
    assert "not those the session left" in done.stderr


def test_a_replay_can_be_served(folder: Path, demo: dict[str, str]):
    env = os.environ | environment(folder)
    arguments = ["replay", demo["notebook"], "--into", str(folder / "served"), "--json", "--serve"]
    with subprocess.Popen(
        [*COMMAND, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            found = json.loads(process.stdout.readline())
            with urllib.request.urlopen(found["preview_url"]) as answer:
                assert "Task board" in answer.read().decode()
            [sandbox] = json.loads(run(folder, "sandboxes", "--json").stdout)["sandboxes"]
            assert (sandbox["name"], sandbox["pid"], sandbox["state"]) == ("served", process.pid, "ready")
            assert "served" in run(folder, "sandboxes").stdout
            assert run(folder, "sandboxes", "stop", "served").stdout.startswith("Stopped served.")
            assert json.loads(run(folder, "sandboxes", "--json").stdout) == {"sandboxes": []}
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(found["preview_url"])


def test_apps_are_listed_and_exported(folder: Path, demo: dict[str, str]):
    listed = json.loads(run(folder, "list", "--json").stdout)["sessions"]
    assert [session["id"] for session in listed] == [demo["session"]]
    assert "board" in run(folder, "list").stdout
    assert "(in " not in run(folder, "list").stdout
    assert json.loads(run(folder, "list", "--root", ".", "--json").stdout)["sessions"] == listed
    (other := folder / "other").mkdir(exist_ok=True)
    assert json.loads(run(folder, "list", "--root", str(other), "--json").stdout)["sessions"] == []
    assert f"No apps yet in {other}" in run(folder, "list", "--root", str(other)).stderr
    elsewhere = subprocess.run(
        [*COMMAND, "list"], env=os.environ | environment(folder), cwd=other, capture_output=True, text=True, timeout=60
    )
    assert f"(in {folder / 'root'})" in elsewhere.stdout
    done = run(folder, "export", "board", "-o", str(folder / "board.zip"), "--json")
    assert json.loads(done.stdout)["session"] == demo["session"]
    assert "src/App.tsx" in zipfile.ZipFile(folder / "board.zip").namelist()
    done = run(folder, "export", "board", "-o", str(folder))
    assert zipfile.ZipFile(folder / "board.zip").testzip() is None
    assert f"{folder}/board.zip" in done.stdout
    missing = run(folder, "export", "nothing")
    assert missing.returncode == 1
    assert "jupyter appbuilder list" in missing.stderr
    nowhere = run(folder, "export", "board", "-o", str(folder / "no-folder" / "board.zip"))
    assert nowhere.returncode == 2
    assert nowhere.stderr.startswith(f"✗ {folder}/no-folder/board.zip cannot be written: No such file or directory.")


def test_a_build_goes_on_with_an_app(folder: Path, demo: dict[str, str]):
    done = run(folder, "build", "-", "--session", "board", "--json", input="Something no recording answers\n")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["session"] == demo["session"]
    assert "recorded demo" in done.stderr


def test_a_build_without_a_model_makes_nothing_and_says_what_to_set_up(folder: Path):
    for more in ([], ["--plan"]):
        done = run(folder, "build", "A habit tracker", "--name", "nobody-builds-this", "--json", *more)
        assert done.returncode == 3
        assert json.loads(done.stdout)["error"]["reason"] == "no_model"
        assert "No model is set up" in done.stderr
        assert "OPENAI_API_KEY" in done.stderr
        assert "--model" in done.stderr
    assert not (folder / "root" / "appbuilder" / "nobody-builds-this").exists()


def test_models_that_are_set_up_while_none_is_chosen_are_named(folder: Path):
    with model_server_in_thread() as server:
        env = os.environ | environment(folder) | {"APPBUILDER_BASE_URL": server.url}
        command = [*COMMAND, "build", "A habit tracker", "--name", "nobody-builds-this"]
        done = subprocess.run(command, env=env, cwd=folder / "root", capture_output=True, text=True)
        doctor = subprocess.run([*COMMAND, "doctor"], env=env, cwd=folder / "root", capture_output=True, text=True)
    assert done.returncode == 3
    assert "--model custom:scripted" in done.stderr
    assert re.search(r"– Model +none chosen of 1: custom:scripted", doctor.stdout)
    assert not (folder / "root" / "appbuilder" / "nobody-builds-this").exists()


def test_an_app_is_forked_and_only_what_was_cut_short_goes_on(folder: Path, demo: dict[str, str]):
    done = run(folder, "fork", "board", "--turn", "2", "Something no recording answers", "--json", "--no-serve")
    assert done.returncode == 0, done.stderr
    forked = json.loads(done.stdout)
    assert Path(forked["workspace"]) == folder / "root" / "appbuilder" / "board-fork" / "app"
    assert forked["session"] != demo["session"]
    assert "recorded demo" in done.stderr
    told = run(folder, "continue", "board-fork")
    assert told.returncode == 1
    assert "There is nothing to continue" in told.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fork", "board", "--turn", "two"], "is no request's number"),
        (["fork", "board", "--turn", "2", "a", "b"], "unrecognized arguments"),
        (["build", " "], "The prompt is empty"),
        (["demo", "nothing"], "Choose one of: "),
        (["build", "x", "--model", "demo:recorded", "--name", "Bad Name"], "is not a name for an app"),
        (["build", "x", "--model", "nonsense"], "provider:name"),
        (["build", "x", "--model", "demo:recorded", "--sandbox", "the-moon"], "one of: auto, e2b, kubernetes, local"),
        (["build"], "required: PROMPT"),
        (["fly"], "invalid choice"),
        ([], "watch a recorded session being built"),
        (["accept", "board", "--edited", "no-plan.md"], "no-plan.md cannot be read: No such file or directory."),
    ],
)
def test_wrong_usage_is_code_2_and_says_what_would_be_right(folder: Path, arguments: list[str], said: str):
    done = run(folder, *arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_names_what_there_is_and_what_is_missing(folder: Path, tmp_path: Path):
    done = run(folder, "doctor", "--json")
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert {
        "Python",
        "Git",
        "Model",
        "Eyes",
        "Your browser",
        "Templates",
        "Sandbox: isolation",
        "Sandbox: Node.js",
    } <= set(found)
    assert found["Event log"]["ok"]
    assert done.returncode == (0 if json.loads(done.stdout)["ok"] else 1)
    assert all(check["ok"] or check["hint"] for check in found.values())

    (tmp_path / "bin").mkdir()
    for name in ("bwrap", "socat", "node"):
        if path := shutil.which(name):
            (tmp_path / "bin" / name).symlink_to(path)
    env = os.environ | environment(folder) | {"PATH": str(tmp_path / "bin")}
    without = subprocess.run([*COMMAND, "doctor"], env=env, capture_output=True, text=True)
    assert without.returncode == 1
    assert "✗ Git" in without.stdout
    assert "apt install git" in without.stdout


def test_a_folder_that_cannot_be_written_to_is_said_with_the_option(folder: Path, tmp_path: Path):
    place = tmp_path / "read-only"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        done = run(folder, "demo", "--root", str(place))
        assert done.returncode == 1
        assert f"Apps cannot be made in {place}/appbuilder: that folder cannot be written to." in done.stderr
        assert "--root" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize(
    ("configuration", "data", "said"),
    [
        (
            {"AppBuilder": {"max_steps": "many"}},
            "data",
            "The 'max_steps' trait of an AppBuilder instance expected an int",
        ),
        (
            {"AppBuilder": {"providers": {"gateway": {"baseurl": "https://llm.example.org"}}}},
            "data",
            "✗ c.AppBuilder.providers: gateway has no setting 'baseurl'. There are: base_url, api_key.",
        ),
        ({}, "/proc/nothing", "✗ /proc/nothing cannot be used: "),
    ],
)
def test_what_the_machine_or_the_configuration_refuses_is_a_sentence(
    folder: Path, tmp_path: Path, configuration: dict[str, Any], data: str, said: str
):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.json").write_text(json.dumps(configuration))
    places = {"JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTER_DATA_DIR": str(tmp_path / data)}
    env = os.environ | environment(folder) | places
    done = subprocess.run([*COMMAND, "rules", "deny", "npm publish *"], env=env, capture_output=True, text=True)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_tests_a_model_and_says_how_it_will_be_used(folder: Path):
    steps = [
        {"text": "one, two, three"},
        {"text": '{"tool": "report_word", "arguments": {"word": "ready"}}'},
        {"status": 400, "body": {"error": {"message": "images are not supported"}}},
    ]
    with model_server_in_thread(steps * 2, tools="refused", window=8192) as server:
        endpoint = {"APPBUILDER_BASE_URL": server.url, "APPBUILDER_API_KEY": "sk-test-not-a-secret"}
        env = os.environ | environment(folder) | endpoint
        command = [*COMMAND, "doctor", "--model", "custom:scripted"]
        told = subprocess.run(command, env=env, capture_output=True, text=True)
        report = subprocess.run([*command, "--json"], env=env, capture_output=True, text=True)
    assert told.returncode == report.returncode == 0, told.stderr
    assert "about 1,200 of its tokens" in told.stderr
    assert "✗ Tool calls" in told.stdout
    assert "held to a JSON schema, with the small profile (a context of 8,192 tokens)" in told.stdout
    assert json.loads(report.stdout)["calling"] == "schema"
    assert "sk-test" not in told.stdout + told.stderr + report.stdout + report.stderr

    gone = subprocess.run(command, env=env, capture_output=True, text=True)
    assert gone.returncode == 1
    assert "✗ Reachable" in gone.stdout


def test_rules_are_added_tried_and_removed(folder: Path):
    def rules(*arguments: str) -> Any:
        done = run(folder, "rules", *arguments, "--json")
        return done.returncode, json.loads(done.stdout)

    assert rules("check", "npm test && rm -rf src")[0] == 3
    code, found = rules("deny", "git push *")
    assert code == 0
    assert ("person", "git push *", "deny") in {(it["source"], it["pattern"], it["action"]) for it in found["rules"]}
    code, found = rules("check", "npm test; git push")
    assert (code, found["action"], found["what"]) == (4, "deny", "git push")
    assert "git push *" in run(folder, "rules").stdout
    assert rules("remove", "git push *")[0] == 0
    assert rules("check", "git push")[0] == 0
    code, found = rules("remove", "git push *")
    assert (code, found["error"]["hint"]) == (1, "List them: jupyter appbuilder rules")


AWKWARD_OUTPUTS = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1:strict"},
    {"PYTHONIOENCODING": "cp1252"},
]


@pytest.mark.parametrize("encoding", AWKWARD_OUTPUTS, ids=lambda given: given["PYTHONIOENCODING"])
def test_an_output_that_is_not_utf_8_is_written_all_the_same(
    folder: Path, demo: dict[str, str], encoding: dict[str, str]
):
    env = os.environ | environment(folder) | encoding
    title = "Aufgaben – 看板 🎉"
    for arguments in (
        ["rules", "deny", "echo 看板 *"],
        ["rules"],
        ["fork", "--session", "board", "--name", "no such name – 看板"],
        ["help-me – 看板"],
    ):
        done = subprocess.run([*COMMAND, *arguments], env=env, cwd=folder / "root", capture_output=True, timeout=150)
        assert b"Traceback" not in done.stderr, done.stderr
        assert done.stderr or done.stdout
    done = subprocess.run(
        [*COMMAND, "ask", "-", "--session", title], input=title.encode(), env=env, cwd=folder / "root",
        capture_output=True, timeout=150,
    )  # fmt: skip
    assert done.returncode == 1
    assert b"There is no app" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("said", [b"\xff\xfe\xfd", "Grün".encode("latin-1")])
def test_a_prompt_that_is_not_utf_8_is_read_or_refused(folder: Path, said: bytes):
    env = os.environ | environment(folder)
    done = subprocess.run(
        [*COMMAND, "ask", "-", "--session", "none"], input=said, env=env, cwd=folder / "root", capture_output=True
    )
    assert done.returncode == 2
    assert b"is not text" in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_app_is_made_of_a_notebook_with_the_data_that_it_reads(folder: Path):
    sales_notebook(folder / "root")
    command = ("from-notebook", "sales.ipynb", "What is this?", "--template", "static", "--json")
    refused = run(folder, *command)
    assert refused.returncode == 3  # nothing but the recorded demo could answer
    done = run(folder, *command, "--name", "of-sales", "--model", "demo:recorded")
    assert done.returncode == 0, done.stderr
    assert "sales: 2 rows, 3 columns" in done.stderr
    assert "Read sales.ipynb: 3 cells, 1 chart, 1 table." in done.stderr
    found = json.loads(done.stdout)
    assert (Path(found["workspace"]) / "data/sales.parquet").is_file()
    assert "sales.ipynb" in Path(found["notebook"]).read_text()
    again = run(folder, "replay", found["notebook"], "--into", str(folder / "of-sales"), "--json")
    assert json.loads(again.stdout.splitlines()[-1])["tree"] == found["tree"]
    (folder / "root/empty.ipynb").write_bytes(notebook())
    empty = run(folder, "from-notebook", "empty.ipynb", "--model", "demo:recorded", "--no-serve")
    assert empty.returncode == 2
    assert "draw a chart" in empty.stderr
