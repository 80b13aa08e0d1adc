"""A kernel beside the server that has the app open: it exposes, is killed, comes back; the page stays as it is."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_async_kernel
from playwright.async_api import expect
from previewed import browsing, running

from .stage import runtime_folder
from .test_in_templates import REACT

EXPOSE = """
import pandas as pd
from jupyter_appbuilder import App

app = App.open("app")

@app.expose
def forecast(region: str, months: int = 2) -> pd.DataFrame:
    at = pd.to_datetime(["2026-01-31"] * months, utc=True)
    return pd.DataFrame({"region": [region] * months, "sold": SOLD, "at": at})

@app.expose
def check(region: str) -> int:
    return len(region)
"""


@pytest.fixture
def persons_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels that are started meanwhile have the apps of the test's server."""
    (tmp_path / "config").mkdir()
    settings = {"AppBuilder": {"data_dir": str(tmp_path / "data")}}
    (tmp_path / "config/jupyter_server_config.json").write_text(json.dumps(settings))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("APPBUILDER_ROOT", str(tmp_path / "root"))
    with runtime_folder(tmp_path):
        yield


@contextlib.asynccontextmanager
async def kernel_with(code: str) -> AsyncIterator[None]:
    """A kernel that has run ``code``. It is killed at the end. What goes wrong in the cell is the test's error."""
    manager, client = await start_new_async_kernel(startup_timeout=300, kernel_name="python3")
    try:
        reply = await client.execute_interactive(code, timeout=300, output_hook=lambda message: None)
        assert reply["content"]["status"] == "ok", reply["content"]
        yield
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("persons_place")
async def test_the_page_follows_a_kernel_that_is_killed_and_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path, "react-vite") as (session, _, url), contextlib.AsyncExitStack() as stack:
        async with kernel_with(EXPOSE.replace("SOLD", "range(months)")):
            assert list(session.functions) == ["forecast", "check"]  # told by another process than the session's own
            await session.workspace.write("src/App.tsx", REACT)
            page, _ = await stack.enter_async_context(browsing(url))
            rows, state = page.get_by_test_id("rows"), page.get_by_test_id("state")
            await expect(rows).to_have_text("North 0 2026, North 1 2026")
            await expect(state).to_have_text("fresh")

        await page.get_by_role("button", name="Again").click()
        await expect(page.get_by_test_id("error")).to_contain_text("does not run")
        await expect(state).to_have_text("stale")
        await expect(rows).to_have_text("North 0 2026, North 1 2026")

        async with kernel_with(EXPOSE.replace("SOLD", "[7] * months")):
            await expect(rows).to_have_text("North 7 2026, North 7 2026")  # the page asked again by itself
            await expect(state).to_have_text("fresh")
