"""The steps by which a person lets the app call functions of their notebook, and takes them back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from ..errors import NotFound
from ..live.base import Function, Kind, Returns, check_name, function_from, signature
from ..live.clients import PYTHON, client_files, own_file
from ..live.record import EXPOSE, UNEXPOSE, functions_of
from ..log.journal import StoredEvents
from ..templates.templates import Template
from .base import Arguments, CellLine, Tool, ToolContext, ToolResult, tool


class ParameterArgument(Arguments):
    name: str = Field(description="As in the function.")
    kind: Kind = Field(default="any", description="What its values are.")
    items: Kind = Field(default="any", description="What the items of a list are.")
    values: list[str | int | bool] = Field(default=[], description="All values that there are.")
    nullable: bool = Field(default=False, description="Whether it may be None.")
    required: bool = Field(default=True, description="Whether it has to be given.")
    default: str = Field(default="", description="Its default, as Python writes it.")


class ExposeFunction(Arguments):
    name: str = Field(description="What the app calls it, e.g. forecast.")
    parameters: list[ParameterArgument] = Field(default=[], description="What it takes.")
    returns: Returns = Field(default="any", description="Whether it returns a frame.")
    doc: str = Field(default="", description="The first paragraph of its docstring.")
    more: bool = Field(default=False, description="Whether it takes arguments of any other name.")


class UnexposeFunction(Arguments):
    name: str = Field(description="The function's name.")


def _cell(arguments: Mapping[str, Any]) -> CellLine:
    return CellLine("expose", (arguments["name"],), {})


def _cell_back(arguments: Mapping[str, Any]) -> CellLine:
    return CellLine("unexpose", (arguments["name"],), {})


@tool(
    effect="write",
    for_people=True,
    verb=("Exposing", "Exposed"),
    icon="terminal",
    subject=["name"],
    cell=_cell,
)
async def expose_function(context: ToolContext, arguments: ExposeFunction) -> ToolResult:
    """Record that the app may call a function of the person's notebook: app.expose(forecast)."""
    check_name(arguments.name)
    function = function_from(arguments.model_dump())
    before = functions_of(context.service(StoredEvents).stored).get(function.name)
    template = context.service(Template)
    kind = template.datasets.loader
    files = await asyncio.to_thread(client_files, kind, function, template.datasets.folder, template.calling)
    for path, content in files:
        await write_if_other(context, path, content)
    same = before == function
    verb = "Exposed" if before is None else "Renewed"
    detail = {"function": function.name, "new": before is None, "changed": before is not None and not same}
    return ToolResult(
        _told(function, template, [path for path, _ in files]), f"{verb} {signature(function)}", detail=detail
    )


@tool(
    effect="write",
    for_people=True,
    verb=("Taking back", "Took back"),
    icon="terminal",
    subject=["name"],
    cell=_cell_back,
)
async def unexpose_function(context: ToolContext, arguments: UnexposeFunction) -> ToolResult:
    """Record that the app may no longer call a function of the person's notebook: app.unexpose("forecast")."""
    check_name(arguments.name)
    path = own_file(context.service(Template).datasets.loader, arguments.name)
    if path and arguments.name in functions_of(context.service(StoredEvents).stored):
        with contextlib.suppress(NotFound):
            await context.workspace.delete(path)
    said = f"The function {arguments.name} can no longer be called: take its calls out of the app."
    return ToolResult(said, f"Took back {arguments.name}", detail={"function": arguments.name})


async def write_if_other(context: ToolContext, path: str, content: str) -> None:
    """Write a file where it differs: a dev server would load pages anew for one that does not."""
    try:
        if await context.workspace.read(path) == content.encode():
            return
    except NotFound:
        pass
    await context.workspace.write(path, content)


HOOK = "const {{ data, loading, error, stale, reload }} = usePython"
CLICK = 'on a click: await callPython("{name}", {given}) of "@/{place}/call-python"'
HOW: Mapping[str, str] = {
    "react": f'Call it so: {HOOK}("{{name}}", {{given}}) of "@/{{place}}/use-python"; {CLICK}.',
    "vue": f'Call it so: {HOOK}("{{name}}", () => ({{given}})) of "@/{{place}}/use-python", each a ref; {CLICK}.',
    "next": f'Call it in client components: {HOOK}("{{name}}", {{given}}) of "@/{{place}}/use-python"; {CLICK}. '
    "On the server, in a route handler or a server component, it is the same callPython.",
    "components": f'Call it in a component: {HOOK}("{{name}}", {{given}}) of "@/{{place}}/use-python"; {CLICK}. '
    'In a function: await python("{name}", {given}), with python of its Context.',
    "module": 'Call it so: await callPython("{name}", {given}) of js/python/call-python.js; of the same file '
    'watchPython("{name}", {given}, draw) calls draw({{ data, loading, error, stale }}) now and with each change.',
    "python": 'Call it so: from call_python import PythonError, call_python; call_python("{name}", {keywords}).',
    "panel": "Call it in an async function that is given to pn.bind: from call_python import PythonError, "
    'call_python_async; await call_python_async("{name}", {keywords}). It updates by itself when these change.',
}
MEANING = (
    "It runs in their notebook, not in the app: while that does not run, error says so and data is the last answer "
    "(stale). Show loading, error.message and stale. Ask for the rows that are shown, never for all."
)
MEANING_IN_PYTHON = (
    "It runs in their notebook, not in the app: while that does not run, and in check_app, PythonError says so: show "
    "str(error) in place of the result. Ask for the rows that are shown, never for all."
)


ON_SERVER = (
    'On the server, in a route: from .call_python import call_python; call_python("{name}", {keywords}); in async def: '
    "await call_python_async. Rows are dicts, times ISO 8601, decimals texts. A PythonError that no route catches is "
    "answered with its sentence."
)


def _told(function: Function, template: Template, paths: Sequence[str]) -> str:
    kind = template.datasets.loader
    names = [one.name for one in function.parameters if one.required] or [one.name for one in function.parameters][:1]
    given, keywords = f"{{ {', '.join(names)} }}" if names else "{}", ", ".join(f"{name}=…" for name in names)
    how = HOW.get(kind, 'POST its arguments as JSON to "__appbuilder/python/{name}".')
    place = "lib/python" if kind in ("next", "components") else "python"
    python = kind in PYTHON
    rows = f" It gives a {'pandas frame' if python else 'list of rows'}." if function.returns == "rows" else ""
    lines = [
        f"Function {signature(function)}.{rows}",
        *filter(None, [function.doc]),
        how.format(name=function.name, given=given, keywords=keywords, place=place),
        *([ON_SERVER.format(name=function.name, keywords=keywords)] if template.calling else []),
        MEANING_IN_PYTHON if python else MEANING,
    ]
    if paths:
        server = f" and {paths[0]}" if template.calling else ""
        be = "they are" if server else "it is"
        lines.append(f"Leave {paths[-1].rpartition('/')[0] or paths[-1]}{server} as {be}.")
    return "\n".join(lines)


assert (expose_function.name, unexpose_function.name) == (EXPOSE, UNEXPOSE)

LIVE_TOOLS: list[Tool[Any]] = [expose_function, unexpose_function]
