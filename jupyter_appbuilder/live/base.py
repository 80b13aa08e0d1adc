"""What is known of an exposed function without having it: its name, its parameters, what it is for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from ..errors import AppBuilderError, InvalidInput, NotFound

Kind = Literal["int", "float", "str", "bool", "date", "datetime", "list", "dict", "any"]
KINDS: tuple[str, ...] = get_args(Kind)

Returns = Literal["rows", "any"]
"""rows: a frame, by its annotation. any: whatever comes; frames are told by what they are."""

NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,62}")

MOST_PARAMETERS = 50
LONGEST_REQUEST = 1024 * 1024
"""Bytes of a call's arguments."""
LONGEST_ANSWER = 50 * 1024 * 1024
"""Bytes of what a function returns, as it is sent."""
MOST_ROWS = 100_000
SECONDS = 30.0
"""How long a call may take, waiting included, unless ``timeout`` says another."""
LONGEST_SECONDS = 600.0
AT_ONCE = 4
"""Calls of one function that run at the same time, unless ``at_once`` says another."""
MOST_AT_ONCE = 64
WAITING = 100
"""Calls of one function that wait for their turn; more are refused."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function. ``kind`` any: whatever JSON can hold."""

    name: str
    kind: Kind = "any"
    items: Kind = "any"  # of a list
    values: Sequence[str | int | bool] = ()  # all there are, of a Literal
    nullable: bool = False
    required: bool = True
    default: str = ""
    """How Python writes it, where it has one that is short."""


@dataclass(frozen=True, slots=True)
class Function:
    """An exposed function. ``more``: it takes arguments of any other name as well."""

    name: str
    parameters: Sequence[Parameter]
    returns: Returns = "any"
    doc: str = ""  # the first paragraph of its docstring
    more: bool = False


def told(function: Function) -> dict[str, Any]:
    """A function as the log has it: without what follows from the defaults."""
    shown: dict[str, Any] = {"name": function.name, "parameters": [_told(one) for one in function.parameters]}
    shown |= {"returns": function.returns} if function.returns != "any" else {}
    return shown | ({"doc": function.doc} if function.doc else {}) | ({"more": True} if function.more else {})


def _told(parameter: Parameter) -> dict[str, Any]:
    plain = {one.name: one.default for one in fields(parameter) if one.name != "name"}
    given = {name: value for name, value in asdict(parameter).items() if name == "name" or value != plain[name]}
    return given | ({"values": list(parameter.values)} if parameter.values else {})


def function_from(arguments: Mapping[str, Any]) -> Function:
    """A function from the arguments of its step."""
    parameters = [_parameter_from(one) for one in arguments.get("parameters", ())]
    named = {name: arguments[name] for name in ("returns", "doc", "more") if name in arguments}
    return Function(arguments["name"], parameters, **named)


def _parameter_from(arguments: Mapping[str, Any]) -> Parameter:
    given: dict[str, Any] = {**arguments, "values": tuple(arguments.get("values", ()))}
    return Parameter(**given)


def check_name(name: str) -> str:
    """``name``, if a function can have it. Raises ``InvalidInput``."""
    if NAME.fullmatch(name):
        return name
    raise InvalidInput(
        f"{name[:80]!r} is no name for a function that an app calls.",
        hint='Use letters, digits and _, beginning with a letter, 63 at most: app.expose(function, name="forecast").',
        field="name",
    )


def signature(function: Function) -> str:
    """How Python would write it: ``forecast(region: str, months: int = 6)``."""
    parts = [_parameter(one) for one in function.parameters] + (["**more"] if function.more else [])
    rows = " -> rows" if function.returns == "rows" else ""
    return f"{function.name}({', '.join(parts)}){rows}"


def _parameter(one: Parameter) -> str:
    kind = kind_of(one)
    return f"{one.name}: {kind}" + ("" if one.required else f" = {one.default or '…'}")


def kind_of(one: Parameter) -> str:
    """The type of a parameter's values, in words of Python."""
    if one.values:
        shown = " | ".join(repr(value) for value in one.values)
    elif one.kind == "list" and one.items != "any":
        shown = f"list[{one.items}]"
    else:
        shown = one.kind
    return f"{shown} | None" if one.nullable else shown


def nearest(name: str, known: Iterable[str]) -> str:
    """What to try in place of a name that is not there; "" where there is nothing."""
    names = sorted(known)
    near = difflib.get_close_matches(name[:80], names, 1)
    if near:
        return f"Did you mean {near[0]}?"
    return f"There are: {', '.join(names[:20])}." if names else ""


def unknown(name: str, known: Iterable[str]) -> NotFound:
    """There is no such function."""
    hint = nearest(name, known) or "Expose it in the notebook: @app.expose."
    return NotFound(f"No function {name[:80]!r} is exposed.", hint=hint, reason="unknown_function", field="name")


class FunctionFailed(AppBuilderError):
    """A function raised. The message is for whoever looks at the page: it says nothing of what was raised but its
    class."""

    status = 500
    default_reason = "function_failed"


class Declined(AppBuilderError):
    """A function says by ``AppError`` what whoever looks at the page is to read."""

    status = 422
    default_reason = "declined"


class TooSlow(AppBuilderError):
    """A function did not end in time."""

    status = 504
    default_reason = "timeout"


class TooLarge(AppBuilderError):
    """Arguments, or what a function returned, are more than is sent."""

    status = 413
    default_reason = "too_large"


class AppError(Exception):
    """Raise it in an exposed function to tell whoever looks at the page what is wrong: its message is shown there."""
