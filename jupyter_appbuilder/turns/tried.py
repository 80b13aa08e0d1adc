"""The latest results of an app's scenarios, read from the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..events import Event
from .requests import without_dropped


def last_tried(events: Sequence[Event]) -> dict[str, Mapping[str, Any]]:
    """The last outcome of each scenario that was there when all were tried last, or tried since: by name,
    ``eyes.scenarios.Outcome`` as JSON, with ``worked``: the digest of its steps when it worked last, or "".

    Empty after the app went back to another version: what worked in one says nothing of the other.
    """
    found: dict[str, dict[str, Any]] = {}
    complete = False
    for event in reversed(without_dropped(events)):
        if event.type == "session.restored":
            break
        if event.type != "tool.finished":
            continue
        tried: object = event.data["detail"].get("scenarios")
        if not isinstance(tried, dict):
            continue
        outcomes, whole = _read(cast("dict[str, Any]", tried))
        for one in outcomes:
            if not complete:
                found.setdefault(one["name"], {**one, "worked": ""})
            kept = found.get(one["name"])
            if kept and one.get("ok") and not kept["worked"]:
                kept["worked"] = one.get("digest", "")
        complete = complete or whole
        if complete and all(kept["worked"] for kept in found.values()):
            break
    return dict(found)


def _read(tried: Mapping[str, Any]) -> tuple[Sequence[Mapping[str, Any]], bool]:
    """The outcomes of one result, and whether they are of all scenarios. A tool of another package may use the key."""
    given: object = tried.get("outcomes")
    items = cast("list[object]", given) if isinstance(given, list) else []
    outcomes = [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]
    return [one for one in outcomes if isinstance(one.get("name"), str)], tried.get("all") is True
