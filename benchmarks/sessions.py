"""From "new session" to an app on the screen: the request, the dev server's first answer, the first page painted."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .chromium import chromium
from .jupyter import Jupyter, jupyter
from .report import heading, median, percentile, row
from .vite import answers, copy_app, vite

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROUNDS = 11
PAINTED_ROUNDS = 5
CREATED_ROUNDS = 20
SHOWN = "h1:has-text('Describe your app')"


def created(server: Jupyter) -> tuple[str, float]:
    """A new session's id, and how many milliseconds the request took."""
    began = time.perf_counter()
    session = server.post("sessions", {"title": "Benchmark"})["id"]
    return session, (time.perf_counter() - began) * 1000


def removed(server: Jupyter, session: str) -> None:
    server.delete(f"sessions/{session}?files=true")


def address(server: Jupyter, session: str) -> str:
    return server.post(f"sessions/{session}/preview", {"action": "start"})["url"]


def first_answer(server: Jupyter) -> tuple[float, float]:
    """Milliseconds of the request that makes a session, and from its start until the preview shows the app's page."""
    began = time.perf_counter()
    session, request = created(server)
    path = address(server, session)
    while not answers(server.port, path):
        time.sleep(0.02)  # each question costs the one core that also starts the dev server
    seconds = time.perf_counter() - began
    removed(server, session)
    return request, seconds * 1000


def painted(browser: Browser, server: Jupyter) -> float:
    """Milliseconds from the request that makes a session until its page is on the screen."""
    page = browser.new_page()
    began = time.perf_counter()
    session, _ = created(server)
    page.goto(server.url.rstrip("/") + address(server, session), wait_until="commit")
    shown(page)
    seconds = time.perf_counter() - began
    page.close()
    removed(server, session)
    return seconds * 1000


def bare_painted(browser: Browser, app: Path, *, warm: bool) -> float:
    page = browser.new_page()
    began = time.perf_counter()
    with vite(app, warm=warm) as (url, _):
        page.goto(url, wait_until="commit")
        shown(page)
        seconds = time.perf_counter() - began
        page.close()
    return seconds * 1000


def shown(page: object) -> None:
    page.wait_for_selector(SHOWN)  # type: ignore[attr-defined]
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")  # type: ignore[attr-defined]


def main() -> None:
    heading("From a new session to a running app")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, jupyter(Path(folder), model="demo:recorded") as server:
        session, first = created(server)
        server.preview(session)  # fills the package cache where it is cold
        removed(server, session)
        app = copy_app(Path(folder))
        with vite(app):
            pass
        first_answers: list[float] = []
        requests: list[float] = []
        bare: list[float] = []
        for _ in range(ROUNDS):
            request, answer = first_answer(server)
            requests.append(request)
            first_answers.append(answer)
            with vite(app) as (_, seconds):
                bare.append(seconds * 1000)
        for _ in range(CREATED_ROUNDS):
            session, request = created(server)
            requests.append(request)
            removed(server, session)
        row("POST sessions, p50", median(requests), "ms", target="≤ 20 ms")
        row("POST sessions, p90", percentile(requests, 0.9), "ms")
        row("POST sessions, the first after the server's start", first, "ms")
        row(
            "session to first answer of the dev server",
            median(first_answers),
            "ms",
            peer=median(bare),
            of="bare vite",
            target="≤ 1.2×",
        )
        with chromium() as browser:
            painted(browser, server)
            ours: list[float] = []
            theirs: list[float] = []
            again: list[float] = []
            for _ in range(PAINTED_ROUNDS):
                ours.append(painted(browser, server))
                theirs.append(bare_painted(browser, app, warm=False))
                again.append(bare_painted(browser, app, warm=True))
        row("session to painted", median(ours), "ms", peer=median(theirs), of="bare vite, new app", target="≤ 2,000 ms")
        row("session to painted", median(ours), "ms", peer=median(again), of="bare vite, started before")


if __name__ == "__main__":
    main()
