"""On a real JupyterHub: what an administrator orders is done by a person's own server, and rules for all hold at the
gateway and on servers that run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from chromium import launch_options
from model_server import model_server_in_thread
from playwright.sync_api import expect, sync_playwright

from .hub_server import PROXY, hub, until
from .service_process import KEY
from .test_admin_pages import log_in
from .test_gateway import ASKED
from .test_publishing import PAGE, homes, publish

pytestmark = [
    pytest.mark.hub,
    pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup)."),
]

WRITE = {"tool_calls": [{"name": "write_file", "arguments": {"path": "index.html", "content": PAGE}}]}


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """Not pytest-jupyter's: it would close the loop that Playwright runs."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """No server runs in this process."""


@pytest.mark.timeout(400)
def test_orders_are_carried_out_and_rules_hold_on_servers_that_run(tmp_path: Path):
    said = {"text": "It is there."}
    # ada builds, bob builds, ada's next turn goes on and on.
    steps = [WRITE, said, WRITE, said, {"text": "I think about it. " * 40, "delay": 5}]
    with model_server_in_thread(steps, key=KEY) as model:
        settings = {
            "database": f"sqlite:///{tmp_path}/money.sqlite",
            "providers": {"ours": {"base_url": model.url, "key": KEY}},
            "models": {name: {"provider": "ours", "model": "scripted", "price": (1, 1)} for name in ("coder", "small")},
            "token_seconds": 0.5,
        }
        config = tmp_path / "appbuilder_hub_config.py"
        config.write_text("".join(f"c.HubService.{name} = {value!r}\n" for name, value in settings.items()))
        command = [sys.executable, "-m", "jupyter_appbuilder.cli", "hub", "--config", str(config)]
        environment = homes(tmp_path, "ada", "bob")
        with (
            hub(tmp_path, environment, cull_seconds=600, apps={"service": command}) as found,
            sync_playwright() as playwright,
        ):
            for user in ("ada", "bob"):
                found.ask("POST", f"/hub/api/users/{user}")
                found.start(user)

            def turn(user: str, session: str) -> dict[str, Any]:
                return found.sessions(f"/{session}", user=user)["turn"] or {}

            def offered(user: str) -> list[str]:
                listed = found.ask("GET", f"/user/{user}/appbuilder/api/models")
                return [one["id"] for one in listed if one["provider"] == "hub"]

            of: dict[str, str] = {}
            for user in ("ada", "bob"):
                until(lambda user=user: "hub:coder" in offered(user), 60)
                body = {"prompt": "Say hello", "name": "hello", "template": "static", "model": "hub:coder"}
                of[user] = found.sessions(method="POST", user=user, json=body)["id"]
                until(lambda user=user: turn(user, of[user]).get("reason") == "done", 120)
            assert publish(found, of["ada"], target="here")["state"] == "done"
            here = "/user/ada/appbuilder/apps/hello/"
            assert found._client.get(here).status_code == 302  # to where its readers see it
            found.sessions(f"/{of['ada']}/messages", "POST", json={"text": "Think"})
            until(lambda: not turn("ada", of["ada"]).get("reason"), 30)

            browser = playwright.chromium.launch(**launch_options())
            page = browser.new_page()
            pictures = os.environ.get("APPBUILDER_SCREENSHOTS")
            admin = f"{found.url}/services/appbuilder/admin/"
            log_in(page, found.url, "root", "/services/appbuilder/admin/live")

            # Stop: ada's server ends the turn, as her own Stop would, and says so.
            stop = page.get_by_role("button", name="Stop Say hello of ada")
            until(lambda: bool(page.goto(f"{admin}live")) and "1 turn" in page.locator("main").inner_text(), 60)
            if pictures:
                page.screenshot(path=Path(pictures) / "admin-live-real.png", full_page=True)
            stop.click()
            until(lambda: turn("ada", of["ada"]).get("reason") == "stopped", 60)
            until(lambda: bool(page.goto(f"{admin}users/ada")) and page.get_by_text("done (").count() == 1, 60)

            # Unpublish: readers lose it.
            page.goto(f"{admin}apps")
            page.get_by_text("Unpublish…").click()
            page.get_by_role("button", name="Unpublish hello of ada from here").click()
            until(lambda: found._client.get(here).status_code == 404, 60)
            until(lambda: bool(page.goto(f"{admin}apps")) and "Nobody has" in page.locator("main").inner_text(), 60)

            # Rules: at the gateway at once, on both servers within a minute; without a restart.
            asked = {"scopes": ["access:services!service=appbuilder"]}
            token = found.ask("POST", "/hub/api/users/bob/tokens", json=asked)["token"]
            gateway = httpx.Client(
                base_url=f"{found.url}/services/appbuilder/", headers={"Authorization": f"Bearer {token}"}, timeout=60
            )
            assert gateway.post("v1/chat/completions", json=ASKED | {"stream": False}).status_code == 200
            page.goto(f"{admin}rules")
            page.get_by_label("Models, one a line").fill("hub:small")
            page.get_by_label("Hosts that every app may reach").fill("api.example.org")
            page.get_by_label("Model responses in a turn").fill("7")
            page.get_by_role("button", name="Set the rules").click()
            expect(page.get_by_role("status")).to_contain_text("The rules are set")
            refused = gateway.post("v1/chat/completions", json=ASKED | {"stream": False})
            assert refused.status_code == 403
            assert refused.json()["error"]["code"] == "not_allowed"
            assert "administrator does not allow the model 'coder'" in refused.json()["error"]["message"]
            assert [one["id"] for one in gateway.get("v1/models").json()["data"]] == ["small"]

            def ruled(user: str) -> bool:
                shown = {one["name"]: one for one in found.ask("GET", f"/user/{user}/appbuilder/api/settings")}
                return (shown["max_steps"]["value"], shown["max_steps"]["origin"]) == (7, "hub")

            for user in ("ada", "bob"):
                until(lambda user=user: ruled(user), 60)
                hosts = found.sessions(f"/{of[user]}/network", user=user)
                assert [(one["name"], one["source"]) for one in hosts] == [("api.example.org", "hub")]
                until(lambda user=user: offered(user) == ["hub:small"], 60)
                answer = found._client.post(
                    f"/user/{user}/appbuilder/api/sessions/{of[user]}/messages", json={"text": "More"}
                )
                assert answer.status_code == 403
                assert "Your administrator does not allow the model hub:coder" in answer.text
            browser.close()
