"""Budgets over the wire, and a model that reports what it used, reports nothing, or reports nonsense."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from agents.memory_session import MemorySession
from building import app_builder, scripted_builder, write
from model_server import ModelServer, Step, model_server, numbers

from jupyter_appbuilder.agents.loop import AgentLoop
from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.log import SqliteEventStore
from jupyter_appbuilder.log.base import Used
from jupyter_appbuilder.log.totals import UsageTotals
from jupyter_appbuilder.models.openai_compatible import Endpoint, OpenAICompatibleModel
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.tools.base import ToolResult
from jupyter_appbuilder.usage.accounts import Accounts
from jupyter_appbuilder.usage.budgets import (
    SCOPES,
    TRAITS,
    UNITS,
    Budget,
    BudgetSettings,
    OverBudget,
    Scope,
    Unit,
    amount,
)
from jupyter_appbuilder.usage.days import starts
from jupyter_appbuilder.usage.ledger import Ledger, ledger
from jupyter_appbuilder.usage.prices import PriceList
from jupyter_appbuilder.usage.quotas import Expected, LocalQuotas
from jupyter_appbuilder.usage.spending import Spending

TEMPLATES = Path(__file__).parents[1] / "server" / "templates"
MODEL = "custom:scripted"
PRICE = {MODEL: (10, 50, 1)}  # US dollars per million tokens

WITH = {"prompt_tokens": 20_000, "completion_tokens": 400, "cached_tokens": 0}  # $0.22
WITHOUT = None
WRONG = {"prompt_tokens": 1, "completion_tokens": 0}


def writes(count: int, usage: dict[str, int] | None, words: int = 10) -> list[Step]:
    """Steps that each write a file."""
    return [
        {"tool_calls": [write(f"notes/{number}.txt", f"{number} " + numbers(words * 5))], "usage": usage}
        for number in range(count)
    ]


@asynccontextmanager
async def session_with(
    folder: Path, steps: list[Step], **traits: Any
) -> AsyncIterator[tuple[AppBuilder, Session, ModelServer]]:
    settings = {"template": "page", "template_path": [str(TEMPLATES)], "prices": PRICE, "max_tokens": 0} | traits
    async with scripted_builder(folder, steps, **settings) as (builder, server):
        yield builder, await builder.create(name="spender"), server


async def ask(session: Session, text: str = "Write notes.") -> dict[str, Any]:
    await session.send(text)
    async with asyncio.timeout(60):
        return dict(await session.wait())


async def recorded(session: Session) -> list[dict[str, Any]]:
    return [e.data["usage"] for e in await session.events() if e.type == "usage.recorded"]


def in_memory(server: ModelServer, folder: Path, key: tuple[Any, Any], limit: float, day: float = 0) -> MemorySession:
    """A session in memory whose agent has one budget; ``day``: US dollars that others used today."""
    model = OpenAICompatibleModel(Endpoint("custom", "Test", server.url, "key-123456"), "scripted")
    session = MemorySession(model, {"write_file": lambda arguments: ToolResult("Wrote it.", "Wrote it")}, writes=())

    async def used(moment: float) -> list[Used]:
        assert time.time() - 24 * 3600 - 1 <= moment <= time.time()
        mine = ledger(session.journal.stored).session
        others = UsageTotals(input_tokens=round(day * 100_000), dollars=day)
        return [Used("mine", MODEL, mine), Used("another", MODEL, others)]

    quotas = LocalQuotas(BudgetSettings(folder / "budgets.json", {key: limit}), used)
    spending = Spending(MODEL, PriceList(PRICE), quotas)
    session.agent = AgentLoop(model, session.runner, session.journal, session.history, spending=spending)
    return session


@pytest.mark.parametrize("usage", [WITH, WITHOUT, WRONG], ids=["usage", "no usage", "wrong usage"])
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("unit", UNITS)
async def test_a_budget_ends_the_turn_before_the_request_that_would_go_over(
    scope: Scope, unit: Unit, usage: dict[str, int] | None, tmp_path: Path
):
    limit, text = (0.7, "$0.70") if unit == "dollars" else (70_000, "70,000 tokens")
    # Where the provider says nothing useful, what is sent and written counts.
    words = 10 if usage is WITH else 3_000 if unit == "dollars" else 14_000
    async with model_server(writes(12, usage, words)) as server:
        session = in_memory(server, tmp_path, (scope, unit), limit)
        outcome = await session.ask("Write notes.")
        assert outcome.reason == "budget", outcome
        assert text in outcome.message
        assert TRAITS[scope, unit] in outcome.hint  # who set it, and how to go on

        def used() -> list[dict[str, Any]]:
            return [data["usage"] for data in session.journal.of("usage.recorded")]

        def asked_for() -> float:
            """What was used when the last request had been sent: what its answer takes nobody knows before."""
            answer = used()[-1]["output_tokens"] * (50 / 1e6 if unit == "dollars" else 1)
            every = sum(it["cost"] if unit == "dollars" else it["input_tokens"] + it["output_tokens"] for it in used())
            return every - answer

        assert len(server.requests) == len(used()) < 12
        assert all(bool(it.get("estimated")) is (usage is not WITH) for it in used())
        assert limit / 5 < asked_for() <= limit
        assert (await session.ask("Go on.")).reason == "budget"
        assert (asked_for() > limit) is (scope == "turn")  # a turn's budget is the turn's own


async def test_what_others_used_today_counts(tmp_path: Path):
    async with model_server(writes(9, WITH)) as server:
        session = in_memory(server, tmp_path, ("day", "dollars"), 2.0, day=1.7)
        assert "Today's work has used $1.92" in (await session.ask("Write notes.")).message
        assert len(server.requests) == 1


class Service:
    """Quotas as a service for many people has them: so many requests for each, however dear."""

    def __init__(self, requests: int) -> None:
        self.left = requests
        self.asked: list[Expected] = []

    async def allow(self, used: Ledger, turn: str | None, request: Expected) -> float:
        self.asked.append(request)
        if not self.left:
            raise OverBudget("Your team has no requests left.", hint="Ask your team's owner for more.")
        self.left -= 1
        return 10_000.0

    async def may_raise(self, used: Ledger, amounts: Mapping[Unit, float]) -> None:
        raise InvalidInput("Only your team's owner can raise it.")

    async def budgets(self, used: Ledger, turn: str | None) -> list[Budget]:
        return [Budget("day", "tokens", 1000, "configuration", used.session.tokens)]

    async def used_since(self, moment: float) -> UsageTotals:
        return UsageTotals()


async def test_a_service_can_say_what_may_be_used_in_place_of_this_machines_budgets(tmp_path: Path):
    service = Service(requests=2)
    async with model_server(writes(9, WITH)) as server:
        model = OpenAICompatibleModel(Endpoint("custom", "Test", server.url, "key-123456"), "scripted")
        session = MemorySession(model, {"write_file": lambda arguments: ToolResult("Wrote it.", "Wrote it")}, writes=())
        spending = Spending(MODEL, PriceList(PRICE), service)
        session.agent = AgentLoop(model, session.runner, session.journal, session.history, spending=spending)
        outcome = await session.ask("Write notes.")
    assert (outcome.reason, outcome.message) == ("budget", "Your team has no requests left.")
    assert len(server.requests) == 2
    assert service.asked[1].tokens > 20_000, "what the provider reported of the last one is expected again"
    assert service.asked[1].dollars == pytest.approx(service.asked[1].tokens * 10 / 1e6)
    assert service.asked[1].per_token == pytest.approx(50 / 1e6)


async def test_reports_need_a_log_prices_and_quotas_and_nothing_else(tmp_path: Path):
    log = SqliteEventStore(tmp_path / "log.db")
    await log.claim("s")
    await log.append("s", [_draft({"input_tokens": 7, "output_tokens": 1, "cached_tokens": 0, "cost": 0.5})])
    accounts = Accounts(PriceList(), BudgetSettings(tmp_path / "budgets.json", {}, "UTC"), log, Service(1))
    report = await accounts.of_days(1)
    assert (report["timezone"], report["today"]["cost"]) == ("UTC", 0.5)
    assert [budget["limit"] for budget in report["budgets"]] == [1000]
    await log.close()


async def test_one_huge_request_is_not_made(tmp_path: Path):
    async with model_server([]) as server:
        outcome = await in_memory(server, tmp_path, ("turn", "dollars"), 0.1).ask("word " * 19_000)
        assert outcome.reason == "budget"
        assert "The next step would take about $0.2" in outcome.message
        assert "budget of each request is $0.10" in outcome.message
        assert server.requests == []


@pytest.mark.parametrize("unit", UNITS)
async def test_an_answer_that_comes_past_the_budget_is_cut_off_there_and_kept_so_far(tmp_path: Path, unit: Unit):
    limit = 41_500 if unit == "tokens" else 0.45
    long: Step = {"text": numbers(100_000), "usage": WITH, "size": 200, "delay": 0.005}
    steps: list[Step] = [*writes(1, WITH), long, {"text": "And more."}]
    async with model_server(steps) as server:
        session = in_memory(server, tmp_path, ("session", unit), limit)
        outcome = await session.ask("Write notes.")
        assert outcome.reason == "budget"
        assert len(server.requests) == 2
        async with asyncio.timeout(10):
            while not server.closed_early:  # else the model goes on writing, and that costs
                await asyncio.sleep(0.01)
        first, second = (data["usage"] for data in session.journal.of("usage.recorded"))
        key = "cost" if unit == "dollars" else "output_tokens"
        assert second["estimated"]
        assert second["input_tokens"] > 20_000, "as much as the provider reported of the last one, and more"
        spent = first[key] + second[key] + (first["input_tokens"] + second["input_tokens"]) * (unit == "tokens")
        assert limit <= spent < limit * 1.01
        kept = session.journal.of("response.completed")[-1]
        assert (kept["finish_reason"], len(kept["text"]) // 4) == ("length", second["output_tokens"])


async def test_a_call_that_is_cut_off_by_the_budget_writes_nothing(tmp_path: Path):
    steps = [*writes(1, WITH), *writes(1, WITH, words=20_000)]
    async with session_with(tmp_path, steps, session_tokens=45_000) as (builder, session, server):
        ended = await ask(session)
        assert ended["reason"] == "budget"
        assert (session.workspace.app / "notes/0.txt").read_text() == f"0 {numbers(50)}", "the first one stands"
        results = [event.data for event in await session.events() if event.type == "tool.finished"]
        assert [data["ok"] for data in results] == [True, False]
        builder.usage.settings.set_own({})
        assert len(server.requests) == 2


async def test_what_comes_from_the_cache_is_not_expected_at_the_full_price(tmp_path: Path):
    """After the first request nearly all of the next comes from the cache: it fits where a fresh one would not."""
    request = "word " * 16_000
    cached = {"prompt_tokens": 20_000, "completion_tokens": 10, "cached_tokens": 19_900}
    async with model_server([*writes(1, cached), {"text": "Done.", "usage": cached}]) as server:
        assert (await in_memory(server, tmp_path, ("turn", "dollars"), 0.22).ask(request)).reason == "done"
        assert len(server.requests) == 2
    fresh = cached | {"cached_tokens": 0}
    async with model_server([*writes(1, fresh), {"text": "Done.", "usage": fresh}]) as server:
        assert (await in_memory(server, tmp_path, ("turn", "dollars"), 0.22).ask(request)).reason == "budget"
        assert len(server.requests) == 1


async def test_a_new_turn_has_its_own_budget_and_the_session_goes_on_once_it_is_raised(tmp_path: Path):
    async with session_with(tmp_path, writes(20, WITH), turn_budget=0.5) as (builder, session, server):
        accounts = builder.usage
        accounts.settings.set_own({("session", "dollars"): 0.75})
        assert (await ask(session))["reason"] == "budget"  # the turn's
        assert len(server.requests) == 2
        ended = await ask(session, "Go on.")
        assert "This session has used $0.66 of its budget of $0.75" in ended["message"]
        assert "Raise it for this session" in ended["hint"]
        with pytest.raises(InvalidInput, match=r"has used \$0.66 already"):
            await session.raise_budget({"dollars": 0.5})
        await session.raise_budget({"dollars": 2})
        ended = await ask(session, "Go on.")
        assert "This request" in ended["message"]
        assert len(server.requests) == 5
        found = await accounts.of_session(session.summary, await session.events())
        budgets = {(it["scope"], it["unit"]): it for it in found["budgets"]}
        assert budgets["session", "dollars"] == {
            "scope": "session",
            "unit": "dollars",
            "limit": 2.0,
            "used": pytest.approx(1.1),
            "source": "session",
            "near": False,
            "over": False,
        }
        assert [turn["turn"] for turn in found["turns"]] == ["t3", "t2", "t1"]
        steps = found["turns"][2]["steps"]
        assert [step["tools"] for step in steps] == [["write_file"], ["write_file"]]
        assert [step["response"] for step in steps] == ["r1", "r2"]
        assert found["usage"]["cost"] == pytest.approx(sum(turn["usage"]["cost"] for turn in found["turns"]))


async def test_a_budget_in_dollars_does_not_hold_where_the_price_is_not_known_and_that_is_said(tmp_path: Path):
    async with session_with(tmp_path, writes(3, WITH), prices={}, day_budget=0.01) as (builder, session, _):
        assert (await ask(session))["reason"] == "done"
        found = await builder.usage.of_session(session.summary, await session.events())
        assert found["model"] == {"model": MODEL, "priced": False}
        assert (found["usage"]["cost"], found["usage"]["unpriced"]) == (None, 4)
        builder.usage.settings.set_own({("day", "tokens"): 1000})
        assert "tokens" in (await ask(session))["message"]


async def test_a_used_up_budget_holds_nothing_back_that_costs_nothing(tmp_path: Path):
    async with session_with(tmp_path, writes(1, WITH), day_budget=0.2, prices={MODEL: (0, 0)}) as (builder, session, _):
        other = {"input_tokens": 1, "output_tokens": 1, "cached_tokens": 0, "cost": 5.0}
        await session.append(_draft(other, turn="t0"))
        assert (await builder.usage.of_days(1))["budgets"][0]["over"]
        assert (await ask(session))["reason"] == "done"


async def test_an_endpoint_that_answers_nothing_is_paid_for_all_the_same(tmp_path: Path):
    async with model_server([{"text": "", "usage": WITH}] * 3) as server:
        session = in_memory(server, tmp_path, ("turn", "dollars"), 0.3)
        assert (await session.ask("Write notes.")).reason == "budget"
        assert len(server.requests) == len(session.journal.of("usage.recorded")) == 1
        assert session.journal.of("response.completed") == []


async def test_an_answer_that_breaks_off_or_is_stopped_counts_too(tmp_path: Path):
    """The provider bills it, and says nothing: estimated."""
    broken = {"text": "word " * 400, "drop_after": 60}
    async with model_server([broken, {"text": "Done.", "usage": WITH}]) as server:
        session = in_memory(server, tmp_path, ("turn", "dollars"), 5)
        assert (await session.ask("Write notes.")).reason == "done"
        first, second = (data["usage"] for data in session.journal.of("usage.recorded"))
        assert (first["estimated"], first["output_tokens"] > 50, second["input_tokens"]) == (True, True, 20_000)
    async with model_server([{"text": "word " * 400, "hang_after": 60}]) as server:
        session = in_memory(server, tmp_path, ("turn", "dollars"), 5)
        asking = asyncio.create_task(session.ask("Write notes."))
        while len(session.journal.shown) < 50:
            await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.wait([asking])
        [stopped] = session.journal.of("usage.recorded")
        assert stopped["usage"]["estimated"]
        assert stopped["usage"]["output_tokens"] > 50


def _draft(usage: dict[str, Any], turn: str = "t1") -> Any:
    from jupyter_appbuilder.events import Draft

    return Draft("usage.recorded", {"turn": turn, "model": "openai:gpt-5", "usage": usage})


SPEND = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from jupyter_appbuilder.events import Draft
    from jupyter_appbuilder.log import SqliteEventStore

    async def spend(session):
        log = SqliteEventStore(Path(sys.argv[1]))
        await log.claim(session)
        usage = {"input_tokens": 1000, "output_tokens": 500, "cached_tokens": 100, "cost": 0.25}
        data = {"turn": "t1", "model": "openai:gpt-5", "usage": usage}
        await log.append(session, [Draft("usage.recorded", data)] * 4)
        print("spent", flush=True)
        sys.stdin.read()
        await log.close()

    asyncio.run(spend(sys.argv[2]))
    """
)


