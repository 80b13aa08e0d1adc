"""Watching a session over a WebSocket and over server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError
from tornado.websocket import websocket_connect

from jupyter_appbuilder.events import Draft

from .contract import validate_as

SLOW = {"text": "Word by word it goes. " * 10, "delay": 0.01}


async def read_socket(socket: Any, until: Any) -> list[dict[str, Any]]:
    """Wire messages up to the first for which ``until`` holds."""
    messages = []
    while True:
        text = await asyncio.wait_for(socket.read_message(), 20)
        assert text is not None, f"closed: {socket.close_code} {socket.close_reason}"
        message = json.loads(text)
        validate_as(message, "WireMessage")
        messages.append(message)
        if until(message):
            return messages


def is_event(type: str) -> Any:
    return lambda message: any(event["type"] == type for event in message.get("events", []))


def is_snapshot(message: dict[str, Any]) -> bool:
    return message["kind"] == "snapshot"


def numbers(messages: list[dict[str, Any]]) -> list[int]:
    return [event["seq"] for message in messages for event in message.get("events", [])]


class Stream:
    """Server-sent events as a browser reads them: ``id``s remembered, comments skipped."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.reader = reader
        self.last_id = ""
        self.comments = 0

    async def message(self) -> dict[str, Any]:
        data = ""
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), 20)).decode()
            assert line, "the stream ended"
            field, _, value = line.rstrip("\n").partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "data":
                data += value
            elif not field and line == "\n" and data:
                message = json.loads(data)
                validate_as(message, "WireMessage")
                return message
            elif line.startswith(":"):
                self.comments += 1

    async def until(self, wanted: Any) -> list[dict[str, Any]]:
        messages = []
        while not messages or not wanted(messages[-1]):
            messages.append(await self.message())
        return messages


@pytest.fixture
def sse(jp_serverapp: Any, jp_http_port: int, jp_auth_header: dict[str, str]) -> Any:
    @contextlib.asynccontextmanager
    async def open(id: str, query: str = "", **headers: str) -> AsyncIterator[Stream]:
        reader, writer = await asyncio.open_connection("localhost", jp_http_port)
        try:
            # HTTP/1.0: the body comes as it is, without chunks.
            lines = [f"GET /user/jane/appbuilder/api/sessions/{id}/events?{query} HTTP/1.0", "Host: localhost"]
            lines += [f"{name.replace('_', '-')}: {value}" for name, value in {**jp_auth_header, **headers}.items()]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode()
            assert "200" in head.splitlines()[0], head
            assert "Content-Type: text/event-stream" in head
            yield Stream(reader)
        finally:
            writer.close()

    return open


@pytest.fixture
def channel(jp_ws_fetch: Any) -> Any:
    @contextlib.asynccontextmanager
    async def open(id: str, **query: Any) -> AsyncIterator[Any]:
        socket = await jp_ws_fetch("appbuilder/api/sessions", id, "channel", params=query)
        try:
            yield socket
        finally:
            socket.close()

    return open


async def test_the_channel_catches_up_shows_a_snapshot_then_all_that_happens(call, new_session, channel, model):
    model.steps = [SLOW]
    id = await new_session(title="Watched")
    async with channel(id) as socket:
        past = await read_socket(socket, is_snapshot)
        assert numbers(past)[:3] == [1, 2, 3]
        assert past[-1]["session"]["title"] == "Watched"
        assert past[-1]["response"] is None
        await call("POST", "sessions", id, "messages", json={"text": "Talk"})
        live = await read_socket(socket, is_event("turn.finished"))
        live += await read_socket(socket, lambda message: message["kind"] == "session")
    assert numbers(past) + numbers(live) == list(range(1, len(numbers(past) + numbers(live)) + 1))
    text = "".join(message["data"]["text"] for message in live if message.get("type") == "text.delta")
    assert text == SLOW["text"]
    assert [m["session"]["state"] for m in live if m["kind"] == "session"] == ["busy", "ready"]


