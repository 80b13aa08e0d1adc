"""Hands each case to ``edit_file`` as an agent would, and says what came of it."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from jupyter_appbuilder.events import Draft, Event
from jupyter_appbuilder.tools.base import ToolContext
from jupyter_appbuilder.tools.registry import load_tools
from jupyter_appbuilder.tools.runner import ToolRunner
from jupyter_appbuilder.workspace import Workspace

from .mistakes import Case

Landed = Literal["right", "loud", "wrong"]


class Journal:
    """A log that nobody reads."""

    def __init__(self) -> None:
        self.seq = 0

    async def append(self, *drafts: Draft) -> list[Event]:
        made = [Event("edits", self.seq + n, 0.0, draft.type, draft.data) for n, draft in enumerate(drafts, 1)]
        self.seq += len(drafts)
        return made

    def live(self, type: str, data: dict[str, Any]) -> None: ...


async def run(cases: Sequence[Case], folder: Path) -> list[tuple[Landed, str]]:
    """What came of each case, and what the tool said. ``folder`` gets the workspace."""
    template = folder / "template"
    template.mkdir()
    (template / "case.js").write_text("")
    workspace = Workspace(folder / "app")
    await workspace.create(template)
    unused: Any = None
    context = ToolContext(workspace, unused, unused, lambda stream, text: None)
    runner = ToolRunner(load_tools(), lambda output: context, Journal())
    found: list[tuple[Landed, str]] = []
    for number, case in enumerate(cases):
        path = workspace.app / "case.js"
        path.write_bytes(case.before.encode())
        read = await runner.run("read_file", {"path": "case.js"}, call=f"r{number}", by="agent")
        assert read.ok, read.text
        if case.now:
            path.write_bytes(case.now.encode())
        edits = [{"search": search, "replace": replace} for search, replace in case.edits]
        result = await runner.run("edit_file", {"path": "case.js", "edits": edits}, call=f"e{number}", by="agent")
        found.append((judge(case, path.read_bytes().decode(), not result.ok), result.text))
    return found


def judge(case: Case, after: str, failed: bool) -> Landed:
    """A failure that changed the file is wrong; so is a success that did not make what was meant."""
    if failed:
        return "loud" if after == case.standing else "wrong"
    return "right" if after == case.meant and not case.now else "wrong"


# Peers: how other builders match, in a few lines each


def exact_first(text: str, search: str, replace: str) -> str | None:
    """Replace the first exact occurrence."""
    return text.replace(search, replace, 1) if search and search in text else None


def exact_unique(text: str, search: str, replace: str) -> str | None:
    """Replace the only exact occurrence."""
    return text.replace(search, replace) if search and text.count(search) == 1 else None


def similar(text: str, search: str, replace: str) -> str | None:
    """Exactly, else the window of lines that is most like the search, if they are alike by 80 %."""
    if search in text:
        return exact_first(text, search, replace)
    lines, wanted = text.split("\n"), search.split("\n")
    best, at = 0.0, 0
    for start in range(max(1, len(lines) - len(wanted) + 1)):
        matcher = difflib.SequenceMatcher(None, "\n".join(lines[start : start + len(wanted)]), search, autojunk=False)
        if matcher.real_quick_ratio() > max(best, 0.8) and matcher.quick_ratio() > max(best, 0.8):
            ratio = matcher.ratio()
            if ratio > best:
                best, at = ratio, start
    if best < 0.8:
        return None
    return "\n".join([*lines[:at], *replace.split("\n"), *lines[at + len(wanted) :]])


PEERS: dict[str, Callable[[str, str, str], str | None]] = {
    "first exact match": exact_first,
    "only exact match": exact_unique,
    "most similar lines": similar,
}


def run_peer(match: Callable[[str, str, str], str | None], cases: Sequence[Case]) -> list[Landed]:
    found: list[Landed] = []
    for case in cases:
        text: str | None = case.standing
        for search, replace in case.edits:
            text = match(text, search, replace) if text is not None else None
        found.append(judge(case, case.standing if text is None else text, text is None))
    return found


def run_all(cases: Sequence[Case], folder: Path) -> list[tuple[Landed, str]]:
    return asyncio.run(run(cases, folder))
