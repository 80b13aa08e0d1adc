"""What a database holds, in hashes: recorded with a version, and compared after a replay."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..errors import AppBuilderError, InvalidInput
from .program import DataProgram
from .words import items, names_of

SECONDS = 30.0
SECONDS_BESIDE = 300.0
"""The same where nobody waits for it."""

AT_ONCE = 4 * 1024 * 1024
"""Bytes of a database that is asked while a version is made: some tenths of a second."""

AT_ONCE_THERE = 32 * 1024 * 1024
"""The same of the copy of one on a server: larger ones are not compared."""

LARGEST = 256 * 1024 * 1024
"""Bytes of one that is asked at all, as in ``data.mjs``."""

MOST_TABLES = 200
MOST_MIGRATIONS = 1000
LONGEST_NAME = 200
HASH = re.compile(r"[0-9a-f]{64}")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TableContent:
    """A table. ``hash`` is of its rows in the order of their values, without columns whose default is a time or a
    random value. ``by``: who else than migrations and ``change_data`` changed it; ``varies``: a statement put a time or
    a random value into it; ``unwatched``: who changed it is not known."""

    name: str
    rows: int
    hash: str
    by: Sequence[str] = ()
    varies: bool = False
    unwatched: bool = False

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"table": self.name, "rows": self.rows, "hash": self.hash}
        told |= {"by": list(self.by)} if self.by else {}
        return told | {key: True for key in ("varies", "unwatched") if getattr(self, key)}


@dataclass(frozen=True, slots=True)
class Content:
    """A database: a hash of its tables, indexes, views and triggers in SQL, its tables, and the names of the migrations
    that were applied to it, also of files that are gone."""

    schema: str
    tables: Sequence[TableContent]
    applied: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        tables = [table.to_json() for table in self.tables]
        return {"schema": self.schema, "applied": list(self.applied), "tables": tables}

    def lines(self) -> str:
        """The body of a notebook's cell; ``read`` is its inverse."""
        told = [{"schema": self.schema, "applied": list(self.applied)}, *(table.to_json() for table in self.tables)]
        return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in told)


def read(text: str) -> Content:
    """Raises ``InvalidInput`` for what is no content of a database."""
    try:
        first, *others = [json.loads(line) for line in text.splitlines() if line.strip()]
        found = content_in({**first, "tables": others})
    except (ValueError, TypeError, RecursionError):
        found = None
    if found is None:
        raise InvalidInput("The body does not say what a database holds.", hint="Restore the cell as it was.")
    return found


def content_in(told: Mapping[str, Any]) -> Content | None:
    """Read a content out of JSON: an event's, or a cell's; None for what is none."""
    schema, tables = told.get("schema"), items(told, "tables")[:MOST_TABLES]
    if not isinstance(schema, str) or not HASH.fullmatch(schema):
        return None
    applied = [name[:LONGEST_NAME] for name in names_of(told, "applied")[:MOST_MIGRATIONS]]
    return Content(schema, [_table(str(table.get("table")), table) for table in tables], applied)


async def content_of(program: DataProgram, copy: str | None = None) -> Content | None:
    """What the app's database holds; None without one, and where it is too large to be compared or cannot be asked.
    ``copy``: the path of a copy of it in the app, which is asked in its place, and leaves the processor to others."""
    if not program.there:
        return None
    try:
        if copy is None:
            answer = await program.ask("dump", seconds=SECONDS, apply=True)
        else:
            answer = await program.ask("dump", seconds=SECONDS_BESIDE, apply=True, file=copy, beside=True)
    except AppBuilderError as error:
        log.info("What the database holds is not recorded: %s", error)
        return None
    found: Any = answer.get("tables")
    tables = cast("dict[str, Any]", found) if isinstance(found, dict) else dict[str, Any]()
    listed = [{**cast("dict[str, Any]", one), "table": name} for name, one in tables.items() if isinstance(one, dict)]
    return content_in({**answer, "tables": listed})


def _table(name: str, told: Mapping[str, Any]) -> TableContent:
    rows, hash = told.get("rows"), told.get("hash")
    return TableContent(
        name[:LONGEST_NAME],
        rows if isinstance(rows, int) else -1,
        hash if isinstance(hash, str) and HASH.fullmatch(hash) else "",
        [who[:LONGEST_NAME] for who in names_of(told, "by")[:20]],
        told.get("varies") is True,
        told.get("unwatched") is True,
    )


def compared(now: Content, then: Content) -> tuple[list[str], list[str]]:
    """What differs from ``then``, and what could not be compared; each a clause about a table."""
    differs: list[str] = []
    left: list[str] = []
    here = {table.name: table for table in now.tables}
    there = {table.name: table for table in then.tables}
    for name in [*there, *(name for name in here if name not in there)]:
        one, other = here.get(name), there.get(name)
        if one is None or other is None:
            differs.append(f"table {name}: {'it is missing' if one is None else 'the notebook had none'}")
        elif other.by:
            left.append(f"table {name}, whose rows {' and '.join(other.by)} changed")
        elif one.rows != other.rows and not other.unwatched:
            differs.append(f"table {name}: {_rows(one.rows)}, the notebook had {other.rows:,}")
        elif one.hash != other.hash and other.unwatched:
            left.append(f"table {name}, which has no primary key to tell who changed its rows")
        elif one.hash != other.hash and other.varies:
            left.append(f"the values of table {name}, of which some are times or random")
        elif one.hash != other.hash:
            differs.append(f"table {name}: it has {_rows(one.rows)} as the notebook had, with other values")
    if now.schema != then.schema and here.keys() == there.keys():
        differs.append("the schema: a table, an index, a view or a trigger is made by other SQL")
    return differs, left


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
