"""A session as an HTML file to hand on."""

from __future__ import annotations

import asyncio
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from building import call, scripted_builder, write

from jupyter_appbuilder.client.transcript import LONGEST, MOST_PICTURES, renderer, transcript_of

SECRET = "sk-live-4242-hush-hush"
HOSTILE = """<img src=x onerror=alert(1)><script>alert(2)</script> **a clock** [a](javascript:alert(3))
[b](https://example.org/?q="><script>) ![track](https://example.org/p.png) <style>*{display:none}</style>

<!-- --> </section></main><iframe src=/></iframe>

| a |
|---|
| <svg onload=alert(4)> |
"""


class Parts(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def is_inert(page: str) -> None:
    allowed = {"html", "meta", "title", "style", "header", "h1", "h2", "p", "main", "section", "div", "time", "span"}
    allowed |= {"details", "summary", "ul", "ol", "li", "strong", "em", "code", "pre", "a", "table", "thead", "tbody"}
    allowed |= {"tr", "th", "td", "figure", "img", "br", "del", "blockquote", "hr"}
    for tag, attributes in Parts(page).tags:
        assert tag in allowed, tag
        assert not [name for name in attributes if name.startswith("on")], attributes
        assert re.match("https?://", attributes.get("href") or "https://")
        assert re.match("data:image/(png|webp|jpeg);base64,", attributes.get("src") or "data:image/png;base64,")
    assert page.count("<style>") == 1
    assert "default-src 'none'" in page


async def test_it_has_what_was_asked_and_done_and_runs_nothing(tmp_path: Path) -> None:
    run = call("run_command", command="echo an output of a command")
    steps = [
        {"text": HOSTILE, "tool_calls": [write("index.html", "<h1>Clock</h1>"), run]},
        {"text": f"The **clock** ticks. {SECRET}"},
        {"text": "It is done."},
    ]
    async with scripted_builder(tmp_path, steps) as (builder, _):
        session = await builder.create(title="Tea <times>", template="static")
        await session.ready()
        await session.send(f"a clock <b>now</b>, {SECRET}")
        await session.wait()
        await asyncio.to_thread(builder.vault.set, session.id, "API_KEY", SECRET)
        page = await transcript_of(builder, session.summary, await session.events())
        is_inert(page)
        parts = Parts(page)
        assert "Tea <times>" in parts.text
        assert "a clock <b>now</b>" in parts.text
        assert "an output of a command" not in parts.text.replace("echo an output of a command", "")
        assert "index.html" in parts.text
        assert ("strong", {}) in parts.tags
        assert SECRET not in page
        assert "the app has secrets" in page


async def test_pictures_are_in_it_unless_there_is_private_data(tmp_path: Path) -> None:
    steps = [{"text": "Done.", "tool_calls": [write("index.html", "<h1>Clock</h1>")]}, {"text": "It is done."}]
    async with scripted_builder(tmp_path, steps, browser="") as (builder, _):
        session = await builder.create(title="Clock", template="static")
        await session.ready()
        await session.send("a clock")
        await session.wait()
        versions = await session.workspace.checkpoints()
        await session.take_picture(versions[0].id)
        page = await transcript_of(builder, session.summary, await session.events())
        is_inert(page)
        assert [tag for tag, _ in Parts(page).tags].count("img") == 1
        assert len(page) < MOST_PICTURES
        session_events = await session.events()
        for event in session_events:  # the picture is let go of
            if event.type == "preview.pictured":
                for one in event.data["pictures"]:
                    Path(builder.data, "pictures", one["thumbnail"]["sha256"]).unlink(missing_ok=True)
        gone = await transcript_of(builder, session.summary, session_events)
        assert "A picture that is not here" in gone
        assert "<img" not in gone


async def test_without_requests_it_says_so(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path) as (builder, _):
        session = await builder.create(title="Empty", template="static")
        await session.ready()
        page = await transcript_of(builder, session.summary, await session.events())
        is_inert(page)
        assert "Nothing was asked yet." in page


@pytest.mark.parametrize(
    "piece",
    ["[", "*a ", "**a*", "`", "![", "> ", "- ", "|a", "[a](", "_a", "~~a", "<a ", "<!--", "[a][", "\\", "http://a."],
)
def test_no_text_takes_long(piece: str) -> None:
    render: Any = renderer()
    usual = "A **bold** word, `code` and [a link](https://example.org).\n\n" * (LONGEST // 60)

    def seconds(text: str) -> float:
        began = time.process_time()
        render(text)
        return time.process_time() - began

    fair = min(seconds(usual) for _ in range(3))
    assert min(seconds((piece * LONGEST)[:LONGEST]) for _ in range(3)) < 40 * fair
