"""Files that come with a message, over REST: handed in, sent, shown, kept."""

from __future__ import annotations

import asyncio
import base64
import json

from attachments.test_reading import png

from jupyter_appbuilder.attachments.base import LARGEST


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def test_a_picture_and_a_text_reach_the_model_the_log_the_notebook_and_the_fork(
    call, builder, model, jp_root_dir
):
    model.steps = [{"text": "I see."}, {"text": "Again."}]
    small = png(300, 200)
    mock = await call("POST", "attachments", json={"name": "../mock.png", "content": encoded(small)})
    assert mock.status == 201
    told = {name: mock.data[name] for name in ("name", "media_type", "size", "text", "picture")}
    assert told == {"name": "mock.png", "media_type": "image/png", "size": len(small), "text": False, "picture": True}
    notes = await call("POST", "attachments", json={"name": "notes.md", "content": encoded(b"# Blue\nand round")})
    names = [mock.data["attachment"], notes.data["attachment"]]
    created = await call("POST", "sessions", json={"prompt": "Like this", "name": "like", "attachments": names})
    session = await builder.session(created.data["id"])
    while session.summary.turn is None:
        await asyncio.sleep(0.01)
    assert (await session.wait())["reason"] == "done"

    asked = json.dumps([request.body for request in model.requests if request.method == "POST"])
    assert "and round" in asked
    assert "you are shown none" in asked, "nobody knows whether this model takes pictures"

    said = next(event.data for event in session.stored if event.type == "message.user")
    picture, text = said["attachments"]
    assert (picture["name"], text["name"], text["text"]) == ("mock.png", "notes.md", "# Blue\nand round")
    shown = await call("GET", "sessions", session.id, "pictures", picture["sha256"])
    assert (shown.body, shown.headers["Content-Type"]) == (small, "image/png")
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    # What is no picture is served nowhere.
    assert (await call("GET", "sessions", session.id, "pictures", text["sha256"])).status == 404

    notebook = (await call("GET", "sessions", session.id, "notebook")).data
    cell = next(cell for cell in notebook["cells"] if "attachments" in cell)
    assert [base64.b64decode(one["image/png"]) for one in cell["attachments"].values()] == [small]
    assert "and round" in "".join(cell["source"])
    assert picture["sha256"] in "".join(cell["source"])

    fork = await call("POST", "sessions", session.id, "fork", json={"turn": "t1", "text": "And now"})
    copy = await builder.session(fork.data["id"])
    while copy.summary.turn is None:
        await asyncio.sleep(0.01)
    await copy.wait()
    again = next(event.data for event in copy.stored if event.type == "message.user")
    assert (again["text"], again["attachments"]) == ("And now", said["attachments"])
    await call("DELETE", "sessions", session.id)
    assert (await call("GET", "sessions", copy.id, "pictures", picture["sha256"])).body == small


async def test_what_is_not_taken_is_refused_by_name_and_what_is_gone_is_said(call, new_session):
    id = await new_session(name="refused")
    for body, said in (
        ({"name": "empty.txt", "content": ""}, "empty.txt is empty"),
        ({"name": "large.bin", "content": "A" * (LARGEST * 4 // 3 + 4000)}, "large.bin is too large"),
        ({"name": "a.txt", "content": "no base64!"}, "'content' is no Base64"),
        (
            {"name": "page.png", "content": encoded(png(9, 9)), "picture": encoded(b"<svg/>")},
            "smaller copy of page.png",
        ),
    ):
        refused = await call("POST", "attachments", json=body)
        assert refused.status == 400
        assert said in refused.data["message"]
    for wrong in ("0" * 32, "../../log.db"):
        gone = await call("POST", "sessions", id, "messages", json={"text": "Go", "attachments": [wrong]})
        assert (gone.status, gone.data["reason"]) == (404, "no_attachment")
    many = await call("POST", "sessions", id, "messages", json={"text": "Go", "attachments": ["0" * 32] * 11})
    assert many.status == 400
