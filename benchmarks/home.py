"""The page of all apps with 2,000 of them: the request for the list, the page's first cards, and how evenly frames
follow one another while it is scrolled."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from building import share_dependencies

from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.log.sqlite import SqliteEventStore

from .chromium import chromium
from .jupyter import Jupyter, jupyter
from .report import heading, median, row
from .transcript import FRAME, SCROLLED, frames

if TYPE_CHECKING:
    from playwright.sync_api import Page

APPS = 2000
ROUNDS = 15
PAGE = ".jp-AppBuilder-appsWidget"


async def prepare(home: Path) -> None:
    """A log with ``APPS`` apps, as earlier servers left it."""
    data = home / "data" / "appbuilder"
    share_dependencies(data)
    root = home / "root"
    root.mkdir()
    store = SqliteEventStore(data / "log.db")
    await store.open()
    try:
        for number in range(APPS):
            id, name = f"{number:016x}", f"app-{number}"
            created = {
                "name": name,
                "title": f"App {number}: a board of what is to be done",
                "root": str(root),
                "path": f"appbuilder/{name}",
                "template": "react-vite",
                "template_tree": "0" * 40,
                "model": "demo:recorded",
                "sandbox": "local",
            }
            await store.claim(id)
            await store.append(id, [Draft("session.created", created), Draft("session.ready", {})])
    finally:
        await store.close()


def listed(server: Jupyter) -> list[float]:
    """Milliseconds of a request for the list, one after the other."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        assert len(server.get("sessions")) == APPS
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def shown(page: Page) -> float:
    """Milliseconds from the command to the first cards that are painted."""
    return page.evaluate(
        """async page => {
            const began = performance.now();
            await window.jupyterapp.commands.execute('appbuilder:home');
            while (!document.querySelector(`${page} .jp-AppBuilder-appOpen`)) await new Promise(requestAnimationFrame);
            await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
            return performance.now() - began;
        }""",
        PAGE,
    )


def main() -> None:
    heading(f"All apps: {APPS:,} of them")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        home = Path(name)
        asyncio.run(prepare(home))
        with jupyter(home, lab=True, model="demo:recorded") as server, chromium() as browser:
            first, *next = listed(server)
            row("the list, first request after the server's start", first, "ms")
            row("the list, p50 of the next", median(next), "ms", target="≤ 50 ms")
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.goto(f"{server.url}lab?token={server.token}&appbuilder=open")
            page.wait_for_selector(".jp-AppBuilder-sessionOpen", timeout=60_000)
            page.wait_for_timeout(2000)
            row("command to first cards painted", shown(page), "ms")
            page.wait_for_timeout(1000)
            with frames(page) as still:
                page.wait_for_timeout(2000)
            box = page.locator(f"{PAGE} .jp-AppBuilder-scroller").bounding_box()
            assert box
            page.mouse.move(box["x"] + 100, box["y"] + 100)
            with frames(page) as moving:
                ends = page.evaluate("performance.now()") + SCROLLED * 1000
                while page.evaluate("performance.now()") < ends:
                    page.mouse.wheel(0, 240)
                    page.wait_for_timeout(FRAME)
            peer, of = still.at(0.95), "nothing moves"
            row("frame to frame while scrolled, p95", moving.at(0.95), "ms", peer=peer, of=of)
            row("frames that came late while scrolled", moving.late * 100, "%")


if __name__ == "__main__":
    main()
