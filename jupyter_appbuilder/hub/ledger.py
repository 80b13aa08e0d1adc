"""Money: what may be spent, what is held for requests under way, what was spent. Whole micro-dollars throughout.

A request reserves the most it can cost before it is sent, and is settled with what it did cost. Either is one
transaction that locks the balances it changes, in one order: requests at once cannot overdraw, whatever they race for.

Balances are sums of ``usage``, ``grants`` and ``reservations``; ``differences`` says where they are not.
"""

from __future__ import annotations

import json
import math
import re
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, cast, get_args

from ..errors import AppBuilderError, InvalidInput
from ..log.lease import Owner, process_born
from ..usage.days import zone
from . import audit
from .database import Database, Row, Transaction

Period = Literal["day", "month"]
LimitScope = Literal["user", "member", "group", "everyone", "hub"]
Scope = Literal["user", "group", "hub"]
Key = tuple[str, str, str]
"""Of a balance: scope, name, and the day or month."""

PERIODS: tuple[Period, ...] = get_args(Period)
LIMIT_SCOPES: tuple[LimitScope, ...] = get_args(LimitScope)
SCOPES: tuple[Scope, ...] = get_args(Scope)

DOLLAR = 1_000_000
MOST = 1_000_000_000 * DOLLAR  # of a limit or a grant: more is a slip of the keyboard
SEEN_SECONDS = 60.0  # after which a service elsewhere counts as ended, unless it says that it runs
TOLD = "told later"  # the outcome of a request that a server told of
TOLD_REQUESTS = 5000  # of a person's day
MANY_LATE = 500
LATE_SECONDS = 35 * 86_400.0
UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MANY_GROUPS = 200  # of one person


def micros(dollars: float) -> int:
    """Rounded up: what costs something never counts as nothing."""
    return math.ceil(round(dollars * DOLLAR, 3))


def shown(amount: int) -> str:
    """For people: "$1.50"; what is less than a cent keeps its digits."""
    dollars = amount / DOLLAR
    return f"${dollars:,.2f}" if not amount or abs(amount) >= DOLLAR // 100 else f"${dollars:.6f}".rstrip("0")


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, as the Hub knows them."""

    name: str
    groups: tuple[str, ...] = ()
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    scope: LimitScope
    name: str
    period: Period
    micros: int


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit that holds for a person, in its present day or month. ``scope`` and ``name``: whose spending counts."""

    scope: Scope
    name: str
    period: Period
    limit: int
    granted: int
    spent: int
    reserved: int
    resets_at: float

    @property
    def left(self) -> int:
        """What can still be reserved."""
        return self.limit + self.granted - self.spent - self.reserved

    def to_json(self) -> dict[str, Any]:
        amounts = {name: getattr(self, name) / DOLLAR for name in ("limit", "granted", "spent", "reserved")}
        return {
            "scope": self.scope,
            "name": self.name,
            "period": self.period,
            **amounts,
            "left": max(0, self.left) / DOLLAR,
            "resets_at": self.resets_at,
        }


class OverQuota(AppBuilderError):
    """A quota does not allow the request. ``held``: it would, but for the person's requests that still run."""

    status = 402
    default_reason = "over_quota"

    def __init__(self, quota: Quota, needed: int, timezone: str) -> None:
        self.quota = quota
        self.held = quota.limit + quota.granted - quota.spent >= needed
        whose = {"user": "Your", "group": f"The group {quota.name}'s", "hub": "The Hub's"}[quota.scope]
        budget = f"{whose} budget of {shown(quota.limit + quota.granted)} for this {quota.period}"
        when = resets(quota.resets_at, timezone)
        if self.held:
            message = f"{budget} is held by requests that still run ({shown(quota.reserved)})."
            hint = "Try again when they have ended."
        elif quota.spent >= quota.limit + quota.granted:
            message = f"{budget} is used up ({shown(quota.spent)}). It resets on {when}."
            hint = "Go on then, or ask the Hub's administrator for more."
        else:
            message = (
                f"{budget} has {shown(max(0, quota.left))} left, and this request may take {shown(needed)}. "
                f"It resets on {when}."
            )
            hint = "Ask for less at a time or a cheaper model, go on then, or ask the Hub's administrator for more."
        super().__init__(message, hint=hint, reason="quota_held" if self.held else "")


