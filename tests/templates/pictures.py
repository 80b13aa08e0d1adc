"""Takes the templates' pictures (``make pictures``): starts an app of each, in a JupyterLab with its sandbox, and keeps
how its page looks as ``sandbox-templates/NAME/picture.webp``. Names as arguments: those alone."""

from __future__ import annotations

import base64
import sys
import tempfile
import time
from pathlib import Path

from browser.lab import Lab
from chromium import launch_options
from playwright.sync_api import Browser, sync_playwright

from jupyter_appbuilder.templates.templates import SOURCE

WIDTH, HEIGHT, SCALE, QUALITY = 960, 600, 0.5, 82
PATIENCE = 300.0
SETTLES = 2500  # ms: transitions, fonts, Streamlit's first run


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder))
        lab.start()
        browser = playwright.chromium.launch(**launch_options())
        try:
            for name in names:
                picture = take(lab, browser, name)
                (SOURCE / name / "picture.webp").write_bytes(picture)
                print(f"{name}: {len(picture):,} bytes", flush=True)
        finally:
            browser.close()
            lab.stop()


def take(lab: Lab, browser: Browser, name: str) -> bytes:
    id = lab.new_session(template=name)["id"]
    lab.api("POST", f"sessions/{id}/preview", {"action": "start"})
    deadline = time.monotonic() + PATIENCE
    while (preview := lab.api("POST", f"sessions/{id}/preview", {"action": "start"}))["state"] != "ready":
        if preview["state"] == "failed" or time.monotonic() > deadline:
            raise SystemExit(f"{name} did not start: {preview}")
        time.sleep(1)
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{lab.port}{preview['url']}", wait_until="networkidle", timeout=PATIENCE * 1000)
    page.wait_for_timeout(SETTLES)
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT, "scale": SCALE}
    asked = {"format": "webp", "quality": QUALITY, "clip": clip}
    taken = context.new_cdp_session(page).send("Page.captureScreenshot", asked)
    context.close()
    lab.api("DELETE", f"sessions/{id}?files=true")
    return base64.b64decode(taken["data"])


if __name__ == "__main__":
    main(sys.argv[1:] or sorted(folder.name for folder in SOURCE.iterdir() if (folder / "template.toml").is_file()))
