"""Budgets hold and add up, on SQLite and PostgreSQL, whatever happens at once or ends in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.errors import InvalidInput, Unavailable
from jupyter_appbuilder.hub import audit, database
from jupyter_appbuilder.hub.database import open_database
from jupyter_appbuilder.hub.ledger import Late, Ledger, OverQuota, Person, Spent, read_late
from jupyter_appbuilder.log.lease import Owner

ADA = Person("ada", ("staff", "students"))
BOB = Person("bob", ("students",))
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


@contextlib.asynccontextmanager
async def ledger(url: str, timezone: str = "UTC", at: float = NOW) -> AsyncIterator[Ledger]:
    found = await open_database(url)
    try:
        made = Ledger(found, timezone, Owner(), lambda: at)
        await made.alive()
        yield made
        assert await made.differences() == []
    finally:
        await found.close()


async def spend(money: Ledger, person: Person, amount: int) -> None:
    held = await money.reserve(person, "m", "p", amount, amount)
    await money.settle(held, Spent(amount, 10, 5))


async def test_fifty_requests_at_once_cannot_overdraw(database_url: str):
    async with ledger(database_url) as money:
        await money.set_limit("everyone", "", "day", 1000, "root")
        under_way: list[int] = []

        async def ask() -> bool:
            try:
                held = await money.reserve(ADA, "m", "p", 70, 70)
            except OverQuota:
                return False
            under_way.append(held.micros)
            await money.settle(held, Spent(70))
            return True

        answered = await asyncio.gather(*(ask() for _ in range(50)))
        assert sum(answered) == 14  # of 70 each in 1000
        quota = (await money.quotas(ADA))[0]
        assert (quota.spent, quota.reserved) == (980, 0)


async def test_what_is_held_is_no_more_than_what_is_left_whoever_asks_in_a_group(database_url: str):
    async with ledger(database_url) as money:
        await money.set_limit("group", "students", "month", 1000, "root")
        people = [Person(f"u{n}", ("students", f"g{n % 3}")) for n in range(10)]
        held = await asyncio.gather(
            *(money.reserve(person, "m", "p", 50, 300) for person in people * 2), return_exceptions=True
        )
        got = [one for one in held if not isinstance(one, BaseException)]
        assert sum(one.micros for one in got) == 1000
        refused = [one for one in held if isinstance(one, BaseException)]
        assert {type(one) for one in refused} == {OverQuota}
        assert all(isinstance(one, OverQuota) and one.held for one in refused)
        assert "held by requests that still run" in str(refused[0])
        for one in got:
            await money.release(one)
        assert (await money.quotas(BOB))[0].left == 1000


async def test_a_persons_own_limit_holds_before_their_groups_and_that_before_everyones(database_url: str):
    async with ledger(database_url) as money:
        await money.set_limit("everyone", "", "day", 1, "root")
        await money.set_limit("member", "students", "day", 5, "root")
        await money.set_limit("member", "staff", "day", 9, "root")
        limits = {person.name: (await money.quotas(person))[0].limit for person in (ADA, BOB, Person("eve"))}
        assert limits == {"ada": 9, "bob": 5, "eve": 1}
        await money.set_limit("user", "ada", "day", 0, "root")
        assert [quota.limit for quota in await money.quotas(ADA)] == [0]
        with pytest.raises(OverQuota, match=r"Your budget of \$0.00 for this day is used up"):
            await money.reserve(ADA, "m", "p", 1, 1)
        await money.set_limit("user", "ada", "day", None, "root")
        assert [quota.limit for quota in await money.quotas(ADA)] == [9]


async def test_days_and_months_begin_where_the_service_is(database_url: str):
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC).timestamp()  # in Berlin it is December
    async with ledger(database_url, "Europe/Berlin", late) as money:
        await money.set_limit("everyone", "", "month", 10, "root")
        await spend(money, ADA, 10)
        with pytest.raises(OverQuota, match=r"resets on 2027-01-01 at 00:00 \(Europe/Berlin\)"):
            await money.reserve(ADA, "m", "p", 1, 1)
        rows = await money.database.read("SELECT day, month FROM usage")
        assert rows == [{"day": "2026-12-01", "month": "2026-12"}]
        # On the day on which clocks are put back, a day has 25 hours.
        long = datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp()
        assert money.ends("day", long) - long == 25 * 3600


async def test_a_request_over_midnight_counts_where_it_began(database_url: str):
    now = [datetime(2026, 11, 30, 23, 59, tzinfo=UTC).timestamp()]
    async with ledger(database_url) as money:
        money.clock = lambda: now[0]
        await money.set_limit("everyone", "", "day", 100, "root")
        held = await money.reserve(ADA, "m", "p", 10, 90)
        now[0] += 120
        assert (await money.quotas(ADA))[0].left == 100
        await money.settle(held, Spent(40))
        assert [(q.spent, q.reserved) for q in await money.quotas(ADA)] == [(0, 0)]
        assert (await money.database.read("SELECT day FROM usage")) == [{"day": "2026-11-30"}]


async def test_a_grant_has_a_reason_and_lets_more_be_spent_today(database_url: str):
    async with ledger(database_url) as money:
        await money.set_limit("everyone", "", "day", 10, "root")
        await money.set_limit("everyone", "", "month", 20, "root")
        await spend(money, ADA, 10)
        with pytest.raises(InvalidInput, match="reason"):
            await money.grant("user", "ada", "day", 5, "root", " ")
        await money.grant("user", "ada", "day", 15, "root", "the workshop")
        await spend(money, ADA, 15)
        with pytest.raises(OverQuota):
            await money.reserve(ADA, "m", "p", 1, 1)
        with pytest.raises(InvalidInput, match="taken back"):
            await money.grant("user", "ada", "day", -16, "root", "a slip")
        entries = await audit.page(money.database)
        assert (entries[0].actor, entries[0].action, entries[0].target) == ("root", "grant", "user ada")
        assert entries[0].detail["reason"] == "the workshop"


@pytest.mark.parametrize("table", ["usage", "grants", "audit"])
async def test_what_was_counted_is_neither_changed_nor_deleted(database_url: str, table: str):
    async with ledger(database_url) as money:
        await spend(money, ADA, 10)
        await money.grant("user", "ada", "day", 5, "root", "why not")
        for change in (f"DELETE FROM {table}", f"UPDATE {table} SET at = 0"):
            with pytest.raises(Exception, match="only added to"):
                async with money.database.transaction() as t:
                    await t.run(change)


async def test_settling_twice_counts_once(database_url: str):
    async with ledger(database_url) as money:
        held = await money.reserve(ADA, "m", "p", 10, 10)
        settled = await asyncio.gather(*(money.settle(held, Spent(7)) for _ in range(5)))
        assert sum(settled) == 1
        late = Late("s1/4", NOW - 86_400, "own", "local", Spent(3))
        assert await money.add_late(ADA, [late, late]) == 1
        assert await money.add_late(ADA, [late]) == 0
        rows = await money.database.read("SELECT day, SUM(micros) AS sum FROM usage_days GROUP BY day ORDER BY day")
        assert [(row["day"], int(row["sum"])) for row in rows] == [("2026-11-29", 3), ("2026-11-30", 7)]


async def test_nobody_uses_up_what_others_may_spend_by_telling_of_it(database_url: str):
    async with ledger(database_url) as money:
        told = [Late(f"s1/{number}", NOW, "own", "local", Spent(3_000_000)) for number in range(5)]
        assert await money.add_late(ADA, told) == 3
        assert await money.add_late(ADA, [Late("s2/1", NOW, "own", "local", Spent(900_000_000_000))]) == 0
        assert await money.add_late(ADA, [Late("s2/2", NOW - 86_400, "own", "local", Spent(3))]) == 1, "another day"


async def test_a_transaction_that_is_cancelled_leaves_nothing(database_url: str):
    async with ledger(database_url) as money:
        for pause in range(12):
            asking = asyncio.ensure_future(money.reserve(ADA, "m", "p", 1, 1))
            for _ in range(pause):
                await asyncio.sleep(0)
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await money.release(await asking)
            assert await money.differences() == []
        await spend(money, ADA, 3)


KILLED = """
import asyncio, sys
from jupyter_appbuilder.hub.database import open_database
from jupyter_appbuilder.hub.ledger import Ledger, OverQuota, Person, Spent