def resets(at: float, timezone: str) -> str:
    """ "2026-12-01 at 00:00 (Europe/Berlin)"."""
    return f"{datetime.fromtimestamp(at, zone(timezone)):%Y-%m-%d at %H:%M} ({timezone})"


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money held for a request under way. ``limited``: some limit holds for who asks."""

    id: str
    person: Person
    model: str
    provider: str
    micros: int
    day: str
    month: str
    limited: bool


@dataclass(frozen=True, slots=True)
class Spent:
    """What a request used. ``outcome``: "done", "cancelled" (by who asked), "failed" (by the provider)."""

    micros: int
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = False
    outcome: str = "done"


@dataclass(frozen=True, slots=True)
class Late:
    """A request that was made without us, told afterwards. ``id`` is its own for ever: told twice, it counts once."""

    id: str
    at: float
    model: str
    provider: str
    spent: Spent


async def no_ceiling() -> int | None:
    return None


@dataclass
class Ledger:
    """``timezone`` says when days and months begin. ``owner`` is this process: what it leaves behind is settled by the
    next one."""

    database: Database
    timezone: str = "UTC"
    owner: Owner = field(default_factory=Owner)
    clock: Callable[[], float] = time.time
    ceiling: Callable[[], Awaitable[int | None]] = no_ceiling
    """Micro-dollars that nobody may spend more of in a day, whatever their limit and grants are."""
    told_a_day: int = 10_000_000
    """Micro-dollars that a person's server may tell of a day as used elsewhere: a group pays for it, too."""
    on_settled: Callable[[str, Spent | None, float], object] = lambda model, spent, seconds: None
    """Told of each request that ended: its model, what it used, and for how long it ran."""
    _held: set[str] = field(default_factory=set[str])
    """This process's requests under way. What the database holds beyond is nobody's: the answer to its COMMIT was
    lost, and who asked was told that there is no database."""

    def __post_init__(self) -> None:
        zone(self.timezone)
        self.timezone = self.timezone or "UTC"

    # Periods

    def periods(self, at: float) -> tuple[str, str]:
        """The day and the month of a moment."""
        moment = datetime.fromtimestamp(at, zone(self.timezone))
        return f"{moment:%Y-%m-%d}", f"{moment:%Y-%m}"

    def ends(self, period: Period, at: float) -> float:
        """When the day or month of a moment is over."""
        moment = datetime.fromtimestamp(at, zone(self.timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
        following = moment + timedelta(days=1) if period == "day" else (moment.replace(day=1) + timedelta(days=32))
        return (following if period == "day" else following.replace(day=1)).replace(fold=0).timestamp()

    # Limits and grants

    async def limits(self) -> list[Limit]:
        rows = await self.database.read("SELECT * FROM limits ORDER BY scope, name, period")
        return [Limit(row["scope"], row["name"], row["period"], row["micros"]) for row in rows]

    async def set_limit(self, scope: LimitScope, name: str, period: Period, amount: int | None, by: str) -> None:
        """Set a limit of ``amount`` micro-dollars (0: nothing may be spent), or take it away (None).

        ``scope`` user: of one person. member: of each member of a group. group: of all its members together. everyone:
        of each person that has no other. hub: of all together.
        """
        if scope not in LIMIT_SCOPES or period not in PERIODS:
            raise InvalidInput(f"There is no limit of a {scope} for a {period}.", field="scope")
        if bool(name.strip()) != (scope in ("user", "member", "group")) or len(name) > 255:
            raise InvalidInput("A limit of a user or a group names whose it is; others name nobody.", field="name")
        if amount is not None and not 0 <= amount <= MOST:
            raise InvalidInput("A limit is from $0 to $1,000,000,000.", field="dollars")
        async with self.database.transaction() as t:
            if amount is None:
                await t.run("DELETE FROM limits WHERE scope = ? AND name = ? AND period = ?", scope, name, period)
            else:
                await t.run(
                    "INSERT INTO limits (scope, name, period, micros, set_by, set_at) VALUES (?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT (scope, name, period) DO UPDATE SET micros = excluded.micros, "
                    "set_by = excluded.set_by, set_at = excluded.set_at",
                    *(scope, name, period, amount, by, self.clock()),
                )
            await audit.note(t, by, "limit.set", f"{scope} {name}".strip(), period=period, micros=amount)

    async def grant(self, scope: Scope, name: str, period: Period, amount: int, by: str, reason: str) -> None:
        """Let a user, a group or the Hub spend ``amount`` micro-dollars more today (which raises the month's limit too)
        or this month. Negative takes back what was granted."""
        if scope not in SCOPES or period not in PERIODS:
            raise InvalidInput(f"There is no grant to a {scope} for a {period}.", field="scope")
        if bool(name.strip()) != (scope != "hub") or len(name) > 255:
            raise InvalidInput("A grant names the user or group that it is for.", field="name")
        if not amount or abs(amount) > MOST:
            raise InvalidInput("A grant is an amount, of at most $1,000,000,000.", field="dollars")
        if not reason.strip() or len(reason) > 1000:
            raise InvalidInput("A grant needs a reason of at most 1,000 characters.", field="reason")
        day, month = self.periods(self.clock())
        granted_day = day if period == "day" else ""
        keys = sorted((scope, name, one) for one in (granted_day, month) if one)
        async with self.database.transaction() as t:
            rows = await self._locked(t, keys)
            if any(row["granted"] + amount < 0 for row in rows):
                raise InvalidInput("No more can be taken back than was granted.", field="dollars")
            await t.run(
                "INSERT INTO grants (at, scope, name, day, month, micros, granted_by, reason) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(self.clock(), scope, name, granted_day, month, amount, by, reason.strip()),
            )
            await self._change(t, keys, granted=amount)
            await audit.note(
                t, by, "grant", f"{scope} {name}".strip(), period=period, micros=amount, reason=reason.strip()
            )

    async def quotas(self, person: Person) -> list[Quota]:
        """Every limit that holds for a person now, and what is used of it."""
        keys = self._keys(person, *self.periods(self.clock()))
        limits = await self.database.read(*_limits_of(person))
        rows = await self.database.read(_balances(keys, ""), *_flat(keys))
        return self._quotas(person, limits, rows, await self.ceiling())

    def _quotas(
        self, person: Person, limits: Sequence[Row], balances: Sequence[Row], ceiling: int | None
    ) -> list[Quota]:
        now = self.clock()
        names: dict[Period, str] = dict(zip(PERIODS, self.periods(now), strict=True))
        found = {(row["scope"], row["name"], row["period"]): row for row in balances}
        quotas: list[Quota] = []
        holding = _holding(limits, person)
        own: tuple[Scope, str, Period] = ("user", person.name, "day")
        if ceiling is not None:
            holding.setdefault(own, ceiling)
        for (scope, name, period), limit in holding.items():
            row = found.get((scope, name, names[period]), {})
            granted, spent, reserved = (cast("int", row.get(name, 0)) for name in ("granted", "spent", "reserved"))
            if ceiling is not None and (scope, name, period) == own:
                limit = min(limit, ceiling)
                granted = min(granted, ceiling - limit)
            quotas.append(Quota(scope, name, period, limit, granted, spent, reserved, self.ends(period, now)))
        return quotas

    # Requests

    async def reserve(
        self, person: Person, model: str, provider: str, least: int, most: int, *, input_tokens: int = 0
    ) -> Reservation:
        """Hold up to ``most`` micro-dollars for a request: that, or what the person may still spend if it is at least
        ``least``. Raises ``OverQuota``."""
        now = self.clock()
        day, month = self.periods(now)
        keys = self._keys(person, day, month)
        ceiling = await self.ceiling()
        id = uuid.uuid4().hex
        async with self._holding(id) as t:
            limits = await t.run(*_limits_of(person))
            rows = await self._locked(t, keys)
            amount = most
            quotas = self._quotas(person, limits, rows, ceiling) if most else []  # what is free, no limit holds back
            for quota in quotas:
                if quota.left < max(1, least):
                    raise OverQuota(quota, least, self.timezone)
                amount = min(amount, quota.left)
            made = Reservation(id, person, model, provider, amount, day, month, bool(quotas))
            await self._change(t, keys, reserved=amount)
            await t.run(
                "INSERT INTO reservations (id, at, instance, user_name, user_groups, day, month, model, provider, "
                "micros, least, input_tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(made.id, now, self.owner.id, person.name, json.dumps(person.groups), day, month),
                *(model, provider, amount, min(least, amount), input_tokens),
            )
            return made

    @asynccontextmanager
    async def _holding(self, id: str) -> AsyncGenerator[Transaction]:
        self._held.add(id)
        try:
            async with self.database.transaction() as t:
                yield t
        except BaseException:
            self._held.discard(id)
            raise

    async def settle(self, reservation: Reservation, spent: Spent, *, provider: str = "") -> bool:
        """Count what a request did cost, and hold no more for it. False if that was done before."""
        return await self._settle(reservation.id, spent, provider)

    async def release(self, reservation: Reservation) -> bool:
        """Hold no more for a request that never reached a provider. False if it was settled or released before."""
        return await self._settle(reservation.id, None)

    async def note(self, sent: Mapping[str, tuple[int, int]]) -> None:
        """What requests under way have come to, in micro-dollars and tokens, by reservation: what is settled if this
        process ends before they do."""
        async with self.database.transaction() as t:
            for id, (amount, tokens) in sorted(sent.items()):
                await t.run("UPDATE reservations SET sent = ?, output_tokens = ? WHERE id = ?", amount, tokens, id)

    async def _settle(self, id: str, spent: Spent | None, provider: str = "") -> bool:
        async with self.database.transaction() as t:
            rows = await t.run("DELETE FROM reservations WHERE id = ? RETURNING *", id)
            if rows:
                await self._count(t, rows[0], spent, provider)
        self._held.discard(id)
        if not rows:
            return False
        self.on_settled(rows[0]["model"], spent, self.clock() - rows[0]["at"])
        return True

    async def _count(self, t: Transaction, held: Row, spent: Spent | None, provider: str = "") -> None:
        person = Person(held["user_name"], tuple(json.loads(held["user_groups"])))
        keys = self._keys(person, held["day"], held["month"])
        await self._locked(t, keys)
        await self._change(t, keys, reserved=-held["micros"], spent=spent.micros if spent else 0)
        if spent:
            await self._add(
                t, held["id"], held["at"], held["day"], held["month"], person, held["model"],
                provider or held["provider"], spent,
            )  # fmt: skip

    async def _add(
        self,
        t: Transaction,
        request: str,
        at: float,
        day: str,
        month: str,
        person: Person,
        model: str,
        provider: str,
        spent: Spent,
    ) -> bool:
        rows = await t.run(
            "INSERT INTO usage (request, at, day, month, user_name, user_groups, model, provider, input_tokens, "
            "output_tokens, cached_tokens, micros, estimated, outcome) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request) DO NOTHING RETURNING id",
            *(request, at, day, month, person.name, json.dumps(person.groups), model, provider),
            *(spent.input_tokens, spent.output_tokens, spent.cached_tokens, spent.micros),
            *(int(spent.estimated), spent.outcome),
        )
        if rows:
            # Nobody else is at the second: whoever comes here holds the Hub's balances.
            for table, key in (("usage_days", (day, person.name, model)), ("usage_models", (day, model))):
                names = "day, user_name, model" if len(key) == 3 else "day, model"
                await t.run(
                    f"INSERT INTO {table} AS known ({names}, requests, input_tokens, output_tokens, cached_tokens, "
                    f"micros) VALUES ({', '.join('?' * len(key))}, 1, ?, ?, ?, ?) ON CONFLICT ({names}) DO UPDATE "
                    "SET requests = known.requests + 1, input_tokens = known.input_tokens + excluded.input_tokens, "
                    "output_tokens = known.output_tokens + excluded.output_tokens, "
                    "cached_tokens = known.cached_tokens + excluded.cached_tokens, "
                    "micros = known.micros + excluded.micros",
                    *key,
                    *(spent.input_tokens, spent.output_tokens, spent.cached_tokens, spent.micros),
                )
        return bool(rows)

    async def add_late(self, person: Person, requests: Iterable[Late]) -> int:
        """Count requests that were made while nobody could ask us; how many were new. Beyond ``told_a_day`` they are
        not counted: nobody can use up what others may spend by telling of requests that were never made."""
        new = 0
        for late in requests:
            spent = replace(late.spent, outcome=TOLD)
            day, month = self.periods(late.at)
            id = f"{person.name}/{late.id}"
            async with self.database.transaction() as t:
                await self._locked(t, keys := self._keys(person, day, month))
                told = await t.run(
                    "SELECT COALESCE(SUM(micros), 0) AS micros, COUNT(*) AS count FROM usage "
                    "WHERE user_name = ? AND day = ? AND outcome = ?",
                    *(person.name, day, TOLD),
                )
                if int(told[0]["micros"]) + spent.micros > self.told_a_day or told[0]["count"] >= TOLD_REQUESTS:
                    continue
                if await self._add(t, id, late.at, day, month, person, late.model, late.provider, spent):
                    await self._change(t, keys, spent=spent.micros)
                    new += 1
        return new

    # Processes

    async def alive(self) -> None:
        """Say that this process runs. Its requests under way are its own as long as it does."""
        owner = self.owner
        async with self.database.transaction() as t:
            await t.run(
                "INSERT INTO instances (id, host, pid, born, seen_at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
                *(owner.id, owner.host, owner.pid, owner.born, self.clock()),
            )

    async def settle_left(self) -> int:
        """Settle what services left that have ended: with what was sent as last noted, or the request alone where
        nothing was. How many requests. Of this process it lets go what nobody knows to be held."""
        instances = {row["id"]: row for row in await self.database.read("SELECT * FROM instances")}
        held = await self.database.read("SELECT DISTINCT instance FROM reservations")
        gone = {row["instance"] for row in held if not self._runs(instances.get(row["instance"]))}
        settled = 0
        for instance in sorted(gone):
            for left in await self.database.read("SELECT id FROM reservations WHERE instance = ?", instance):
                async with self.database.transaction() as t:
                    rows = await t.run("DELETE FROM reservations WHERE id = ? RETURNING *", left["id"])
                    for row in rows:
                        amount = min(max(row["sent"], row["least"]), row["micros"])
                        tokens = row["input_tokens"], row["output_tokens"]
                        await self._count(t, row, Spent(amount, *tokens, estimated=True, outcome="lost"))
                        settled += 1
        own = await self.database.read("SELECT id FROM reservations WHERE instance = ?", self.owner.id)
        for id in {row["id"] for row in own} - self._held:
            settled += await self._settle(id, None)
        for id in {id for id, row in instances.items() if not self._runs(row)}:
            async with self.database.transaction() as t:
                await t.run(
                    "DELETE FROM instances WHERE id = ? AND NOT EXISTS "
                    "(SELECT 1 FROM reservations WHERE instance = ?)", id, id,
                )  # fmt: skip
        return settled

    def _runs(self, instance: Row | None) -> bool:
        if instance is None:
            return False
        if instance["id"] == self.owner.id:
            return True
        if instance["host"] and instance["host"] == self.owner.host and instance["born"]:
            return process_born(instance["pid"]) == instance["born"]
        return instance["seen_at"] > self.clock() - SEEN_SECONDS

    # People

    async def saw(self, *people: Person) -> None:
        """Keep who they are, for the administrator's pages."""
        now = self.clock()
        async with self.database.transaction() as t:
            for person in sorted(people, key=lambda one: one.name):
                await self._saw(t, person, now)

    async def _saw(self, t: Transaction, person: Person, now: float) -> None:
        await t.run(
            "INSERT INTO users (name, admin, first_seen, last_seen) VALUES (?, ?, ?, ?) ON CONFLICT (name) "
            "DO UPDATE SET admin = excluded.admin, last_seen = excluded.last_seen",
            *(person.name, int(person.admin), now, now),
        )
        known = await t.run("SELECT group_name FROM memberships WHERE user_name = ?", person.name)
        before, groups = {row["group_name"] for row in known}, set(person.groups[:MANY_GROUPS])
        for group in sorted(before - groups):
            await t.run("DELETE FROM memberships WHERE user_name = ? AND group_name = ?", person.name, group)
        for group in sorted(groups - before):
            await t.run(
                "INSERT INTO memberships (user_name, group_name) VALUES (?, ?) ON CONFLICT DO NOTHING",
                *(person.name, group),
            )

    # Balances

    def _keys(self, person: Person, day: str, month: str) -> list[Key]:
        """The balances that a person's request changes, in the order in which they are locked."""
        whose = [("hub", ""), ("user", person.name), *(("group", name) for name in set(person.groups[:MANY_GROUPS]))]
        return sorted((scope, name, period) for scope, name in whose for period in (day, month))

    async def _locked(self, t: Transaction, keys: Sequence[Key]) -> list[Row]:
        # All make rows before they lock any: whoever waits for a row that another makes holds none that is waited for.
        values = ", ".join(["(?, ?, ?)"] * len(keys))
        await t.run(
            f"INSERT INTO balances (scope, name, period) VALUES {values} ON CONFLICT DO NOTHING",
            *_flat(keys),
        )
        return await t.run(_balances(keys, self.database.for_update), *_flat(keys))

    async def _change(
        self, t: Transaction, keys: Sequence[Key], *, reserved: int = 0, spent: int = 0, granted: int = 0
    ) -> None:
        await t.run(
            "UPDATE balances SET reserved = reserved + ?, spent = spent + ?, granted = granted + ? "
            f"WHERE {_one_of(keys)}",
            *(reserved, spent, granted, *_flat(keys)),
        )

    async def differences(self) -> list[str]:
        """Where balances are not what usage, grants and reservations add up to; empty when the ledger is sound."""
        wanted: dict[Key, list[int]] = {}

        def count(scope: str, name: str, period: str, column: int, amount: int) -> None:
            wanted.setdefault((scope, name, period), [0, 0, 0])[column] += amount

        async with self.database.transaction() as t:
            if self.database.dialect == "postgresql":
                await t.run("LOCK TABLE balances IN SHARE MODE")
            for column, table in enumerate(("usage", "reservations")):
                rows = await t.run(
                    f"SELECT user_name, user_groups, day, month, SUM(micros) AS micros FROM {table} "
                    "GROUP BY user_name, user_groups, day, month"
                )
                for row in rows:
                    person = Person(row["user_name"], tuple(json.loads(row["user_groups"])))
                    for key in self._keys(person, row["day"], row["month"]):
                        count(*key, column, int(row["micros"]))
            for row in await t.run("SELECT scope, name, day, month, micros FROM grants"):
                for period in (row["day"], row["month"]):
                    if period:
                        count(row["scope"], row["name"], period, 2, row["micros"])
            kept = {
                (row["scope"], row["name"], row["period"]): [row["spent"], row["reserved"], row["granted"]]
                for row in await t.run("SELECT * FROM balances")
            }
            days = await t.run("SELECT day, user_name, SUM(micros) AS micros FROM usage_days GROUP BY day, user_name")
            models = await t.run("SELECT day, SUM(micros) AS micros FROM usage_models GROUP BY day")
        found = [
            f"{' '.join(filter(None, key))}: (spent, reserved, granted) is {kept.get(key)}, adds up to {sums}"
            for key, sums in wanted.items()
            if kept.get(key) != sums
        ]
        found += [f"{' '.join(filter(None, key))}: {sums}, of nothing" for key, sums in kept.items()
                  if key not in wanted and any(sums)]  # fmt: skip
        spent = {key: sums[0] for key, sums in wanted.items()}
        for row in days:
            if spent.get(("user", row["user_name"], row["day"])) != int(row["micros"]):
                found.append(f"usage of {row['user_name']} on {row['day']} is summed as {row['micros']}")
        for row in models:
            if spent.get(("hub", "", row["day"])) != int(row["micros"]):
                found.append(f"usage of all on {row['day']} is summed as {row['micros']}")
        return found


def read_late(said: object, now: float) -> list[Late]:
    """Requests as a server tells them. Raises ``InvalidInput`` naming the field."""
    given: Any = cast("dict[str, Any]", said).get("requests") if isinstance(said, dict) else None
    if not isinstance(given, list) or len(cast("list[Any]", given)) > MANY_LATE:
        raise InvalidInput(f"'requests' is a list of at most {MANY_LATE} requests.", field="requests")
    found: list[Late] = []
    for one in cast("list[Any]", given):
        row = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
        id, model = row.get("id"), row.get("model")
        if not (isinstance(id, str) and 0 < len(id) <= 200 and isinstance(model, str) and 0 < len(model) <= 200):
            raise InvalidInput("A request has an 'id' and a 'model' of at most 200 characters.", field="requests")
        numbers = {name: row.get(name, 0) for name in ("input_tokens", "output_tokens", "cached_tokens", "cost", "at")}
        for name, value in numbers.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1e10:
                raise InvalidInput(f"{name!r} is a number of at least 0.", field="requests")
        id, model = (
            re.sub(UNPRINTED, "?", text) for text in (id, model)
        )  # PostgreSQL takes no NUL, UTF-8 no half a sign
        tokens = (int(numbers[name]) for name in ("input_tokens", "output_tokens", "cached_tokens"))
        spent = Spent(micros(min(numbers["cost"], 1e6)), *tokens, estimated=row.get("estimated") is True, outcome=TOLD)
        # Nothing is told into the future, nor into months that were closed long ago.
        at = min(max(numbers["at"], now - LATE_SECONDS), now)
        found.append(Late(id, at, model, model.partition(":")[0], spent))
    return found


def _limits_of(person: Person) -> tuple[str, ...]:
    """The statement that finds every limit that may hold for them, and its values."""
    groups = person.groups[:MANY_GROUPS]
    of_groups = f" OR (scope IN ('group', 'member') AND name IN ({', '.join('?' * len(groups))}))" if groups else ""
    sql = (
        "SELECT scope, name, period, micros FROM limits "
        f"WHERE scope IN ('everyone', 'hub') OR (scope = 'user' AND name = ?){of_groups}"
    )
    return (sql, person.name, *groups)


def _holding(limits: Sequence[Row], person: Person) -> dict[tuple[Scope, str, Period], int]:
    """Which limit holds for each balance: a person's own, else the largest of what their groups give each member, else
    everyone's; and those of their groups and of the Hub."""
    rank = {"everyone": 0, "member": 1, "user": 2}
    own: dict[Period, tuple[int, int]] = {}
    found: dict[tuple[Scope, str, Period], int] = {}
    for row in limits:
        scope, period, amount = row["scope"], cast("Period", row["period"]), cast("int", row["micros"])
        if scope in rank:
            own[period] = max(own.get(period, (-1, 0)), (rank[scope], amount))
        else:
            found[scope, row["name"], period] = amount
    for period, (_, amount) in own.items():
        found["user", person.name, period] = amount
    return found


def _one_of(keys: Sequence[Key]) -> str:
    # Of a list of rows in IN (VALUES …) SQLite reads the whole table; of these it looks up each.
    return f"({' OR '.join(['(scope = ? AND name = ? AND period = ?)'] * len(keys))})"


def _balances(keys: Sequence[Key], for_update: str) -> str:
    return f"SELECT * FROM balances WHERE {_one_of(keys)} ORDER BY scope, name, period{for_update}"


def _flat(keys: Sequence[Key]) -> list[str]:
    return [part for key in keys for part in key]
