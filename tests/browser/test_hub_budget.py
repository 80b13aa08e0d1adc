"""A JupyterHub's budget as its people see it: what is refused, when it resets, what can be done."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hub.service_process import hub_api, service
from hub.test_gateway import in_ledger, tables
from model_server import model_server_in_thread
from playwright.sync_api import Browser, expect

from .conftest import visit
from .lab import Lab
from .panel import Panel, violations


class LabOnHub(Lab):
    """A person's server of a Hub that has the service."""

    def __init__(self, folder: Path, url: str, token: str) -> None:
        super().__init__(folder)
        self._of_hub = {"APPBUILDER_HUB_URL": url, "JUPYTERHUB_API_TOKEN": token}

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self._of_hub


def test_a_budget_of_the_hub_is_shown_as_what_it_is(browser: Browser, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/hub.sqlite"

    def limit(dollars: float) -> None:
        set_limit: Any = lambda money: money.set_limit("everyone", "", "day", round(dollars * 1e6), "root")  # noqa: E731
        with ThreadPoolExecutor(1) as thread:  # Playwright's loop runs in this one
            thread.submit(lambda: asyncio.run(in_ledger(url, set_limit))).result()

    steps = [{"text": "There is one page.", "usage": {"prompt_tokens": 4000, "completion_tokens": 400}}] * 9
    with hub_api() as api, model_server_in_thread(steps) as model:
        token = api.add("jane", "staff")
        given: dict[str, Any] = {"database": url, **tables(model, price=(100.0, 100.0)), "requests_per_person": 8}
        with service(tmp_path / "service", api, **given) as found:
            lab = LabOnHub(tmp_path, f"{found.url}v1", token)
            lab.start()
            try:
                limit(1000.0)
                page = visit(browser, lab, lab.new_session(title="On the Hub", model="hub:coder")["id"])
                panel = Panel(page)
                panel.say("What is there?")
                panel.finished(1)
                expect(panel.conversation.get_by_text("There is one page.")).to_be_visible()

                limit(0.30)
                panel.say("And now?")
                panel.finished(2)
                ended = panel.turns.last.locator("footer")
                panel.picture("hub-budget-light")
                expect(ended).to_contain_text(re.compile(r"budget of \$0.30 for this day"))
                expect(ended).to_contain_text(re.compile(r"It resets on \d{4}-\d\d-\d\d at 00:00 \(UTC\)"))
                expect(ended).to_contain_text("ask the Hub's administrator for more")
                ended.get_by_role("button", name="Usage and budgets").click()
                expect(panel.root.get_by_role("meter", name=re.compile(r"\$0.30"))).to_be_visible()
                panel.picture("hub-budget-usage-light")
                assert violations(page, "#jp-appbuilder-panel") == []
                page.context.close()
            finally:
                lab.stop()
