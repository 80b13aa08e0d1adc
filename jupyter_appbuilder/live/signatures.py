"""What a function takes, by its signature and its type hints, and whether arguments are that."""

from __future__ import annotations

import datetime
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast, get_args, get_origin

from ..errors import InvalidInput
from .base import MOST_PARAMETERS, Function, Kind, Parameter, Returns, check_name, kind_of, nearest

LONGEST_DOC = 1000  # characters
LONGEST_DEFAULT = 60

KINDS_OF: Mapping[Any, Kind] = {
    int: "int",
    float: "float",
    str: "str",
    bool: "bool",
    list: "list",
    dict: "dict",
    datetime.date: "date",
    datetime.datetime: "datetime",
}

EXPECTED: Mapping[Kind, str] = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "date": "a date as YYYY-MM-DD",
    "datetime": "a time in ISO 8601, e.g. 2026-01-31T12:00:00Z",
    "list": "a list",
    "dict": "an object",
    "any": "anything",
}


def described(function: Callable[..., Any], name: str = "") -> Function:
    """What is known of ``function``, which an app is to call ``name``.

    Raises ``InvalidInput`` for what cannot be called by names.
    """
    if not callable(function) or isinstance(function, type):
        raise InvalidInput(f"{type(function).__qualname__} is no function.", hint="@app.expose stands above one.")
    given = name or str(getattr(function, "__name__", ""))
    if not name and given == "<lambda>":
        raise InvalidInput("A lambda has no name.", hint='Give it one: app.expose(function, name="forecast").')
    check_name(given)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"{given} does not say what it takes.", hint="Wrap it in a function with parameters of its own."
        ) from None
    hints = _hints(function)
    parameters: list[Parameter] = []
    more = False
    for one in signature.parameters.values():
        if one.kind is inspect.Parameter.VAR_KEYWORD:
            more = True
        elif one.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise InvalidInput(
                f"{given} takes {one.name} by its place alone, and apps give arguments by name.",
                hint="Leave out the / of its parameters.",
            )
        elif one.kind is not inspect.Parameter.VAR_POSITIONAL:
            parameters.append(_parameter(one, hints.get(one.name, one.annotation)))
    if len(parameters) > MOST_PARAMETERS:
        raise InvalidInput(f"{given} has {len(parameters)} parameters; the limit is {MOST_PARAMETERS}.")
    doc = (inspect.getdoc(function) or "").split("\n\n")[0].strip()
    returns = _returns(hints.get("return", signature.return_annotation))
    return Function(given, parameters, returns, " ".join(doc.split())[:LONGEST_DOC], more)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(function))
    except Exception:  # a hint in quotes that names nothing: whatever its evaluation raises
        return {}


def _parameter(one: inspect.Parameter, hint: Any) -> Parameter:
    kind, items, values, nullable = _of_hint(hint)
    required = one.default is inspect.Parameter.empty
    default = ""
    if not required:
        nullable = nullable or one.default is None
        default = _shown(one.default)
    return Parameter(one.name, kind, items, values, nullable, required, default)


def _shown(default: Any) -> str:
    """A default of a kind that JSON knows. Any other is not shown: it may be a connection with its password."""
    if default is None or isinstance(default, bool | int | float | str):
        text = repr(default)
        return text if len(text) <= LONGEST_DEFAULT else ""
    return str(default) if isinstance(default, datetime.date) else ""


def _of_hint(hint: Any) -> tuple[Kind, Kind, tuple[Any, ...], bool]:
    """Kind, kind of a list's items, values of a ``Literal``, and whether None may stand there."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        rest = [one for one in arguments if one is not type(None)]
        kind, items, values, _ = _of_hint(rest[0]) if len(rest) == 1 else ("any", "any", (), False)
        return kind, items, values, len(rest) < len(arguments)
    if origin is typing.Annotated:
        return _of_hint(arguments[0])
    if origin is Literal:
        values = tuple(one for one in arguments if isinstance(one, str | int))
        return "any", "any", values if len(values) == len(arguments) else (), None in arguments
    if origin in (list, Sequence) or hint is Sequence:
        return "list", (_of_hint(arguments[0])[0] if arguments else "any"), (), False
    if origin in (dict, Mapping) or hint is Mapping:
        return "dict", "any", (), False
    found = KINDS_OF.get(hint) if isinstance(hint, type) else None
    return found or "any", "any", (), False


def _returns(hint: Any) -> Returns:
    return "rows" if getattr(hint, "__name__", hint) in ("DataFrame", "LazyFrame", "Table", "RecordBatch") else "any"


# Arguments


def checked(function: Function, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call as the function takes them: dates are dates. Raises ``InvalidInput``, which names the
    argument and what is expected."""
    known = {one.name: one for one in function.parameters}
    for name in arguments:
        if name not in known and not function.more:
            raise InvalidInput(
                f"{function.name} has no parameter {name[:80]!r}.",
                hint=nearest(name, known) or "It takes none.",
                reason="unknown_argument",
                field=name[:80],
            )
    missing = [one.name for one in function.parameters if one.required and one.name not in arguments]
    if missing:
        raise InvalidInput(
            f"{function.name} lacks {', '.join(missing)}.",
            hint=f"{missing[0]} is {_expected(known[missing[0]])}.",
            reason="missing_argument",
            field=missing[0],
        )
    return {name: _value(function, known[name], value) if name in known else value for name, value in arguments.items()}


def _expected(one: Parameter) -> str:
    if one.values:
        return "one of " + ", ".join(repr(value) for value in one.values)
    inner = f" of which each is {EXPECTED[one.items]}" if one.kind == "list" and one.items != "any" else ""
    return EXPECTED[one.kind] + inner + (" or null" if one.nullable else "")


def _value(function: Function, one: Parameter, value: Any) -> Any:
    if value is None and one.nullable:
        return None
    try:
        if one.values:
            if not any(type(value) is type(known) and value == known for known in one.values):
                raise ValueError
            return value
        if one.kind == "list" and isinstance(value, list):
            return [_converted(one.items, item) for item in cast("list[Any]", value)]
        return _converted(one.kind, value)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{one.name} of {function.name} has to be {_expected(one)}, not {_kind_of_value(value)}.",
            hint=f"Its type is {kind_of(one)}.",
            reason="wrong_argument",
            field=one.name,
        ) from None


def _converted(kind: Kind, value: Any) -> Any:
    """``value`` of JSON as one of ``kind``. Raises ``ValueError`` where it is none."""
    match kind, value:
        case "any", _:
            return value
        case "bool", bool():
            return value
        case (("int" | "float"), bool()):
            raise ValueError
        case "int", int():
            return value
        case "int", float() if value.is_integer():  # JavaScript knows no other numbers
            return int(value)
        case "float", int() | float():
            return float(value)
        case "str", str():
            return value
        case "date", str():
            return datetime.date.fromisoformat(value)
        case "datetime", str():
            return datetime.datetime.fromisoformat(value)
        case "list", list():
            return value  # pyright: ignore[reportUnknownVariableType]
        case "dict", dict():
            return value  # pyright: ignore[reportUnknownVariableType]
        case _:
            raise ValueError


def _kind_of_value(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"
