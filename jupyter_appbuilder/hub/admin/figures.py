"""What the administrator's pages read of the ledger: sums by day and model, people, groups. Each reads rollups, or goes
on by a key, so none is slower for a million requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ..database import Database, Row

DAYS = (7, 30, 90)
SUMS = (
    "SUM(requests) AS requests, SUM(input_tokens) AS input_tokens, SUM(output_tokens) AS output_tokens, "
    "SUM(cached_tokens) AS cached_tokens, SUM(micros) AS micros"
)


def days_until(last: str, count: int) -> list[str]:
    """So many days, the last of them ``last``."""
    end = date.fromisoformat(last)
    return [(end - timedelta(days=back)).isoformat() for back in range(count - 1, -1, -1)]


@dataclass
class Figures:
    database: Database

    async def by_day_and_model(self, days: Sequence[str], user: str = "") -> list[Row]:
        """Sums of each day and model, of a user's requests or of everybody's."""
        table, mine = ("usage_days", " AND user_name = ?") if user else ("usage_models", "")
        rows = await self.database.read(
            f"SELECT day, model, {SUMS} FROM {table} WHERE day BETWEEN ? AND ?{mine} GROUP BY day, model "
            "ORDER BY day, model",
            *(days[0], days[-1], *([user] if user else [])),
        )
        return [{**row, **{name: int(row[name]) for name in row if name not in ("day", "model")}} for row in rows]

    async def dearest(self, period: str, scope: str = "user", limit: int = 10) -> list[Row]:
        """Who spent most in a day or a month."""
        return await self.database.read(
            "SELECT name, spent, reserved, granted FROM balances WHERE scope = ? AND period = ? AND spent > 0 "
            "ORDER BY spent DESC LIMIT ?",
            *(scope, period, limit),
        )

    async def balance(self, scope: str, name: str, period: str) -> Row:
        rows = await self.database.read(
            "SELECT spent, reserved, granted FROM balances WHERE scope = ? AND name = ? AND period = ?",
            *(scope, name, period),
        )
        return rows[0] if rows else {"spent": 0, "reserved": 0, "granted": 0}

    async def people_since(self, moment: float) -> int:
        [row] = await self.database.read("SELECT COUNT(*) AS number FROM users WHERE last_seen > ?", moment)
        return row["number"]

    async def users(
        self, month: str, *, after: str = "", search: str = "", group: str = "", limit: int = 100
    ) -> list[Row]:
        """People by name, after this one, with what they spent this month."""
        asked, values = ["u.name > ?"], [month, after]
        if search:
            # Not LIKE: SQLite's minds no case, PostgreSQL's does.
            literal = search.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            asked.append("LOWER(u.name) LIKE ? ESCAPE '\\'")
            values.append(f"%{literal}%")
        if group:
            asked.append("u.name IN (SELECT user_name FROM memberships WHERE group_name = ?)")
            values.append(group)
        rows = await self.database.read(
            "SELECT u.*, COALESCE(b.spent, 0) AS spent FROM users u LEFT JOIN balances b ON b.scope = 'user' "
            f"AND b.name = u.name AND b.period = ? WHERE {' AND '.join(asked)} ORDER BY u.name LIMIT ?",
            *(*values, limit),
        )
        names = [row["name"] for row in rows]
        of: dict[str, list[str]] = {name: [] for name in names}
        if names:
            marks = ", ".join("?" * len(names))
            for row in await self.database.read(
                f"SELECT user_name, group_name FROM memberships WHERE user_name IN ({marks}) ORDER BY group_name",
                *names,
            ):
                of[row["user_name"]].append(row["group_name"])
        return [{**row, "groups": of[row["name"]]} for row in rows]

    async def user(self, name: str) -> Row | None:
        rows = await self.database.read("SELECT * FROM users WHERE name = ?", name)
        if not rows:
            return None
        groups = await self.database.read(
            "SELECT group_name FROM memberships WHERE user_name = ? ORDER BY group_name", name
        )
        return {**rows[0], "groups": [row["group_name"] for row in groups]}

    async def groups(self, month: str, *, after: str = "", name: str = "", limit: int = 100) -> list[Row]:
        """Groups by name, after this one (or this one alone): those with members, and those with a limit."""
        return await self.database.read(
            "SELECT g.name, COALESCE(b.spent, 0) AS spent, "
            "(SELECT COUNT(*) FROM memberships m WHERE m.group_name = g.name) AS members "
            "FROM (SELECT DISTINCT group_name AS name FROM memberships "
            "UNION SELECT name FROM limits WHERE scope IN ('group', 'member')) g "
            "LEFT JOIN balances b ON b.scope = 'group' AND b.name = g.name AND b.period = ? "
            f"WHERE g.name {'=' if name else '>'} ? ORDER BY g.name LIMIT ?",
            *(month, name or after, limit),
        )

    async def limits(
        self, scope: str = "", name: str = "", *, after: Sequence[str] = (), limit: int = 100
    ) -> list[Row]:
        """Limits by scope, name and period, after these; or those of one user, group …"""
        where, values = "", list[str]()
        if scope:
            scopes = ("group", "member") if scope == "group" else (scope,)
            where = f"WHERE scope IN ({', '.join('?' * len(scopes))}) AND name = ?"
            values = [*scopes, name]
        elif len(after) == 3:
            where, values = "WHERE (scope, name, period) > (?, ?, ?)", [*after]
        return await self.database.read(
            f"SELECT * FROM limits {where} ORDER BY scope, name, period LIMIT ?", *(*values, limit)
        )

    async def grants(
        self, scope: str = "", name: str = "", *, before: int | None = None, limit: int = 100
    ) -> list[Row]:
        """The newest first, before this one."""
        asked, values = ["id < ?"], [before if before is not None else 2**62]
        if scope:
            asked += ["scope = ?", "name = ?"]
        return await self.database.read(
            f"SELECT * FROM grants WHERE {' AND '.join(asked)} ORDER BY id DESC LIMIT ?",
            *(*values, *([scope, name] if scope else []), limit),
        )

    async def requests(self, limit: int = 100) -> list[Row]:
        """Requests to models that are under way, the oldest first."""
        return await self.database.read("SELECT * FROM reservations ORDER BY at LIMIT ?", limit)

    async def under_way(self) -> int:
        """How many requests to models that is."""
        [row] = await self.database.read("SELECT COUNT(*) AS number FROM reservations")
        return row["number"]
