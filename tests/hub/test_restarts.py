"""A real JupyterHub, or its App Builder service alone, ends in the middle of a turn: what was done is there, the panel
says what happened, and the turn is gone on with."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from browser.panel import Panel
from building import write
from chromium import PATIENCE, launch_options
from model_server import ModelServer, model_server_in_thread
from playwright.sync_api import expect, sync_playwright

from .hub_server import PROXY, Hub, hub, until
from .service_process import KEY
from .test_publishing import homes, visitor

pytestmark = [
    pytest.mark.hub,
    pytest.mark.walk,
    pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup)."),
]

LINES = [f"Line {number} of the answer.\n" for number in range(40)]


def service_of(folder: Path, model: ModelServer) -> list[str]:
    """The service's command, with ``model`` as its only one."""
    settings = {
        "database": f"sqlite:///{folder}/money.sqlite",
        "providers": {"ours": {"base_url": model.url, "key": KEY}},
        "models": {"coder": {"provider": "ours", "model": "scripted", "price": (1.0, 1.0)}},
    }
    config = folder / "appbuilder_hub_config.py"
    config.write_text("".join(f"c.HubService.{name} = {value!r}\n" for name, value in settings.items()))
    return [sys.executable, "-m", "jupyter_appbuilder.cli", "hub", "--config", str(config)]


def kill_the_service(found: Hub) -> None:
    for child in psutil.Process(found.process.pid).children():
        if child.environ().get("JUPYTERHUB_SERVICE_NAME") == "appbuilder":
            child.kill()


@pytest.mark.timeout(600)
def test_a_turn_outlives_the_hub_and_its_service(tmp_path: Path) -> None:
    at_the_hub, at_the_service = threading.Event(), threading.Event()
    used = {"usage": {"prompt_tokens": 1000, "completion_tokens": 100}}
    steps: list[dict[str, Any]] = [
        {"tool_calls": [write("one.txt", "1\n")]} | used,
        {"text": "".join(LINES), "held": at_the_hub, "held_after": 20} | used,
        {"tool_calls": [write("two.txt", "2\n")]} | used,
        {"text": "Both are there."} | used,
        {"text": "".join(LINES), "held": at_the_service, "held_after": 20} | used,
        {"text": "It is said again."} | used,
    ]
    with model_server_in_thread(steps, key=KEY) as model:
        apps = {"service": service_of(tmp_path, model)}
        with (
            hub(tmp_path, homes(tmp_path, "ada"), cull_seconds=600, apps=apps) as found,
            sync_playwright() as playwright,
        ):
            found.ask("POST", "/hub/api/users/ada")
            found.start()
            body = {"name": "hello", "template": "static", "model": "hub:coder"}
            session = found.sessions(method="POST", json=body)["id"]
            browser = playwright.chromium.launch(**launch_options())
            panel = Panel(visitor(browser, found, "ada", f"/user/ada/lab?appbuilder={session}"))
            expect(panel.composer).to_be_visible(timeout=4 * PATIENCE)
            # JupyterLab's own, of what it cannot list while the Hub is away.
            dialog = panel.page.locator("dialog.jp-Dialog")
            panel.page.add_locator_handler(dialog, lambda: dialog.locator(".jp-mod-accept").last.click())
            panel.say("Write two files")
            expect(panel.conversation.get_by_text("Line 3 of")).to_be_visible(timeout=4 * PATIENCE)

            found.kill()
            # The turn's next request finds no service: it ends with what it did, and can be gone on with.
            panel.finished(1)
            expect(panel.conversation.get_by_text("It may be restarting")).to_be_visible()
            panel.picture("turn-without-the-hub")
            found.begin_again()
            panel.root.get_by_role("button", name="Continue", exact=True).click()
            expect(panel.conversation.get_by_text("Both are there.")).to_be_visible(timeout=4 * PATIENCE)
            panel.finished(2)
            files = {file["path"] for file in found.sessions(f"/{session}/files")}
            assert {"one.txt", "two.txt"} <= files

            # The service alone, which the Hub starts again.
            panel.say("Once more")
            expect(panel.conversation.get_by_text("Line 3 of")).to_have_count(1, timeout=4 * PATIENCE)
            kill_the_service(found)
            panel.finished(3)
            until(lambda: httpx.get(f"{found.url}/services/appbuilder/health").status_code == 200, 60)
            panel.root.get_by_role("button", name="Continue", exact=True).last.click()
            panel.finished(4)
            expect(panel.conversation.get_by_text("It is said again.")).to_be_visible()
            panel.page.reload()
            panel.finished(4)
            browser.close()

            # What was cut is settled by the service that came after: each request is paid for once.
            def outcomes() -> list[str]:
                with contextlib.closing(sqlite3.connect(tmp_path / "money.sqlite")) as money:
                    return [row[0] for row in money.execute("SELECT outcome FROM usage")]

            asked = [request for request in model.requests if request.body]
            until(lambda: len(outcomes()) == len(asked), 90)
            assert outcomes().count("lost") == 2
