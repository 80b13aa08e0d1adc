"""What every request to a model used, in a table of its own: a day's total is one query over all sessions, whichever
process runs them, and a session that is deleted leaves its numbers behind.

A projection of the ``usage.recorded`` events, written with them in one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from ..events import Event, stored
from ..formats import strict_json
from .base import RequestRow, Used
from .totals import UsageTotals


def create(db: sqlite3.Connection) -> None:
    """Make the table, and fill it from the events that are there."""
    db.execute(
        """
        CREATE TABLE usage (
            session_id TEXT NOT NULL,
            seq INTEGER NOT NULL,
            at REAL NOT NULL,
            turn TEXT NOT NULL,
            response TEXT NOT NULL,
            model TEXT NOT NULL,
            input_tokens INTEGER NOT NULL,
            output_tokens INTEGER NOT NULL,
            cached_tokens INTEGER NOT NULL,
            cost REAL,
            estimated INTEGER NOT NULL,
            PRIMARY KEY (session_id, seq)
        ) WITHOUT ROWID
        """
    )
    # It holds all that a total needs: a day's is read from the index alone.
    db.execute(
        """
        CREATE INDEX usage_by_time
        ON usage (at, session_id, model, input_tokens, output_tokens, cached_tokens, cost, estimated)
        """
    )
    rows = db.execute("SELECT session_id, seq, at, type, data FROM events WHERE type = 'usage.recorded'")
    for session, seq, at, type, data in rows.fetchall():
        record(db, session, [stored(session, seq, at, type, strict_json.loads(data))])


def record(db: sqlite3.Connection, session: str, events: Iterable[Event]) -> None:
    """Take in events that are being stored. What a fork brings along was counted where it was used."""
    for event in events:
        if event.type == "session.forked":
            db.execute("DELETE FROM usage WHERE session_id = ? AND seq < ?", [session, event.seq])
        elif event.type == "usage.recorded":
            data, usage = event.data, event.data["usage"]
            db.execute(
                "INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    session,
                    event.seq,
                    event.at,
                    data["turn"],
                    data.get("response", ""),
                    data["model"],
                    usage["input_tokens"],
                    usage["output_tokens"],
                    usage["cached_tokens"],
                    usage["cost"],
                    bool(usage.get("estimated")),
                ],
            )


def used(db: sqlite3.Connection, since: float, until: float | None = None) -> list[Used]:
    """Usage in [since, until), by session and model."""
    rows = db.execute(
        """
        SELECT session_id, model, SUM(input_tokens), SUM(output_tokens), SUM(cached_tokens), TOTAL(cost), COUNT(*),
               SUM(cost IS NULL), SUM(estimated)
        FROM usage WHERE at >= ? AND at < ? GROUP BY session_id, model
        """,
        [since, 1e18 if until is None else until],
    )
    return [
        Used(session, model, UsageTotals(input, output, cached, round(dollars, 8), requests, unpriced, estimated))
        for session, model, input, output, cached, dollars, requests, unpriced, estimated in rows.fetchall()
    ]


def requests(db: sqlite3.Connection, since: float) -> list[RequestRow]:
    """Every request since then, in order."""
    rows = db.execute(
        """
        SELECT session_id, at, turn, response, model, input_tokens, output_tokens, cached_tokens, cost, estimated
        FROM usage WHERE at >= ? ORDER BY at, session_id, seq
        """,
        [since],
    )
    return [RequestRow(*row[:-1], estimated=bool(row[-1])) for row in rows.fetchall()]
