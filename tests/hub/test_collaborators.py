"""Two people of a Hub on one server: each sees who wrote what, and nothing once the server is not shared any more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from browser.panel import Panel
from building import call, share_dependencies
from chromium import PATIENCE, launch_options
from model_server import model_server_in_thread
from playwright.sync_api import Browser, expect, sync_playwright

from .hub_server import PROXY, Hub, hub

pytestmark = [pytest.mark.hub, pytest.mark.walk]


def opened(browser: Browser, found: Hub, user: str, address: str) -> Panel:
    page = browser.new_context().new_page()
    page.set_default_timeout(3 * PATIENCE)
    page.goto(f"{found.url}/hub/login?next={address}")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill("any")
    page.get_by_role("button", name="Sign in").click()
    if user != "ada":  # another's server asks first whether it may know who they are
        page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(f"**{address.partition('?')[0]}**")
    return Panel(page)


@pytest.mark.timeout(600)
@pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup).")
def test_two_people_on_one_server_are_told_apart(tmp_path: Path) -> None:
    ask = {"tool_calls": [call("request_network", host="api.example.org", reason="The weather.")]}
    with model_server_in_thread([{"text": "Hello."}, ask, {"text": "Thanks."}]) as model:
        data = tmp_path / "data"
        share_dependencies(data / "appbuilder")
        environment = {
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "sk-test-not-a-secret",
            "JUPYTER_DATA_DIR": str(data),
            "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
            "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
            "PATH": os.environ["PATH"],
        }
        with hub(tmp_path, environment, cull_seconds=600) as found, sync_playwright() as playwright:
            for user in ("ada", "bob"):
                found.ask("POST", f"/hub/api/users/{user}")
            found.start()
            session = found.sessions(
                method="POST", json={"name": "weather", "template": "static", "model": "openai:scripted"}
            )["id"]
            shared = {"user": "bob", "scopes": ["access:servers!server=ada/"]}
            found.ask("POST", "/hub/api/shares/ada/", json=shared)
            browser = playwright.chromium.launch(**launch_options())
            address = f"/user/ada/lab?appbuilder={session}"
            adas = opened(browser, found, "ada", address)
            adas.say("A page")
            adas.finished(1)
            expect(adas.conversation.get_by_text("ada", exact=True)).to_have_count(0)
            bobs = opened(browser, found, "bob", address)
            expect(bobs.turns).to_have_count(1, timeout=4 * PATIENCE)
            bobs.say("With the weather")
            adas.root.get_by_role("button", name="Deny").click()
            for panel in (adas, bobs):
                panel.finished(2)
                assert panel.turns.nth(0).get_by_text("ada", exact=True).is_visible()
                assert panel.turns.nth(1).get_by_text("bob", exact=True).is_visible()
                assert panel.turns.nth(1).get_by_text("answered by ada").is_visible()
            bobs.picture("collaborators")
            found.ask("DELETE", "/hub/api/shares/ada/")
            bobs.page.context.clear_cookies(name="jupyterhub-user-ada")
            bobs.page.goto(found.url + address)
            expect(bobs.page.get_by_text("403")).to_be_visible()
            browser.close()
