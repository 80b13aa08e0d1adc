"""What the administrator's pages stand on: reports of servers and orders to them, rules for all, who may see the pages,
the audit log, metrics."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound
from jupyter_appbuilder.hub import audit
from jupyter_appbuilder.hub.admin.figures import Figures, days_until
from jupyter_appbuilder.hub.database import Database, open_database
from jupyter_appbuilder.hub.ledger import Late, Ledger, OverQuota, Person, Spent
from jupyter_appbuilder.hub.reporting import Reports, read_report
from jupyter_appbuilder.hub.rules import RuleBook

from .hub_server import until
from .service_process import SCOPE, HubApi, hub_api, service

DASHBOARD = Path(__file__).parents[2] / "docs/deployment/grafana-appbuilder.json"
ADA, EVE = Person("ada"), Person("eve")
RUNS = {"id": "s1", "name": "Sales", "model": "hub:coder", "turn_at": 1.0, "sandbox": "local"}
SHOWN = {"target": "here", "name": "sales", "title": "Sales", "number": 2, "at": 1.0, "visits": 3}


def report(**given: Any) -> Any:
    return read_report(given, time.time())


async def test_a_servers_report_is_its_own_users_and_takes_orders(database_url: str):
    database = await open_database(database_url)
    reports = Reports(database)
    assert await reports.take(ADA, report(running=[RUNS], published=[SHOWN])) == []
    await reports.take(EVE, report(running=[{**RUNS, "id": "s2"}]))
    assert [(row["user_name"], row["id"]) for row in await reports.running()] == [("ada", "s1"), ("eve", "s2")]
    assert [row["id"] for row in await reports.running(("ada", "", "s1"))] == ["s2"]

    with pytest.raises(Conflict):
        await reports.order("root", "stop", "ada", "", "s2")  # eve's
    with pytest.raises(NotFound):
        await reports.order("root", "unpublish", "eve", "", "here/sales")
    await reports.order("root", "stop", "ada", "", "s1")
    await reports.order("root", "stop", "ada", "", "s1")  # pressed twice, one order
    await reports.order("root", "unpublish", "ada", "", "here/sales")
    assert await reports.take(EVE, report()) == []
    orders = await reports.take(ADA, report(running=[RUNS]))
    assert [(one.action, one.target) for one in orders] == [("stop", "s1"), ("unpublish", "here/sales")]

    # Another's server cannot say that they were carried out; the order is handed out until its own did.
    done = [{"id": one.id, "outcome": "done"} for one in orders]
    await reports.take(EVE, report(done=done))
    assert len(await reports.take(ADA, report(running=[RUNS]))) == 2
    assert await reports.take(ADA, report(done=done, published=[])) == []
    assert not await reports.published()
    assert not [row for row in await reports.running() if row["user_name"] == "ada"]
    assert (await reports.counts())["servers"] == 2
    actions = [entry.action for entry in await audit.page(database)]
    assert sorted(actions) == sorted(["stop", "stop", "unpublish", "stop.done", "unpublish.done"])
    await database.close()


async def test_a_server_that_is_gone_runs_nothing_and_one_person_fills_no_table(database_url: str):
    database, now = await open_database(database_url), 1_000_000.0
    reports = Reports(database, clock=lambda: now)
    for number in range(30):
        now += 1
        await reports.take(ADA, read_report({"server": f"n{number}", "running": [RUNS]}, now))
    assert (await reports.counts())["servers"] == 20
    now += 1000
    assert (await reports.counts())["turns"] == 0
    assert await reports.running() == []
    with pytest.raises(Conflict, match="has reported lately"):
        await reports.order("root", "stop_all", "ada", "")
    await database.close()


@pytest.mark.parametrize(
    "said",
    [
        {"running": "x"},
        {"running": [1]},
        {"running": [RUNS] * 201},
        {"running": [{**RUNS, "id": ""}]},
        {"running": [{**RUNS, "turn_at": "now"}]},
        {"running": [{**RUNS, "turn_at": float("inf")}]},
        {"published": [{**SHOWN, "number": -1}]},
        {"published": [{**SHOWN, "visits": 2**40}]},
        {"done": [{"id": "1"}]},
        {"rules": True},
        {"server": ["x"]},
    ],
)
def test_a_report_that_is_none_names_what_is_wrong(said: dict[str, Any]):
    with pytest.raises(InvalidInput) as caught:
        report(**said)
    assert caught.value.field


async def test_names_in_a_report_are_one_line_and_cut(database_url: str):
    database = await open_database(database_url)
    reports = Reports(database)
    name = "a\0b\nc\ud800" + "x" * 10_000
    await reports.take(ADA, report(server="s\0", running=[{**RUNS, "name": name, "turn_at": 1e18}]))
    [row] = await reports.running()
    assert row["name"].startswith("a b c")
    assert len(row["name"]) == 200
    assert "\0" not in row["server"]
    assert row["turn_at"] <= time.time()
    await database.close()


async def test_rules_are_versions_and_two_administrators_do_not_undo_each_other(database_url: str):
    database = await open_database(database_url)
    book = RuleBook(database, {"publish_hard": ["secret"]})
    empty = await book.given()
    first = await book.set({"models": ["hub:*"], "templates": []}, "root", 0)
    with pytest.raises(Conflict):
        await book.set({"models": ["*"]}, "eve", 0)
    with pytest.raises(InvalidInput, match="egress_hosts"):
        await book.set({"egress_hosts": ["http://example.org/x"]}, "root", first)
    open_quote = {"tool": "run_command", "pattern": "git 'push", "action": "deny"}
    with pytest.raises(InvalidInput, match="quote that does not end"):  # which would hold up every tool of every server
        await book.set({"approval_rules": [open_quote]}, "root", first)
    second = await book.set({"models": ["hub:*"], "max_steps": 20}, "eve", first)
    given = await book.given()
    assert given["rules"] == {"models": ["hub:*"], "max_steps": 20, "publish_hard": ["secret"]}
    assert given["version"] != empty["version"]
    assert [(one.number, one.by) for one in await book.versions()] == [(second, "eve"), (first, "root")]
    for statement in ("UPDATE rules SET set_by = 'x'", "DELETE FROM rules", "DELETE FROM audit"):
        with pytest.raises(Exception, match="only added to"):
            await refused(database, statement)
    await database.close()


async def test_the_days_budget_of_the_rules_holds_whatever_limits_and_grants_say(database_url: str):
    database = await open_database(database_url)
    book = RuleBook(database, {})
    ledger = Ledger(database, ceiling=book.ceiling)
    assert await ledger.quotas(ADA) == []
    await book.set({"day_budget": 2.0}, "root", 0)
    assert [(one.period, one.limit, one.granted) for one in await ledger.quotas(ADA)] == [("day", 2_000_000, 0)]
    await ledger.set_limit("user", "ada", "day", 1_500_000, "root")
    await ledger.grant("user", "ada", "day", 3_000_000, "root", "more")
    assert [(one.limit, one.granted) for one in await ledger.quotas(ADA)] == [(1_500_000, 500_000)]
    held = await ledger.reserve(ADA, "coder", "ours", 100, 9_000_000)
    assert held.micros == 2_000_000
    with pytest.raises(OverQuota):
        await ledger.reserve(ADA, "coder", "ours", 100, 9_000_000)
    await ledger.release(held)
    await database.close()


async def refused(database: Database, statement: str) -> None:
    async with database.transaction() as t:
        await t.run(statement)


def pages(api: HubApi) -> list[str]:
    found = ["", "users", "users/ada", "groups", "groups/staff", "usage", "live", "apps", "limits", "grants", "rules"]
    return [*found, "audit", "audit.csv", "audit.jsonl"]


def test_only_administrators_see_or_change_anything(tmp_path: Path):
    with hub_api() as api:
        admin = api.add("root", scopes=(SCOPE, "custom:appbuilder:admin"))
        others = [
            api.add("ada", "staff"),
            api.add("boss", admin=True),  # whose server's token: what runs there administers nothing
            api.add("eve", "admins"),
            api.add("none", scopes=()),
        ]
        settings = {"database": f"sqlite:///{tmp_path}/hub.sqlite", "admin_groups": ["admins"], "metrics_token": "m"}
        settings |= {
            "providers": {"ours": {"base_url": "http://127.0.0.1:9/v1", "key": "sk-ours"}},
            "models": {"coder": {"provider": "ours", "model": "scripted", "price": (1.0, 1.0)}},
        }
        with service(tmp_path / "service", api, **settings) as found:
            with found.client(others[0]) as ada:
                ada.get("api/me")
                ada.post("api/report", json={"running": [{**RUNS, "name": "=1+1"}], "published": [SHOWN]})
            for token in (*others, "of-nobody", ""):
                with found.client(token or "x") as client:
                    for page in pages(api):
                        answer = client.get(f"admin/{page}")
                        assert answer.status_code in (302, 403), (token, page)
                        assert "ada" not in answer.text
                        assert "Sales" not in answer.text
                        act = {"act": "limit", "scope": "everyone", "period": "day", "dollars": "0"}
                        assert client.post(f"admin/{page}", data=act).status_code in (403, 405)
                    assert client.get("metrics").status_code in (401, 403)
            with found.client(admin) as root:
                until(lambda: root.get("admin/users/ada").status_code == 200, 30)  # written in the background
                for page in pages(api)[:-2]:
                    answer = root.get(f"admin/{page}")
                    policy = answer.headers["Content-Security-Policy"]
                    assert answer.status_code == 200
                    assert "script" not in policy
                    assert "default-src 'none'" in policy
                assert root.get("admin/users/nobody").status_code == 404
                assert root.get("admin/limits?after=%00&after=b&after=c").status_code == 200
                forwarded = {"X-Forwarded-For": "10.1.2.3"}
                act = {"act": "limit", "scope": "user", "name": "=ada", "period": "day", "dollars": "2.5"}
                assert root.post("admin/limits", data=act, headers=forwarded).status_code == 303
                everyone = {"act": "limit", "scope": "everyone", "period": "month", "dollars": "9"}
                for dollars, there in (("9", True), ("", False)):  # nothing typed: no limit any more
                    assert root.post("admin/limits", data={**everyone, "dollars": dollars}).status_code == 303
                    assert ("$9.00" in root.get("admin/limits").text) is there
                for wrong in ({"dollars": "1e3"}, {"dollars": "-1"}, {"scope": "x"}, {"period": "year"}, {"act": "y"}):
                    answer = root.post("admin/limits", data={**act, **wrong})
                    assert answer.status_code == 400, wrong
                    assert 'role="alert"' in answer.text, wrong
                lines = [json.loads(line) for line in root.get("admin/audit.jsonl").text.splitlines()]
                for models, told in (("coder", "forbid every model"), ("hub:*", "may use: hub:coder")):
                    seen = re.search(r'name="seen" value="(\d+)"', root.get("admin/rules").text)
                    assert seen
                    rules = {"act": "rules", "seen": seen[1], "models": models}
                    assert root.post("admin/rules", data=rules).status_code == 303
                    assert told in root.get("admin/rules").text
                assert next((one["actor"], one["action"], one["target"]) for one in lines) == (
                    "root", "limit.set", "user =ada",
                )  # fmt: skip
                assert lines[0]["origin"] == "10.1.2.3, 127.0.0.1"
                rows = list(csv.DictReader(io.StringIO(root.get("admin/audit.csv").text)))
                assert rows[0]["actor"] == "root"
                assert json.loads(rows[0]["detail"])["micros"] == 2_500_000
            assert (tmp_path / "service" / "appbuilder-hub-cookie-secret").stat().st_mode & 0o777 == 0o600
            assert httpx.get(f"{found.url}metrics", headers={"Authorization": "Bearer m"}).status_code == 200
            assert httpx.get(f"{found.url}health/live").json() == {"status": "ok"}
        said = found.log.read_text()
        assert "10.1.2.3" not in said
    assert asyncio.run(limits(f"sqlite:///{tmp_path}/hub.sqlite")) == [("user", "=ada", 2_500_000)]


async def test_days_are_the_ones_that_were_asked_for_and_each_persons_own(database_url: str):
    database, noon = await open_database(database_url), 1_764_504_000.0  # 2025-11-30 12:00 UTC
    ledger = Ledger(database, clock=lambda: noon)
    for person, back in ((ADA, 0), (EVE, 0), (ADA, 6), (ADA, 7)):
        told = [Late(f"{person.name}{back}", noon - back * 86_400, "hub:coder", "ours", Spent(1_000_000, 10, 5))]
        await ledger.add_late(person, told)
    figures, days = Figures(database), days_until("2025-11-30", 7)
    rows = await figures.by_day_and_model(days)
    assert [(row["day"], row["micros"]) for row in rows] == [("2025-11-24", 1_000_000), ("2025-11-30", 2_000_000)]
    rows = await figures.by_day_and_model(days, "eve")
    assert [(row["day"], row["requests"]) for row in rows] == [("2025-11-30", 1)]
    assert await ledger.differences() == []
    await database.close()


async def limits(url: str) -> list[tuple[str, str, int]]:
    database = await open_database(url)
    found = [(one.scope, one.name, one.micros) for one in await Ledger(database).limits()]
    await database.close()
    return found


def test_the_dashboard_asks_for_metrics_that_there_are(tmp_path: Path):
    with (
        hub_api() as api,
        service(tmp_path / "service", api, database=f"sqlite:///{tmp_path}/hub.sqlite", metrics_token="m") as found,
    ):
        text = httpx.get(f"{found.url}metrics", headers={"Authorization": "Bearer m"}).text
    known = dict(re.findall(r"^# TYPE (\w+) (\w+)", text, re.M))
    names = {*known, *(f"{name}_bucket" for name, kind in known.items() if kind == "histogram")}
    dashboard = json.loads(DASHBOARD.read_text())
    asked = {target["expr"] for panel in dashboard["panels"] for target in panel["targets"]}
    for query in asked:
        wanted = re.findall(r"\b(?:appbuilder|process)_\w+", query)
        assert wanted, query
        assert set(wanted) <= names, query
    drawn = " ".join(asked)
    assert [
        name for name in known if name.startswith("appbuilder_") and not name.endswith("_created") and name not in drawn
    ] == []
