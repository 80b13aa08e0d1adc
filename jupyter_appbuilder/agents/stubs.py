"""What remains of old tool calls in the model's view: one line of each result, the short arguments of each call.

Files a model wrote and read make up nearly all of a history, and are the first thing in it to be out of date. What a
stub stands for can be had again by reading the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..formats.text import lines
from ..tools.bounds import LEFT_OUT

SHORT = 400
"""Characters: a result or an argument that is not longer stays as it is."""

REPEATABLE = frozenset(["list_files", "search_files"])


def result_stub(finished: Mapping[str, Any]) -> str:
    """One line for a result (a ``tool.finished``), or the result itself where it is short."""
    text: str = finished["text"]
    if len(text) <= SHORT:
        return text
    summary = " ".join(finished["summary"].split())[:SHORT] or finished["tool"]
    if not finished["ok"]:
        return f"{text[:SHORT].rstrip()} {LEFT_OUT}the rest of this error]"
    match finished["tool"]:
        case "read_file":
            return f"{LEFT_OUT}{summary}: {_lines(finished['detail'], text)} lines, read again if needed]"
        case tool if tool in REPEATABLE:
            return f"{LEFT_OUT}{summary}: call it again if needed]"
        case _:
            return f"{LEFT_OUT}{summary}]"


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


def _lines(detail: Mapping[str, Any], text: str) -> int:
    start, end = detail.get("start_line"), detail.get("end_line")
    return end - start + 1 if isinstance(start, int) and isinstance(end, int) else text.count("\n")
