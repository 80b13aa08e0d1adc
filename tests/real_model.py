"""A real model builds a page and changes it: ``make test-model GGUF=/path/to/model.gguf``.

Nothing is scripted: the file runs in the embedded llama.cpp, the agent works with the small-model profile (or what the
context window asks for), and Chromium opens the preview. Says what the model managed; the exit code is 0 when the page
shows what was asked and the edit landed. No part of `make test`: it takes minutes, and a model of one's own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from building import share_dependencies
from chromium import launch_options
from playwright.sync_api import Page, sync_playwright

from jupyter_appbuilder.client.app import App
from jupyter_appbuilder.client.engine import engine
from jupyter_appbuilder.client.feed import Feed
from jupyter_appbuilder.errors import AppBuilderError

PAGE = (
    "Make a page for a bakery called Sunrise Bakery. It has the heading Sunrise Bakery and a list of three breads with "
    "their prices: Rye 4.20, Spelt 5.10, Sourdough 5.80."
)
EDIT = "Change the price of Rye from 4.20 to 4.60. Change nothing else."


@dataclass
class Work:
    """What came of one request."""

    request: str
    reason: str = ""
    message: str = ""
    seconds: float = 0.0
    steps: int = 0
    tokens: tuple[int, int] = (0, 0)  # read, written
    errors: list[str] = field(default_factory=list)


def main() -> int:
    options = _options()
    path = Path(options.gguf).expanduser().resolve()
    folder = Path(options.folder) if options.folder else Path(tempfile.mkdtemp(prefix="appbuilder-real-model-"))
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["JUPYTER_DATA_DIR"] = str(folder / "data")
    share_dependencies(folder / "data" / "appbuilder")
    settings: dict[str, Any] = {
        "local_context": options.context,
        "max_seconds": options.seconds,
        "profile": options.profile,
    }
    settings["local_threads"] = options.threads
    running = engine(folder, max_steps=options.steps, **settings)
    _say(f"Model    {path.name}, {path.stat().st_size / 1e9:.2f} GB" if path.is_file() else f"Model    {path}")
    with contextlib.closing(running):
        app = App("sunrise", root=folder, template="static", model=f"gguf:{path}")
        with _chromium() as page:
            asked = [PAGE, EDIT]
            expected: list[dict[str, Callable[[Page], bool]]] = [
                {
                    "the page shows the heading": lambda page: "Sunrise Bakery" in _headings(page),
                    "the page shows the breads": lambda page: _shows(page, "Rye", "Spelt", "Sourdough"),
                    "the page shows the prices": lambda page: _shows(page, "4.20", "5.10", "5.80"),
                },
                {
                    "the edit landed": lambda page: _shows(page, "4.60") and not _shows(page, "4.20"),
                    "all else is there still": lambda page: (
                        "Sunrise Bakery" in _headings(page)
                        and _shows(page, "Rye", "Spelt", "Sourdough", "5.10", "5.80")
                    ),
                },
            ]
            failed: list[str] = []
            for number, (request, checks) in enumerate(zip(asked, expected, strict=True), 1):
                work = _ask(app, request)
                _report(work)
                preview = app.preview()
                if preview.state != "ready":
                    failed.append(f"the preview is {preview.state}: {preview.message}")
                    _say(f"  ✗ {failed[-1]}")
                    break
                page.goto(preview.url, wait_until="load")
                page.wait_for_timeout(1000)  # for what its scripts put there
                picture = folder / f"{number}.png"
                page.screenshot(path=picture, full_page=True)
                for claim, holds in checks.items():
                    found = holds(page)
                    _say(f"  {'✓' if found else '✗'} {claim}")
                    failed += [] if found else [claim]
                _say(f"  {picture}")
    _say("")
    _say("It built the page and changed it." if not failed else f"It failed: not so that {'; nor that '.join(failed)}.")
    return 1 if failed else 0


def _ask(app: App, request: str) -> Work:
    work, began, feed = Work(request), time.monotonic(), Feed()
    _say(f"\n› {request}")
    shown = ""
    for message in app.stream(request):
        feed.take(message)
        for event in message["events"] if message["kind"] == "events" else ():
            _note(work, event["type"], event["data"])
        if message["kind"] == "live" and message["type"] == "progress" and sys.stderr.isatty():
            said = str(message["data"].get("message"))
            sys.stderr.write(f"\r\x1b[K{said}")
            shown = said
    if shown:
        sys.stderr.write("\r\x1b[K")
    work.seconds = time.monotonic() - began
    work.reason, work.message = feed.reason or "", feed.message
    return work


def _note(work: Work, type: str, data: dict[str, Any]) -> None:
    if type == "response.completed":
        work.steps += 1
        if data["text"]:
            _say(f"    says: {data['text'].strip()[:160]!r}")
    elif type == "usage.recorded":
        usage = data["usage"]
        work.tokens = (work.tokens[0] + usage["input_tokens"], work.tokens[1] + usage["output_tokens"])
    elif type == "tool.finished":
        _say(f"    {'✓' if data['ok'] else '✗'} {data['summary']}")
        if not data["ok"]:
            work.errors.append(f"{data['tool']}: {data['text'][:300]}")


def _report(work: Work) -> None:
    read, written = work.tokens
    _say(
        f"  ended: {work.reason} {work.message}\n  {work.steps} steps, {read:,} tokens read, {written:,} written, "
        f"{work.seconds:.0f} s, {len(work.errors)} tool errors"
    )
    for error in work.errors:
        _say(f"    error: {error}")


def _headings(page: Page) -> str:
    return " ".join(page.locator("h1, h2, header").all_inner_texts())


def _shows(page: Page, *texts: str) -> bool:
    shown = page.locator("body").inner_text()
    return all(text in shown for text in texts)


@contextlib.contextmanager
def _chromium() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        try:
            yield browser.new_page(viewport={"width": 900, "height": 700})
        finally:
            browser.close()


def _say(text: str) -> None:
    print(text, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("gguf", help="the model's file")
    parser.add_argument("--context", type=int, default=0, help="tokens of context (by default what the file asks for)")
    parser.add_argument("--threads", type=int, default=0, help="processor cores it may use (by default all)")
    parser.add_argument("--steps", type=int, default=20, help="most steps of one request")
    parser.add_argument("--seconds", type=float, default=1200, help="most seconds of one request")
    parser.add_argument("--profile", default="auto", choices=["auto", "full", "small"])
    parser.add_argument("--folder", default="", help="where to keep the app, the log and the pictures")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AppBuilderError as error:
        sys.exit(str(error))
