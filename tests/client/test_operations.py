"""What may be asked of a session is asked in several languages; one table ties them together.

A row is one act: the widget's method, the API's operation, the panel's method, and Python's. A new act is a new row; a
row that one of them does not have, or that takes something else there, fails here.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyter_appbuilder.client.aio import AsyncApp
from jupyter_appbuilder.client.widget import METHODS
from jupyter_appbuilder.server import routes

SERVER = Path(routes.__file__).parent
PANEL = Path(__file__).parents[2] / "labextension/src"
DOCUMENT = yaml.safe_load((SERVER / "openapi.yaml").read_text())


@dataclass(frozen=True)
class Act:
    widget: str  # METHODS of client/widget.py
    operation: str  # operationId in openapi.yaml
    panel: str  # a method of Requests or Api in core/wire/transport.ts
    python: str = ""  # a method of App and app.aio; "" where there is none


ACTS = [
    Act("send", "sendMessage", "send", "build"),
    Act("accept", "acceptPlan", "accept", "accept"),
    Act("stop", "stop", "stop", "stop"),
    Act("retry", "retry", "retry", "retry"),
    Act("continue", "continue", "goOn", "go_on"),
    Act("restore", "restore", "restore", "restore"),
    Act("diff", "diffCheckpoint", "diff"),
    Act("preview", "controlPreview", "preview", "preview"),
    Act("update", "updateSession", "update", "choose_model"),
    Act("answer", "answerApproval", "answer", "answer"),
    Act("hosts", "listHosts", "hosts", "hosts"),
    Act("allow", "allowHost", "allowHost", "allow"),
    Act("revoke", "revokeHost", "revokeHost", "revoke"),
    Act("usage", "sessionUsage", "usage", "usage"),
    Act("raise", "raiseBudget", "raiseBudget"),
    Act("sandboxes", "listSandboxProviders", "sandboxes"),
    Act("tools", "listTools", "tools"),
]
ALIKE = {"checkpoint", "approval", "granted", "remember", "model", "plan", "text"}
"""Arguments that Python names as the API does."""

every_act = pytest.mark.parametrize("act", ACTS, ids=lambda act: act.widget)


def operation(name: str) -> tuple[str, str, dict[str, Any]]:
    """Its method, path and description."""
    (found,) = [
        (method.upper(), path, described)
        for path, item in DOCUMENT["paths"].items()
        for method, described in item.items()
        if method != "parameters" and described["operationId"] == name
    ]
    return found


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
    assert found, f"{name} is not there."
    return found[0]


def test_every_act_of_the_widget_and_of_the_panel_is_a_row():
    assert [act.widget for act in ACTS if act.widget in METHODS] == list(METHODS) == [act.widget for act in ACTS]
    assert interface("Requests") - {act.panel for act in ACTS} == {"fork"}  # which a widget, with one app, has not
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
    (row,) = re.findall(rf"^ \* \| `{act.widget}` +\| `{{(.*?)}}`", source, re.MULTILINE)
    named = {name.rstrip("?"): not name.endswith("?") for name in row.split(", ") if name}
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
