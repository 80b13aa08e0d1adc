"""An app that is published to a real JupyterHub: who may open it, for how long, and how it wakes."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from browser.panel import Panel, violations
from browser.test_accessibility import PANEL
from building import share_dependencies
from chromium import PATIENCE, launch_options
from model_server import ModelServer, model_server_in_thread
from playwright.sync_api import Browser, Page, expect, sync_playwright

from jupyter_appbuilder import server

from .hub_server import PROXY, Hub, hub, until

pytestmark = [
    pytest.mark.hub,
    pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup)."),
]

APPS = {"service": [sys.executable, "-m", "jupyter_appbuilder.cli", "hub"]}
LINK = "/services/appbuilder/apps/ada/hello/"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Hello</title><link rel="icon" href="data:,">
<h1>Hello readers</h1><p id="kept"></p><p id="seen"></p>
<script type="module">
kept.textContent = `visit ${localStorage.visits = Number(localStorage.visits ?? 0) + 1}`;
seen.textContent = `origin ${self.origin}, cookies ${document.cookie.length}`;
</script></html>"""


STATUS = "fetch(location.href).then((answer) => answer.status)"


def homes(folder: Path, *users: str) -> dict[str, str]:
    for user in users:
        share_dependencies(folder / user / "data" / "appbuilder")
    return {
        **{f"JUPYTER_{kind.upper()}_DIR": f"{folder}/{{user}}/{kind}" for kind in ("data", "config", "runtime")},
        "PATH": os.environ["PATH"],
    }