async def test_a_day_counts_what_other_processes_use_and_what_deleted_sessions_used(tmp_path: Path):
    async with session_with(tmp_path, writes(6, WITH), day_budget=1.6) as (builder, session, server):
        command = [sys.executable, "-c", SPEND, str(tmp_path / "data" / "log.db"), "elsewhere"]
        other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert other.stdout
            assert await asyncio.to_thread(other.stdout.readline) == "spent\n"
            report = await builder.usage.of_days(1)
            assert (report["today"]["cost"], report["today"]["requests"]) == (1.0, 4)
            ended = await ask(session)
            assert "Today's work has used $1.44 of its budget of $1.60" in ended["message"]
            assert len(server.requests) == 2
        finally:
            other.communicate("")
        await builder.delete(session.id, files=True)
        report = await builder.usage.of_days(30)
        assert report["today"]["cost"] == pytest.approx(1.44)
        assert report["today"] == report["total"] == report["days"][0]["usage"]
        assert {row["title"] for row in report["sessions"]} == {None, ""}
        rows = await builder.usage.requests(1)
        assert [row["cost"] for row in rows] == [0.25] * 4 + [pytest.approx(0.22)] * 2


async def test_a_fork_does_not_count_again_what_its_source_used(tmp_path: Path):
    from jupyter_appbuilder.events import PAYLOADS, Draft

    assert "session.forked" in PAYLOADS
    usage = {"input_tokens": 1000, "output_tokens": 500, "cached_tokens": 100, "cost": 0.25}
    async with app_builder(tmp_path) as builder:
        log = builder.log_store
        for session in ("source", "fork"):
            await log.claim(session)
            await log.append(session, [_draft(usage), _draft(usage)])
        await log.append("fork", [Draft("session.forked", {"source": "source", "name": "source", "message": 1})])
        await log.append("fork", [_draft(usage)])
        assert (await builder.usage.of_days(1))["today"]["requests"] == 3
        assert (await log.summary("fork")).cost == pytest.approx(0.25)