async def test_the_end_of_a_long_history_comes_ahead_of_it_also_of_a_session_that_is_not_open(
    builder, new_session, channel
):
    id = await new_session()
    session = await builder.session(id)
    await session.ready()
    for number in range(1, 301):
        turn = f"t{number}"
        await session.append(
            Draft("turn.started", {"turn": turn, "model": "m"}),
            Draft("message.user", {"turn": turn, "text": "Go on"}),
            Draft("preview.ready", {"duration_ms": 1}),
            Draft("turn.finished", {"turn": turn, "reason": "done", "message": "", "hint": ""}),
        )
    for opened in (True, False):
        if not opened:
            await builder.release(id)
        async with channel(id, tail=2) as socket:
            tail, *history = await read_socket(socket, is_snapshot)
        assert tail["kind"] == "tail"
        assert [e["data"]["turn"] for e in tail["events"] if e["type"] == "turn.started"] == ["t299", "t300"]
        assert numbers(history) == list(range(1, history[-1]["session"]["last_seq"] + 1))
        assert tail["events"][-1]["seq"] == history[-1]["session"]["last_seq"]
    async with channel(id, tail=2, after=1000) as socket:
        assert not [message for message in await read_socket(socket, is_snapshot) if message["kind"] == "tail"]


@pytest.mark.parametrize("tail", ["101", "-1", "many"])
async def test_a_tail_that_cannot_be_is_refused(new_session, channel, tail):
    with pytest.raises(HTTPClientError, match="400"):
        async with channel(await new_session(), tail=tail):
            pass


async def test_who_comes_late_gets_the_response_so_far_and_no_token_twice(call, new_session, channel, model):
    model.steps = [SLOW]
    id = await new_session()
    async with channel(id) as first:
        await call("POST", "sessions", id, "messages", json={"text": "Talk"})
        await read_socket(first, lambda message: message.get("type") == "text.delta")
    seen = (await call("GET", "sessions", id)).data["last_seq"]
    async with channel(id, after=seen) as second:
        messages = await read_socket(second, is_event("response.completed"))
    snapshot = next(message for message in messages if is_snapshot(message))
    assert snapshot["response"]["text"], "tokens were streamed before"
    rest = "".join(m["data"]["text"] for m in messages if m.get("type") == "text.delta")
    assert snapshot["response"]["text"] + rest == SLOW["text"]
    assert min(numbers(messages)) == seen + 1


async def test_who_wants_no_history_asks_for_what_follows_the_largest_number(call, new_session, channel):
    id = await new_session()
    async with channel(id, after=2**53 - 1) as socket:
        messages = await read_socket(socket, is_snapshot)
    assert numbers(messages) == []


async def test_two_watchers_see_the_same(call, new_session, channel, model):
    model.steps = [SLOW]
    id = await new_session()
    async with channel(id) as one, channel(id) as two:
        await read_socket(one, is_snapshot)
        await read_socket(two, is_snapshot)
        await call("POST", "sessions", id, "messages", json={"text": "Talk"})
        finished = is_event("turn.finished")
        ones, twos = await asyncio.gather(read_socket(one, finished), read_socket(two, finished))
    assert numbers(ones) == numbers(twos)
    said = ["".join(m["data"]["text"] for m in ms if m.get("type") == "text.delta") for ms in (ones, twos)]
    assert said == [SLOW["text"]] * 2


async def test_a_deleted_session_closes_its_channel_and_says_so(call, new_session, channel):
    id = await new_session()
    async with channel(id) as socket:
        await read_socket(socket, is_snapshot)
        await call("DELETE", "sessions", id)
        await read_socket(socket, is_event("session.ended"))
        while await asyncio.wait_for(socket.read_message(), 20) is not None:
            pass
        assert (socket.close_code, socket.close_reason) == (4404, "deleted")


