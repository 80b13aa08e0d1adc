"""What a model is told of the app as a turn begins: a map of the project, the person's rules for it, and what its page
reported since the agent worked last.

Stored as ``turn.briefed``, since what a model is shown has to be in the log; and only where it differs from what was
told last, so that a session in which no file came or went has one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import AppBuilderError, NotFound
from ..events import Draft, Event
from ..tools.page_news import reported, told_upto
from ..turns.requests import without_dropped
from .project_map import project_map

if TYPE_CHECKING:
    from ..workspace import Workspace

RULES = "APPBUILDER.md"
"""The file in an app's folder that holds the person's rules for it."""

MOST_RULES = 8_000  # characters
MOST_PROJECT = 20_000  # characters
MOST_FOUND = 20

NOT_FOLLOWED = f"({RULES} was written by a command or a running process. It counts once the person has saved it.)"

log = logging.getLogger(__name__)


async def briefing(workspace: Workspace, events: Sequence[Event], turn: str, template: str) -> Draft | None:
    """The event to store before the model is asked for the first time in ``turn``; None where nothing is new."""
    if any(event.type == "response.completed" and event.data["turn"] == turn for event in events):
        return None  # taken up where a process died: the model was told already
    try:
        project = _cut(await project_map(workspace, template), MOST_PROJECT)
        rules = NOT_FOLLOWED if _by_command(events) else await project_rules(workspace)
    except (AppBuilderError, OSError) as error:
        log.warning("No map of the project for turn %s: %s", turn, error)
        return None
    found = reported(events, told_upto(events))[:MOST_FOUND]
    told = next((e.data for e in reversed(without_dropped(events)) if e.type == "turn.briefed"), None)
    if told and not found and (told["project"], told["rules"]) == (project, rules):
        return None
    data = {"turn": turn, "project": project, "rules": rules}
    return Draft("turn.briefed", data | ({"found": found} if found else {}))


def _by_command(events: Sequence[Event]) -> bool:
    """True if the rules are what code in the sandbox made them: what a package brings must not instruct the agent."""
    for event in reversed(events):
        if event.type == "file.changed" and event.data["path"] == RULES:
            return event.data["by"] == "command" and event.data["change"] != "deleted"
    return False


async def project_rules(workspace: Workspace) -> str:
    """What ``APPBUILDER.md`` says, empty where there is none; its beginning, with word of that, where it is long."""
    try:
        text = (await workspace.read_text(RULES)).strip()
    except NotFound:
        return ""
    except AppBuilderError as error:
        return f"({RULES} cannot be read: {error.message})"
    return _cut(text, MOST_RULES)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    end = text.rfind("\n", most * 3 // 4, most)
    kept = text[: end if end > 0 else most].rstrip()
    return f"{kept}\n[… cut here: {len(kept):,} of {len(text):,} characters]"