async def test_an_old_log_brings_its_usage_into_the_table(tmp_path: Path):
    import sqlite3

    log = SqliteEventStore(tmp_path / "log.db")
    await log.claim("s")
    await log.append("s", [_draft({"input_tokens": 7, "output_tokens": 1, "cached_tokens": 0, "cost": None})])
    await log.close()
    with sqlite3.connect(tmp_path / "log.db") as db:
        for table in ("usage", "blobs"):
            db.execute(f"DROP TABLE {table}")
        db.execute("PRAGMA user_version = 1")
    log = SqliteEventStore(tmp_path / "log.db")
    [row] = await log.requests(0)
    assert (row.input_tokens, row.cost, row.estimated) == (7, None, False)
    await log.close()


async def test_a_days_total_reads_nothing_but_that_days_part_of_an_index(tmp_path: Path):
    import sqlite3

    from jupyter_appbuilder.log import usage

    log = SqliteEventStore(tmp_path / "log.db")
    assert await log.used(0) == []
    await log.close()
    asked: list[str] = []
    with sqlite3.connect(tmp_path / "log.db") as db:
        db.set_trace_callback(asked.append)
        usage.used(db, 1.0, 2.0)
        db.set_trace_callback(None)
        steps = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {asked[0]}")]
    assert steps[0].startswith("SEARCH usage USING COVERING INDEX usage_by_time (at>")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 10**400])
