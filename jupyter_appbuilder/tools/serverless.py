"""Tools for apps of functions and a layout: ``create_function``, ``update_layout``.

What they need to know of the app is asked of the template's programs, in the sandbox.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..databases.layout import ask_program
from ..errors import InvalidInput
from .base import Arguments, Tool, ToolContext, ToolResult, tool
from .json_patch import patched

if TYPE_CHECKING:
    from ..workspace import Workspace

LAYOUT = "ui.json"
LARGEST_REQUEST = 100_000  # bytes, packed: a command's argument
LARGEST_CODE = 200_000  # characters
MOST_TOLD = 10  # problems of a layout
NAME = re.compile(r"(?:[A-Za-z0-9-][\w-]*/)*[A-Za-z0-9-][\w-]*")


class CreateFunction(Arguments):
    name: str = Field(description="Its address below api/, e.g. tasks or tasks/archive", max_length=200)
    code: str = Field(description="The whole of functions/NAME.ts", max_length=LARGEST_CODE)


@tool(
    effect="write",
    needs="functions",
    verb=("Writing a function", "Wrote a function"),
    icon="filePlus",
    subject=["name"],
    finds=True,
)
async def create_function(context: ToolContext, arguments: CreateFunction) -> ToolResult:
    """Write a function of the app (functions/NAME.ts), or replace it, and compile it. Then try it with
    call_function."""
    name = arguments.name.strip().removeprefix("functions/").removesuffix(".ts")
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"{arguments.name!r} is no name of a function.",
            hint="Use letters, digits, - and _, with / between folders: tasks, tasks/archive.",
            field="name",
        )
    path = f"functions/{name}.ts"
    change = await context.workspace.write(path, arguments.code)
    compiled = await ask_program(await context.sandbox(), "functions.mjs", "compile", name)
    did = "Wrote" if change.change == "created" else "Replaced"
    detail = {"path": path, "function": name}
    if failure := compiled.get("failure"):
        said = f"{failure.get('source', path)}: {failure.get('message', '')}\n{failure.get('frame', '')}".rstrip()
        return ToolResult(
            f"{did} {path}. It cannot be compiled:\n{said}", f"{did} {path}, which cannot be compiled", False, detail
        )
    exports = [str(one) for one in compiled.get("exports", [])]
    methods = [one for one in exports if one.isupper()]
    sockets = ["WebSockets"] if "socket" in exports else []
    every = "default" in exports or not (methods or sockets)
    answers = ", ".join([*(["every method"] if every else methods), *sockets])
    return ToolResult(
        f"{did} {path}. It compiles, and answers {answers} at api/{name}.", f"{did} {path} ({answers})", detail=detail
    )


Item = dict[str, Any] | str | int | float | bool | None
Value = dict[str, Any] | list[Item] | str | int | float | bool | None


class Operation(BaseModel):
    """A step of a JSON Patch."""

    model_config = ConfigDict(extra="forbid")

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    path: str = Field(description="Like /pages/0/main/1; - is the end of a list", max_length=1000)
    value: Value = Field(None, description="Of add, replace and test")
    from_: str = Field("", alias="from", description="Of move and copy", max_length=1000)

    def to_json(self) -> dict[str, Any]:
        taken = {"op": self.op, "path": self.path}
        if self.op in ("move", "copy"):
            return {**taken, "from": self.from_}
        return taken if self.op == "remove" else {**taken, "value": self.value}


class UpdateLayout(Arguments):
    patch: Annotated[list[Operation], Field(max_length=200)] = Field(
        default_factory=list[Operation], description="Changes of ui.json (JSON Patch)"
    )
    layout: dict[str, Any] | None = Field(None, description="The whole of ui.json instead: for a new app")


def _changed(before: str, arguments: Mapping[str, Any]) -> str:
    """The text of ui.json after a call. Raises ``InvalidInput``."""
    layout = arguments.get("layout")
    if layout is None:
        try:
            document = json.loads(before)
        except (ValueError, RecursionError) as error:
            hint = "Read it, and write it as a whole."
            raise InvalidInput(f"{LAYOUT} is no JSON: {error}.", hint=hint, field="patch") from None
        layout = patched(document, arguments.get("patch", []))
    return json.dumps(layout, ensure_ascii=False, indent=2) + "\n"


async def _unchange(workspace: Workspace, arguments: Mapping[str, Any]) -> None:
    before = await workspace.known_content(LAYOUT)
    on_disk = workspace.resolve(LAYOUT)
    if before is None or not on_disk.is_file():
        return
    try:
        after = _changed(before.decode(), arguments)
    except InvalidInput:
        return
    if await workspace.read(LAYOUT) == after.encode():
        await workspace.put_back(LAYOUT)


@tool(
    effect="write",
    needs="functions",
    verb=("Changing the layout", "Changed the layout"),
    icon="pencil",
    atomic=True,
    undo=_unchange,
)
async def update_layout(context: ToolContext, arguments: UpdateLayout) -> ToolResult:
    """Change ui.json: by a JSON Patch, or as a whole. It is written only if every component, prop, function, page and
    binding in it is there: write components and functions first."""
    field = "patch" if arguments.patch else "layout"
    if bool(arguments.patch) == (arguments.layout is not None):
        raise InvalidInput("Give either patch or layout.", hint="A patch changes a part of ui.json.", field="patch")
    before = await context.workspace.read_text(LAYOUT) if context.workspace.resolve(LAYOUT).is_file() else ""
    text = _changed(before, {"layout": arguments.layout, "patch": [step.to_json() for step in arguments.patch]})
    packed = base64.b64encode(zlib.compress(text.encode())).decode()
    if len(packed) > LARGEST_REQUEST:
        hint = "Data belongs into the database, and what repeats into a component."
        raise InvalidInput("This layout is too large to be checked.", hint=hint, field=field)
    answer = await ask_program(await context.sandbox(), "blueprint.mjs", "held", packed)
    if problems := answer.get("problems"):
        told = [f"{one.get('at', '')}: {one.get('message', '')}".removeprefix(": ") for one in problems[:MOST_TOLD]]
        raise InvalidInput(
            "\n".join(["The layout was not changed:", *told]),
            hint="Correct these, or write what is missing first.",
            field=field,
        )
    if text == before:
        return ToolResult("ui.json is as it was.", "The layout is as it was", detail={"path": LAYOUT})
    replacing = before.encode() if before else None
    change = await context.workspace.write(LAYOUT, text, replacing=replacing)
    return ToolResult(
        f"Wrote {LAYOUT}. All that it names is there.",
        f"Changed the layout (+{change.added} −{change.removed})",
        detail={"path": LAYOUT},
    )


SERVERLESS_TOOLS: list[Tool[Any]] = [create_function, update_layout]
