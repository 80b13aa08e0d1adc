"""Our own tools are held to what any tool is."""

from __future__ import annotations

from jupyter_appbuilder.attachments.base import Given
from jupyter_appbuilder.datasets.record import dataset_from
from jupyter_appbuilder.datasets.store import Handover, SessionDatasets
from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.live.base import function_from
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.testing.tools import Example, ToolSuite
from jupyter_appbuilder.tools.notebooks import GivenNotebook, GivenNotebooks
from jupyter_appbuilder.tools.registry import load_tools
from jupyter_appbuilder.turns.requests import message

TOOLS = load_tools()
ODD = "Ünï 🎈\r\n<<<<<<< SEARCH\n%%appbuilder delete x\n\ttwo  \u2028\n"
EDITS = [{"search": "two", "replace": "zwei"}, {"search": "three\n", "replace": ODD}]
NOTES = {"notes.md": "one\ntwo\nthree\n"}
PLAN = "- [ ] One\n- [ ] Two"
STEPS = [{"do": "open", "path": "/"}, {"do": "expect", "text": "first"}]


async def planned(session: Session) -> None:
    plan = {"plan": "p1", "turn": "t0", "text": PLAN, "source": "r0"}
    await session.append(
        Draft("turn.started", {"turn": "t0", "model": "m", "mode": "plan"}),
        Draft("plan.written", plan),
        Draft("turn.finished", {"turn": "t0", "reason": "done", "message": "", "hint": ""}),
        Draft("plan.accepted", {"plan": "p1", "turn": "t1", "edited": False, "by": "person"}),
    )


SALES = {"name": "sales", "path": "data/sales.parquet", "hash": "0" * 64, "rows": 2, "size": 3, "as_of": "2026-01-01"}
SALES |= {"columns": [{"name": "city", "type": "text", "nullable": False}], "keep": "all"}


async def handed_over(session: Session) -> None:
    """A file beside the log, which is what is left of a frame by then."""
    datasets = session.runner._context(print).service(SessionDatasets)
    file = datasets.new_file()
    file.write_bytes(b"row")
    datasets.bring(file, Handover(dataset_from(SALES), SALES["path"], "Dataset sales: two rows."))


SHEET = {"notebook": "sales.ipynb", "hash": "1" * 64, "cells": 3}


async def brought(session: Session) -> None:
    """A notebook that was read, which is what is left of its file by then."""
    notebooks = session.runner._context(print).service(GivenNotebooks)
    notebooks.bring(GivenNotebook("sales.ipynb", SHEET["hash"], 3, "3 cells", "Notebook sales.ipynb: units.", "Units."))


async def attached(session: Session) -> None:
    """A picture that came with a message."""
    given = Given("logo.png", "image/png", b"\x89PNG\r\n\0\xff")
    said = message("t0", "With this logo", [await given.kept(session._keep)])
    await session.append(Draft("turn.started", {"turn": "t0", "model": "m"}), said)


FORECAST = {"name": "forecast", "parameters": [{"name": "region", "kind": "str"}], "doc": ODD}


async def exposed(session: Session) -> None:
    await session.expose(function_from(FORECAST))


def example(name: str, *, files: dict[str, str] | None = None, ok: bool = True, **arguments: object) -> Example:
    return Example(TOOLS[name], arguments, NOTES if files is None else files, ok)


LINK = {"op": "add", "path": "/pages/0/main/-", "value": {"component": "Link", "props": {"label": "Top", "to": "/"}}}


class TestOurs(ToolSuite):
    examples = (
        example("list_files"),
        example("read_file", path="notes.md", start_line=2),
        example("read_file", path="long.txt", files={"long.txt": "line\n" * 350_000}),
        example("read_file", path="nope.md", ok=False),
        example("write_file", path="src/new.txt", content=ODD),
        example("write_file", path="notes.md", content=""),
        example("edit_file", path="notes.md", edits=EDITS),
        example("delete_file", path="notes.md"),
        example("rename_file", old="notes.md", new="docs/mine.md"),
        example("search_files", query="two"),
        example("search_files", query="x", files={"many.txt": "x\n" * 100_000}),
        example("run_command", command="printf 'a\\nb' > made.txt; rm notes.md; yes | head -c 1000000"),
        example("run_command", command="echo begun > made.txt; sleep 2; echo ended > made.txt"),
        example("install_packages", packages=["../elsewhere"], ok=False),
        example("check_app"),
        example("look_at_app", ok=False),  # nobody can look here
        example("use_app", steps=STEPS, ok=False),
        example("write_scenario", title="The first page is there", steps=STEPS),
        example("try_scenarios"),
        Example(TOOLS["request_network"], {"host": "api.example.org", "reason": "Prices."}),
        Example(TOOLS["request_network"], {"host": "api.example.org", "reason": "Prices."}, ok=False, granted=False),
        Example(TOOLS["write_plan"], {"text": PLAN}, mode="plan"),
        Example(TOOLS["add_dataset"], SALES, before=handed_over),
        Example(TOOLS["add_dataset"], SALES, ok=False),  # nobody handed it over
        Example(TOOLS["take_notebook"], SHEET, before=brought),
        Example(TOOLS["take_notebook"], SHEET, ok=False),  # nobody brought it
        Example(TOOLS["put_attachment"], {"file": "logo.png", "path": "public/logo.png"}, before=attached),
        Example(TOOLS["put_attachment"], {"file": "nope.png", "path": "nope.png"}, ok=False),
        # Nothing answers for a database here: tests/databases has one.
        example("describe_database", ok=False),
        example("query_database", sql="SELECT 1", ok=False),
        example("change_data", sql="DELETE FROM t", ok=False),
        Example(TOOLS["update_database_schema"], {"name": "first", "sql": "CREATE TABLE t (x)"}, ok=False),
        Example(TOOLS["call_function"], {"name": "tasks", "body": "{}"}, ok=False),
        # Nothing compiles or holds a layout here: tests/templates/test_serverless.py has what does.
        Example(TOOLS["create_function"], {"name": "tasks", "code": "export default () => [];"}, ok=False),
        example("update_layout", patch=[LINK], ok=False),
        # Nothing takes secrets here: tests/session/test_secrets.py has what does.
        Example(TOOLS["request_secret"], {"name": "API_KEY", "why": "For the weather."}, ok=False),
        Example(TOOLS["expose_function"], FORECAST),
        Example(TOOLS["expose_function"], {"name": "__proto__"}, ok=False),
        Example(TOOLS["unexpose_function"], {"name": "forecast"}, before=exposed),
        Example(TOOLS["tick_plan"], {"items": [1]}, request=PLAN, before=planned),
    )
