"""A conversation of 2,000 turns in JupyterLab: how long it takes to open, and how evenly frames follow one another
while it is scrolled, and while 100 tokens a second stream into it on a processor that is four times slower."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jupyter_appbuilder.events import Draft

from .chromium import chromium
from .jupyter import Jupyter, jupyter
from .long_session import LAST, back, earlier, opened, turn
from .report import heading, median, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

TURNS = 2000
STEPS = 2  # tool calls in a turn
ROUNDS = 5
SCROLLED = 5.0  # seconds
RATE = 100  # tokens a second
SLOWDOWN = 4  # of the browser's processor, while an answer streams
FRAME = 1000 / 60  # ms


async def prepare(home: Path) -> None:
    """A session of ``TURNS`` turns and one of a single turn."""
    async with earlier(home) as builder:
        for title, turns in (("Short history", 1), ("Long history", TURNS)):
            session = await builder.create(title=title)
            await session.ready()
            for number in range(turns):
                if 0 < number == turns - 1:  # the model is not shown all of it
                    upto, name = session.summary.last_seq, f"t{number - 1}"
                    summary = {"summary": "A list of tasks.", "written_by": "log", "tokens_before": 900_000}
                    compacted = {"turn": name, "upto": upto, **summary, "tokens_after": 40_000}
                    await session.append(Draft("history.compacted", compacted))
                await session.append(*turn(number, LAST if number == turns - 1 else "On to the next.", STEPS))


class Frames(NamedTuple):
    """Milliseconds from each frame to the next."""

    times: list[float]

    @property
    def late(self) -> float:
        """The share of frames that came when at least one more was due."""
        return sum(time > 1.5 * FRAME for time in self.times) / len(self.times)

    def at(self, share: float) -> float:
        return sorted(self.times)[min(len(self.times) - 1, int(share * len(self.times)))]


@contextmanager
def frames(page: Page) -> Iterator[Frames]:
    page.evaluate(
        """() => {
            const times = (window.frameTimes = []);
            let last = performance.now();
            const next = now => {
                times.push(now - last);
                last = now;
                if (window.frameTimes === times) requestAnimationFrame(next);
            };
            requestAnimationFrame(now => { last = now; requestAnimationFrame(next); });
        }"""
    )
    found = Frames([])
    yield found
    found.times.extend(
        page.evaluate("() => { const found = window.frameTimes; window.frameTimes = null; return found; }")
    )


def scrolled(page: Page) -> tuple[Frames, int]:
    """The frames while a wheel turns upwards, and how many turns were passed."""
    box = page.locator(".jp-AppBuilder-scroller").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    before = top_turn(page)
    with frames(page) as found:
        ends = page.evaluate("performance.now()") + SCROLLED * 1000
        while page.evaluate("performance.now()") < ends:
            page.mouse.wheel(0, -120)
            page.wait_for_timeout(FRAME)
    return found, before - top_turn(page)


def top_turn(page: Page) -> int:
    """The number in the first request that can be seen."""
    return page.evaluate(
        r"""() => {
            const top = document.querySelector('.jp-AppBuilder-scroller').getBoundingClientRect().top;
            const seen = [...document.querySelectorAll('.jp-AppBuilder-scroller .jp-AppBuilder-request')]
                .find(node => node.getBoundingClientRect().bottom > top);
            return Number(/Request (\d+)/.exec(seen.textContent)[1]);
        }"""
    )


def streamed(page: Page, server: Jupyter, session: str) -> Frames:
    """The frames while an answer streams in."""
    client = page.context.new_cdp_session(page)
    client.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    try:
        server.post(f"sessions/{session}/messages", {"text": "Say much.", "model": "custom:clock"})
        page.wait_for_function("document.querySelector('.jp-AppBuilder-scroller').textContent.includes('<')")
        with frames(page) as found:
            page.wait_for_timeout(4000)
    finally:
        client.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    return found


def main() -> None:
    heading(f"A conversation of {TURNS:,} turns in JupyterLab")
    model = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.token_stream"],
        env={**os.environ, "TOKENS_A_SECOND": str(RATE)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert model.stdout
        address = model.stdout.readline().strip()
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            home = Path(name)
            asyncio.run(prepare(home))
            providers = {"custom": {"base_url": address, "api_key": "none"}}
            with jupyter(home, lab=True, model="demo:recorded", providers=providers) as server, chromium() as browser:
                measure(browser.new_page(viewport={"width": 1400, "height": 900}), server)
    finally:
        model.terminate()
        model.wait()


def measure(page: Page, server: Jupyter) -> None:
    sessions = {session["title"]: session for session in server.get("sessions")}
    page.goto(f"{server.url}lab?token={server.token}&appbuilder=open")
    page.wait_for_selector(".jp-AppBuilder-sessionOpen", timeout=60_000)
    page.wait_for_timeout(2000)
    short, long = [], []
    for _ in range(ROUNDS):
        short.append(opened(page, "Short history"))
        back(page)
        long.append(opened(page, "Long history"))
        back(page)
    of = "a session of one turn"
    what = f"{TURNS:,} turns ({sessions['Long history']['last_seq']:,} events), click to last message"
    row(f"{what}, first time after the server's start", long[0], "ms", peer=short[0], of=of, target="≤ 500 ms")
    row(f"{what}, p50 of the next", median(long[1:]), "ms", peer=median(short[1:]), of=of, target="≤ 500 ms")
    opened(page, "Long history")
    page.wait_for_timeout(3000)  # the history behind its end has come
    with frames(page) as still:
        page.wait_for_timeout(2000)
    up, passed = scrolled(page)
    row("frame to frame, p95, nothing moves", still.at(0.95), "ms")
    peer, of = still.at(0.95), "nothing moves"
    row(f"the same, {passed} turns scrolled in {SCROLLED:g} s", up.at(0.95), "ms", peer=peer, of=of)
    row("frames that came late while scrolled", up.late * 100, "%")
    page.get_by_role("button", name="Jump to latest").click()
    answer = streamed(page, server, sessions["Long history"]["id"])
    row(f"the same, {RATE} tokens a second, {SLOWDOWN} times slower", answer.at(0.95), "ms", peer=peer, of=of)
    row("frames that came late while an answer streamed", answer.late * 100, "%")


if __name__ == "__main__":
    main()