async def main():
    money = Ledger(await open_database(sys.argv[1]))
    await money.alive()
    print("ready", flush=True)

    async def one(who):
        for n in range(100000):
            try:
                held = await money.reserve(Person(f"u{who % 4}", ("g",)), "m", "p", 3, 10, input_tokens=5)
            except OverQuota:
                continue
            if n % 3 == 0:
                await money.note({held.id: (4, 2)})
            if n % 5 == 0:
                await money.release(held)
            elif await money.settle(held, Spent(7, 5, 2)):
                print(held.id, flush=True)

    await asyncio.gather(*(one(who) for who in range(50)))

asyncio.run(main())
"""


async def test_the_ledger_adds_up_after_a_kill_at_any_moment(database_url: str):
    chance = random.Random(15)
    async with ledger(database_url) as money:
        await money.set_limit("user", "u0", "month", 200, "root")
    told: set[str] = set()
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, database_url], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        for _ in range(chance.randrange(1, 120)):
            told.add(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
        told |= {line.strip() for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")}
        process.wait()
    async with ledger(database_url) as money:
        assert await money.differences() == []
        assert await money.settle_left() > 0
        assert await money.database.read("SELECT * FROM reservations") == []
        assert {row["reserved"] for row in await money.database.read("SELECT reserved FROM balances")} == {0}
        rows = await money.database.read("SELECT request, micros, outcome, user_name FROM usage")
        assert 0 < sum(row["micros"] for row in rows if row["user_name"] == "u0") <= 200
        assert told <= {row["request"] for row in rows}  # nothing that was settled is lost
        assert {(row["micros"], row["outcome"]) for row in rows} <= {(7, "done"), (3, "lost"), (4, "lost")}
        assert await money.settle_left() == 0


async def test_what_was_reserved_though_the_database_seemed_gone_is_let_go(database_url: str):
    async with ledger(database_url) as money:
        await money.set_limit("everyone", "", "day", 100, "root")
        kept = await money.reserve(ADA, "m", "p", 10, 10)
        whole = money.database.transaction

        @contextlib.asynccontextmanager
        async def committed_unheard() -> AsyncIterator[Any]:
            async with whole() as t:
                yield t
            raise Unavailable("The answer to COMMIT was lost.")

        money.database.transaction = committed_unheard  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            await money.reserve(ADA, "m", "p", 90, 90)
        money.database.transaction = whole  # type: ignore[method-assign]
        assert (await money.quotas(ADA))[0].left == 0
        assert await money.settle_left() == 1
        assert (await money.quotas(ADA))[0].left == 90
        assert await money.settle(kept, Spent(7))


async def test_what_a_server_tells_holds_whatever_it_holds(database_url: str):
    told = {"requests": [{"id": "s\0/1", "model": "vllm:\ud83d", "cost": 0.000001}] * 2}
    async with ledger(database_url) as money:
        assert await money.add_late(ADA, read_late(told, NOW)) == 1
        assert await money.add_late(ADA, read_late(told, NOW)) == 0


async def test_requests_of_a_service_that_runs_are_its_own(database_url: str):
    async with ledger(database_url) as one, ledger(database_url) as other:
        other.owner = Owner(host="another machine")
        await other.alive()
        held = await other.reserve(ADA, "m", "p", 10, 10)
        assert await one.settle_left() == 0
        one.clock = lambda: NOW + 61  # nothing was heard of it for a minute
        assert await one.settle_left() == 1
        assert not await other.settle(held, Spent(10))


async def test_what_cannot_be_a_database_is_said_without_its_password(tmp_path: Path):
    with pytest.raises(InvalidInput, match="no database of the kind"):
        await open_database("mysql://root:hunter2@host/db")
    with pytest.raises(InvalidInput) as wrong:
        await open_database("postgresql://root:hunter2@host:port/db?nonsense")
    assert "hunter2" not in str(wrong.value)
    with pytest.raises(Unavailable, match="cannot be used"):
        await open_database(f"sqlite:///{tmp_path}")


async def test_a_database_of_a_newer_version_is_left_alone(database_url: str, tmp_path: Path, monkeypatch):
    for path in database.MIGRATIONS.glob("*.sql"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "9999_of_tomorrow.sql").write_text("CREATE TABLE tomorrow (id SERIAL_KEY);\n")
    steps = database.migrations
    monkeypatch.setattr(database, "migrations", lambda dialect: steps(dialect, tmp_path))
    for opened in await asyncio.gather(*(open_database(database_url) for _ in range(2))):
        await opened.close()
    monkeypatch.undo()
    with pytest.raises(Unavailable, match="newer version"):
        await open_database(database_url)


async def test_pages_are_read_while_requests_are_counted(database_url: str):
    async with ledger(database_url) as money:
        async with money.database.transaction() as t:
            await t.run("INSERT INTO users (name, first_seen, last_seen) VALUES ('%?', 1, 1)".replace("?", "x"))
            assert await money.database.read("SELECT * FROM users") == []
        assert [row["name"] for row in await money.database.read("SELECT name FROM users")] == ["%x"]
        await money.saw(ADA)
        await money.saw(Person("ada", ("staff",)))
        assert await money.database.read("SELECT group_name FROM memberships") == [{"group_name": "staff"}]
