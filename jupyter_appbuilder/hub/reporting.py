"""What people's servers tell the service of themselves, and the orders that they take with the answer.

Servers ask, the service only answers: it needs no way to them and no right on them, and a server that is asleep has
nothing to stop. Each speaks for its own user, whose token it sends; what it says is shown, and trusted with nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound
from . import audit
from .database import Database, Row, Transaction
from .ledger import Person

OrderAction = Literal["stop", "stop_all", "unpublish"]
ACTIONS: tuple[OrderAction, ...] = get_args(OrderAction)

BUSY_SECONDS = 10.0  # between the reports of a server where something runs
IDLE_SECONDS = 30.0
GONE_SECONDS = 90.0  # without a report, after which nothing of a server counts as running
ORDER_SECONDS = 900.0  # after which an order to stop is void; one to unpublish waits until the server runs again
MANY_RUNNING = 200
MANY_PUBLISHED = 500
MANY_SERVERS = 20  # of one person
MANY_SESSIONS = 2000
MANY_DONE = 100
A_SECOND = 20  # reports of one person
LONGEST = 200  # characters of a name


class TooOften(AppBuilderError):
    """More reports than any server sends: each is a transaction that others wait for."""

    status = 429
    default_reason = "too_often"


@dataclass(frozen=True, slots=True)
class Running:
    """A session where a turn or a sandbox runs. ``turn_at``: since when (Unix seconds), None where none does."""

    id: str
    name: str
    model: str
    turn_at: float | None
    sandbox: str


@dataclass(frozen=True, slots=True)
class Published:
    """``visited_on``: the day of the last visit ("2026-11-30"), where the server knows."""

    target: str
    name: str
    title: str
    number: int
    at: float
    visited_on: str
    visits: int


@dataclass(frozen=True, slots=True)
class Report:
    """``published``: all of it, or None where nothing changed since the report before."""

    server: str
    version: str
    rules: int
    running: Sequence[Running]
    published: Sequence[Published] | None
    done: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Order:
    id: int
    action: OrderAction
    target: str

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "action": self.action, "target": self.target}


def read_report(said: object, now: float) -> Report:
    """A report as a server sends it. Raises ``InvalidInput`` naming the field."""
    given = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    running = [
        Running(
            _text(one, "id", "running", required=True),
            _text(one, "name", "running"),
            _text(one, "model", "running"),
            _moment(one, "turn_at", now),
            _text(one, "sandbox", "running"),
        )
        for one in _list(given, "running", MANY_RUNNING)
    ]
    published = None
    if given.get("published") is not None:
        published = [
            Published(
                _text(one, "target", "published", required=True),
                _text(one, "name", "published", required=True),
                _text(one, "title", "published"),
                _whole(one, "number"),
                _moment(one, "at", now) or 0.0,
                _text(one, "visited_on", "published")[:10],
                _whole(one, "visits"),
            )
            for one in _list(given, "published", MANY_PUBLISHED)
        ]
    done = {_whole(one, "id"): _text(one, "outcome", "done") or "done" for one in _list(given, "done", MANY_DONE)}
    server = _text(given, "server", "server")
    return Report(server, _text(given, "version", "version"), _whole(given, "rules"), running, published, done)


@dataclass
class Reports:
    """Keeps what servers told. ``clock``: Unix seconds."""

    database: Database
    clock: Callable[[], float] = time.time
    _lately: dict[str, tuple[float, int]] = field(default_factory=dict[str, "tuple[float, int]"])
    _kept: dict[tuple[str, str], tuple[float, object]] = field(
        default_factory=dict[tuple[str, str], "tuple[float, object]"]
    )

    async def take(self, person: Person, report: Report) -> list[Order]:
        """Keep it; what the server is to do. Raises ``TooOften``."""
        now, whose = self.clock(), (person.name, report.server)
        second, count = self._lately.get(person.name, (0.0, 0))
        if now - second >= 1:
            second, count = now, 0
        if count >= A_SECOND:
            raise TooOften("These are too many reports of one person's servers.", hint="Report again later.")
        if len(self._lately) > 20_000:
            self._lately.clear()
        self._lately[person.name] = (second, count + 1)
        said = (report.version, report.rules, tuple(report.running))
        at, before = self._kept.get(whose, (0.0, None))
        new = said != before or report.published is not None or report.done or now - at >= GONE_SECONDS / 3
        if new:
            async with self.database.transaction() as t:
                await self._keep(t, whose, report, now)
            if len(self._kept) > 20_000:
                self._kept.clear()
            self._kept[whose] = (now, said)
        rows = await self.database.read(
            "SELECT id, action, target FROM orders WHERE user_name = ? AND server = ? AND done_at IS NULL "
            "AND (at > ? OR action = 'unpublish') ORDER BY id LIMIT 100",
            *(*whose, now - ORDER_SECONDS),
        )
        return [Order(row["id"], row["action"], row["target"]) for row in rows]

    async def _keep(self, t: Transaction, whose: tuple[str, str], report: Report, now: float) -> None:
        others = await t.run("SELECT server FROM servers WHERE user_name = ? ORDER BY seen_at DESC", whose[0])
        names = [row["server"] for row in others if row["server"] != report.server]
        for old in names[MANY_SERVERS - 1 :]:
            for table in ("servers", "sessions", "publications"):
                await t.run(f"DELETE FROM {table} WHERE user_name = ? AND server = ?", whose[0], old)
        await t.run(
            "INSERT INTO servers (user_name, server, seen_at, version, rules) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (user_name, server) DO UPDATE SET seen_at = excluded.seen_at, version = excluded.version, "
            "rules = excluded.rules",
            *(*whose, now, report.version, report.rules),
        )
        running = {one.id: one for one in report.running}
        ran = await t.run(
            "SELECT id FROM sessions WHERE user_name = ? AND server = ? AND (turn_at IS NOT NULL OR sandbox <> '')",
            *whose,
        )
        for row in ran:
            if row["id"] not in running:
                await t.run(
                    "UPDATE sessions SET turn_at = NULL, sandbox = '' WHERE user_name = ? AND server = ? AND id = ?",
                    *(*whose, row["id"]),
                )
        if running:
            await t.run_many(
                "INSERT INTO sessions (user_name, server, id, name, model, turn_at, sandbox, seen_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_name, server, id) DO UPDATE SET "
                "name = excluded.name, model = excluded.model, turn_at = excluded.turn_at, "
                "sandbox = excluded.sandbox, seen_at = excluded.seen_at",
                [
                    (*whose, one.id, one.name, one.model, one.turn_at, one.sandbox, now)
                    for one in sorted(running.values(), key=lambda one: one.id)
                ],
            )
            await t.run(
                "DELETE FROM sessions WHERE user_name = ? AND server = ? AND id IN (SELECT id FROM sessions "
                "WHERE user_name = ? AND server = ? ORDER BY seen_at DESC, id LIMIT 1000 OFFSET ?)",
                *(*whose, *whose, MANY_SESSIONS),
            )
        if report.published is not None:
            await t.run("DELETE FROM publications WHERE user_name = ? AND server = ?", *whose)
            unique = {(one.target, one.name): one for one in report.published}
            if unique:
                await t.run_many(
                    "INSERT INTO publications (user_name, server, target, name, title, number, published_at, "
                    "visited_on, visits, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        (*whose, one.target, one.name, one.title, one.number, one.at, one.visited_on, one.visits, now)
                        for one in unique.values()
                    ],
                )
        for id, outcome in report.done.items():
            # Only this server's own: a number that is another's changes nothing.
            rows = await t.run(
                "UPDATE orders SET done_at = ?, outcome = ? WHERE id = ? AND user_name = ? AND server = ? "
                "AND done_at IS NULL RETURNING action, target",
                *(now, outcome, id, *whose),
            )
            for row in rows:
                await audit.note(
                    t, whose[0], f"{row['action']}.done", f"user {whose[0]}", order=id, what=row["target"],
                    outcome=outcome,
                )  # fmt: skip

    async def order(self, by: str, action: OrderAction, user: str, server: str, target: str = "") -> int:
        """Have a server do it with its next report; how many orders that were.

        stop: the turn and app of the session ``target``. stop_all: those of all that run on any of the user's servers.
        unpublish: ``target`` is "target/name". Raises ``NotFound``, or ``Conflict`` where the server does not run."""
        now = self.clock()
        if action not in ACTIONS:
            raise InvalidInput(f"There is no order {action[:40]!r}.", field="action")
        async with self.database.transaction() as t:
            alive = await t.run(
                "SELECT server FROM servers WHERE user_name = ? AND seen_at > ?", user, now - GONE_SECONDS
            )
            servers = [row["server"] for row in alive]
            if action == "unpublish":
                place, _, name = target.partition("/")
                rows = await t.run(
                    "SELECT 1 AS one FROM publications WHERE user_name = ? AND server = ? AND target = ? AND name = ?",
                    *(user, server, place, name),
                )
                if not rows:
                    raise NotFound(f"{user} has published nothing of this name there, or no longer does.")
                servers = [server]
            elif action == "stop":
                rows = await t.run(
                    "SELECT 1 AS one FROM sessions WHERE user_name = ? AND server = ? AND id = ? "
                    "AND (turn_at IS NOT NULL OR sandbox <> '')",
                    *(user, server, target),
                )
                if not rows or server not in servers:
                    raise Conflict(f"Nothing of it runs any more at {user}'s.", reason="not_running")
                servers = [server]
            elif not servers:
                raise Conflict(f"No server of {user}'s has reported lately: nothing runs there.", reason="not_running")
            made = 0
            for one in sorted(servers):
                there = await t.run(
                    "SELECT id FROM orders WHERE user_name = ? AND server = ? AND action = ? AND target = ? "
                    "AND done_at IS NULL AND at > ?",
                    *(user, one, action, target, now - ORDER_SECONDS),
                )
                if not there:
                    await t.run(
                        "INSERT INTO orders (at, ordered_by, user_name, server, action, target, outcome) "
                        "VALUES (?, ?, ?, ?, ?, ?, '')",
                        *(now, by, user, one, action, target),
                    )
                    made += 1
            await audit.note(t, by, action, f"user {user}", server=server, what=target)
            return made

    async def taken_down(self, user: str, target: str, name: str) -> None:
        """A publication is gone, by somebody else's doing."""
        async with self.database.transaction() as t:
            await t.run("DELETE FROM publications WHERE user_name = ? AND target = ? AND name = ?", user, target, name)

    # For the administrator's pages

    async def counts(self) -> Row:
        """``servers``, ``turns`` and ``sandboxes`` that run now, and ``published`` apps."""
        since = self.clock() - GONE_SECONDS
        [row] = await self.database.read(
            "SELECT (SELECT COUNT(*) FROM servers WHERE seen_at > ?) AS servers, "
            "(SELECT COUNT(*) FROM publications) AS published, "
            "(SELECT COUNT(*) FROM sessions s JOIN servers v ON v.user_name = s.user_name AND v.server = s.server "
            "WHERE s.turn_at IS NOT NULL AND v.seen_at > ?) AS turns, "
            "(SELECT COUNT(*) FROM sessions s JOIN servers v ON v.user_name = s.user_name AND v.server = s.server "
            "WHERE s.sandbox <> '' AND v.seen_at > ?) AS sandboxes",
            *(since, since, since),
        )
        return row

    async def running(self, after: Sequence[str] = (), *, user: str = "", limit: int = 100) -> list[Row]:
        """Sessions where a turn or a sandbox runs, by user, server and id, after these."""
        where, values = _page(("s.user_name", "s.server", "s.id"), after)
        mine = (" AND s.user_name = ?", (user,)) if user else ("", ())
        return await self.database.read(
            "SELECT s.* FROM sessions s JOIN servers v ON v.user_name = s.user_name AND v.server = s.server "
            f"WHERE (s.turn_at IS NOT NULL OR s.sandbox <> '') AND v.seen_at > ?{where}{mine[0]} "
            "ORDER BY s.user_name, s.server, s.id LIMIT ?",
            *(self.clock() - GONE_SECONDS, *values, *mine[1], limit),
        )

    async def sessions(self, after: Sequence[str] = (), *, user: str = "", limit: int = 100) -> list[Row]:
        """Every session that was ever told of, by user, server and id, after these."""
        where, values = _page(("user_name", "server", "id"), after)
        mine = (" AND user_name = ?", (user,)) if user else ("", ())
        return await self.database.read(
            f"SELECT * FROM sessions WHERE 1 = 1{where}{mine[0]} ORDER BY user_name, server, id LIMIT ?",
            *(*values, *mine[1], limit),
        )

    async def published(self, after: Sequence[str] = (), *, user: str = "", limit: int = 100) -> list[Row]:
        """Published apps by owner, server, target and name, after these; ``ordered`` where one is being taken down."""
        where, values = _page(("p.user_name", "p.server", "p.target", "p.name"), after)
        mine = (" AND p.user_name = ?", (user,)) if user else ("", ())
        return await self.database.read(
            "SELECT p.*, EXISTS (SELECT 1 FROM orders o WHERE o.user_name = p.user_name AND o.server = p.server "
            "AND o.action = 'unpublish' AND o.target = p.target || '/' || p.name AND o.done_at IS NULL) AS ordered "
            f"FROM publications p WHERE 1 = 1{where}{mine[0]} "
            "ORDER BY p.user_name, p.server, p.target, p.name LIMIT ?",
            *(*values, *mine[1], limit),
        )

    async def orders(self, user: str, limit: int = 20) -> list[Row]:
        """The newest orders to a user's servers."""
        return await self.database.read(
            "SELECT * FROM orders WHERE user_name = ? ORDER BY id DESC LIMIT ?", user, limit
        )


