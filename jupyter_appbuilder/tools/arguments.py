"""Parses tool arguments from models, cells and requests into what the tool's schema expects.

Models send JSON inside JSON, the same object twice, one object where a list is meant. What can only be meant one way is
taken that way; anything else is an error that says what was understood.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from ..errors import InvalidInput
from ..formats import strict_json

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from .base import Tool

LAYERS = 3  # how often JSON may stand as text inside JSON
WRAPPERS = ("arguments", "parameters", "args", "params", "input")  # names that the whole is given at times
MOST_VALUES = 20  # one after the other
NOTHING: Mapping[str, Any] = {}

_JSON_TYPES = {"array": list, "object": dict}


def understood(arguments: Mapping[str, Any] | str) -> dict[str, Any]:
    """The arguments by name. Raises ``InvalidInput``, which says what is wrong with them."""
    if isinstance(arguments, str):
        return _by_name(arguments)
    try:
        strict_json.check(arguments)
    except strict_json.NotStrict as error:
        raise _not_json(error) from None
    return dict(arguments)


def fitted(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` with each value in the form that a tool's (inlined) schema asks for, where that is clear."""
    fields: Mapping[str, Any] = schema.get("properties", {})
    required = schema.get("required", ())
    if len(given) == 1 and (wrapper := next(iter(given))) in WRAPPERS and wrapper not in fields:
        inner = _from_text(given[wrapper], {"type": "object"}) if isinstance(given[wrapper], str) else given[wrapper]
        given = cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else given
    return {
        name: _fitted(value, fields[name]) if name in fields else value
        for name, value in given.items()
        if not (value is None and name in fields and name not in required and not _takes(fields[name], "null"))
    }


def validated(tool: Tool[Any], given: Mapping[str, Any]) -> Any:
    """The arguments of a call as its tool takes them. Raises ``InvalidInput``, which names each that does not fit."""
    try:
        return tool.arguments.model_validate(fitted(given, tool.schema))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        fields = [".".join(map(str, fault["loc"])) or "arguments" for fault in faults]
        said = "; ".join(f"{field}: {_told(fault)}" for field, fault in zip(fields[:8], faults, strict=False))
        raise InvalidInput(
            f"The arguments of {tool.name} do not fit: {said}.",
            hint=f"It takes: {', '.join(tool.arguments.model_fields) or 'no arguments'}.",
            reason="invalid_arguments",
            field=fields[0],
        ) from None


def _told(fault: ErrorDetails) -> str:
    """What is wrong, and what was understood where that is another kind of value."""
    sent = f", not {kind_of(fault['input'])}" if fault["type"].endswith("_type") else ""
    return f"{fault['msg']}{sent}"


def _by_name(text: str) -> dict[str, Any]:
    value: Any = text
    for _ in range(LAYERS):
        if not isinstance(value, str):
            break
        value = _parsed(value)
    several: list[Any] = cast("list[Any]", value) if isinstance(value, list) else []
    if len(several) == 1 and isinstance(several[0], dict):
        value = cast("object", several[0])
    if not isinstance(value, dict):
        raise InvalidInput(
            f"The arguments are not a JSON object, but {kind_of(value)}.",
            hint="Send one object that holds them by name.",
            reason="invalid_arguments",
        )
    return cast("dict[str, Any]", value)


def _parsed(text: str) -> Any:
    """A JSON value; the same one several times, or empty ones before it, count as one."""
    text = text.strip()
    if not text:
        return {}
    try:
        return strict_json.parsed(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and (several := _several(text)):
            return _one_of(several)
        if _breaks_off(error):
            raise InvalidInput(
                "The call was cut off and did nothing: its arguments are not valid JSON.",
                hint="Send it again, in smaller pieces where it is long.",
                reason="cut_off",
            ) from None
        raise _not_json(error) from None
    except strict_json.NotStrict as error:
        raise _not_json(error) from None


def _several(text: str) -> list[Any]:
    """The values that stand one after the other; none where something else is among them."""
    decoder, found, place = json.JSONDecoder(), list[Any](), 0
    while place < len(text) and len(found) < MOST_VALUES:
        try:
            value, place = decoder.raw_decode(text, place)
            strict_json.check(value)
        except (ValueError, RecursionError):
            return []
        found.append(value)
        while place < len(text) and text[place].isspace():
            place += 1
    return found if place == len(text) else []


def _one_of(several: list[Any]) -> Any:
    different: list[Any] = []
    for value in several:
        if value != {} and value not in different:
            different.append(value)
    if len(different) > 1:
        raise InvalidInput(
            f"The arguments are {len(different)} different JSON values, one after the other; none of them was used.",
            hint="Make one call for each.",
            reason="invalid_arguments",
        )
    return different[0] if different else {}


def _fitted(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, str) and not _takes(schema, "string"):
        value = _from_text(value, schema)
    if isinstance(value, dict) and not _takes(schema, "object") and _takes_items(schema, "object"):
        value = cast("list[Any]", [value])
    if isinstance(value, list) and (items := _branch(schema, "array").get("items")):
        return [_fitted(item, items) for item in cast("list[Any]", value)]
    if isinstance(value, dict) and (properties := _branch(schema, "object")).get("properties"):
        return fitted(cast("dict[str, Any]", value), properties)
    return cast("object", value)


def _from_text(text: str, schema: Mapping[str, Any]) -> object:
    """A list or an object that was sent as text. A text alone is the list of it, where a list of texts is wanted."""
    wanted = tuple(kind for name, kind in _JSON_TYPES.items() if _takes(schema, name))
    if not wanted:
        return text
    try:
        value: Any = strict_json.parsed(text)
        if isinstance(value, str):
            value = strict_json.parsed(value)
    except ValueError:
        value = None
    if isinstance(value, wanted) or (isinstance(value, dict) and _takes_items(schema, "object")):
        return cast("object", value)
    if text.strip() and not text.lstrip().startswith(("[", "{")) and _takes_items(schema, "string"):
        return [text.strip()]
    return text


def _choices(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ())] or [schema]


def _branch(schema: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((choice for choice in _choices(schema) if choice.get("type") == kind), NOTHING)


def _takes(schema: Mapping[str, Any], kind: str) -> bool:
    """True if a value of this JSON type may stand there. A schema without types takes all."""
    return any(choice.get("type") in (kind, None) for choice in _choices(schema))


def _takes_items(schema: Mapping[str, Any], kind: str) -> bool:
    items = _branch(schema, "array").get("items")
    return bool(items) and _takes(items, kind)


def _breaks_off(error: json.JSONDecodeError) -> bool:
    """True if there is nothing wrong with the text but that it ends."""
    return error.msg.startswith("Unterminated string") or error.pos >= len(error.doc.rstrip())


def _not_json(error: ValueError) -> InvalidInput:
    return InvalidInput(
        f"The arguments are not valid JSON: {error}.",
        hint="Send one JSON object; quotes and line breaks within strings need a backslash.",
        reason="invalid_arguments",
    )


def kind_of(value: Any) -> str:
    """The kind of a value, in words for whoever sent it."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(cast('list[Any]', value))}"
    return "text" if isinstance(value, str) else "null" if value is None else f"the value {str(value)[:20]}"
