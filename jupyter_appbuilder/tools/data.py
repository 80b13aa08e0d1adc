"""The step by which a person hands data to an app: its arguments tell of the rows, and never hold one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field

from ..databases.program import DataProgram
from ..datasets.base import Keep, Place
from ..datasets.description import changes, size_of
from ..datasets.loaders import IGNORE, READER, loader_files
from ..datasets.record import ADD_DATASET, datasets_of
from ..datasets.store import Handover, SessionDatasets
from ..errors import NotFound
from ..log.journal import StoredEvents
from ..templates.templates import Template
from .base import Arguments, CellLine, Tool, ToolContext, ToolResult, tool

MOST_SQL = 4000  # characters


class ColumnArgument(Arguments):
    name: str = Field(description="As in the frame.")
    type: str = Field(description="One of datasets.base.COLUMN_TYPES.")
    nullable: bool = Field(description="Whether values may be missing.")
    detail: str = Field(default="", description="What the Arrow type says beyond the type.")
    values: list[str] = Field(default=[], description="All values of a category with few.")


class AddDataset(Arguments):
    name: str = Field(description="The dataset's name, e.g. sales.")
    path: str = Field(description="Where its file lies in the app; empty for a table of its database.")
    hash: str = Field(description="SHA-256 of the file.")
    rows: int = Field(description="How many rows it has.")
    size: int = Field(description="Bytes of the file.")
    columns: list[ColumnArgument] = Field(description="Its columns.")
    as_of: str = Field(description="When the rows were handed over: ISO 8601, UTC.")
    keep: Keep = Field(default="latest", description="Whether every version of the rows is kept, or the newest.")
    private: bool = Field(default=False, description="Whether no value may be told to an agent.")
    replace: bool = Field(default=False, description="Whether rows that were changed in the app may go.")


def arguments_of(handover: Handover) -> dict[str, Any]:
    """The arguments of the step that adds a dataset: without what follows from the defaults."""
    dataset = handover.dataset
    told = asdict(dataset) | {"path": handover.path}
    if handover.replace:
        told["replace"] = True
    told["columns"] = [_column(asdict(column)) for column in dataset.columns]
    if dataset.keep == "latest":
        del told["keep"]
    if not dataset.private:
        del told["private"]
    return told


def _column(column: Mapping[str, Any]) -> dict[str, Any]:
    told = {**column, "values": list(column["values"])}
    return {name: value for name, value in told.items() if value or name not in ("detail", "values")}


def _cell(arguments: Mapping[str, Any]) -> CellLine:
    told = {"table": arguments["name"], "path": arguments.get("path") or "", "hash": arguments["hash"]}
    told |= {"rows": str(arguments["rows"]), "keep": "all" if arguments.get("keep") == "all" else ""}
    options = {name: value for name, value in told.items() if value}
    return CellLine("data", (), options | ({"private": ""} if arguments.get("private") else {}))


@tool(
    effect="write", for_people=True, verb=("Adding data", "Added data"), icon="download", subject=["name"], cell=_cell
)
async def add_dataset(context: ToolContext, arguments: AddDataset) -> ToolResult:
    """Record that the person handed data to the app. The rows come from their notebook: app.data("sales", df)."""
    datasets = context.service(SessionDatasets)
    handover = datasets.taken(arguments.hash)
    before = datasets_of(context.service(StoredEvents).stored).get(arguments.name)
    template = context.service(Template)
    as_table = template.database is not None and not handover.path
    if as_table:
        said, notes = await _into_table(context, handover, datasets.file(handover.dataset))
    else:
        said, notes = await _into_file(context, template.datasets, handover), list[str]()
    differs = changes(before, handover.dataset.columns)
    verb = "Added" if before is None else "Renewed"
    summary = f"{verb} {arguments.name}: {size_of(arguments.rows, len(arguments.columns))}{_said(differs)}"
    detail = {
        "dataset": arguments.name,
        "rows": arguments.rows,
        "columns": len(arguments.columns),
        "changes": list(differs),
    }
    hints = template.datasets.hints if as_table or template.database is None else ""  # they are of tables then
    text = "\n".join([handover.text, *said, *filter(None, [hints])])
    return ToolResult(text, summary, detail=detail | {"new": before is None, "notes": notes})


async def _into_file(context: ToolContext, place: Place, handover: Handover) -> list[str]:
    """Put the rows beside the app's files, and what reads them; what the agent is told of that."""
    readers = await asyncio.to_thread(loader_files, place.loader, handover.dataset, place.folder)
    first = [reader for reader in readers if reader[0].endswith(f"/{IGNORE}")]
    for path, content in first:
        await _write(context, path, content)
    await context.service(SessionDatasets).put(handover)
    for path, content in readers[len(first) :]:
        await _write(context, path, content)
    return _read_by([path for path, _ in readers])


async def _into_table(context: ToolContext, handover: Handover, file: Path) -> tuple[list[str], list[str]]:
    """Make the rows a table of the app's database; what the agent is told of that, and people."""
    from ..databases.tables import put_table

    name, total = handover.dataset.name, handover.dataset.rows

    def progress(rows: int) -> None:
        context.output("stdout", f"{rows:,} of {total:,} rows are in the table {name}\n")
        if handover.on_rows:
            with contextlib.suppress(Exception):  # of the person's own function: their rows arrive all the same
                handover.on_rows(rows)

    program = context.service(DataProgram)
    taken = await put_table(
        program, context.workspace.app, handover.dataset, file, replace=handover.replace, on_rows=progress
    )
    await _write(context, taken.path, taken.statement)
    return [f"It is the table {name}, as {taken.path} says:", taken.statement[:MOST_SQL]], list(taken.notes)


async def _write(context: ToolContext, path: str, content: str) -> None:
    """Write a file of the loader where it differs: a dev server would load pages anew for one that does not."""
    try:
        if await context.workspace.read(path) == content.encode():
            return
    except NotFound:
        pass
    await context.workspace.write(path, content)


def _read_by(paths: Sequence[str]) -> list[str]:
    named = [path for path in paths if path.endswith((".ts", ".tsx", ".py", ".js")) and READER not in path]
    named = [path for path in named if not path.endswith(".d.ts")]
    return [f"In the app it is read with: {', '.join(named)}."] if named else []


def _said(differs: Sequence[str]) -> str:
    if not differs:
        return ""
    more = f" and {len(differs) - 2} more changes" if len(differs) > 2 else ""
    return f" ({'; '.join(differs[:2])}{more})"


assert add_dataset.name == ADD_DATASET

DATA_TOOLS: list[Tool[Any]] = [add_dataset]
