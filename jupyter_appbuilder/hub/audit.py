"""Who did what, only ever added to."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .database import Database, Transaction

LONGEST = 4000  # characters of a detail
PAGE = 1000

origin: ContextVar[str] = ContextVar("origin", default="")
"""From where the request came that is answered, as its proxies told it."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """``at``: Unix seconds. ``action``: a verb and its object, e.g. "limit.set"; ``target``: what it was done to."""

    id: int
    at: float
    actor: str
    action: str
    target: str
    detail: Mapping[str, Any]
    origin: str = ""


async def note(t: Transaction, actor: str, action: str, target: str = "", **detail: Any) -> None:
    """In the transaction that does it: what was done is noted, or not done."""
    text = json.dumps(detail, default=str)
    if len(text) > LONGEST:
        text = json.dumps({"cut": text[: LONGEST - 100]})
    await t.run(
        "INSERT INTO audit (at, actor, action, target, detail, origin) VALUES (?, ?, ?, ?, ?, ?)",
        time.time(),
        actor[:200],
        action[:100],
        target[:500],
        text,
        origin.get()[:500],
    )


async def page(database: Database, *, before: int | None = None, actor: str = "", limit: int = 100) -> list[AuditEntry]:
    """The newest entries, or those before the entry ``before``, the newest first; of ``actor`` where one is named."""
    asked = [("id < ?", before)] * (before is not None) + [("actor = ?", actor)] * bool(actor)
    where = f"WHERE {' AND '.join(part for part, _ in asked)}" if asked else ""
    rows = await database.read(
        f"SELECT * FROM audit {where} ORDER BY id DESC LIMIT ?",
        *(value for _, value in asked),
        max(1, min(limit, PAGE)),
    )
    return [_entry(row) for row in rows]


async def export(database: Database, since: float = 0.0) -> AsyncGenerator[AuditEntry]:
    """All entries since then, the oldest first, read in pages."""
    last = 0
    while rows := await database.read(
        "SELECT * FROM audit WHERE id > ? AND at >= ? ORDER BY id LIMIT ?", last, since, PAGE
    ):
        for row in rows:
            yield _entry(row)
        last = rows[-1]["id"]


def _entry(row: Mapping[str, Any]) -> AuditEntry:
    return AuditEntry(
        row["id"], row["at"], row["actor"], row["action"], row["target"], json.loads(row["detail"]), row["origin"]
    )
