"""What was pointed at in the app's page, over REST: found, told to the model, changed in its place, kept by a retry."""

from __future__ import annotations

import zlib
from typing import Any

from jupyter_appbuilder.attachments.base import Given, Shown

PAGE = "<!doctype html>\n<title>Tasks</title>\n<h1>Tasks</h1>\n<p>of today</p>\n"


async def test_what_was_pointed_at_is_found_told_and_changed(call, new_session, builder, model):
    id = await new_session()
    session = await builder.session(id)
    await session.call("write_file", {"path": "index.html", "content": PAGE}, by="person")
    claim: dict[str, Any] = {"tag": "h1", "text": "Tasks", "path": "/", "positions": [], "extra": "x" * 9999}
    answer = (await call("POST", "sessions", id, "pointed", json={"pointed": claim})).data
    assert answer["literal"] is True
    found = answer["pointed"]
    assert (found["file"], found["line"], found["name"]) == ("index.html", 3, "h1")
    assert not {"positions", "extra"} & found.keys()
    assert (await call("POST", "sessions", id, "pointed", json={"pointed": {"tag": "<"}})).status == 400

    changed = await call("POST", "sessions", id, "pointed", "text", json={"pointed": claim, "text": "To do <now>"})
    assert changed.status == 204
    assert "<h1>To do &lt;now&gt;</h1>" in await session.workspace.read_text("index.html")
    assert (session.stored[-1].type, session.stored[-1].data["title"][:6]) == ("checkpoint.created", "Edited")
    again = await call("POST", "sessions", id, "pointed", "text", json={"pointed": claim, "text": "Another"})
    assert (again.status, again.data["reason"]) == (409, "no_literal")

    claim["text"] = "To do <now>"
    model.steps = [{"text": "It is a title."}, {"text": "It is."}]
    said = {"text": "What is this?", "mode": "ask", "pointed": [claim]}
    assert (await call("POST", "sessions", id, "messages", json=said)).status == 202
    await session.wait()
    assert (await call("POST", "sessions", id, "retry", json={})).status == 202
    await session.wait()
    for request in model.requests:
        text = str(request.body["messages"])
        assert "Written at index.html:3:1" in text
        assert "3| <h1>To do &lt;now&gt;</h1>" in text
    assert [len(e.data["pointed"]) for e in session.stored if e.type == "message.user"] == [1, 1]
    many = {"text": "x", "pointed": [claim] * 11}
    assert (await call("POST", "sessions", id, "messages", json=many)).status == 400


async def test_the_style_of_what_was_pointed_at_is_an_edit_that_is_undone_like_one(call, new_session, builder):
    id = await new_session()
    session = await builder.session(id)
    await session.call("write_file", {"path": "index.html", "content": PAGE}, by="person")
    claim: dict[str, Any] = {"tag": "h1", "text": "Tasks"}
    told = (await call("POST", "sessions", id, "pointed", "styles", json={"pointed": claim})).data
    assert (told["why"], told["file"], told["line"]) == ("", "index.html", 3)
    style = {"size": "2xl", "margin": "4"}
    changed = await call("POST", "sessions", id, "pointed", "style", json={"pointed": claim, "style": style})
    assert changed.status == 204
    assert '<h1 style="font-size: 1.5rem; margin-block: 1rem">Tasks' in await session.workspace.read_text("index.html")
    for wrong in ({}, {"size": 3}, {"size": "huge"}, {"width": "1"}, {"size": "2xl"}):
        body = {"pointed": claim, "style": wrong}
        refused = await call("POST", "sessions", id, "pointed", "style", json=body)
        assert (refused.status, refused.data["field"]) == (400, "style")
    body = {"pointed": {**claim, "text": "nowhere"}, "style": style}
    refused = await call("POST", "sessions", id, "pointed", "style", json=body)
    assert (refused.status, refused.data["reason"], refused.data["hint"]) == (409, "no_style", "Ask for the change.")
    version = [event for event in session.stored if event.type == "checkpoint.created"][-2].data["checkpoint"]
    await session.restore(version)
    assert "<h1>Tasks" in await session.workspace.read_text("index.html")


async def test_a_picture_goes_along_and_a_name_of_none_is_passed_over(call, new_session, builder, model):
    id = await new_session()
    session = await builder.session(id)
    await session.call("write_file", {"path": "index.html", "content": PAGE}, by="person")
    head = b"IHDR\0\0\0\x08\0\0\0\x08\x08\x02\0\0\0"
    png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + head + zlib.crc32(head).to_bytes(4)
    name = await builder.shelf.put(Given("pointed-at.png", "image/png", png, picture=Shown(png, 8, 8, "image/png")))
    claim: dict[str, Any] = {"tag": "h1", "text": "Tasks", "view": [390, 800, 0, -5], "dark": "yes"}
    taken = await call("POST", "sessions", id, "pointed", "picture", json={"pointed": claim})
    assert (taken.status, taken.data["reason"]) == (503, "browser_off")

    model.steps = [{"text": "A title."}]
    pointed = [claim | {"picture": name}, claim | {"picture": "0" * 32}, claim | {"picture": "../../etc/passwd"}]
    said = {"text": "What is this?", "mode": "ask", "pointed": pointed}
    assert (await call("POST", "sessions", id, "messages", json=said)).status == 202
    await session.wait()
    (message,) = [event for event in session.stored if event.type == "message.user"]
    first, *others = message.data["pointed"]
    assert first["picture"] | {"sha256": ""} == {
        "sha256": "",
        "width": 8,
        "height": 8,
        "alt": "h1 “Tasks” (index.html:3)",
        "media_type": "image/png",
    }
    assert not any("picture" in one or "view" in one for one in others)
    assert (await call("GET", "sessions", id, "pictures", first["picture"]["sha256"])).body == png
