"""A message that waits for a turn's end in several places is taken once."""

from __future__ import annotations

import asyncio
from typing import Any


async def test_of_two_that_follow_a_turn_one_is_asked(call: Any, builder: Any, model: Any) -> None:
    model.steps = [{"text": "Done."}, {"text": "Done."}]
    created = await call("POST", "sessions", json={"prompt": "A clock", "model": "custom:scripted"})
    session = await builder.session(created.data["id"])
    while session.summary.turn is None:
        await asyncio.sleep(0.01)
    await session.wait()
    place = ("sessions", session.id, "messages")
    answers = await asyncio.gather(
        *(call("POST", *place, json={"text": "Make it blue", "after": "t1"}) for _ in range(3))
    )
    assert sorted(answer.status for answer in answers) == [202, 409, 409]
    refused = {answer.data["reason"] for answer in answers if answer.status == 409}
    assert refused <= {"another_turn", "session_busy"}
    await session.wait()
    late = await call("POST", *place, json={"text": "Make it blue", "after": "t1"})
    assert (late.status, late.data["reason"]) == (409, "another_turn")
    said = [event.data["text"] for event in session.stored if event.type == "message.user"]
    assert said == ["A clock", "Make it blue"]
