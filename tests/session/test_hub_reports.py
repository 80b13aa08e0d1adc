"""A server on a Hub: what it reports, the orders it takes, the rules it keeps to. The service's answers are its own
code's, over a socket; what a person's server needs of it is one route."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from building import scripted_builder, write
from tornado.web import Application, RequestHandler

from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.errors import Forbidden, Unavailable
from jupyter_appbuilder.hub.database import open_database
from jupyter_appbuilder.hub.ledger import Person
from jupyter_appbuilder.hub.reporting import Reports, read_report
from jupyter_appbuilder.hub.rules import RuleBook
from jupyter_appbuilder.server.settings import settings_of
from jupyter_appbuilder.session.reporting import HubReporter
from jupyter_appbuilder.usage.hub import HubService
from jupyter_appbuilder.usage.hub_rules import HubRules


@contextlib.asynccontextmanager
async def answering(folder: Path) -> AsyncIterator[tuple[HubService, Reports, RuleBook]]:
    """The service's reports and rules behind a port."""
    database = await open_database(f"sqlite:///{folder}/hub.sqlite")
    reports, rules = Reports(database), RuleBook(database, {})

    class Handler(RequestHandler):
        async def post(self) -> None:
            report = read_report(json.loads(self.request.body), 2e9)
            orders = [order.to_json() for order in await reports.take(Person("ada"), report)]
            given = await rules.given()
            self.finish({"orders": orders, "rules": given if given["version"] != report.rules else None, "seconds": 10})

    server = Application([(".*/api/report", Handler)]).listen(0, "127.0.0.1")
    [port] = [one.getsockname()[1] for one in server._sockets.values()]
    try:
        yield HubService(f"http://127.0.0.1:{port}/services/appbuilder", "a-token"), reports, rules
    finally:
        server.stop()
        await database.close()


def reporter(builder: AppBuilder, service: HubService) -> HubReporter:
    return HubReporter(service, builder._sessions, builder.published, builder.hub_rules)


async def test_what_runs_is_told_and_an_order_stops_it(tmp_path: Path):
    wait = {"tool_calls": [write("hello.txt", "hello")], "delay": 30}
    async with answering(tmp_path) as (service, reports, _), scripted_builder(tmp_path, [wait]) as (builder, _model):
        session = await builder.create(name="sales", template="static")
        await session.send("Build it")
        told = reporter(builder, service)
        await told.report()
        [row] = await reports.running()
        assert (row["id"], row["name"], row["model"]) == (session.summary.id, "sales", "custom:scripted")
        assert row["turn_at"]
        await reports.order("root", "stop", "ada", "", session.summary.id)
        assert await told.report() < 10  # and tells at once what came of it
        assert not session.busy
        await told.report()
        assert not [row for row in await reports.running() if row["turn_at"]]
        [order] = await reports.orders("ada")
        assert order["outcome"] == "done"


async def test_rules_hold_at_once_and_while_the_service_is_away(tmp_path: Path):
    async with answering(tmp_path) as (service, _, rules), scripted_builder(tmp_path) as (builder, _model):
        told = reporter(builder, service)
        assert (await builder.rules_of()).configuration == ()
        await rules.set(
            {
                "models": ["hub:*"],
                "templates": ["react-*"],
                "approval_rules": [{"tool": "run_command", "pattern": "git push *", "action": "deny"}],
                "publish_hard": ["secret"],
                "egress_hosts": ["api.example.org"],
                "sandbox": "e2b",
                "max_steps": 5,
                "day_budget": 2.0,
            },
            "root",
            0,
        )
        await told.report()

    # Another process on the same data: nobody answers, and the last known rules hold.
    async with scripted_builder(tmp_path) as (builder, _model):
        with pytest.raises(Forbidden, match="does not allow the model custom:scripted"):
            await builder.create(name="a", template="react-vite")
        with pytest.raises(Forbidden, match="does not allow the template static"):
            await builder.create(name="a", template="static", model="demo:recorded")
        with pytest.raises(Forbidden, match="sandbox 'e2b' only"):
            await builder.sandboxes.choose("local")
        assert [rule.pattern for rule in (await builder.rules_of()).configuration] == ["git push *"]
        assert builder._parts.publish_hard() == ["secret"]
        assert builder._parts.egress_hosts() == {"api.example.org": "hub"}
        assert builder._parts.max_steps() == 5
        assert builder.usage.settings.configured["day", "dollars"] == 2.0
        assert all(info.id.startswith(("hub:", "demo:")) for info in await builder.catalog.list_models())
        shown = {one["name"]: one for one in settings_of(builder)}
        assert (shown["max_steps"]["value"], shown["max_steps"]["origin"], shown["max_steps"]["trait"]) == (
            5, "hub", "max_steps",
        )  # fmt: skip
        assert shown["allowed_models"]["value"] == ["hub:*"]
        # What is not allowed is not offered; what new apps are made of is.
        assert {one["name"][:6] for one in builder.library.described()} == {"react-"}
        assert builder.library.default.startswith("react-")
        assert shown["max_seconds"]["trait"] == "c.AppBuilder.max_seconds"
    assert (tmp_path / "data" / "hub-rules.json").stat().st_mode & 0o077 == 0


async def test_rules_that_are_required_hold_turns_back_until_they_are_known(tmp_path: Path):
    now = 0.0
    rules = HubRules(tmp_path / "rules.json", required=True, clock=lambda: now)
    with pytest.raises(Unavailable):
        rules.check_model("openai:gpt")
    rules.check_model("demo:recorded")
    rules.take({"version": 7, "required": False, "rules": {}})
    rules.check_model("openai:gpt")
    now = 200.0
    rules.take(None)  # still the same
    now = 450.0
    rules.check_model("openai:gpt")
    now = 600.0
    with pytest.raises(Unavailable):
        rules.check_model("openai:gpt")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1, "rules": {"x": 1}}', '{"version": "x", "rules": {}}'])
def test_a_damaged_file_of_rules_is_none(tmp_path: Path, text: str):
    (tmp_path / "rules.json").write_text(text)
    assert HubRules(tmp_path / "rules.json").rules == {}


async def test_a_service_that_is_away_or_answers_nonsense_ends_nothing(tmp_path: Path):
    async with scripted_builder(tmp_path) as (builder, _model):
        told = reporter(builder, HubService("http://127.0.0.1:1/services/appbuilder", "a-token"))
        running = asyncio.ensure_future(told.run())
        done, _ = await asyncio.wait([running], timeout=1)
        assert not done
        running.cancel()

        async def nonsense(body: Any) -> dict[str, Any]:
            orders = [{"id": 1, "action": "burn", "target": "x"}, {"id": "x"}, 3, {"id": 2, "action": "stop"}]
            return {"orders": orders, "rules": {"rules": {"models": 3}}, "seconds": "soon"}

        told._service.report = nonsense  # type: ignore[method-assign]
        await told.report()
        assert told._done[1].startswith("This server is too old")
        assert builder.hub_rules.rules == {}