def model_of(server: ModelServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-test-not-a-secret"}


@contextlib.contextmanager
def a_hub(folder: Path, *people: str, cull_seconds: int = 600) -> Iterator[tuple[Hub, str]]:
    """A Hub on which ada's server runs, and a session of hers whose app is ``PAGE``."""
    file = {"path": "index.html", "content": PAGE}
    steps = [{"tool_calls": [{"name": "write_file", "arguments": file}]}, {"text": "It is there."}]
    with model_server_in_thread(steps) as model:
        with hub(folder, homes(folder, "ada") | model_of(model), cull_seconds=cull_seconds, apps=APPS) as found:
            for user in ("ada", *people):
                found.ask("POST", f"/hub/api/users/{user}")
            found.start()
            body = {"prompt": "Say hello", "name": "hello", "template": "static", "model": "openai:scripted"}
            session = found.sessions(method="POST", json=body)["id"]
            until(lambda: (found.sessions(f"/{session}")["turn"] or {}).get("reason") == "done", 120)
            yield found, session


def publish(
    found: Hub, session: str, name: str = "hello", checkpoint: str | None = None, target: str = "hub", **settings: str
) -> dict[str, Any]:
    """Publish the app to the Hub; what the gate asks is answered."""
    asked = {"target": target, "name": name, "settings": settings} | ({"checkpoint": checkpoint} if checkpoint else {})
    found.sessions(f"/{session}/publishing", "POST", json=asked)

    def status() -> dict[str, Any]:
        return found.sessions(f"/{session}/publishing")["running"] or {}

    until(lambda: status().get("state") != "running", 180)
    if status()["state"] == "waiting":
        accepted = {one["id"]: "A test." for one in status()["findings"]}
        found.sessions(f"/{session}/publishing/answer", "POST", json={"accepted": accepted})
        until(lambda: status()["state"] not in ("running", "waiting"), 180)
    return status()


def visitor(browser: Browser, found: Hub, user: str, path: str = LINK) -> Page:
    page = browser.new_context().new_page()
    page.set_default_timeout(3 * PATIENCE)
    page.goto(f"{found.url}/hub/login?next={path}")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill("any")
    page.get_by_role("button", name="Sign in").click()
    return page


def refusals(found: Hub, session: str, user: str) -> dict[str, int]:
    """How ada's server answers another user of the Hub at each route of its API, and at what it shows of the app."""
    token = found.ask("POST", f"/hub/api/users/{user}/tokens", json={"note": "a test"})["token"]
    api = yaml.safe_load((Path(server.__file__).parent / "openapi.yaml").read_text())["paths"]
    paths = [
        (method, "/user/ada/appbuilder/api" + path.replace("{session}", session).replace("{target}", "hub"))
        for path, operations in api.items()
        for method in operations
        if method in ("get", "put", "post", "patch", "delete")
    ]
    below = ("", "healthz/", "A" * 43 + "/", "A" * 43 + "/__appbuilder/status", "index.html", "logout/../x")
    paths += [("get", f"/user/ada/app-hello/{path}") for path in below]
    paths += [("get", f"/user/ada/{path}") for path in ("appbuilder/apps/hello/", "appbuilder/preview/x/", "lab")]
    answers: dict[str, int] = {}
    with httpx.Client(base_url=found.url, headers={"Authorization": f"token {token}"}, timeout=30) as client:
        for method, path in paths:
            answer = client.request(method, re.sub(r"\{\w+\}", "1", path), json={} if method != "get" else None)
            assert "Hello readers" not in answer.text
            answers[f"{method} {path}"] = answer.status_code
    return answers


@pytest.mark.timeout(300)
def test_a_reader_opens_the_app_until_it_is_not_shared_any_more(tmp_path: Path) -> None:
    with a_hub(tmp_path, "bob") as (found, session), sync_playwright() as playwright:
        status = publish(found, session, readers="people", users="bob")
        assert (status["state"], status["url"]) == ("done", LINK), status
        browser = playwright.chromium.launch(**launch_options())
        bob = visitor(browser, found, "bob")
        # On an origin of its own, with a storage of the reader's own.
        expect(bob.get_by_role("heading", name="Hello readers")).to_be_visible()
        expect(bob.get_by_text("origin null, cookies 0")).to_be_visible()
        expect(bob.get_by_text("visit 1")).to_be_visible()
        bob.reload()
        expect(bob.get_by_text("visit 2")).to_be_visible()
        eve = visitor(browser, found, "eve")
        expect(eve.get_by_role("heading", name="You have no access to this app")).to_be_visible()
        eve.goto(bob.url)  # an address that was copied
        expect(eve.get_by_text("Hello readers")).to_have_count(0)
        answers = refusals(found, session, "eve")
        assert len(answers) > 80
        assert not {route: status for route, status in answers.items() if status not in (302, 401, 403, 404)}

        found.ask("DELETE", "/hub/api/users/ada/servers/app-hello")
        until(lambda: not found.server("ada", "app-hello")["ready"], 30)
        bob.goto(found.url + LINK)
        expect(bob.get_by_role("heading", name="Waking hello")).to_be_visible()
        picture(bob, "waking")
        expect(bob.get_by_text("visit 3")).to_be_visible()

        # In the panel: who may open it, and who may not any more.
        panel = panel_of_ada(browser, found, session)
        panel.menu("Publish")
        readers = panel.root.get_by_role("region", name="Who may open it")
        expect(readers.get_by_text("bob", exact=True)).to_be_visible()
        seen_in_each_width(panel, "readers")
        readers.get_by_role("button", name="Change who…").click()
        users = readers.get_by_role("textbox", name="Users")
        expect(users).to_have_value("bob")
        users.fill("bob, nobody-here")
        readers.get_by_role("button", name="Save").click()
        expect(readers.get_by_role("alert")).to_contain_text("knows no user 'nobody-here'")
        seen_in_each_width(panel, "readers-unknown", (250, 400))
        assert bob.evaluate(STATUS) == 200
        readers.get_by_role("radio", name="Only me").check()
        readers.get_by_role("button", name="Save").click()
        expect(readers.get_by_text("Nobody but you.")).to_be_visible()
        seen_in_each_width(panel, "readers-nobody")
        until(lambda: bob.evaluate(STATUS) == 403, 10)
        bob.reload()
        expect(bob.get_by_role("heading", name="You have no access to this app")).to_be_visible()
        picture(bob, "no-access")
        browser.close()


def panel_of_ada(browser: Browser, found: Hub, session: str) -> Panel:
    """In ada's own JupyterLab, with nothing in the way."""
    panel = Panel(visitor(browser, found, "ada", f"/user/ada/lab?appbuilder={session}"))
    for button in ("Skip the tour", "No"):  # JupyterLab asks if it may fetch news
        panel.page.get_by_role("button", name=button, exact=True).click()
    return panel


def seen_in_each_width(panel: Panel, name: str, widths: Sequence[int] = (700, 250, 400)) -> None:
    for width in widths:
        panel.widen(width)
        panel.picture(f"{name}-{width}")
        assert panel.root.evaluate("element => element.scrollWidth <= element.clientWidth")
    assert violations(panel.page, PANEL) == []


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("APPBUILDER_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/hub-{name}.png")


@pytest.mark.walk
@pytest.mark.timeout(600)
def test_everybody_sleep_and_a_hub_that_is_killed(tmp_path: Path) -> None:
    with a_hub(tmp_path, "bob", cull_seconds=20) as (found, session), sync_playwright() as playwright:
        keeper = threading.Event()

        def keep_awake() -> None:
            while not keeper.wait(2):
                with contextlib.suppress(httpx.HTTPError):
                    found.sessions(f"/{session}")

        keeping = threading.Thread(target=keep_awake, daemon=True)
        keeping.start()
        try:
            # Nobody but the owner; then a group, whose member opens it.
            status = publish(found, session)
            assert status["state"] == "done", status
            browser = playwright.chromium.launch(**launch_options())
            eve = visitor(browser, found, "eve")
            expect(eve.get_by_role("heading", name="You have no access to this app")).to_be_visible()
            readers = f"/{session}/publications/hub/readers"
            assert found.sessions(readers, "PUT", json={"readers": "people", "groups": ["team"]})["groups"] == ["team"]
            eve.goto(found.url + LINK)
            expect(eve.get_by_text("Hello readers")).to_be_visible()

            # Whoever logs out of the Hub is logged out here, too.
            eve.context.new_page().goto(f"{found.url}/hub/logout")
            until(lambda: eve.evaluate(STATUS) in (401, 403), 15)

            # Everybody: also who never was on this Hub.
            assert found.sessions(readers, "PUT", json={"readers": "everybody"})["readers"] == "everybody"
            dan = visitor(browser, found, "dan")
            expect(dan.get_by_text("Hello readers")).to_be_visible()

            # Culled while nobody is there, and woken by a visit.
            for page in (eve, dan):
                page.goto("about:blank")
            until(lambda: not found.server("ada", "app-hello")["ready"], 90)
            dan.emulate_media(color_scheme="dark")
            dan.set_viewport_size({"width": 250, "height": 500})
            dan.goto(found.url + LINK)
            expect(dan.get_by_role("heading", name="Waking hello")).to_be_visible()
            picture(dan, "waking-dark-narrow")
            expect(dan.get_by_text("Hello readers")).to_be_visible()

            # The Hub ends in the middle of a publication: it fails, with what is live as it was; readers go on.
            asked = {"target": "hub", "name": "hello", "settings": {"readers": "everybody"}}
            direct = found.sessions(f"/{session}/publishing")
            assert direct["publications"][0]["live"] == 1
            found.sessions(f"/{session}/publishing", "POST", json=asked)
            found.kill()
            dan.reload()
            expect(dan.get_by_text("Hello readers")).to_be_visible()
            until(lambda: proxied(found, session).get("state") not in ("running", None), 180)
            found.begin_again()
            assert proxied(found, session)["state"] in ("failed", "waiting")
            found.sessions(f"/{session}/publishing", "DELETE")
            status = publish(found, session, readers="me")
            assert status["state"] == "done", status
            until(lambda: found.sessions(f"/{session}/publishing")["publications"][0]["live"] >= 2, 30)
            dan.goto(found.url + LINK)
            expect(dan.get_by_role("heading", name="You have no access to this app")).to_be_visible()

            # Taken down: nothing is left on the Hub, and its owner is told.
            found.sessions(f"/{session}/publications/hub", "DELETE")
            assert found.server("ada", "app-hello") == {}
            ada = visitor(browser, found, "ada")
            expect(ada.get_by_role("heading", name="This app was taken down")).to_be_visible()
            picture(ada, "taken-down")
            browser.close()
        finally:
            keeper.set()
            keeping.join()


def proxied(found: Hub, session: str) -> dict[str, Any]:
    """How the publication stands, asked through the proxy while the Hub may be away."""
    with contextlib.suppress(httpx.HTTPError):
        return found.sessions(f"/{session}/publishing")["running"] or {}
    return {}