def test_a_budget_is_a_number_that_can_be_counted_to(tmp_path: Path, value: float):
    with pytest.raises(InvalidInput, match="A budget is a number"):
        BudgetSettings(tmp_path / "budgets.json", {}).set_own({("day", "dollars"): value})


def test_nobody_sets_a_budget_above_the_administrators(tmp_path: Path):
    file = tmp_path / "budgets.json"
    settings = BudgetSettings(file, {("day", "dollars"): 5, ("turn", "tokens"): 0})
    with pytest.raises(InvalidInput, match=r"more than \$5.00 here") as refused:
        settings.set_own({("day", "dollars"): 6})
    assert "c.AppBuilder.day_budget" in refused.value.hint
    settings.set_own({("day", "dollars"): 2, ("turn", "tokens"): 9})
    assert [(it.scope, it.unit, it.limit, it.source) for it in settings.limits({})] == [
        ("turn", "tokens", 9, "person"),
        ("day", "dollars", 2, "person"),
    ]
    file.write_text(json.dumps({"day": {"dollars": 100, "tokens": "many"}, "turn": 3}))  # by hand
    assert [(it.scope, it.limit, it.source) for it in settings.limits({})] == [("day", 5, "configuration")]
    settings.set_own({("day", "dollars"): 0})
    assert [(it.scope, it.limit, it.source) for it in settings.limits({})] == [("day", 5, "configuration")]
    file.write_text("{")
    assert [it.limit for it in settings.limits({})] == [5]
    assert file.stat().st_mode & 0o077 == 0


