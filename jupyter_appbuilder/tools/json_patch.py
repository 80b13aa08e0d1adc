"""JSON Patch (RFC 6902): changes of a JSON document. Errors name the operation and what is there."""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..errors import InvalidInput

MOST_SHOWN = 80  # characters of a value


def patched(document: Any, patch: Sequence[Mapping[str, Any]]) -> Any:
    """A changed copy. Raises ``InvalidInput`` where a step does not fit; ``document`` stays as it is."""
    root = {"": copy.deepcopy(document)}
    for number, step in enumerate(patch):
        try:
            _step(root, step)
        except InvalidInput as error:
            raise InvalidInput(f"Operation {number}: {error.message}", hint=error.hint, field="patch") from None
    return root[""]


def _step(root: dict[str, Any], step: Mapping[str, Any]) -> None:
    path = step["path"]
    match step["op"]:
        case "add":
            _add(root, path, step.get("value"))
        case "remove":
            _remove(root, path)
        case "replace":
            holder, key = _place(root, path)
            _there(holder, key, path)
            holder[key] = step.get("value")
        case "move":
            if f"{path}/".startswith(f"{step['from']}/") and path != step["from"]:
                raise _wrong(f"{step['from']} cannot be moved into itself.")
            _add(root, path, _remove(root, step["from"]))
        case "copy":
            holder, key = _place(root, step["from"])
            _add(root, path, copy.deepcopy(_there(holder, key, step["from"])))
        case "test":
            holder, key = _place(root, path)
            if (found := _there(holder, key, path)) != step.get("value"):
                raise _wrong(f"{path} is {_shown(found)}.")
        case other:
            raise _wrong(f"{other!r} is none of add, remove, replace, move, copy, test.")


def _place(root: dict[str, Any], path: str) -> tuple[Any, Any]:
    """What holds ``path``, and the key or index in it, which need not be there."""
    if path and not path.startswith("/"):
        raise _wrong(f"{path!r} is no path.", "Write it like /pages/0/main/1.")
    holder: Any = root
    way = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")]
    for depth, part in enumerate(way[:-1]):
        holder = _there(holder, _key(holder, part, path), "/".join(way[: depth + 1]) or path)
    return holder, _key(holder, way[-1], path)


def _key(holder: Any, part: str, path: str) -> Any:
    if isinstance(holder, dict):
        return part
    if isinstance(holder, list):
        items = cast("list[Any]", holder)
        if part == "-":
            return len(items)
        if part.isascii() and part.isdecimal() and len(part) < 10:
            return int(part)
        raise _wrong(f"{path} leads into a list of {len(items)}, and {part!r} is no place in it.")
    raise _wrong(f"{path} leads into {_shown(holder)}, which holds nothing.")


def _there(holder: Any, key: Any, path: str) -> Any:
    if isinstance(holder, dict):
        table = cast("dict[str, Any]", holder)
        if key in table:
            return table[key]
        near = difflib.get_close_matches(str(key), [str(name) for name in table], 1)
        known = ", ".join(list(table)[:20])
        raise _wrong(f"There is nothing at {path}.", f"Did you mean {near[0]}?" if near else f"There are: {known}.")
    items = cast("list[Any]", holder)
    if 0 <= key < len(items):
        return items[key]
    raise _wrong(f"There is nothing at {path}.", f"The list has {len(items)}, counted from 0.")


def _add(root: dict[str, Any], path: str, value: Any) -> None:
    holder, key = _place(root, path)
    if isinstance(holder, dict):
        holder[key] = value
        return
    items = cast("list[Any]", holder)
    if key > len(items):
        raise _wrong(f"{path} lies behind the end of a list of {len(items)}.", "- is the end of a list.")
    items.insert(key, value)


def _remove(root: dict[str, Any], path: str) -> Any:
    if not path:
        raise _wrong("The whole document cannot be removed.")
    holder, key = _place(root, path)
    _there(holder, key, path)
    return holder.pop(key)


def _wrong(message: str, hint: str = "Look at what is there.") -> InvalidInput:
    return InvalidInput(message, hint=hint, field="patch")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
