"""How long a person waits for a session of 10,000 events: from the click on it to its last message on the screen."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from building import share_dependencies

from jupyter_appbuilder.events import Draft

from .chromium import chromium
from .jupyter import Jupyter, jupyter
from .report import heading, median, row

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from jupyter_appbuilder.builder import AppBuilder

EVENTS = 10_000
SHORT = 40
ROUNDS = 5
STEPS = 6  # tool calls in a turn
LAST = "All ten thousand things are done."
LINE = '  <li className="flex items-center gap-2 rounded-xl border px-4 py-2 text-sm">Task number {}</li>\n'
USAGE = {"input_tokens": 18_000, "output_tokens": 900, "cached_tokens": 16_000, "cost": 0.012}


def turn(number: int, text: str, steps: int = STEPS) -> list[Draft]:
    """The events of one turn: a request, ``steps`` files written, an answer."""
    name = f"t{number}"
    drafts = [
        Draft("turn.started", {"turn": name, "model": "demo:recorded"}),
        Draft("message.user", {"turn": name, "text": f"Request {number}: add a filter, and keep my tasks."}),
    ]
    for step in range(steps + 1):
        response, last = f"r{number * (steps + 1) + step + 1}", step == steps
        call, path = f"{response}.0", f"src/components/Part{number % 40}.tsx"
        content = "".join(LINE.format(line) for line in range(12))
        arguments = {"path": path, "content": content}
        calls = [{"call": call, "id": call, "tool": "write_file", "arguments": json.dumps(arguments)}]
        said = text if last else f"Next I write `{path}`, so that **step {step}** of the plan is done."
        drafts += [
            Draft(
                "response.completed",
                {
                    "turn": name,
                    "response": response,
                    "model": "demo:recorded",
                    "recorded": True,
                    "text": said,
                    "tool_calls": [] if last else calls,
                    "finish_reason": "stop" if last else "tool_calls",
                    "usage": USAGE,
                },
            ),
            Draft("usage.recorded", {"turn": name, "model": "demo:recorded", "usage": USAGE}),
        ]
        if last:
            break
        started = {"turn": name, "call": call, "tool": "write_file", "arguments": arguments, "by": "agent"}
        finished = {
            "turn": name,
            "call": call,
            "tool": "write_file",
            "ok": True,
            "summary": f"Wrote {path} (12 lines)",
            "text": f"Wrote {path}: 12 lines.",
            "detail": {"path": path, "added": 12, "removed": 3, "diff": content},
            "duration_ms": 4,
        }
        changed = {"path": path, "change": "modified", "by": "agent", "added": 12, "removed": 3, "call": call}
        drafts += [Draft("tool.started", started), Draft("tool.finished", finished), Draft("file.changed", changed)]
    drafts.append(Draft("turn.finished", {"turn": name, "reason": "done", "message": "", "hint": ""}))
    return drafts


@asynccontextmanager
async def earlier(home: Path) -> AsyncGenerator[AppBuilder, None]:
    """What makes sessions as an earlier server left them."""
    from jupyter_appbuilder.builder import AppBuilder

    data = home / "data" / "appbuilder"
    share_dependencies(data)
    (home / "root").mkdir()
    builder = AppBuilder(root_dir=str(home / "root"), data_dir=str(data), model="demo:recorded")
    try:
        yield builder
    finally:
        await builder.close()


async def prepare(home: Path) -> None:
    """A session with ``EVENTS`` events and one with a single turn."""
    async with earlier(home) as builder:
        for title, events in (("Short history", SHORT), ("Long history", EVENTS)):
            session = await builder.create(title=title)
            await session.ready()
            number = 0
            while session.summary.last_seq < events:
                number += 1
                drafts = turn(number, "On to the next.")
                if session.summary.last_seq + len(drafts) >= events:
                    drafts = turn(number, LAST)
                await session.append(*drafts)


def opened(page: Page, title: str) -> float:
    """Milliseconds from the click on a session in the list until its last message is painted."""
    page.wait_for_selector(f".jp-AppBuilder-sessionOpen:has-text('{title}')")
    return page.evaluate(
        """async ([title, last]) => {
            const button = [...document.querySelectorAll('.jp-AppBuilder-sessionOpen')]
                .find(node => node.textContent.includes(title));
            const began = performance.now();
            button.click();
            const shown = () => {
                const log = document.querySelector('.jp-AppBuilder-scroller');
                return log !== null && log.textContent.includes(last)
                    && log.scrollHeight - log.scrollTop - log.clientHeight < 48;
            };
            while (!shown()) await new Promise(requestAnimationFrame);
            await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
            return performance.now() - began;
        }""",
        [title, LAST],
    )


def back(page: Page) -> None:
    page.evaluate("window.jupyterapp.commands.execute('appbuilder:new')")
    page.wait_for_selector(".jp-AppBuilder-sessionOpen")
    page.wait_for_timeout(300)


def measure(page: Page, server: Jupyter) -> dict[str, list[float]]:
    page.goto(f"{server.url}lab?token={server.token}&appbuilder=open")
    page.wait_for_selector(".jp-AppBuilder-sessionOpen", timeout=60_000)
    page.wait_for_timeout(2000)
    taken: dict[str, list[float]] = {"Short history": [], "Long history": []}
    for _ in range(ROUNDS):
        for title, values in taken.items():
            values.append(opened(page, title))
            back(page)
    return taken


def main() -> None:
    heading(f"Opening a session of {EVENTS:,} events in JupyterLab")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        home = Path(name)
        began = time.perf_counter()
        asyncio.run(prepare(home))
        written = time.perf_counter() - began
        with jupyter(home, lab=True, model="demo:recorded") as server, chromium() as browser:
            counts = {session["title"]: session["last_seq"] for session in server.get("sessions")}
            taken = measure(browser.new_page(viewport={"width": 1400, "height": 900}), server)
        short, long = taken["Short history"], taken["Long history"]
        of = f"a session of {counts['Short history']} events"
        what = f"{counts['Long history']:,} events, click to last message"
        row(f"{what}, first time after the server's start", long[0], "ms", peer=short[0], of=of, target="≤ 1,000 ms")
        row(f"{what}, p50 of the next", median(long[1:]), "ms", peer=median(short[1:]), of=of, target="≤ 1,000 ms")
        row("writing both sessions", written, "s")


if __name__ == "__main__":
    main()
