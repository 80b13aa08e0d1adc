"""Strict JSON that browsers, notebooks and databases all accept.

Python's own writes ``NaN`` and halves of surrogate pairs, and reads numbers that JSON cannot hold. One such value in an
event would keep a page from ever reading the session.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, cast

from .text import encodable

DEEPEST = 200  # lists and objects in each other
LARGEST = 2**1024  # from here on an integer is no number to JavaScript
TOO_DEEP = f"it nests lists and objects more than {DEEPEST} deep"


class NotStrict(ValueError):
    """A value that JSON cannot hold. The message names its place: ``end_line is Infinity, …``."""


def dumps(data: Any, **options: Any) -> str:
    """``data`` as JSON, whatever it holds: what no number can be becomes null, as in JavaScript; half a surrogate pair
    U+FFFD; what stands too deep is left out."""
    return written(data, **options)[0]


def written(data: Any, **options: Any) -> tuple[str, Any]:
    """``data`` as JSON, see ``dumps``, and as it will be read back."""
    whole = True
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, **options)
        whole = text.count("[") + text.count("{") <= DEEPEST or _is_sound(data, 0)
    except (ValueError, RecursionError):
        text, whole = "", False
    if not whole:
        text = json.dumps(_tamed(data, 0), ensure_ascii=False, allow_nan=False, **options)
    if not encodable(text):
        text, whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), False
    return text, data if whole else json.loads(text)


def dumps_long(data: Any, **options: Any) -> str:
    """As ``dumps``, but in parts: each item of a list, and of the lists in an object. In a thread, others have their
    turn in between, which they have not while one whole is made."""
    if isinstance(data, list):
        return f"[{','.join([dumps(item, **options) for item in cast('list[Any]', data)])}]"
    if not isinstance(data, dict):
        return dumps(data, **options)
    fields = cast("dict[str, Any]", data).items()
    parts = [
        f"{dumps(key)}:{dumps_long(value, **options) if isinstance(value, list) else dumps(value, **options)}"
        for key, value in fields
    ]
    return f"{{{','.join(parts)}}}"


_LENIENT = json.JSONDecoder(parse_constant=lambda _: None)


def loads(text: str | bytes) -> Any:
    """What a text holds that may be older than this module: ``NaN`` and its like are null."""
    return _LENIENT.decode(text if isinstance(text, str) else text.decode())


def parsed(text: str | bytes) -> Any:
    """Parse strict JSON. Raises ``ValueError`` (``JSONDecodeError``, ``NotStrict``) for anything else."""
    try:
        value: Any = json.loads(text)
    except RecursionError:
        raise NotStrict(TOO_DEEP) from None
    except json.JSONDecodeError:
        raise
    except UnicodeDecodeError:
        raise NotStrict("it is not UTF-8") from None
    except ValueError:
        raise NotStrict("it holds a number of thousands of digits") from None
    check(value)
    return value


def check(value: Any) -> None:
    """Raises ``NotStrict``, which names the place, for what ``dumps`` would have to change."""
    if not _is_sound(value, 0):
        raise NotStrict(_fault(value, "", 0))


def _is_sound(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -LARGEST < value < LARGEST
    if isinstance(value, (Mapping, list, tuple)) and depth >= DEEPEST:
        return False
    if isinstance(value, Mapping):
        fields = cast("Mapping[Any, Any]", value)
        return all(_is_sound(key, depth) and _is_sound(item, depth + 1) for key, item in fields.items())
    if isinstance(value, (list, tuple)):
        return all(_is_sound(item, depth + 1) for item in cast("list[Any]", value))
    return True


def _fault(value: Any, place: str, depth: int) -> str:
    """What is wrong with a value that is not sound, and where."""
    if isinstance(value, (Mapping, list, tuple)):
        if depth >= DEEPEST:
            return TOO_DEEP
        fields: Any = value.items() if isinstance(value, Mapping) else enumerate(cast("list[Any]", value))  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        for key, item in fields:
            if not _is_sound(key, depth):
                return f"a name in {place or 'it'} holds half of a surrogate pair"
            if not _is_sound(item, depth + 1):
                return _fault(item, f"{place}.{key}" if place else str(key), depth + 1)
    place = place or "it"
    if isinstance(value, str):
        return f"{place} holds half of a surrogate pair, which no file can"
    if isinstance(value, float):
        return f"{place} is {_named(value)}, which is no number in JSON"
    return f"{place} is a number of hundreds of digits"


def _named(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _tamed(value: Any, depth: int) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if -LARGEST < value < LARGEST else None
    if isinstance(value, Mapping):
        if depth >= DEEPEST:
            return None
        return {key: _tamed(item, depth + 1) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return None if depth >= DEEPEST else [_tamed(item, depth + 1) for item in cast("list[Any]", value)]
    return value
