"""Functions of an app, as its server tells of them. Generated code says what stands here: all of it is bounded and
made of the kinds that are expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from .words import items

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MOST_FUNCTIONS = 500
MOST_LINES = 200
LONGEST = 4000  # characters of a line, an error
LONGEST_BODY = 300_000  # characters


@dataclass(frozen=True, slots=True)
class Line:
    """What a function said. ``at``: milliseconds since 1970, None where it was not told."""

    level: str
    text: str
    at: int | None = None


@dataclass(frozen=True, slots=True)
class AppFunction:
    """A function that answers at ``api/<name>``. ``methods``: those it answers, none for all of them. ``failure``: why
    it cannot be compiled. ``said``: its last lines, the oldest first."""

    name: str
    path: str
    methods: Sequence[str]
    failure: str
    said: Sequence[Line]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Called:
    """What a call came to. ``body`` is text as it was answered. ``changes``: rows by table, as the database noted them;
    ``missing``: names that it asked ``env`` for in vain."""

    status: int
    ms: float
    body: str
    kind: str
    error: str
    stack: str
    source: str
    logs: Sequence[Line]
    changes: Sequence[Mapping[str, Any]]
    missing: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def functions_in(answer: Mapping[str, Any]) -> list[AppFunction]:
    return [
        AppFunction(
            _text(one, "name", 300),
            _text(one, "path", 300),
            [method for method in METHODS if method in _list(one, "methods")],
            _text(one, "failure"),
            _lines(one, "said"),
        )
        for one in items(answer, "functions")[:MOST_FUNCTIONS]
    ]


def called_in(answer: Mapping[str, Any]) -> Called:
    status, ms = answer.get("status"), answer.get("ms")
    error, headers = _object(answer, "error"), _object(answer, "headers")
    return Called(
        status if isinstance(status, int) else 0,
        round(float(ms), 1) if isinstance(ms, int | float) else 0.0,
        _text(answer, "body", LONGEST_BODY),
        _text(headers, "content-type", 200),
        _text(error, "message"),
        _text(error, "stack"),
        _text(error, "source", 300),
        _lines(answer, "logs"),
        items(answer, "changes")[:100],
        [str(name)[:64] for name in _list(answer, "missing")[:100]],
    )


def _lines(value: Mapping[str, Any], key: str) -> list[Line]:
    return [
        Line(_text(line, "level", 10), _text(line, "text"), at if isinstance(at := line.get("at"), int) else None)
        for line in items(value, key)[-MOST_LINES:]
    ]


def _text(value: Mapping[str, Any], key: str, longest: int = LONGEST) -> str:
    found = value.get(key)
    return found[:longest] if isinstance(found, str) else ""


def _object(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found: Any = value.get(key)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else dict[str, Any]()


def _list(value: Mapping[str, Any], key: str) -> list[Any]:
    found: Any = value.get(key)
    return cast("list[Any]", found) if isinstance(found, list) else []
