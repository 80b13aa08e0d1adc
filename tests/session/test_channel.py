"""What watchers are told: everything once, whenever they come."""

import asyncio
import json
from contextlib import aclosing

from jupyter_appbuilder.events import Event
from jupyter_appbuilder.session.channel import LONGEST_BATCH, MAX_BEHIND, MAX_OUTPUT, Channel


class Log:
    """A session's events, and its channel."""

    def __init__(self):
        self.events = []
        self.channel = Channel(self.read, lambda: {"id": "s"})

    async def read(self, after, limit):
        await asyncio.sleep(0)
        return self.events[after : after + limit]

    def append(self, type="session.updated", **data):
        event = Event("s", len(self.events) + 1, 0.0, type, data)
        self.events.append(event)
        self.channel.events([event])

    def text(self, text, response="r1"):
        self.channel.live("text.delta", {"turn": "t1", "response": response, "text": text})


class View:
    """What a client holds after the messages it got."""

    def __init__(self):
        self.seqs = []
        self.text = {}

    def take(self, message):
        match message["kind"]:
            case "events":
                self.seqs += [event["seq"] for event in message["events"]]
            case "snapshot":
                self.text = {}
                if message["response"]:
                    self.text[message["response"]["response"]] = message["response"]["text"]
            case "live" if message["type"] == "text.delta":
                data = message["data"]
                self.text[data["response"]] = self.text.get(data["response"], "") + data["text"]


async def follow(log, view, after=0, until=lambda view: False):
    async with aclosing(log.channel.watch(after)) as messages:
        async for message in messages:
            view.take(message)
            if until(view):
                return


async def test_a_watcher_that_comes_in_mid_stream_misses_nothing_and_doubles_nothing():
    log = Log()
    for _ in range(1200):
        log.append()
    words = [f"{number} " for number in range(400)]
    whole = "".join(words)
    views = []

    async def speak():
        for number, word in enumerate(words):
            log.text(word)
            if number % 10 == 0:
                log.append()
            if number % 7 == 0:
                await asyncio.sleep(0)

    async def come(number):
        for _ in range(number * 3):
            await asyncio.sleep(0)
        view = View()
        views.append(view)
        await follow(log, view, until=lambda view: view.text.get("r1") == whole and len(view.seqs) == 1240)

    await asyncio.wait_for(asyncio.gather(speak(), *(come(number) for number in range(20))), 20)
    for view in views:
        assert view.seqs == list(range(1, 1241))
        assert view.text["r1"] == whole


async def test_a_reconnecting_watcher_goes_on_after_the_last_number_it_saw():
    log = Log()
    for _ in range(10):
        log.append()
    view = View()
    await follow(log, view, after=7, until=lambda view: len(view.seqs) == 3)
    assert view.seqs == [8, 9, 10]


async def test_a_finished_response_is_not_in_the_snapshot():
    log = Log()
    log.text("half")
    log.append("response.completed", response="r1")
    async with aclosing(log.channel.watch(0)) as messages:
        kinds = [await anext(messages) for _ in range(2)]
    assert kinds[1]["kind"] == "snapshot"
    assert kinds[1]["response"] is None


async def test_a_snapshot_holds_tool_arguments_and_output_so_far():
    log = Log()
    for piece in ('{"path":', '"src/App.tsx"'):
        log.channel.live(
            "tool.delta",
            {"turn": "t1", "response": "r1", "index": 0, "call": "r1.0", "tool": "write_file", "arguments": piece},
        )
    log.channel.live("tool.output", {"call": "r0.0", "stream": "stdout", "text": "building"})
    async with aclosing(log.channel.watch(0)) as messages:
        snapshot = await anext(messages)
    assert snapshot["response"]["tool_calls"][0]["arguments"] == '{"path":"src/App.tsx"'
    assert snapshot["outputs"] == {"r0.0": "building"}


async def test_a_slow_watcher_gets_longer_pieces_of_text_not_a_longer_queue():
    log = Log()
    async with aclosing(log.channel.watch(0)) as messages:
        await anext(messages)
        for number in range(MAX_BEHIND * 2):
            log.text(str(number % 10))
        message = await anext(messages)
    assert message["data"]["text"] == "".join(str(number % 10) for number in range(MAX_BEHIND * 2))


async def test_a_watcher_too_far_behind_is_cut_and_catches_up_by_reconnecting():
    log = Log()
    view = View()
    async with aclosing(log.channel.watch(0)) as messages:
        await anext(messages)
        for _ in range(MAX_BEHIND * 2):
            log.append()
        async for message in messages:
            view.take(message)
    assert len(view.seqs) < MAX_BEHIND * 2
    await follow(log, view, after=max(view.seqs, default=0), until=lambda view: len(view.seqs) == MAX_BEHIND * 2)
    assert view.seqs == list(range(1, MAX_BEHIND * 2 + 1))


async def test_what_arrives_in_very_many_pieces_is_whole_for_who_comes_late():
    """Each piece was put to a copy of all before it: a million of them took most of a minute."""
    log, pieces = Log(), 1_000_000
    call = {"turn": "t1", "response": "r1", "index": 0, "call": "c1", "tool": "write_file"}
    for number in range(pieces):
        piece = str(number % 10)
        log.channel.live("tool.delta", {**call, "arguments": piece})
        log.channel.live("tool.output", {"call": "c0", "text": piece})
        log.text(piece)
    async with aclosing(log.channel.watch()) as messages:
        snapshot = await anext(messages)
    whole = "0123456789" * (pieces // 10)
    assert snapshot["response"]["text"] == whole
    assert [call["arguments"] for call in snapshot["response"]["tool_calls"]] == [whole]
    assert snapshot["outputs"] == {"c0": whole[-MAX_OUTPUT:]}


async def test_large_events_come_in_messages_of_their_own_and_small_ones_together():
    log, sizes = Log(), []
    for number in range(300):
        log.append(text="a" * (300_000 if number % 100 == 50 else 10), more=[{"text": "b" * 300_000}] * (number == 5))
    async with aclosing(log.channel.watch()) as messages:
        async for message in messages:
            if message["kind"] == "snapshot":
                break
            sizes.append([len(json.dumps(event)) for event in message["events"]])
    assert [len(sizes), sum(map(len, sizes))] == [2, 300]
    assert all(sum(message[:-1]) < LONGEST_BATCH * 1.1 for message in sizes)
