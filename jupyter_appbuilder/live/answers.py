"""What a function returned, as it is sent to the app.

Rows go as Parquet, everything else as JSON. An app reads Parquet with what reads its datasets: one convention for
dates, decimals and large integers, no second one that could differ, and a tenth of the bytes that JSON would take.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import io
import json
import math
import re
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from ..datasets.arrow import arrow
from ..datasets.parquet import write
from ..datasets.sources import is_frame, opened
from ..errors import InvalidInput
from ..formats import strict_json
from .base import LONGEST_ANSWER, MOST_ROWS, Returns, TooLarge

Form = Literal["json", "parquet"]

LARGEST = 2**53 - 1
"""Beyond it JavaScript changes integers: they go as texts."""
MANY_DIGITS = re.compile("[0-9]{16}")


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON is ``{"value": …}``."""

    form: Form
    body: bytes


def answer_of(value: Any, returns: Returns = "any") -> Answer:
    """What is sent for ``value``.

    Raises ``InvalidInput`` for what no app can be sent, ``TooLarge`` for too much of it.
    """
    if is_frame(value) or (hasattr(value, "to_frame") and not hasattr(value, "columns")) or _are_rows(value, returns):
        return Answer("parquet", _parquet(value))
    return _json(value)


def in_json(answer: Answer) -> Answer:
    """The same for an app that reads no Parquet: rows as a list of objects. Raises as ``answer_of`` does."""
    if answer.form == "json":
        return answer
    return _json(arrow("parquet").read_table(io.BytesIO(answer.body)).to_pylist())


def _json(value: Any) -> Answer:
    try:
        text = json.dumps({"value": value}, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        if MANY_DIGITS.search(text) and _has_large(value):
            raise ValueError
        body = text.encode()
    except (ValueError, TypeError, RecursionError, UnicodeEncodeError):
        body = strict_json.dumps({"value": _tamed(value, 0)}, separators=(",", ":")).encode()
    if len(body) > LONGEST_ANSWER:
        raise _too_large(len(body))
    return Answer("json", body)


def _too_large(size: int) -> TooLarge:
    return TooLarge(
        f"It returned {size / 1e6:,.0f} MB; the limit is {LONGEST_ANSWER // 1024**2} MB.",
        hint="Have it return the page of rows that the app shows, or an aggregate.",
        reason="answer_too_large",
    )


def _are_rows(value: Any, returns: Returns) -> bool:
    """A list of dicts, of a function that says that it returns rows."""
    return returns == "rows" and isinstance(value, list) and bool(cast("list[Any]", value))


def _parquet(value: Any) -> bytes:
    rows = opened(value)

    def stop(done: int) -> None:
        if done > MOST_ROWS:
            raise TooLarge(
                f"It returned more than {MOST_ROWS:,} rows.",
                hint="Have it return the page of rows that the app shows: a limit and an offset as parameters.",
                reason="answer_too_large",
            )

    stop(rows.rows or 0)
    with tempfile.TemporaryDirectory(prefix="appbuilder-") as folder:
        file = Path(folder) / "rows.parquet"
        size = write(rows, file, on_progress=stop).size
        if size > LONGEST_ANSWER:
            raise _too_large(size)
        return file.read_bytes()


def _has_large(value: Any) -> bool:
    match value:
        case bool():
            return False
        case int():
            return abs(value) > LARGEST
        case dict():
            return any(_has_large(one) for one in cast("dict[Any, Any]", value).values())
        case list() | tuple():
            return any(_has_large(one) for one in cast("list[Any]", value))
        case _:
            return False


def _tamed(value: Any, depth: int) -> Any:
    """``value`` as JSON can hold it: NaN and infinities are null, large integers are texts, keys are texts."""
    if depth > strict_json.DEEPEST:
        raise InvalidInput(f"It returned lists and objects nested more than {strict_json.DEEPEST} deep.")
    match value:
        case bool() | None:
            return value
        case enum.Enum():
            return _tamed(value.value, depth + 1)
        case str():
            return value
        case int():
            return int(value) if abs(value) <= LARGEST else str(value)
        case float():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            items = cast("Mapping[Any, Any]", value).items()
            return {_key(key): _tamed(one, depth + 1) for key, one in items}
        case list() | tuple():
            return [_tamed(one, depth + 1) for one in cast("Sequence[Any]", value)]
        case _:
            return _tamed(_plain(value), depth + 1)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool | int | float | datetime.date) or key is None:
        return str(key)
    raise InvalidInput(
        f"It returned a dict whose keys are of the class {type(key).__qualname__}.", hint="Make them texts."
    )


def _plain(value: Any) -> Any:
    """A value of a class that JSON does not know, in values that it does, by the conventions of datasets."""
    if type(value).__name__ in ("NAType", "NaTType"):  # what pandas has for a missing value
        return None
    match value:
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta():
            return value / datetime.timedelta(milliseconds=1)
        case decimal.Decimal() | uuid.UUID():
            return str(value)
        case enum.Enum():
            return value.value
        case AbstractSet():
            return list(cast("AbstractSet[Any]", value))
        case Mapping():
            return dict(cast("Mapping[Any, Any]", value))
        case _:
            pass
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    for method in ("model_dump", "item" if getattr(value, "shape", None) == () else "tolist"):  # pydantic, numpy
        if callable(convert := getattr(value, method, None)):
            return convert()
    raise InvalidInput(
        f"It returned a value of the class {type(value).__qualname__}, which no app can read.",
        hint="Have it return numbers, texts, lists, dicts, dates or a frame.",
        reason="no_answer",
    )
