"""What a user's script and editor see of the package: names, signatures, types, docstrings."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_appbuilder.client.aio import AsyncApp
from jupyter_appbuilder.client.app import App

SCRIPT = """\
from jupyter_appbuilder import App

app = App("board", hosts=["api.example.org"])
reveal_type(app.build("A task board", approve=lambda question: True).files)
reveal_type(app.write)
reveal_type(app.write("a.txt", b"a").ok)
reveal_type(app.files)
reveal_type(app.checkpoints[0].id)
reveal_type(app.fork().plans[0].accept().ok)
reveal_type(app.aio.read)
"""

WRONG = """\
app.write(3, "text")
app.bild("A task board")
len(app.tree.nothing)
"""


def public(of: type) -> dict[str, object]:
    return {name: value for name, value in vars(of).items() if not name.startswith("_")}


def parameters(function: object) -> list[str]:
    assert callable(function)
    return [str(parameter) for parameter in inspect.signature(function).parameters.values()][1:]


def test_what_waits_and_what_is_awaited_take_the_same():
    waits, awaited = public(App), public(AsyncApp)
    only = {"aio", "open", "from_notebook", "name", "widget"}, {"existed", "session", "session_stream", "accept"}
    assert waits.keys() - awaited.keys() == only[0] - {"aio"}
    assert awaited.keys() - waits.keys() == only[1] - {"existed"}
    for name in waits.keys() & awaited.keys():
        value = waits[name]
        if isinstance(value, property):
            assert parameters(awaited[name].fget if isinstance(awaited[name], property) else awaited[name]) == []
        else:
            assert parameters(value) == parameters(awaited[name]), name


def test_help_shows_a_method_that_waits_with_its_signature_and_words():
    assert str(inspect.signature(App.edit)) == (
        "(self, path: 'str', search: 'str', replace: 'str', *, replace_all: 'bool' = False) -> 'ToolResult'"
    )
    assert App.edit.__doc__ == AsyncApp.edit.__doc__
    assert inspect.getdoc(App.files) == "The app's files, sorted."
    assert not inspect.iscoroutinefunction(App.edit)
    assert repr(App.edit).startswith("<function App.edit")


@pytest.mark.timeout(300)
def test_a_users_script_is_typed(tmp_path: Path):
    (tmp_path / "script.py").write_text(SCRIPT + WRONG)
    command = [str(Path(sys.executable).with_name("pyright")), "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, "script.py"], cwd=tmp_path, capture_output=True, text=True)
    found = json.loads(done.stdout)["generalDiagnostics"]
    told = [entry["message"].split('" is ')[-1] for entry in found if entry["severity"] == "information"]
    assert told == [
        '"tuple[str, ...]"',
        '"(path: str, content: str | bytes) -> ToolResult"',
        '"bool"',
        '"list[str]"',
        '"str"',
        '"bool"',
        '"(path: str) -> Coroutine[Any, Any, str]"',
    ]
    lines = [entry["range"]["start"]["line"] - SCRIPT.count("\n") for entry in found if entry["severity"] == "error"]
    assert lines == [0, 1, 2], found


PUBLIC = ["", ".client.app", ".client.aio", ".client.results", ".errors", ".sandbox.base", ".tools.base"]


@pytest.mark.parametrize("module", [f"jupyter_appbuilder{name}" for name in PUBLIC])
def test_every_public_name_says_what_it_is(module: str):
    named = importlib.import_module(module)
    assert named.__doc__
    missing: list[str] = []
    for name in named.__all__:
        value = getattr(named, name)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue  # data and types have theirs below them, where only people see it
        members = {f"{name}.{key}": member for key, member in public(value).items()} if inspect.isclass(value) else {}
        for key, member in {name: value, **members}.items():
            if inspect.isclass(member) or inspect.isroutine(member) or isinstance(member, property | classmethod):
                words = member.__doc__ or ""
                generated = words.startswith(f"{name}(")  # by a dataclass
                missing += [key] if not words or generated else []
    assert not missing
