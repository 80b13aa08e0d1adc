"""An open preview that is asked to look at the app, over the channel and REST."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

SCENARIO = "title: It says what it is\nsteps: [{do: expect, role: heading}]\n"


async def test_a_scenario_is_shown_in_the_open_preview_until_the_person_stops_it(call, new_session, builder):
    id = await new_session(title="Clock")
    session = await builder.session(id)
    await session.call("write_file", {"path": "scenarios/shows.yaml", "content": SCENARIO}, by="person")
    shown = []

    async def preview():
        async def answer(number, told):
            body = {"number": number, "viewer": "mine", "answer": json.dumps(told)}
            assert (await call("POST", "sessions", id, "preview", "looks", json=body)).status == 204

        async with aclosing(session.watch(0)) as messages:
            async for message in messages:
                look = message["data"] if message["kind"] == "live" and message["type"] == "look" else {}
                if look.get("act") == "offer":
                    await answer(look["number"], {"idle": 1})
                elif look.get("act") == "open":
                    shown.append(look)
                    await answer(look["number"], {"stopped": True})
                    return

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(preview())
        watched = await call("POST", "sessions", id, "scenarios", "shows", "watch")
    assert watched.status == 200
    assert watched.data["stopped"] is True
    (look,) = shown
    assert look["viewer"] == "mine"
    assert look["details"]["title"] == "It says what it is"
    # An address of its own, not the person's: what they stored is not there.
    assert look["details"]["url"] != session.app.preview["url"]
    assert all(
        event.type != "tool.started" or event.data["tool"] != "try_scenarios" for event in await session.events()
    )


async def test_what_is_not_there_or_not_asked_for(call, new_session):
    id = await new_session(title="Clock")
    missing = await call("POST", "sessions", id, "scenarios", "nothing", "watch")
    assert missing.status == 404
    unasked = {"number": 7, "viewer": "mine", "answer": "{}"}
    assert (await call("POST", "sessions", id, "preview", "looks", json=unasked)).status == 204
    endless = unasked | {"answer": "x" * 200_000}
    assert (await call("POST", "sessions", id, "preview", "looks", json=endless)).status == 400
