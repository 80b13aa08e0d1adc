"""From "new session" to an app that answers, when a sandbox of the template stands ready."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil

from . import providers
from .density import is_app
from .jupyter import Jupyter, jupyter
from .report import heading, median, percentile, row
from .sessions import created, first_answer, removed
from .vite import copy_app, vite

ROUNDS = 9
SETTLED = 0.03
"""Share of a core that a dev server may use and still count as ready: at first it reads through its files."""


def standing(server: Jupyter) -> None:
    """Wait until a sandbox stands ready, and nothing but it runs."""
    server.get("sessions")  # somebody looks at the list
    until = time.monotonic() + 180
    while time.monotonic() < until:
        time.sleep(1)
        if not any(sandbox["state"] == "waiting" for sandbox in server.get("sandboxes")):
            continue
        apps = [each for each in psutil.Process(server.pid).children(recursive=True) if is_app(each)]
        if apps and all(each.cpu_percent(0.5) < 100 * SETTLED for each in apps):
            return
    raise TimeoutError("No sandbox stands ready.")


def main() -> None:
    heading("From a new session to a running app, with a sandbox that stands ready")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        jupyter(Path(folder), pool_size=1, model="demo:recorded") as server,
    ):
        session, _ = created(server)
        server.preview(session)  # fills the package cache where it is cold
        removed(server, session)
        app = copy_app(Path(folder))
        with vite(app):
            pass
        requests: list[float] = []
        answers: list[float] = []
        bare: list[float] = []
        for _ in range(ROUNDS):
            with vite(app) as (_, seconds):
                bare.append(seconds * 1000)
            standing(server)
            request, answer = first_answer(server)
            requests.append(request)
            answers.append(answer)
        row("POST sessions, p50", median(requests), "ms")
        figures = {"peer": median(bare), "of": "bare vite"}
        row("session to first answer, p50", median(answers), "ms", **figures, target="≤ 150 ms, ≤ 0.3×")
        row("session to first answer, p90", percentile(answers, 0.9), "ms")
    providers.show()


if __name__ == "__main__":
    main()
