"""Python values of a column -> Arrow: what they are is looked at over the whole column, so that no chunk differs.

Errors name the column, the row and types, never a value: the data may be confidential.
"""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput
from .arrow import arrow

BIG = 2**63
MOST_COLUMNS = 10_000
LONGEST_NAME = 500  # characters of a column's name


@dataclass(frozen=True, slots=True)
class Kind:
    """What a Python value counts as; ``name`` is for people."""

    name: str
    types: tuple[type, ...]


TEXT = Kind("text", (str,))
BOOLEAN = Kind("boolean", (bool,))
INTEGER = Kind("integer", (int,))
NUMBER = Kind("number", (float,))
DECIMAL = Kind("decimal", (decimal.Decimal,))
TIMESTAMP = Kind("timestamp", (datetime.datetime,))
DATE = Kind("date", (datetime.date,))
TIME = Kind("time", (datetime.time,))
DURATION = Kind("duration", (datetime.timedelta,))
BYTES = Kind("bytes", (bytes, bytearray, memoryview))
LIST = Kind("list", (list, tuple))
STRUCT = Kind("struct", (dict,))
KINDS = (TEXT, BOOLEAN, INTEGER, NUMBER, DECIMAL, TIMESTAMP, DATE, TIME, DURATION, BYTES, LIST, STRUCT)  # in this order

TOLD_BY_TYPE = {kind: one.name for one in KINDS if one not in (NUMBER, TIMESTAMP) for kind in one.types}

NULLS = ("NoneType", "NAType", "NaTType")
WITH_ZONE = "timestamp with a zone"


def kind_of(value: Any) -> str:
    """What a value is; "" for a missing one."""
    named = type(value).__name__
    if named in NULLS:
        return ""
    for kind in KINDS:
        if isinstance(value, kind.types):
            if kind is NUMBER and math.isnan(value):
                return ""
            return WITH_ZONE if kind is TIMESTAMP and value.tzinfo is not None else kind.name
    if type(value).__module__ == "numpy":
        return _numpy_kind(value)
    return f"Python's {type(value).__qualname__}"[:100]


def _numpy_kind(value: Any) -> str:
    kinds = {"i": INTEGER, "u": INTEGER, "f": NUMBER, "b": BOOLEAN, "M": TIMESTAMP, "m": DURATION}
    if type(value).__name__ == "ndarray":
        return LIST.name
    kind = kinds.get(value.dtype.kind)
    if kind is NUMBER and math.isnan(value):
        return ""
    return kind.name if kind else f"NumPy's {type(value).__name__}"


def type_of(column: str, values: Sequence[Any]) -> Any:
    """The Arrow type that a column's Python values have in common. Raises ``InvalidInput`` where they have none."""
    pa = arrow()
    kinds = _kinds(values)
    if not kinds:
        return pa.null()
    if kinds <= {INTEGER.name, NUMBER.name}:
        return pa.float64() if NUMBER.name in kinds else _integer(column, values)
    if kinds <= {INTEGER.name, DECIMAL.name}:
        return _inferred(column, values)
    if len(kinds) > 1:
        raise _mixed(column, values)
    (kind,) = kinds
    match kind:
        case TEXT.name:
            return pa.large_string()
        case BOOLEAN.name:
            return pa.bool_()
        case TIMESTAMP.name:
            return pa.timestamp("us")
        case "timestamp with a zone":
            zones = {_zone(value) for value in values if kind_of(value)}
            return pa.timestamp("us", tz=zones.pop() if len(zones) == 1 else "UTC")
        case DATE.name:
            return pa.date32()
        case TIME.name:
            return pa.time64("us")
        case DURATION.name:
            return pa.duration("us")
        case BYTES.name:
            return pa.large_binary()
        case LIST.name | STRUCT.name:
            return _inferred(column, values)
        case _:
            row = next(row for row, value in enumerate(values) if kind_of(value))
            raise InvalidInput(
                f"Row {row} of the column {shown(column)} holds {kind}, which no dataset can hold.",
                hint="Convert the column to text, numbers or dates first, or leave it out.",
                field="source",
            )


def array_of(column: str, values: Sequence[Any], kind: Any, first: int = 0) -> Any:
    """An Arrow array of ``values``, of which the first is the row ``first``. Raises ``InvalidInput``."""
    pa = arrow()
    try:
        made = pa.array(values, type=kind, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError):
        raise _unfit(column, values, kind, first) from None
    return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made


def shown(column: object) -> str:
    """A column's name in a sentence."""
    name = str(column)
    return repr(name if len(name) <= 80 else name[:80] + "…")


