"""The step by which a person has an app made of a notebook of theirs: what the agent is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from ..errors import NotFound
from ..events import Event
from .base import Arguments, Picture, Tool, ToolContext, ToolResult, tool
from .names import TAKE_NOTEBOOK

MOST_WAITING = 5  # that were brought, and may be taken


@dataclass(frozen=True, slots=True)
class GivenNotebook:
    """A notebook on its way into a session: ``text`` and ``pictures`` tell the agent of it, ``brief`` a small model."""

    name: str
    hash: str  # SHA-256 of the file
    cells: int
    summary: str  # 12 cells, 3 charts
    text: str
    brief: str
    pictures: tuple[Picture, ...] = ()
    datasets: Mapping[str, str] | None = None  # by what the notebook calls them


class GivenNotebooks:
    """The notebooks that were brought to one session, for ``take_notebook``."""

    def __init__(self) -> None:
        self._waiting: dict[str, GivenNotebook] = {}

    def bring(self, notebook: GivenNotebook) -> None:
        self._waiting[notebook.hash] = notebook
        while len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def taken(self, sha256: str) -> GivenNotebook:
        """What was brought with that content. Raises ``NotFound``."""
        if found := self._waiting.get(sha256):
            return found
        raise NotFound(
            "No notebook of that hash was given here.",
            hint="Make an app of it: jupyter appbuilder from-notebook FILE, or its context menu in JupyterLab.",
            reason="no_such_notebook",
        )


class TakeNotebook(Arguments):
    notebook: str = Field(description="The notebook's name, e.g. sales.ipynb.")
    hash: str = Field(description="SHA-256 of the file.")
    cells: int = Field(default=0, description="How many cells it has.")


@tool(effect="read", acts=True, for_people=True, verb=("Reading", "Read"), icon="file", subject=["notebook"])
async def take_notebook(context: ToolContext, arguments: TakeNotebook) -> ToolResult:
    """Record that the app is to be made of a notebook of the person's: jupyter appbuilder from-notebook FILE."""
    given = context.service(GivenNotebooks).taken(arguments.hash)
    detail: dict[str, Any] = {"notebook": given.name, "brief": given.brief}
    if given.datasets:
        detail["datasets"] = dict(given.datasets)
    return ToolResult(given.text, f"Read {given.name}: {given.summary}", detail=detail, pictures=given.pictures)


def told_of_notebooks(events: Iterable[Event]) -> list[str]:
    """What an agent was told of each notebook, in brief."""
    return [
        str(event.data["detail"].get("brief", ""))
        for event in events
        if event.type == "tool.finished" and event.data["tool"] == TAKE_NOTEBOOK and event.data["ok"]
    ]


assert take_notebook.name == TAKE_NOTEBOOK

NOTEBOOK_TOOLS: list[Tool[Any]] = [take_notebook]
