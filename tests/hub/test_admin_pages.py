"""On a real JupyterHub, in Chromium: an admin walks the administrator's pages; others get none of them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from chromium import launch_options
from playwright.sync_api import Page, expect, sync_playwright

from jupyter_appbuilder.hub.ledger import Ledger, Person, Spent
from jupyter_appbuilder.hub.reporting import Reports, read_report

from .hub_server import PROXY, Hub, hub, until
from .test_gateway import in_ledger

pytestmark = pytest.mark.hub

PAGES = ("", "users", "users/ada", "groups", "groups/team", "usage", "live", "apps", "limits", "grants", "rules")
LONG = "a-very-long-name-of-an-app-that-nobody-would-type-but-that-a-model-may-well-make-up"


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """Not pytest-jupyter's: it would close the loop that Playwright runs."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """No server runs in this process."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Hub, str]]:
    database = f"sqlite:///{tmp_path}/money.sqlite"
    config = tmp_path / "appbuilder_hub_config.py"
    config.write_text(f"c.HubService.database = {database!r}\n")
    command = [sys.executable, "-m", "jupyter_appbuilder.cli", "hub", "--config", str(config)]
    with hub(tmp_path, {}, cull_seconds=600, apps={"service": command}) as found:
        found.ask("POST", "/hub/api/users/ada")
        yield found, database


async def used(money: Ledger) -> None:
    """Some days of usage by two people, and what ada's server told."""
    for back in range(12):
        for name, model, amount in (("ada", "coder", 2_400_000), ("eve", "coder", 700_000), ("ada", "small", 90_000)):
            at = time.time() - back * 86_400
            day, month = money.periods(at)
            person = Person(name, ("team",))
            async with money.database.transaction() as t:
                await money._locked(t, keys := money._keys(person, day, month))  # pyright: ignore[reportPrivateUsage]
                spent = Spent(amount * (1 + back % 4), 9000, 800, 2000)
                await money._add(t, f"{name}{model}{back}", at, day, month, person, model, "ours", spent)  # pyright: ignore[reportPrivateUsage]
                await money._change(t, keys, spent=spent.micros)  # pyright: ignore[reportPrivateUsage]
    await money.saw(Person("ada", ("team",)))
    await money.saw(Person("eve", ("team",)))


def report(**more: Any) -> dict[str, Any]:
    published = {"target": "here", "name": "sales", "title": "Sales & <b>more</b>", "number": 3, "visits": 41}
    return {
        "running": [
            {"id": "s1", "name": LONG, "model": "hub:coder", "turn_at": time.time() - 100, "sandbox": "local"},
            {"id": "s2", "name": "<img src=x onerror=alert(1)>", "model": "hub:small", "sandbox": "local"},
        ],
        "published": [{**published, "at": time.time() - 9e5, "visited_on": "2026-11-29"}],
        **more,
    }


