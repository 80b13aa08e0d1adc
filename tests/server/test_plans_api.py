"""Modes and plans over REST."""

from __future__ import annotations

import asyncio

from building import call as tool_call
from building import write

PLAN = "# A clock\n\n- [ ] `index.html`"


async def ended(builder, id):
    async with asyncio.timeout(30):
        return await (await builder.session(id)).wait()


async def test_a_plan_is_asked_for_listed_edited_and_accepted(call, new_session, builder, model):
    model.steps = [
        {"tool_calls": [write("mine.txt", "x"), tool_call("write_plan", text=PLAN)]},
        {"tool_calls": [write("clock.txt", "tick\n")]},
        {"text": "It ticks."},
    ]
    id = await new_session(title="Clock")
    assert (await call("GET", "sessions", id, "plans")).data == []
    assert (await call("POST", "sessions", id, "messages", json={"text": "a clock", "mode": "plan"})).status == 202
    await ended(builder, id)
    written = {"plan": "p1", "turn": "t1", "text": PLAN, "built": None, "edited": False, "done": []}
    assert (await call("GET", "sessions", id, "plans")).data == [written]
    assert (await call("GET", "sessions", id)).data["turn"]["mode"] == "plan"
    empty = await call("POST", "sessions", id, "plans", "p1", "accept", json={"text": " "})
    assert (empty.status, empty.data["field"]) == (400, "text")
    accepted = await call("POST", "sessions", id, "plans", "p1", "accept", json={"text": f"{PLAN}\n- [ ] more"})
    assert (accepted.status, accepted.data) == (202, {"turn": "t2"})
    await ended(builder, id)
    assert (await call("GET", "sessions", id, "plans")).data == [written | {"built": "t2", "edited": True}]
    again = await call("POST", "sessions", id, "plans", "p1", "accept", json={})
    assert (again.status, again.data["reason"]) == (409, "plan_accepted")
    unknown = await call("POST", "sessions", id, "plans", "p9", "accept", json={})
    assert (unknown.status, unknown.data["reason"]) == (404, "unknown_plan")
    files = [file["path"] for file in (await call("GET", "sessions", id, "files")).data]
    assert "clock.txt" in files
    assert "mine.txt" not in files


async def test_a_session_may_begin_with_a_plan_and_an_unknown_mode_is_refused(call, builder, model):
    model.steps = [{"text": PLAN}]
    wrong = await call("POST", "sessions", json={"prompt": "a clock", "mode": "dream"})
    assert (wrong.status, wrong.data["field"]) == (400, "mode")
    id = (await call("POST", "sessions", json={"prompt": "a clock", "mode": "plan"})).data["id"]
    async with asyncio.timeout(30):
        while not (await call("GET", "sessions", id, "plans")).data:
            await asyncio.sleep(0.05)
