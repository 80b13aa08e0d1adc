"""What may be asked of a session is asked in several languages; one table ties them together.

A row is one act: the widget's method, the API's operation, the panel's method, Python's, the magic's command and the
terminal's. A new act is a new row; a row that one of them does not have, or that takes something else there, fails
here.
"""

from __future__ import annotations

import argparse
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyter_appbuilder.cli.main import function_of, parser
from jupyter_appbuilder.client.aio import AsyncApp
from jupyter_appbuilder.client.magics import AppBuilderMagics
from jupyter_appbuilder.client.widget import METHODS
from jupyter_appbuilder.notebook.cells import COMMANDS
from jupyter_appbuilder.server import routes

SERVER = Path(routes.__file__).parent
PANEL = Path(__file__).parents[2] / "labextension/src"
DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = yaml.safe_load((SERVER / "openapi.yaml").read_text())


@dataclass(frozen=True)
class Act:
    widget: str  # METHODS of client/widget.py
    operation: str  # operationId in openapi.yaml
    panel: str  # a method of Requests or Api in core/wire/transport.ts
    python: str = ""  # a method of App and app.aio; "" where there is none
    magic: str = ""  # COMMANDS of notebook/cells.py, done by client/magics.py; else it is in WITHOUT_MAGIC
    command: str = ""  # of cli/main.py; else it is in WITHOUT_COMMAND


ACTS = [
    Act("send", "sendMessage", "send", "build", "build", "build"),
    Act("point", "findPointed", "point"),
    Act("change_text", "changePointedText", "changeText"),
    Act("accept", "acceptPlan", "accept", "accept", "accept", "accept"),
    Act("stop", "stop", "stop", "stop", "stop"),
    Act("retry", "retry", "retry", "retry", "retry", "retry"),
    Act("continue", "continue", "goOn", "go_on", "continue", "continue"),
    Act("fork", "forkSession", "fork", "fork", "fork", "fork"),
    Act("restore", "restore", "restore", "restore", "restore"),
    Act("name_version", "nameVersion", "nameVersion", "name_version", "name"),
    Act("diff", "diffCheckpoint", "diff"),
    Act("try", "tryScenarios", "tryScenarios", "try_", "try", "try"),
    Act("remove_scenario", "deleteScenario", "removeScenario"),
    Act("picture", "getPicture", "picture", "picture"),
    Act("transcript", "getTranscript", "transcript", "transcript", command="transcript"),
    Act("preview", "controlPreview", "preview", "preview", "preview"),
    Act("update", "updateSession", "update", "choose_model", "model"),
    Act("answer", "answerApproval", "answer", "answer"),
    Act("hosts", "listHosts", "hosts", "hosts", "hosts"),
    Act("allow", "allowHost", "allowHost", "allow", "allow"),
    Act("revoke", "revokeHost", "revokeHost", "revoke", "revoke"),
    Act("usage", "sessionUsage", "usage", "usage", command="usage"),
    Act("raise", "raiseBudget", "raiseBudget"),
    Act("sandboxes", "listSandboxProviders", "sandboxes"),
    Act("tools", "listTools", "tools"),
]
OF_PAGES = {"rules", "set_rule", "remove_rule", "report", "budgets", "requests"}
"""The widget's methods for its pages on all of a person's apps: they are no act on one."""
WITHOUT_MAGIC = {
    "point": "beside a preview, in the panel and the widget",
    "change_text": "beside a preview, in the panel and the widget",
    "diff": "the panel and the widget show it",
    "remove_scenario": "%appbuilder delete scenarios/NAME.yaml",
    "picture": "attached to the notebook's cells",
    "transcript": "app.transcript(); the notebook is one, too",
    "answer": "asked below the cell that waits",
    "usage": "app.usage",
    "raise": "in the panel and the widget, beside what was used",
    "sandboxes": "an app has its sandbox from the start: %appbuilder new --sandbox",
    "tools": "a command each: write, edit, run …; others by app.call",
}
OTHER_MAGICS = {
    "an app, not a session's act": {"new", "open", "from-notebook", "help"},
    "modes of build": {"plan", "ask"},
    "tools": {"write", "edit", "delete", "rename", "run", "install", "sql"},
    "data of the kernel's, which no other face has": {"data", "refresh"},
    "functions of the kernel's, which no other face has": {"expose", "unexpose"},
    "the notebook's record": {"patch", "checkpoint", "verify"},
    "of what stands in every message of a session": {"status"},
    "a value that is typed, in the panel's own field": {"secret"},
    "publishing, which the widget has not": {"publish", "schedule"},
}
WITHOUT_COMMAND = {
    "point": "beside a preview, in the panel and the widget",
    "change_text": "beside a preview, in the panel and the widget",
    "stop": "Ctrl-C",
    "restore": "fork --checkpoint, or git in the app's folder",
    "name_version": "the panel and the notebook",
    "diff": "git in the app's folder",
    "remove_scenario": "a file of the app's",
    "picture": "files below the data folder",
    "preview": "build --serve",
    "update": "--model of the commands that ask one",
    "answer": "asked while build runs",
    "hosts": "the panel and the notebook",
    "allow": "build --allow-host",
    "revoke": "the panel and the notebook",
    "raise": "the panel and the notebook",
    "sandboxes": "doctor, which says what is missing too",
    "tools": "what an agent has, not a person",
}
OTHER_COMMANDS = {
    "an app, not a session's act": {"demo", "from-notebook", "list", "export", "replay"},
    "a file of the panel's own saving": {"picture"},
    "modes of build": {"ask"},
    "a value that is typed, in the panel's own field": {"secret"},
    "publishing, which the widget has not": {"publish", "publications", "rollback", "unpublish"},
    "fresh data, which the widget has not": {"schedule", "refresh", "runs"},
    "this machine": {"doctor", "sandboxes", "templates", "rules"},
    "services": {"hub", "serve"},
    "what a Hub knows of readers": {"share", "look"},
}
ALIKE = {"checkpoint", "name", "approval", "granted", "remember", "model", "plan", "text"}
"""Arguments that Python names as the API does."""

