"""On a real JupyterHub, people open their apps and are logged in there as who they are on the Hub."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from building import share_dependencies
from chromium import PATIENCE, launch_options
from playwright.sync_api import Browser, Page, expect, sync_playwright

from jupyter_appbuilder.models.demo.recordings import SHIPPED

from .hub_server import PROXY, Hub, hub, until

pytestmark = [pytest.mark.hub, pytest.mark.walk]

FILES = SHIPPED / "crm-contacts" / "files"
PLACES = {"0001_contacts.sql": "migrations/", "contacts.ts": "functions/", "ContactList.tsx": "components/"}
SAMPLE = ("functions/tasks.ts", "components/TaskList.tsx", "migrations/0001_tasks.sql")


def app_of(found: Hub, user: str) -> str:
    """An app of theirs that knows people by the Hub; the address of its preview."""
    session = found.sessions(method="POST", user=user, json={"name": "rolodex", "template": "serverless"})["id"]
    until(lambda: found.sessions(f"/{session}", user=user)["state"] == "ready", 300)
    for path in SAMPLE:
        found.sessions(f"/{session}/files/{path}", "DELETE", user=user)
    layout = json.loads((FILES / "ui.json").read_text()) | {"accounts": {"by": "hub"}}
    texts = {f"{place}{name}": (FILES / name).read_text() for name, place in PLACES.items()}
    for path, text in {**texts, "ui.json": json.dumps(layout)}.items():
        plain = {"Content-Type": "text/plain"}
        found.sessions(f"/{session}/files/{path}", "PUT", user=user, content=text.encode(), headers=plain)

    def shown() -> dict[str, str]:
        return found.sessions(f"/{session}/preview", "POST", user=user, json={"action": "start"})

    until(lambda: shown()["state"] == "ready", 300)
    return found.url + shown()["url"]


def logged_in(browser: Browser, found: Hub, user: str) -> Page:
    page = browser.new_context().new_page()
    page.set_default_timeout(2 * PATIENCE)
    page.goto(f"{found.url}/hub/login")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill("any")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**/user/{user}/**")
    return page


def arrive(page: Page, address: str) -> None:
    """The Hub's proxy answers 503 while it finds a server busy; people load the page again."""

    def is_there() -> bool:
        answer = page.goto(address)
        return answer is not None and answer.status < 500

    until(is_there, 120)


@pytest.mark.timeout(900)
@pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup).")
def test_two_people_of_the_hub_open_their_app_and_are_who_they_are(tmp_path: Path) -> None:
    environment = {
        **{f"JUPYTER_{kind.upper()}_DIR": f"{tmp_path}/{{user}}/{kind}" for kind in ("data", "config", "runtime")},
        "PATH": os.environ["PATH"],
    }
    for user in ("ada", "bob"):
        share_dependencies(tmp_path / user / "data" / "appbuilder")
    with hub(tmp_path, environment, cull_seconds=600) as found, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        addresses: dict[str, str] = {}
        for user in ("ada", "bob"):
            found.ask("POST", f"/hub/api/users/{user}")
            found.start(user)
            addresses[user] = app_of(found, user)
            page = logged_in(browser, found, user)
            arrive(page, addresses[user])
            expect(page.get_by_text(user, exact=True)).to_be_visible(timeout=4 * PATIENCE)
            page.get_by_label("Name").fill(f"A friend of {user}")
            page.get_by_role("button", name="Add contact").click()
            expect(page.get_by_text(f"A friend of {user}")).to_be_visible()
        # Whoever opens another's app is nobody there, whoever they are on the Hub.
        arrive(page, addresses["ada"])
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        expect(page.get_by_text("A friend of ada")).to_have_count(0)
        browser.close()