def ask(work: Coroutine[Any, Any, Any]) -> Any:
    """In a thread: Playwright's loop runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def log_in(page: Page, url: str, name: str, to: str) -> None:
    page.goto(f"{url}{to}")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill("x")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/services/appbuilder/**")


@pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup).")
def test_an_admin_walks_the_pages_and_nobody_else(served: tuple[Hub, str]):
    found, database = served
    pictures = os.environ.get("APPBUILDER_SCREENSHOTS")
    ask(in_ledger(database, used))

    async def told(money: Ledger, **more: Any) -> list[dict[str, Any]]:
        reports = Reports(money.database)
        given = read_report(report(**more), time.time())
        return [one.to_json() for one in await reports.take(Person("ada", ("team",)), given)]

    ask(in_ledger(database, told))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        page = context.new_page()
        at = f"{found.url}/services/appbuilder/admin/"
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        log_in(page, found.url, "root", "/services/appbuilder/")
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        axe = Path(__file__).parents[2] / "labextension/node_modules/axe-core/axe.min.js"
        wrong: list[Any] = []
        for path in (*PAGES, "audit"):
            page.goto(at + path)
            expect(page.get_by_role("navigation")).to_be_visible()
            for width, scheme in ((1200, "light"), (400, "dark")):
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
                if pictures:
                    name = f"admin-{path.replace('/', '-') or 'overview'}-{width}.png"
                    page.screenshot(path=Path(pictures) / name, full_page=True)
                page.context.new_cdp_session(page).send("Page.setBypassCSP", {"enabled": True})
                page.evaluate(axe.read_text())
                result = page.evaluate("axe.run()")
                wrong += [(path, scheme, one["id"], one["nodes"][0]["html"]) for one in result["violations"]]
        assert not wrong
        page.set_viewport_size({"width": 1200, "height": 900})

        # A limit, a wrong one that keeps what was typed, a grant; they hold at once.
        page.goto(f"{at}users/ada")
        limit = page.locator("form", has=page.get_by_role("button", name="Set the limit"))
        limit.get_by_label("US dollars").fill("12,50")
        limit.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_contain_text("no amount in US dollars")
        expect(limit.get_by_label("US dollars")).to_have_value("12,50")
        limit.get_by_label("US dollars").fill("12.50")
        limit.get_by_role("button").click()
        expect(page.get_by_role("status")).to_have_text("The limit is set.")
        grant = page.locator("form", has=page.get_by_role("button", name="Grant"))
        grant.get_by_label("US dollars").fill("4")
        grant.get_by_label("Reason").fill("demo on <Friday>")
        grant.get_by_role("button").click()
        expect(page.get_by_role("status")).to_have_text("The grant is made.")
        quotas = ask(in_ledger(database, lambda money: money.quotas(Person("ada", ("team",)))))
        assert [(one.limit, one.granted) for one in quotas] == [(12_500_000, 4_000_000)]

        # Stop, by the keyboard; unpublish; the server takes both with its next report.
        page.goto(f"{at}live")
        page.get_by_role("button", name=f"Stop {LONG} of ada").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("told to stop")
        page.goto(f"{at}apps")
        page.get_by_text("Unpublish…").click()
        page.get_by_role("button", name="Unpublish sales of ada from here").click()
        expect(page.get_by_text("is taken down when the owner’s server runs")).to_be_visible()
        orders = ask(in_ledger(database, told))
        assert [(one["action"], one["target"]) for one in orders] == [("stop", "s1"), ("unpublish", "here/sales")]
        done = [{"id": one["id"], "outcome": "done"} for one in orders]
        ask(in_ledger(database, lambda money: told(money, done=done, running=[], published=[])))
        page.goto(f"{at}apps")
        expect(page.get_by_text("Nobody has published an app")).to_be_visible()

        # Rules.
        page.goto(f"{at}rules")
        page.get_by_label("Models, one a line").fill("hub:*")
        page.get_by_label("Approval rules").fill("never do it")
        page.get_by_role("button", name="Set the rules").click()
        expect(page.get_by_role("alert")).to_contain_text("'never do it' is no approval rule")
        expect(page.get_by_label("Models, one a line")).to_have_value("hub:*")
        page.get_by_label("Approval rules").fill("deny run_command: git push *")
        page.get_by_role("button", name="Set the rules").click()
        expect(page.get_by_role("status")).to_contain_text("The rules are set")

        # All of it is in the log, with who did it and from where; nothing of a page ran.
        page.goto(f"{at}audit")
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(7)
        expect(rows.last).to_contain_text(re.compile("root.*limit.set.*user ada.*\\$12.50.*127.0.0.1"))
        with page.expect_download() as download:
            page.get_by_role("link", name="JSON lines").click()
        lines = [json.loads(line) for line in download.value.path().read_text().splitlines()]
        assert [line["action"] for line in lines][:3] == ["limit.set", "grant", "stop"]
        assert not [one for one in complaints if "status of 400" not in one]  # what was typed wrongly

        # A form without the page's own token does nothing.
        sent = context.request.post(
            f"{at}limits",
            form={"act": "limit", "scope": "everyone", "period": "day", "dollars": "0"},
            headers={"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"},
            max_redirects=0,
        )
        assert sent.status == 403
        assert len(ask(in_ledger(database, lambda money: money.limits()))) == 1

        # Another user gets a sentence.
        others = browser.new_context()
        page = others.new_page()
        log_in(page, found.url, "eve", "/services/appbuilder/admin/")
        expect(page.get_by_role("heading", name="These pages are for administrators")).to_be_visible()
        for path in (*PAGES, "audit", "audit.csv", "audit.jsonl"):
            answer = others.request.get(at + path, headers={"Sec-Fetch-Mode": "navigate"})
            assert answer.status == 403
            assert "ada" not in answer.text()
        browser.close()
    until(lambda: found.answers(), 10)
