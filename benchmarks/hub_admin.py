"""The administrator's pages of the Hub service with 10,000 sessions, 10,000 people and a million requests: how long
each takes, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_appbuilder.hub.database import Database, Transaction, open_database
from jupyter_appbuilder.hub.ledger import Ledger

from .report import heading, median, row

ROWS, PEOPLE, SESSIONS, DAYS = 1_000_000, 10_000, 10_000, 90
MODELS = ("coder", "small", "large", "vision", "fast", "old", "local")
TESTS = Path(__file__).parents[1] / "tests"
PAGES = (
    "", "users", "users?q=person7", "users?after=person05000", "users/person00042", "groups", "groups/group07",
    "usage?days=90", "live", "live?all=1", "live?all=1&after=person05000&after=&after=s", "apps", "limits", "grants",
    "rules", "audit", "audit?before=50000", "audit?actor=admin3",
)  # fmt: skip


async def fill(url: str) -> None:
    """Rows as the ledger would have written them; the sums follow by its own rules."""
    database = await open_database(url)
    ledger, now = Ledger(database), time.time()
    periods = [ledger.periods(now - back * 86_400) for back in range(DAYS)]
    groups = [(f"group{one % 50:02}",) for one in range(PEOPLE)]
    async with database.transaction() as t:
        names = [f"person{one:05}" for one in range(PEOPLE)]
        await t.run_many("INSERT INTO users VALUES (?, 0, ?, ?)", [(name, now - 9e6, now - 60) for name in names])
        await t.run_many("INSERT INTO memberships VALUES (?, ?)", [(n, groups[at][0]) for at, n in enumerate(names)])
        await t.run_many("INSERT INTO servers VALUES (?, '', ?, '1', 0)", [(name, now + 9e5) for name in names])
        await t.run_many(
            "INSERT INTO sessions VALUES (?, '', ?, 'An app', 'hub:coder', ?, 'local', ?)",
            [(names[at % PEOPLE], f"s{at}", now - 60 if at % 5 == 0 else None, now) for at in range(SESSIONS)],
        )
        await t.run_many(
            "INSERT INTO publications VALUES (?, '', 'here', ?, 'An app', 1, ?, '2026-11-30', 5, ?)",
            [(names[at], f"app{at}", now, now) for at in range(5000)],
        )
        await t.run_many(
            "INSERT INTO audit (at, actor, action, target, detail) VALUES (?, ?, 'limit.set', 'user x', '{}')",
            [(now - at, f"admin{at % 9}") for at in range(100_000)],
        )
        await t.run_many(
            "INSERT INTO grants (at, scope, name, day, month, micros, granted_by, reason) "
            "VALUES (?, 'user', ?, '', ?, 1000000, 'admin', 'why')",
            [(now, names[at % PEOPLE], periods[0][1]) for at in range(20_000)],
        )
        await t.run_many(
            "INSERT INTO limits VALUES ('user', ?, 'month', 5000000, 'admin', ?)", [(name, now) for name in names]
        )
    async with database.transaction() as t:
        await t.run("CREATE TEMPORARY TABLE made (back INTEGER, at DOUBLE PRECISION, day TEXT, month TEXT)")
        await t.run_many(
            "INSERT INTO made VALUES (?, ?, ?, ?)", [(at, now - at * 86_400, *one) for at, one in enumerate(periods)]
        )
        await t.run("CREATE TEMPORARY TABLE kinds (number INTEGER, name TEXT)")
        await t.run_many("INSERT INTO kinds VALUES (?, ?)", list(enumerate(MODELS)))
        # Spread by large primes, so that no two of day, person and model go together.
        person = f"SUBSTR(CAST(100000 + (CAST(i AS BIGINT) * 7919) % {PEOPLE} AS TEXT), 2)"
        group = f"SUBSTR(CAST(100 + ((CAST(i AS BIGINT) * 7919) % {PEOPLE}) % 50 AS TEXT), 2)"
        await t.run(
            f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS - 1}) "
            "INSERT INTO usage (request, at, day, month, user_name, user_groups, model, provider, input_tokens, "
            "output_tokens, cached_tokens, micros, estimated, outcome) "
            f"SELECT 'r' || i, at, day, month, 'person' || {person}, '[\"group' || {group} || '\"]', name, 'ours', "
            "9000, 800, 2000, 4000, 0, 'done' "
            f"FROM n JOIN made ON back = (i / 13) % {DAYS} JOIN kinds ON number = (i / 3) % {len(MODELS)}"
        )
    async with database.transaction() as t:
        await sums(t)
    if database.dialect == "postgresql":
        await analyse(database)
    await database.close()


async def sums(t: Transaction) -> None:
    numbers = "COUNT(*), SUM(input_tokens), SUM(output_tokens), SUM(cached_tokens), SUM(micros)"
    await t.run(
        f"INSERT INTO usage_days SELECT day, user_name, model, {numbers} FROM usage GROUP BY day, user_name, model"
    )
    await t.run(f"INSERT INTO usage_models SELECT day, model, {numbers} FROM usage GROUP BY day, model")
    for period in ("day", "month"):
        for scope, name in (("user", "user_name"), ("hub", "''"), ("group", "SUBSTR(user_groups, 3, 7)")):
            await t.run(
                f"INSERT INTO balances (scope, name, period, spent) SELECT '{scope}', {name}, {period}, SUM(micros) "
                f"FROM usage GROUP BY {period}{'' if scope == 'hub' else f', {name}'}"
            )


async def analyse(database: Database) -> None:
    async with database.transaction() as t:
        await t.run("ANALYZE")


@contextmanager
def databases(folder: str) -> Iterator[list[tuple[str, str]]]:
    from postgres_server import postgres_server

    with postgres_server() as server:
        server.ask("CREATE DATABASE hub")
        yield [
            ("SQLite", f"sqlite:///{folder}/hub.sqlite"),
            ("PostgreSQL", server.url.replace("/postgres?", "/hub?")),
        ]


def measure(url: str, folder: Path) -> list[tuple[str, float, float, int]]:
    """(page, median and longest milliseconds of nine, bytes)."""
    from hub.service_process import SCOPE, hub_api, service

    found: list[tuple[str, float, float, int]] = []
    with hub_api() as api:
        token = api.add("root", scopes=(SCOPE, "custom:appbuilder:admin"))
        with service(folder, api, database=url, timezone="UTC") as running, running.client(token) as client:
            for page in PAGES:
                times: list[float] = []
                for _ in range(9):
                    began = time.perf_counter()
                    answer = client.get(f"admin/{page}")
                    times.append(1000 * (time.perf_counter() - began))
                    assert answer.status_code == 200, (page, answer.text[-500:])
                found.append((page or "overview", median(times), max(times), len(answer.content)))
    return found


def main() -> None:
    sys.path[:0] = [str(TESTS), str(TESTS.parent)]

    with tempfile.TemporaryDirectory() as folder, databases(folder) as known:
        for name, url in known:
            began = time.perf_counter()
            asyncio.run(fill(url))
            heading(f"The administrator's pages on {name}, {ROWS:,} requests, {SESSIONS:,} sessions")
            row("made in", time.perf_counter() - began, "s")
            for page, middle, longest, size in measure(url, Path(folder) / name):
                row(
                    f"{page} ({size / 1024:.0f} KiB), the longest of nine {longest:.0f} ms",
                    middle,
                    "ms",
                    target="500 ms",
                )


if __name__ == "__main__":
    main()