every_act = pytest.mark.parametrize("act", ACTS, ids=lambda act: act.widget)


def subcommands() -> dict[str, argparse.ArgumentParser]:
    """The terminal's commands, each with its arguments."""
    (found,) = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return found.choices


def listed(others: dict[str, set[str]]) -> list[str]:
    return sorted(name for names in others.values() for name in names)


def operation(name: str) -> tuple[str, str, dict[str, Any]]:
    """Its method, path and description."""
    found = [
        (method.upper(), path, described)
        for path, item in DOCUMENT["paths"].items()
        for method, described in item.items()
        if method != "parameters" and described["operationId"] == name
    ]
    assert len(found) == 1, f"openapi.yaml has {len(found)} operations {name}."
    return found[0]


def takes(name: str) -> dict[str, bool]:
    """What an operation takes besides the session, from its path and its body; whether it must be given."""
    _, path, described = operation(name)
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    required = body.get("required", [])
    in_path = {part: True for part in re.findall(r"{(\w+)}", path) if part != "session"}
    return in_path | {key: key in required for key in body.get("properties", {})}


def interface(name: str) -> set[str]:
    """The methods of an interface in transport.ts."""
    text = (
        (PANEL / "core/wire/transport.ts").read_text().partition(f"export interface {name} {{")[2].partition("\n}")[0]
    )
    return set(re.findall(r"^  (\w+)\??\(", text, re.MULTILINE))


def body_of(source: str, name: str) -> str:
    """A method of the panel's, as text: of a class, or of an object."""
    found = re.search(rf"^( +)(?:async {name}\(|{name}: async).*?(?=^\1\S(?!\S*\s*$)|^\1\w+: |\Z)", source, re.M | re.S)
    assert found, f"There is no method {name}: add it to lab/api.ts and widget/transport.ts."
    return found[0]


def test_every_act_of_the_widget_and_of_the_panel_is_a_row():
    assert [act.widget for act in ACTS] == [name for name in METHODS if name not in OF_PAGES]
    assert set(METHODS) >= OF_PAGES
    # A widget has one app, and shows the app's pages from another origin than its own, so that it cannot ask them.
    # Rows are beside the panel's preview; in a notebook app.table and app.query have them as frames.
    # Python has a file of rows from such a frame: app.table("tasks").to_csv("tasks.csv").
    rows = {"database", "databaseRows", "downloadRows", "changeRow", "queryDatabase", "functions", "callFunction"}
    # A file of the browser's machine: Python and the magic take those of their own, app.data("sales", "sales.csv").
    files = {"datasets", "beginUpload", "sendPart", "upload", "takeUpload", "dropUpload"}
    # A value that is typed goes to the server alone: a kernel has app.secrets and %appbuilder secret.
    secrets = {"secrets", "setSecret", "removeSecret"}
    # Python and the magic change it by the tool: app.call("update_layout", {"patch": …}).
    layout = {"layout", "changeLayout"}
    # To complete what is typed: a kernel has app.files. A file of a message: app.call("put_attachment", file=…, …).
    # Styles of what is pointed at are changed beside the panel's preview, where its picture is taken, too.
    styles = {"styles", "changeStyle", "picturePointed"}
    # Two versions side by side: beside the panel's chat. In the app's folder git does it. A check takes pictures, too.
    versions = {"showVersion", "hideVersion", "compare", "takePicture"}
    # A picture of the page: a kernel has app.call("look_at_app"), and app.save_picture().
    prompt = {"files", "putAttachment", "screenshot", "show"}
    # Where to, how it goes and what was found: a page of the panel's. A kernel has app.publish, %appbuilder publish.
    publishing = {"publishing", "publish", "answerGate", "cancelPublishing"}
    publications = {"unpublish", "rollBack", "visits", "takeRelease", "readers", "setReaders"}
    # Who else sees the session: a page of the panel's, too. A kernel has app.look, app.looks and app.end_look.
    publications |= {"looks", "addLook", "removeLook"}
    # When readers' data are refreshed: a kernel has app.schedule, app.refresh_published and %appbuilder schedule.
    publications |= {"refreshing", "scheduleTimes", "setSchedule", "pauseSchedule", "removeSchedule"}
    publications |= {"startRefresh", "stopRefresh", "refreshRun"}
    others = {
        "watchScenario",
        "answerLook",
        *publishing,
        *publications,
        *versions,
        *rows,
        *files,
        *secrets,
        *layout,
        *styles,
        *prompt,
    }
    assert interface("Requests") - {act.panel for act in ACTS} == others
    assert {act.panel for act in ACTS} - interface("Requests") == {"update", "sandboxes", "tools"}
    assert {act.panel for act in ACTS} <= interface("Requests") | interface("Api")


