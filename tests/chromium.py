"""How the system's Chromium is started by Playwright, in tests and benchmarks."""

from __future__ import annotations

import shutil
from typing import Any

from playwright import async_api, sync_api

PATIENCE = 30_000  # milliseconds: what comes, comes; a busy machine is no failure

for api in (async_api, sync_api):
    api.expect.set_options(timeout=PATIENCE)

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def launch_options() -> dict[str, Any]:
    """Arguments of Playwright's ``launch``. Fails, rather than skips, where there is no Chromium: it is part of CI."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        raise RuntimeError("Chromium is not installed. Install it (Debian: apt install chromium), or run `make test`.")
    return {"executable_path": executable, "args": list(ARGUMENTS)}
