"""The program's answers in the shapes of the API: it runs where generated code does, and may say anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .words import items, names_of, rows_of, value_of

LONGEST_NAME = 1000
LONGEST_SQL = 20_000


def schema(answer: Mapping[str, Any]) -> dict[str, Any]:
    """``DatabaseSchema`` of the API."""
    return {
        "exists": answer.get("exists") is True,
        "bytes": _number(answer.get("bytes")) or 0,
        "tables": [_table(table) for table in items(answer, "tables")],
        "views": [
            {"name": _text(view.get("name")), "columns": columns(view), "sql": _text(view.get("sql"), LONGEST_SQL)}
            for view in items(answer, "views")
        ],
        "triggers": [
            {
                "name": _text(one.get("name")),
                "table": _text(one.get("table")),
                "sql": _text(one.get("sql"), LONGEST_SQL),
            }
            for one in items(answer, "triggers")
        ],
        "migrations": names_of(answer, "migrations"),
        "pending": names_of(answer, "pending"),
    }


def rows(answer: Mapping[str, Any]) -> dict[str, Any]:
    """``columns``, ``rows`` and ``more``; every row has a value for each column."""
    known = columns(answer)
    found = [[value(told) for told in row[: len(known)]] for row in rows_of(answer)]
    return {
        "columns": known,
        "rows": [row + [None] * (len(known) - len(row)) for row in found],
        "more": answer.get("more") is True,
    }


def page(answer: Mapping[str, Any], page: int, size: int) -> dict[str, Any]:
    """``DatabaseRows`` of the API."""
    found = rows(answer)
    told: Any = answer.get("keys")
    keys = cast("list[Any]", told) if isinstance(told, list) else []
    known = [value(key) for key in keys] if len(keys) == len(found["rows"]) else []
    return {**found, "keys": known, "total": _number(answer.get("total")) or 0, "page": page, "size": size}


def columns(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": _text(column.get("name")),
            "type": _text(column.get("type")),
            "nullable": column.get("nullable") is not False,
            "default": None if column.get("default") is None else _text(column.get("default")),
            "primary_key": bool(column.get("pk")),
            "generated": column.get("generated") is True,
        }
        for column in items(answer, "columns")
    ]


def value(told: Any) -> Any:
    """A value as JSON has it: null, a number, a text, or an object for what is none of these or was shortened."""
    if told is None or isinstance(told, str | int | float):
        return told
    found = value_of(told)
    known: Mapping[str, Any] = cast("Mapping[str, Any]", told) if isinstance(told, Mapping) else dict[str, Any]()
    if isinstance(found, bytes):
        return {"blob": known["blob"] if found else "", "bytes": _number(known.get("bytes")) or len(found)}
    if isinstance(found, int):
        return {"int": str(found)}
    if isinstance(found, float):
        return {"real": str(found)}
    return {"text": found, "length": _number(known.get("length")) or len(found)} if isinstance(found, str) else None


def _table(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": _text(table.get("name")),
        "columns": columns(table),
        "rows": _number(table.get("rows")),
        "indexes": [
            {
                "name": _text(index.get("name")),
                "unique": index.get("unique") is True,
                "columns": names_of(index, "columns"),
            }
            for index in items(table, "indexes")
        ],
        "foreign_keys": [
            {
                "table": _text(key.get("table")),
                "columns": names_of(key, "columns"),
                "to": names_of(key, "to"),
                "on_delete": _text(key.get("on_delete")),
            }
            for key in items(table, "foreign_keys")
        ],
        "virtual": table.get("virtual") is True,
        "sql": _text(table.get("sql"), LONGEST_SQL),
    }


def _text(found: Any, most: int = LONGEST_NAME) -> str:
    return "" if found is None else str(found)[:most]


def _number(found: Any) -> int | None:
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None