@every_act
def test_the_panel_asks_the_server_for_what_the_api_has(act: Act):
    method, path, _ = operation(act.operation)
    of_server, of_session = (PANEL / "lab/api.ts").read_text().split("transport(id: string): Transport {")
    asked = body_of(of_session if act.panel in interface("Requests") else of_server, act.panel)
    told = re.search(rf"'{method}', (?:at|path)\(([^)]*)\)", asked)
    assert told, f"{act.panel} asks {method} of nothing: {asked}"
    parts = [part.strip() for part in told[1].split(",") if part.strip() not in ("", "'sessions'", "id")]
    constant = [part.strip("'") for part in parts if part.startswith("'")]
    assert constant == [part for part in path.split("/")[1:] if "{" not in part and part != "sessions"]
    assert len(parts) == len([part for part in path.removeprefix("/sessions/{session}").split("/") if part])


@every_act
def test_the_panel_asks_the_widget_for_what_it_has_and_the_api_takes(act: Act):
    source = (PANEL / "widget/transport.ts").read_text()
    assert f"this.request('{act.widget}', " in body_of(source, act.panel)
    row = re.search(rf"^ \* \| `{act.widget}` +\| `{{(.*?)}}`", source, re.MULTILINE)
    assert row, f"The table at the head of widget/transport.ts lacks {act.widget}."
    named = {name.rstrip("?"): not name.endswith("?") for name in row[1].split(", ") if name}
    given = takes(act.operation)
    assert named.keys() <= given.keys()
    assert {name for name, needed in given.items() if needed} <= named.keys()
    code = inspect.getsource(METHODS[act.widget])
    for name in named.keys() - {"dollars", "tokens"}:  # those are usage.budgets.UNITS
        assert f'"{name}"' in code, f"The widget does not read {name}."


@pytest.mark.parametrize("act", [act for act in ACTS if act.python], ids=lambda act: act.widget)
def test_python_has_it_with_the_same_names(act: Act):
    parameters = inspect.signature(getattr(AsyncApp, act.python)).parameters
    for name, needed in takes(act.operation).items():
        if needed and name in ALIKE and act.python != "build":
            assert name in parameters, f"AsyncApp.{act.python} does not take {name}."


def test_every_act_has_a_magic_or_says_why_not_and_every_magic_is_done():
    lacking = {act.widget for act in ACTS if not act.magic}
    assert lacking == WITHOUT_MAGIC.keys(), "WITHOUT_MAGIC names the acts without a magic, and no others."
    named = sorted(act.magic for act in ACTS if act.magic)
    assert sorted(COMMANDS) == sorted([*named, *listed(OTHER_MAGICS)]), "COMMANDS of notebook/cells.py: see ACTS."
    functions = {name: f"do_{name.replace('-', '_')}" for name in COMMANDS if name not in ("new", "help")}
    undone = [name for name in functions.values() if not hasattr(AppBuilderMagics, name)]
    assert not undone, f"client/magics.py has no {', '.join(undone)}."


def test_every_act_has_a_command_of_the_terminal_or_says_why_not_and_every_command_goes_somewhere():
    lacking = {act.widget for act in ACTS if not act.command}
    assert lacking == WITHOUT_COMMAND.keys(), "WITHOUT_COMMAND names the acts without a command, and no others."
    named = sorted(act.command for act in ACTS if act.command)
    commands = subcommands()
    assert sorted(commands) == sorted([*named, *listed(OTHER_COMMANDS)]), "Commands of cli/main.py: see ACTS."
    for command in commands.values():
        assert callable(function_of(command.get_default("goes"))), command.prog


def test_magics_and_commands_are_documented():
    notebook = (DOCS / "notebook.md").read_text()
    terminal = notebook.split("## The command line")[1]
    missing = [name for name in COMMANDS if not re.search(rf"`(%%?appbuilder )?{name}\b", notebook)]
    assert not missing, f"docs/notebook.md does not name the magics {missing}."
    missing = [name for name in subcommands() if f"| `jupyter appbuilder {name}" not in terminal]
    assert not missing, f"The command line's table in docs/notebook.md lacks {missing}."


def test_the_panels_commands_are_documented():
    constants = re.findall(r"export const \w+ = '(appbuilder:\w+)'", (PANEL / "lab/tokens.ts").read_text())
    assert constants
    documented = (DOCS / "panel.md").read_text()
    assert [name for name in constants if f"| `{name}` |" not in documented] == [], "docs/panel.md lacks them."
