"""Which functions an app was told that it can call, as its log says. Replaying it needs none of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..events import Event
from .base import Function, function_from

EXPOSE = "expose_function"
UNEXPOSE = "unexpose_function"
"""The tools by which a person's acts are recorded."""


def functions_of(events: Iterable[Event]) -> dict[str, Function]:
    """Each function by its name, as it was exposed last. A version that is restored changes none of them."""
    found: dict[str, Function] = {}
    started: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for event in events:
        if event.type == "tool.started" and event.data["tool"] in (EXPOSE, UNEXPOSE):
            started[event.data["call"]] = (event.data["tool"], event.data["arguments"])
        elif event.type == "tool.finished" and event.data["call"] in started and event.data["ok"]:
            tool, arguments = started[event.data["call"]]
            if tool == EXPOSE:
                found[arguments["name"]] = function_from(arguments)
            else:
                found.pop(arguments["name"], None)
    return found


def descriptions(events: Iterable[Event]) -> list[str]:
    """What the agent was told of each function that is exposed, of the newest only."""
    told: dict[str, str] = {}
    for event in events:
        if event.type == "tool.finished" and event.data["ok"] and event.data["tool"] in (EXPOSE, UNEXPOSE):
            name = str(event.data["detail"]["function"])
            if event.data["tool"] == EXPOSE:
                told[name] = event.data["text"]
            else:
                told.pop(name, None)
    return list(told.values())
