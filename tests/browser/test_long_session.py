from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from playwright.sync_api import expect

from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.events import Draft

from .conftest import OpenLab
from .lab import TEMPLATES, Lab
from .panel import LONG

TURNS = 400
STEPS = 5


async def long_session(lab: Lab) -> str:
    """A session with more than 10 000 events, written by a process that then lets it go."""
    traits: dict[str, Any] = {"template": "page", "template_path": [str(TEMPLATES)], "model": "demo:recorded"}
    builder = AppBuilder(root_dir=str(lab.root), data_dir=str(lab.data), **traits)
    try:
        session = await builder.create(title="A long one")
        await session.ready()
        usage = {"input_tokens": 10, "output_tokens": 5, "cached_tokens": 0, "cost": None}
        model = "demo:recorded"
        for number in range(1, TURNS + 1):
            turn = f"t{number}"
            drafts = [
                Draft("turn.started", {"turn": turn, "model": model}),
                Draft("message.user", {"turn": turn, "text": f"Request number {number}"}),
            ]
            for step in range(STEPS):
                name = f"r{number}.{step}"
                call = {
                    "call": f"{name}.0",
                    "id": f"id{name}",
                    "tool": "read_file",
                    "arguments": '{"path": "index.html"}',
                }
                drafts += [
                    Draft(
                        "response.completed",
                        {
                            "turn": turn,
                            "response": name,
                            "model": model,
                            "recorded": True,
                            "text": f"Answer {number}, step {step}",
                            "tool_calls": [call],
                            "finish_reason": "tool_calls",
                            "usage": usage,
                        },
                    ),
                    Draft("usage.recorded", {"turn": turn, "model": model, "usage": usage}),
                    Draft(
                        "tool.started",
                        {
                            "turn": turn,
                            "call": f"{name}.0",
                            "tool": "read_file",
                            "arguments": {"path": "index.html"},
                            "by": "agent",
                        },
                    ),
                    Draft(
                        "tool.finished",
                        {
                            "turn": turn,
                            "call": f"{name}.0",
                            "tool": "read_file",
                            "ok": True,
                            "summary": "Read index.html",
                            "text": "<h1>One page</h1>",
                            "detail": {},
                            "duration_ms": 1,
                        },
                    ),
                    Draft("preview.ready", {"duration_ms": 1}),
                ]
            drafts.append(Draft("turn.finished", {"turn": turn, "reason": "done", "message": "", "hint": ""}))
            await session.append(*drafts)
        assert session.summary.last_seq > 10_000
        return session.id
    finally:
        await builder.close()


def test_a_session_of_ten_thousand_events_opens_at_its_end(open_lab: OpenLab, lab: Lab) -> None:
    with ThreadPoolExecutor(1) as thread:  # this thread has Playwright's event loop
        session = thread.submit(asyncio.run, long_session(lab)).result()
    panel = open_lab(session)
    last = f"Answer {TURNS}, step {STEPS - 1}"
    expect(panel.conversation.get_by_text(last)).to_be_in_viewport(timeout=LONG)
    expect(panel.composer).to_be_enabled()
    panel.conversation.get_by_role("button", name="Show earlier").first.click()
    expect(panel.conversation.get_by_text("Request number 390", exact=True).first).to_be_attached()
    panel.conversation.hover()
    earlier = panel.conversation.get_by_text("Request number 300", exact=True).first
    until = time.monotonic() + LONG / 1000
    while not earlier.is_visible() and time.monotonic() < until:
        panel.page.mouse.wheel(0, -2000)
        panel.page.wait_for_timeout(16)  # a frame
    expect(earlier).to_be_visible()
    expect(panel.conversation.get_by_text(last)).not_to_be_attached()  # what is far away is not drawn
    panel.page.get_by_role("button", name="Jump to latest").click()
    expect(panel.conversation.get_by_text(last)).to_be_in_viewport()