def _page(columns: Sequence[str], after: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """What of a query by these columns goes on after a row: by its key, so no page is dearer than the first."""
    if len(after) != len(columns):
        return "", ()
    return f" AND ({', '.join(columns)}) > ({', '.join('?' * len(columns))})", tuple(after)


def _list(given: Mapping[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    value: Any = given.get(name) or []
    if not isinstance(value, list) or len(cast("list[Any]", value)) > most:
        raise InvalidInput(f"{name!r} is a list of at most {most}.", field=name)
    if not all(isinstance(one, dict) for one in cast("list[Any]", value)):
        raise InvalidInput(f"{name!r} is a list of objects.", field=name)
    return cast("list[dict[str, Any]]", value)


def _text(given: Mapping[str, Any], name: str, where: str, *, required: bool = False) -> str:
    value = given.get(name) or ""
    if not isinstance(value, str) or (required and not value):
        raise InvalidInput(f"{name!r} is a text.", field=where)
    # PostgreSQL keeps no zero characters and no halves of characters, and a name is one line.
    plain = "".join(one if one.isprintable() else " " for one in value[: 2 * LONGEST])
    return plain.encode("utf-8", "replace").decode()[:LONGEST]


def _whole(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name) or 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise InvalidInput(f"{name!r} is a whole number.", field=name)
    return value


def _moment(given: Mapping[str, Any], name: str, now: float) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidInput(f"{name!r} is a moment in Unix seconds.", field=name)
    return min(max(float(value), 0.0), now)
