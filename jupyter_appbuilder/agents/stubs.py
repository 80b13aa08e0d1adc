"""Stubs for old tool calls in the model's view: one line per result, only the short arguments of a call.

Files a model wrote and read make up nearly all of a history, and are the first thing in it to be out of date. What a
stub stands for can be had again by reading the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..formats.text import lines
from ..tools.bounds import LEFT_OUT
from ..tools.registry import load_tools

SHORT = 400
"""Characters: a result or an argument that is not longer stays as it is."""


def result_stub(finished: Mapping[str, Any]) -> str:
    """One line for a result (a ``tool.finished``), or the result itself where it is short."""
    text: str = finished["text"]
    if len(text) <= SHORT:
        return text
    summary = " ".join(finished["summary"].split())[:SHORT] or finished["tool"]
    if not finished["ok"]:
        return f"{text[:SHORT].rstrip()} {LEFT_OUT}the rest of this error]"
    tool = load_tools().get(finished["tool"])
    again = f": {tool.stub(finished)}" if tool and tool.stub else ""
    return f"{LEFT_OUT}{summary}{again}]"


def arguments_stub(arguments: str) -> str:
    """Arguments (JSON text) with each long string in them replaced by word of its length. Still a JSON object."""
    if len(arguments) <= SHORT:
        return arguments
    return json.dumps(_shortened(json.loads(arguments)), ensure_ascii=False)


def _shortened(value: Any) -> Any:
    match value:
        case str() if len(value) > SHORT:
            return f"{LEFT_OUT}{len(lines(value))} lines, {len(value)} characters]"
        case list():
            return [_shortened(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return {key: _shortened(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value