def test_another_time_zone_of_ones_own_is_no_way_around_the_administrators_day(tmp_path: Path):
    settings = BudgetSettings(tmp_path / "budgets.json", {("day", "dollars"): 5}, "UTC")
    settings.set_own({("day", "dollars"): 2}, "Pacific/Auckland")
    assert [(it.limit, it.source) for it in settings.limits({})] == [(2, "person"), (5, "configuration")]
    with pytest.raises(InvalidInput, match="no time zone 'Middle/Earth'"):
        settings.set_own({}, "Middle/Earth")


def test_days_begin_at_midnight_where_the_person_is_also_when_clocks_change():
    noon = datetime(2026, 3, 30, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    found = starts("Europe/Berlin", 3, noon)
    assert [day for day, _ in found] == ["2026-03-28", "2026-03-29", "2026-03-30"]
    assert [end - start for (_, start), (_, end) in pairwise(found)] == [24 * 3600, 23 * 3600]
    assert starts("UTC", 1, noon)[0][1] != starts("Asia/Tokyo", 1, noon)[0][1]


@pytest.mark.parametrize(
    ("value", "said"), [(0, "$0.00"), (0.1, "$0.10"), (12.345, "$12.35"), (0.0123, "$0.012"), (0.000456, "$0.00046")]
)
def test_small_amounts_say_something(value: float, said: str):
    assert amount("dollars", value) == said