async def test_closing_the_channel_ends_the_watching(new_session, channel, builder):
    id = await new_session()
    session = await builder.session(id)
    async with channel(id) as socket:
        await read_socket(socket, is_snapshot)
        assert session.channel.watched
    for _ in range(200):
        if not session.channel.watched:
            break
        await asyncio.sleep(0.01)
    assert not session.channel.watched


@pytest.mark.parametrize(("id", "query", "status"), [("nobody", {}, 404), ("{id}", {"after": "x"}, 400)])
async def test_a_channel_that_cannot_be_answers_with_a_status(new_session, jp_ws_fetch, id, query, status):
    id = id.format(id=await new_session())
    with pytest.raises(HTTPClientError) as error:
        await jp_ws_fetch("appbuilder/api/sessions", id, "channel", params=query)
    assert error.value.code == status


async def test_another_sites_page_cannot_open_the_channel(new_session, jp_http_port, http_server_client):
    id = await new_session()
    url = f"ws://localhost:{jp_http_port}/user/jane/appbuilder/api/sessions/{id}/channel"
    with pytest.raises(HTTPClientError) as error:
        await websocket_connect(url)
    assert error.value.code == 403


async def test_events_continue_after_a_break_without_loss_or_doubling(call, new_session, sse, model):
    model.steps = [SLOW, {"text": "Again."}]
    id = await new_session()
    async with sse(id) as stream:
        first = await stream.until(is_snapshot)
        assert stream.last_id == str(numbers(first)[-1]), "only stored events move the id"
        await call("POST", "sessions", id, "messages", json={"text": "Talk"})
        first += await stream.until(is_event("message.user"))
        last = stream.last_id
    async with sse(id, Last_Event_ID=last, query="after=0") as stream:
        rest = await stream.until(is_event("turn.finished"))
    seen = numbers(first) + numbers(rest)
    assert seen == list(range(1, len(seen) + 1))
    async with sse(id, query=f"after={seen[-1]}") as stream:
        assert numbers(await stream.until(is_snapshot)) == []


async def test_a_silent_stream_is_kept_open_by_comments(new_session, sse, monkeypatch, builder):
    monkeypatch.setattr("jupyter_appbuilder.server.channel.HEARTBEAT", 0.05)
    id = await new_session()
    async with sse(id) as stream:
        await stream.until(is_snapshot)
        await asyncio.sleep(0.3)
        (await builder.session(id)).record.live("progress", {"what": "x", "message": "still there", "fraction": None})
        await stream.until(lambda message: message.get("type") == "progress")
        assert stream.comments >= 2
    session = await builder.session(id)
    for _ in range(200):
        if not session.channel.watched:
            break
        await asyncio.sleep(0.01)
    assert not session.channel.watched, "a browser that left is noticed"


async def test_a_bad_last_event_id_is_refused(call, new_session):
    answer = await call("GET", "sessions", await new_session(), "events", headers={"Last-Event-ID": "abc"})
    assert (answer.status, answer.data["field"]) == (400, "Last-Event-ID")


async def test_watching_counts_as_no_activity(new_session, channel, sse, jp_serverapp):
    id = await new_session()
    before = jp_serverapp.web_app.last_activity()
    async with channel(id) as socket, sse(id) as stream:
        await read_socket(socket, is_snapshot)
        await stream.until(is_snapshot)
    assert jp_serverapp.web_app.last_activity() == before


async def test_each_message_is_one_line_for_every_reader(new_session, sse, jp_fetch, builder):
    """Python's ``splitlines``, by which httpx and others read, also ends a line at these."""
    id = await new_session()
    title = "a\u2028b\u2029c\x85d é \U0001f389"
    await (await builder.session(id)).update(title=title)
    async with sse(id) as stream:
        line = ""
        while '"snapshot"' not in line:
            async with asyncio.timeout(20):
                line = (await stream.reader.readline()).decode()
            assert line.isascii()
            assert line.splitlines(keepends=True) == [line]
        assert json.loads(line.partition(": ")[2])["session"]["title"] == title
