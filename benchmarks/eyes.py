"""What looking at an app costs: the looks of a check beside Playwright's own, a check with scenarios, and memory."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from building import app_builder

from jupyter_appbuilder.eyes.base import DESKTOP, HEIGHT, PAGES_AT_ONCE, Eye, Look
from jupyter_appbuilder.eyes.browsers import find_browser
from jupyter_appbuilder.eyes.check import WIDTHS
from jupyter_appbuilder.eyes.chromium import IDLE_SECONDS, Chromium, find_axe
from jupyter_appbuilder.models.demo.recordings import find_recordings
from jupyter_appbuilder.session import Session

from .jupyter import free_port
from .report import heading, median, row
from .startup import measure as start_server
from .vite import copy_app, vite

if TYPE_CHECKING:
    from playwright.async_api import Browser

ROUNDS = 5
SCENARIOS = 10
DEMO = "task-board"
QUIET_MS = 150
SAMPLE_SECONDS = 0.1

# As the eyes do: a page has come to rest when nothing in it has changed for a while.
QUIET = """(quiet) => new Promise((resolve) => {
  let last = performance.now();
  new MutationObserver(() => (last = performance.now())).observe(document, { childList: true, subtree: true });
  const look = () => (performance.now() - last >= quiet ? resolve() : setTimeout(look, 15));
  look();
})"""
AUDIT = """() => axe.run({
  runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] },
  iframes: false,
  preload: false,
}).then(({ violations }) => violations.length)"""


async def by_the_eyes(eye: Eye) -> None:
    """The looks of a check: loaded at each width, in light and dark; without the trial of its controls."""

    async def at(width: int) -> None:
        async with eye.open(Look(width=width)) as page:
            await page.audit()
            assert await page.findings() == []
            await page.turn("dark")
            await page.audit()

    await asyncio.gather(*map(at, WIDTHS))


async def by_playwright(browser: Browser, url: str, axe: str) -> None:
    """The same in a browser outside of any sandbox, by Playwright's own API."""

    async def at(width: int) -> None:
        context = await browser.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme="light")
        page = await context.new_page()
        await page.goto(url)
        await page.evaluate(QUIET, QUIET_MS)
        await page.add_script_tag(content=axe)
        await page.evaluate(AUDIT)
        await page.emulate_media(color_scheme="dark")
        await page.evaluate(QUIET, QUIET_MS)
        await page.evaluate(AUDIT)
        await context.close()

    await asyncio.gather(*map(at, WIDTHS))


async def errands_by_playwright(browser: Browser, url: str) -> None:
    """As many errands as there are scenarios, each in a page of its own, as many at once as ours."""
    room = asyncio.Semaphore(PAGES_AT_ONCE)

    async def errand(title: str) -> None:
        async with room:
            context = await browser.new_context(viewport={"width": DESKTOP, "height": HEIGHT})
            page = await context.new_page()
            await page.goto(url)
            await page.get_by_role("button", name="Add task").first.click()
            await page.get_by_role("textbox", name="Title").fill(title)
            await page.get_by_role("textbox", name="Title").press("Enter")
            await page.get_by_role("listitem", name=f"{title}, Medium priority").wait_for()
            await context.close()

    await asyncio.gather(*(errand(f"Errand {number + 1}") for number in range(SCENARIOS)))


async def seconds(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


@contextlib.asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[Session]:
    """The app of a demo, built and running; scenarios beside it."""
    recording = find_recordings()[DEMO]
    async with app_builder(folder, model="demo:recorded", browser="", demo_pace=0) as builder:
        session = await builder.create(prompt=recording.prompt)
        await session.send(recording.prompt)
        await session.wait()
        for number in range(SCENARIOS - len(list((session.workspace.app / "scenarios").iterdir()))):
            title = f"Errand {number + 1}"
            steps = [
                {"do": "click", "role": "button", "name": "Add task"},
                {"do": "fill", "role": "textbox", "name": "Title", "value": title},
                {"do": "press", "role": "textbox", "name": "Title", "key": "Enter"},
                {"do": "expect", "role": "listitem", "name": f"{title}, Medium priority"},
            ]
            await session.call("write_scenario", {"title": f"{title} can be added", "steps": steps}, by="person")
        yield session


async def peak(chromium: Chromium, work: Callable[[], Awaitable[object]]) -> int:
    """The most bytes that the browser and its driver use meanwhile."""
    most = 0

    async def sample() -> None:
        nonlocal most
        while True:
            most = max(most, await chromium.memory())
            await asyncio.sleep(SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        await work()
    finally:
        sampling.cancel()
    return most


async def measure(folder: Path) -> None:
    from playwright.async_api import async_playwright

    axe = find_axe()
    assert axe, "axe-core is not built: npm run build:prod in labextension"
    async with demo(folder) as session, async_playwright() as playwright:
        assert session.app.eye
        eye = await session.app.eye.ready()
        assert isinstance(eye, Chromium), "the browser cannot be started"
        bare = copy_app(folder)
        shutil.copytree(session.workspace.app / "src", bare / "src", dirs_exist_ok=True)
        executable = find_browser("", folder / "data").executable
        browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        source = axe.read_text()
        ours: list[float] = []
        peers: list[float] = []
        with vite(bare) as (url, _):
            for number in range(ROUNDS + 1):
                pair = (
                    await seconds(lambda: by_the_eyes(eye)),
                    await seconds(lambda: by_playwright(browser, url, source)),
                )
                if number:  # the first round bundles and fills caches
                    ours.append(pair[0])
                    peers.append(pair[1])
            bare_ends = [
                await seconds(
                    lambda: asyncio.gather(by_playwright(browser, url, source), errands_by_playwright(browser, url))
                )
                for _ in range(ROUNDS)
            ]
        await browser.close()
        row(
            f"looks at {', '.join(map(str, WIDTHS))} px in light and dark, p50 of {ROUNDS}",
            median(ours),
            "s",
            peer=median(peers),
            of="Playwright outside any sandbox",
            target="≤ 1.5×",
        )

        async def check() -> None:
            _, result = await session.call("check_app", {}, by="person")
            assert result.ok, result.text
            assert f"{SCENARIOS} of {SCENARIOS} things work" in result.summary, result.summary

        checks = [await seconds(check) for _ in range(ROUNDS)]
        row(
            f"a turn's end: check, trial and {SCENARIOS} scenarios, p50 of {ROUNDS}",
            median(checks),
            "s",
            peer=median(bare_ends),
            of="Playwright outside any sandbox, without the trial",
            target="≤ 5 s",
        )
        row("memory while looking, the most", await peak(eye, check) / 2**20, "MiB", target="≤ 400 MiB")
        await asyncio.sleep(IDLE_SECONDS + 5)
        row(f"memory {IDLE_SECONDS:.0f} s after the last look", await eye.memory() / 2**20, "MiB", target="0")


def main() -> None:
    heading(f"Eyes, on the {DEMO} demo")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        print(f"{find_browser('', Path(folder)).executable}\n", flush=True)
        asyncio.run(measure(Path(folder)))
        _, _, modules = start_server(True, free_port(), Path(folder))
    looking = [name for name in modules if name.startswith(("jupyter_appbuilder.eyes", "playwright"))]
    print(f"- modules of eyes that the server's start loads: {', '.join(looking) or 'none'}")


if __name__ == "__main__":
    main()
