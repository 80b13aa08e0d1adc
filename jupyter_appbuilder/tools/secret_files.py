"""Files that hold secrets by their name: what is recorded of writing one, and what a model is shown."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from ..events import Draft
from ..formats.text import lines
from ..workspace.ignore import is_secret_path
from .bounds import LEFT_OUT

NOT_RECORDED = f"{LEFT_OUT}by its name the file holds secrets; they are on the disk only]"
"""Stands in the log for what such a file was given."""

NOTE = (
    "By its name it holds secrets: they stay on the disk, in no version, export or notebook, and are not recorded. "
    "Tell the person where a version of the app without them needs them."
)

DEEPEST = 20  # lists and objects in each other whose shape is recorded
PLACES = frozenset({"path", "old", "new"})
NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Z][A-Z0-9_]{0,63})[ \t]*=", re.ASCII)
SETTINGS = re.compile(r"\.env([._~-].*)?|.*\.env|\.envrc|\.dev\.vars(\..*)?", re.IGNORECASE)


def described(path: str, content: bytes) -> str:
    """What a model may know of such a file: how long it is, and which settings it has."""
    text = content.decode(errors="replace")
    number = len(lines(text))
    said = f"{path} has {number} line{'' if number == 1 else 's'}. By its name it holds secrets, so it is not shown."
    if SETTINGS.fullmatch(path.rpartition("/")[2]):
        names = dict.fromkeys(found.group(1) for line in lines(text) if (found := NAME.match(line)))
        if names:
            said += f" It sets: {', '.join(names)}. Code finds their values in it when the app runs."
    return said


def unrecorded(draft: Draft) -> Draft:
    """The event as it is stored: without what a call gives to such a file."""
    if draft.type == "tool.started":
        given = cast("dict[str, Any]", draft.data["arguments"])
        return Draft(draft.type, {**draft.data, "arguments": _emptied(given)}) if _is_meant(given) else draft
    if draft.type != "response.completed":
        return draft
    calls = cast("list[dict[str, Any]]", draft.data["tool_calls"])
    kept = [{**call, "arguments": _text_emptied(call["arguments"])} for call in calls]
    return Draft(draft.type, {**draft.data, "tool_calls": kept}) if kept != calls else draft


def _is_meant(given: Any) -> bool:
    return isinstance(given, dict) and any(
        key in PLACES and isinstance(value, str) and is_secret_path(value)
        for key, value in cast("dict[str, Any]", given).items()
    )


def _emptied(given: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value if key in PLACES and isinstance(value, str) else _hidden(value, 0) for key, value in given.items()
    }


def _hidden(value: Any, depth: int) -> Any:
    match value:
        case list() | dict() if depth == DEEPEST:
            return NOT_RECORDED
        case str() if value:
            return NOT_RECORDED
        case list():
            return [_hidden(item, depth + 1) for item in cast("list[Any]", value)]
        case dict():
            return {key: _hidden(item, depth + 1) for key, item in cast("dict[str, Any]", value).items()}
        case _:
            return value


def _text_emptied(arguments: str) -> str:
    """Arguments as JSON text; also as text within text, or broken off, as models send them."""
    given: Any = arguments
    try:
        while isinstance(given, str):
            given = json.loads(given)
    except (ValueError, RecursionError):
        place = re.search(r'\\?"(path|new)\\?"\s*:\s*\\?"([^"\\]*)', arguments)
        given = {place.group(1): place.group(2), "content": arguments} if place else None
    return json.dumps(_emptied(given), ensure_ascii=False) if _is_meant(given) else arguments
