"""What a database holds in words, for models and people, and its values as Python has them.

Names and values are generated code's: each stands on one line, quoted and shortened.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

INTEGER = re.compile(r"-?[0-9]{1,19}")
WIDEST = 300  # characters of one value
LONGEST = 1000  # characters of an error
MOST_TABLES = 60
MOST_COLUMNS = 100


def value_of(told: Any) -> Any:
    """A value as ``data.mjs`` tells it: of SQLite's five kinds. A shortened text or blob is its beginning."""
    if not isinstance(told, Mapping):
        return told
    known = cast("Mapping[str, Any]", told)
    if isinstance(digits := known.get("int"), str) and INTEGER.fullmatch(digits):
        return int(digits)
    if isinstance(real := known.get("real"), str):
        return {"inf": math.inf, "-inf": -math.inf}.get(real, math.nan)
    if isinstance(blob := known.get("blob"), str):
        try:
            return base64.b64decode(blob)
        except (binascii.Error, ValueError):
            return b""
    text = known.get("text")
    return text if isinstance(text, str) else None


def said(told: Any) -> str:
    """A value for people and models, on one line."""
    value = value_of(told)
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        size = cast("Mapping[str, Any]", told).get("bytes", len(value))
        return f"x'{value[:16].hex()}{'…' if size != len(value[:16]) else ''}' ({size} bytes)"
    if not isinstance(value, str):
        return str(value)
    text = value if len(value) <= WIDEST else value[:WIDEST] + "…"
    return json.dumps(text, ensure_ascii=False)


def table_of(answer: Mapping[str, Any]) -> str:
    """The rows of an answer, one a line, below the names of their columns."""
    columns = [str(column.get("name"))[:WIDEST] for column in items(answer, "columns")]
    rows = rows_of(answer)
    lines = [
        " | ".join(json.dumps(name, ensure_ascii=False) if "|" in name or "\n" in name else name for name in columns)
    ]
    lines += [" | ".join(map(said, row)) for row in rows]
    if answer.get("more"):
        lines.append("(There are more rows.)")
    elif not rows:
        lines.append("(No rows.)")
    return "\n".join(lines)


def described(answer: Mapping[str, Any]) -> str:
    """The schema of a database in lines."""
    if not answer.get("exists", True):
        waits = ", ".join(map(str, answer.get("pending") or []))
        later = f" These migrations are applied when the app starts: {waits}." if waits else ""
        return "\n".join([f"The app has no database yet; its first migration makes it.{later}", *_troubles(answer)])
    tables = items(answer, "tables")
    lines = [_table(table) for table in tables[:MOST_TABLES]]
    if len(tables) > MOST_TABLES:
        lines.append("More tables, by name: " + ", ".join(_name(table.get("name")) for table in tables[MOST_TABLES:]))
    for view in items(answer, "views")[:MOST_TABLES]:
        columns = ", ".join(_name(column.get("name")) for column in items(view, "columns")[:MOST_COLUMNS])
        lines.append(f"view {_name(view.get('name'))} ({columns})")
    for trigger in items(answer, "triggers")[:MOST_TABLES]:
        lines.append(f"trigger {_name(trigger.get('name'))} on {_name(trigger.get('table'))}")
    if not lines:
        lines.append("The database has no table yet.")
    if pending := answer.get("pending"):
        lines.append(f"Migrations that are not applied yet: {', '.join(map(str, pending))}")
    return "\n".join([*lines, *_troubles(answer)])


def _troubles(answer: Mapping[str, Any]) -> list[str]:
    """What is wrong with the files of migrations."""
    lines: list[str] = []
    if problem := answer.get("problem"):
        lines.append(f"A migration cannot be applied: {' '.join(str(problem)[:LONGEST].split())}")
    if gone := names_of(answer, "gone"):
        lines.append(
            f"Applied, but the file is gone: {', '.join(map(_name, gone))}. A new database would lack what it made: "
            "write the file again, or drop what it made in a new migration."
        )
    return lines


def _table(table: Mapping[str, Any]) -> str:
    rows = table.get("rows")
    if isinstance(rows, int):
        size = "over a million rows" if rows > 1_000_000 else f"{rows:,} row{'' if rows == 1 else 's'}"
    else:
        size = "virtual" if table.get("virtual") else "rows unknown"
    keys = names_of(table, "primary_key")
    columns = items(table, "columns")
    lines = [f"table {_name(table.get('name'))}: {size}"]
    for column in columns[:MOST_COLUMNS]:
        facts = [str(column.get("type") or "")]
        if column.get("name") in keys:
            facts.append("primary key" if len(keys) == 1 else "part of the primary key")
        elif not column.get("nullable"):
            facts.append("not null")
        if column.get("default") is not None:
            facts.append(f"default {str(column['default'])[:60]}")
        if column.get("generated"):
            facts.append("generated")
        lines.append(f"  {_name(column.get('name'))} {' '.join(filter(None, facts))}".rstrip())
    if len(columns) > MOST_COLUMNS:
        lines.append(f"  … {len(columns) - MOST_COLUMNS} more columns")
    for key in items(table, "foreign_keys"):
        to = ", ".join(map(_name, names_of(key, "to"))) or "its primary key"
        own = ", ".join(map(_name, names_of(key, "columns")))
        lines.append(f"  foreign key {own} -> {_name(key.get('table'))}({to}), on delete {key.get('on_delete')}")
    for index in items(table, "indexes"):
        of_key = names_of(index, "columns") == names_of(table, "primary_key")
        if not index.get("automatic") or (index.get("unique") and not of_key):
            own = ", ".join(map(_name, names_of(index, "columns")))
            lines.append(f"  {'unique' if index.get('unique') else 'index'} ({own})")
    return "\n".join(lines)


def changes_of(changes: Sequence[Mapping[str, Any]]) -> str:
    """What was changed, by table, in one line; "" for nothing."""
    told: list[str] = []
    for change in changes[:50]:
        counts = [f"{change[what]} {what}" for what in ("inserted", "updated", "deleted") if change.get(what)]
        told.append(f"{_name(change.get('table'))}: {', '.join(counts)}")
    return "; ".join(told)


def _name(name: Any) -> str:
    text = str(name)[:WIDEST]
    plain = text.isidentifier() and text.isascii()
    return text if plain else json.dumps(text, ensure_ascii=False)


def names_of(answer: Mapping[str, Any], key: str) -> list[str]:
    """The texts of a list in an answer."""
    found: Any = answer.get(key)
    return [str(name) for name in cast("list[Any]", found)] if isinstance(found, list) else []


def items(answer: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects of a list in an answer."""
    found: Any = answer.get(key)
    listed = cast("list[Any]", found) if isinstance(found, list) else []
    return [cast("dict[str, Any]", item) for item in listed if isinstance(item, dict)]


def rows_of(answer: Mapping[str, Any]) -> list[list[Any]]:
    """The rows of an answer, as they were told."""
    found: Any = answer.get("rows")
    listed = cast("list[Any]", found) if isinstance(found, list) else []
    return [cast("list[Any]", row) for row in listed if isinstance(row, list)]