def check_names(names: Sequence[str], of: str = "") -> None:
    """Raise ``InvalidInput`` for names of columns that no dataset can have, and for too many. ``of``: a file that they
    stand in."""
    if len(names) > MOST_COLUMNS:
        raise InvalidInput(
            f"The data has {len(names):,} columns; the limit is {MOST_COLUMNS:,}.",
            hint="Hand over those that the app shows, or one row for each value.",
            field="source",
        )
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidInput(
                f"Two columns{f' of {of}' if of else ''} are called {shown(name)}.",
                hint="Rename one of them.",
                reason="duplicate_column",
                field="source",
            )
        seen.add(name)
        if len(name) > LONGEST_NAME:
            raise InvalidInput(
                f"The column {shown(name)} has a name of {len(name):,} characters; the limit is {LONGEST_NAME}.",
                hint="Rename it.",
                field="source",
            )
        try:
            name.encode()
        except UnicodeEncodeError:
            raise InvalidInput(
                f"The name of the column {name.encode('ascii', 'backslashreplace').decode()[:80]!r} is no text.",
                hint="Rename it: it holds half a surrogate pair.",
                field="source",
            ) from None


def _kinds(values: Sequence[Any]) -> set[str]:
    """Which kinds there are. Looks at each value only where its type does not say it."""
    kinds: set[str] = set()
    for kind in set(map(type, values)):
        if kind in TOLD_BY_TYPE:
            kinds.add(TOLD_BY_TYPE[kind])
        else:
            kinds |= {kind_of(value) for value in values if type(value) is kind}
    return kinds - {""}


def _integer(column: str, values: Sequence[Any]) -> Any:
    pa = arrow()
    found = [value for value in values if kind_of(value)]
    low, high = min(found), max(found)
    if low >= -BIG and high < BIG:
        return pa.int64()
    if low >= 0 and high < 2 * BIG:
        return pa.uint64()
    row = next(row for row, value in enumerate(values) if kind_of(value) and not -BIG <= value < BIG)
    raise InvalidInput(
        f"Row {row} of the column {shown(column)} holds an integer that does not fit 64 bits.",
        hint="Convert the column to text or to decimals first.",
        field="source",
    )


def _inferred(column: str, values: Sequence[Any]) -> Any:
    pa = arrow()
    try:
        return pa.array(values, from_pandas=True).type
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise _unfit(column, values, None, 0) from None


def _zone(value: Any) -> str:
    zone = getattr(value.tzinfo, "key", None) or getattr(value.tzinfo, "zone", None)
    return str(zone) if zone else "UTC"


def _mixed(column: str, values: Sequence[Any]) -> InvalidInput:
    first: tuple[int, str] | None = None
    for row, value in enumerate(values):
        kind = kind_of(value)
        if not kind:
            continue
        if first is None:
            first = (row, kind)
        elif kind != first[1] and {kind, first[1]} != {INTEGER.name, NUMBER.name}:
            return InvalidInput(
                f"The column {shown(column)} holds values of different types: {first[1]} in row {first[0]}, and "
                f"{kind} in row {row} (counted from 0).",
                hint="Give it one type first, e.g. df[column] = df[column].astype(str).",
                reason="mixed_types",
                field="source",
            )
    return _unfit(column, values, None, 0)


def _unfit(column: str, values: Sequence[Any], kind: Any, first: int) -> InvalidInput:
    """Which row it is that does not fit the others, without its value."""
    pa = arrow()
    low, high = 0, len(values)  # values[:low] fit, values[:high] do not
    while high - low > 1:
        middle = (low + high) // 2
        try:
            pa.array(values[:middle], type=kind, from_pandas=True)
            low = middle
        except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError):
            high = middle
    what = kind_of(values[low]) if len(values) else "nothing"
    wanted = f"cannot be stored as {kind}" if kind is not None else "does not fit the rows above it"
    return InvalidInput(
        f"Row {first + low} of the column {shown(column)} ({what}) {wanted}.",
        hint="Give the column one type first, or leave it out.",
        reason="mixed_types",
        field="source",
    )


def rows_as_columns(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Rows as dicts -> columns, of the keys of all of them in the order they come. Raises ``InvalidInput``."""
    names: dict[str, None] = {}
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InvalidInput(
                f"Row {number} of the list is {type(row).__qualname__}, not a dict.",
                hint='Give a list of dicts, one for each row: [{"city": "Oslo", "sold": 3}, …].',
                field="source",
            )
        for name in row:  # pyright: ignore[reportUnknownVariableType]
            if not isinstance(name, str):
                raise InvalidInput(
                    f"Row {number} of the list has a key that is no text, but {type(name).__qualname__}.",  # pyright: ignore[reportUnknownArgumentType]
                    hint="Name the columns by texts.",
                    field="source",
                )
            names.setdefault(name)
    return {name: [row.get(name) for row in rows] for name in names}
