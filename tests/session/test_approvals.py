"""Questions to the person: asked in the middle of a turn, answered by whoever watches, closed by whatever ends."""

import asyncio
import socket
import time

import pytest
from asking import asked, kill_while_asking, only
from building import app_builder, call, scripted_builder
from model_server import model_server
from plain_app import assert_sound, plain

from jupyter_appbuilder.approvals.questions import Approvals, Question
from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound, Unavailable

ASK = {"tool_calls": [call("request_network", host="api.example.org", reason="The weather comes from there.")]}


async def names(session):
    return [host.to_json()["name"] for host in await session.network.hosts()]


async def test_the_agent_asks_the_person_allows_and_the_turn_goes_on(tmp_path):
    async with scripted_builder(tmp_path, [ASK, {"text": "Thank you."}], **plain(tmp_path)) as (builder, server):
        session = await builder.create(title="Weather")
        await session.send("show the weather")
        [question] = await asked(session)
        assert question["question"] == "May this app reach api.example.org?"
        assert question["reason"] == "The weather comes from there."
        assert (question["kind"], question["subject"]) == ("network", "api.example.org:443")
        assert question["remember"] is True
        await session.answer(question["approval"], True, remember=True)
        assert (await session.wait())["reason"] == "done"
        assert await names(session) == ["api.example.org"]
        told = str(server.requests[-1].body["messages"])
        assert "HTTPS_PROXY" in told
        await assert_sound(session, tmp_path)


async def test_a_host_allowed_once_is_forgotten_when_the_turn_ends_one_for_the_app_is_not(tmp_path):
    other = {"tool_calls": [call("request_network", host="*.maps.example.org", reason="Tiles.")]}
    async with scripted_builder(tmp_path, [ASK, other], **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Once")
        await session.send("go")
        [first] = await asked(session)
        await session.answer(first["approval"], True)
        _, second = await asked(session, 2)
        assert await names(session) == ["api.example.org"]
        await session.answer(second["approval"], True, remember=True)
        await session.wait()
        assert await names(session) == ["*.maps.example.org"]
        assert session.network.allowed("a.maps.example.org:443")
        assert not session.network.allowed("api.example.org:443")


async def test_what_was_allowed_holds_after_a_restart_and_can_be_taken_back(tmp_path):
    traits = plain(tmp_path) | {"egress_hosts": ["intranet:8080"]}
    async with app_builder(tmp_path, model="demo:recorded", **traits) as builder:
        session = await builder.create(title="Kept")
        await session.allow_host("https://API.example.org/v1")
        await session.allow_host("api.example.org")
        assert len(only(await session.events(), "network.changed")) == 1
        name = session.id
    async with app_builder(tmp_path, model="demo:recorded", **traits) as builder:
        session = await builder.session(name)
        assert await names(session) == ["intranet:8080", "api.example.org"]
        assert session.network.allowed("api.example.org:443")
        await session.revoke_host("api.example.org")
        assert not session.network.allowed("api.example.org:443")
        with pytest.raises(NotFound, match="not allowed"):
            await session.revoke_host("api.example.org")
        with pytest.raises(NotFound, match="configuration"):
            await session.revoke_host("intranet:8080")
        with pytest.raises(InvalidInput, match="this machine"):
            await session.allow_host("http://169.254.169.254/")


async def test_commands_reach_what_was_allowed_and_are_told_what_was_not(tmp_path, monkeypatch):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsunny")
        await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    lookup = loop.getaddrinfo

    async def resolve(host, port, **options):
        return await lookup("127.0.0.1" if str(host).endswith("example.org") else host, port, **options)

    # A public host, as far as the way out can tell.
    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    monkeypatch.setattr("jupyter_appbuilder.sandbox.network.egress.is_public", lambda address: True)
    monkeypatch.setattr("jupyter_appbuilder.sandbox.network.egress._is_this_machine", lambda writer: False)
    site = await asyncio.start_server(serve, "127.0.0.1", 0, family=socket.AF_INET)
    port = site.sockets[0].getsockname()[1]

    def fetch(host):
        script = (
            f"fetch('http://{host}:{port}/').then(r => r.text()).then(console.log, e => console.log(e.cause?.message))"
        )
        return {"tool_calls": [call("run_command", command=f'node -e "{script}"')]}

    ask = {"tool_calls": [call("request_network", host=f"api.example.org:{port}", reason="The weather.")]}
    steps = [fetch("api.example.org"), ask, fetch("api.example.org"), fetch("other.example.org")]
    async with site, scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Weather")
        await session.start_preview()
        await session.send("go")
        [question] = await asked(session)
        await session.answer(question["approval"], True, remember=True)
        assert (await session.wait())["reason"] == "done"
        events = await session.events()
        before, after, other = (data["text"] for data in only(events, "tool.finished") if data["tool"] == "run_command")
        assert 'request_network("api.example.org", reason)' in before  # no network at all: read from what it printed
        assert "sunny" in after
        assert "[network]" not in after
        assert f'request_network("other.example.org:{port}", reason)' in other
        assert [data["host"] for data in only(events, "network.refused")] == [f"other.example.org:{port}"]
        assert session.app.server.state == "ready"  # started anew, with the way out
        await assert_sound(session, tmp_path)


async def test_a_refusal_reaches_the_model_which_is_not_to_ask_again(tmp_path):
    async with scripted_builder(tmp_path, [ASK, {"text": "Then without."}], **plain(tmp_path)) as (builder, server):
        session = await builder.create(title="No")
        await session.send("go")
        [question] = await asked(session)
        await session.answer(question["approval"], False, remember=True)
        assert (await session.wait())["reason"] == "done"
        assert "does not allow api.example.org" in str(server.requests[-1].body["messages"])
        assert await names(session) == []
        assert only(await session.events(), "approval.given")[0]["remember"] is False


async def test_a_question_can_be_answered_once(tmp_path):
    async with scripted_builder(tmp_path, [ASK], **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Twice")
        await session.send("go")
        [question] = await asked(session)
        answers = [session.answer(question["approval"], granted) for granted in (True, False)]
        results = await asyncio.gather(*answers, return_exceptions=True)
        assert [type(result) for result in results] == [type(None), Conflict]
        await session.wait()
        with pytest.raises(NotFound):
            await session.answer(question["approval"], True)
        with pytest.raises(NotFound):
            await session.answer("r9.9.a1", True)
        assert len(only(await session.events(), "approval.given")) == 1


class Journal:
    async def append(self, *drafts):
        return []

    def live(self, type, data):
        pass


async def test_a_time_limit_stands_still_while_questions_are_open():
    approvals = Approvals(Journal())
    async with asyncio.timeout(60) as clock:
        with approvals.pausing(clock):
            before = clock.when()
            asking = [asyncio.create_task(approvals.ask(Question("May I?", "test", "x", f"r1.{n}"))) for n in (0, 1)]
            await asyncio.sleep(0.05)
            assert clock.when() is None
            await approvals.give("r1.0.a1", True)
            await asking[0]
            assert clock.when() is None  # one is still open
            asking[1].cancel()
            await asyncio.wait(asking)
            assert approvals.open == ()
            assert before + 0.04 < clock.when() < before + 30  # what was left before is left now


async def test_an_answer_that_was_not_stored_lets_nothing_through_though_who_gave_it_is_gone():
    class Full(Journal):
        room = True

        async def append(self, *drafts):
            await asyncio.sleep(0.01)
            if not self.room:
                raise Unavailable("The disk is full.")
            return []

    journal = Full()
    approvals = Approvals(journal)
    asking = asyncio.create_task(approvals.ask(Question("May I?", "test", "x", "r1.0")))
    await asyncio.sleep(0.05)
    journal.room = False
    giving = asyncio.create_task(approvals.give("r1.0.a1", True))
    await asyncio.sleep(0)
    giving.cancel()  # the page that sent it was closed
    await asyncio.wait([giving])
    await asyncio.sleep(0.05)
    assert not asking.done()
    journal.room = True
    await approvals.give("r1.0.a1", False)
    assert (await asking).granted is False


async def test_a_turn_outlives_its_time_while_it_waits_for_the_person(tmp_path):
    traits = plain(tmp_path) | {"max_seconds": 6}
    async with scripted_builder(tmp_path, [ASK, {"text": "On we go."}], **traits) as (builder, _):
        session = await builder.create(title="Patience")
        await session.send("go")
        [question] = await asked(session)
        await asyncio.sleep(6.5)
        assert session.summary.state == "waiting"
        await session.answer(question["approval"], True)
        await session.wait()  # however it ends on a slow machine: it was not the waiting that ended it


async def test_the_time_limit_counts_again_after_the_answer(tmp_path):
    slow = {"text": "Thinking", "hang_after": 1}
    async with scripted_builder(tmp_path, [ASK, slow], **plain(tmp_path), max_seconds=5) as (builder, _):
        session = await builder.create(title="Again")
        await session.send("go")
        [question] = await asked(session)
        await session.answer(question["approval"], True)
        assert (await session.wait())["reason"] == "limit"


async def test_stop_closes_the_question(tmp_path):
    async with scripted_builder(tmp_path, [ASK], **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Stop")
        await session.send("go")
        await asked(session)
        began = time.monotonic()
        await session.stop()
        assert time.monotonic() - began < 5
        assert session.summary.state == "ready"
        events = await session.events()
        assert only(events, "approval.given") == [
            {"approval": "r1.0.a1", "granted": False, "remember": False, "cause": "stopped"}
        ]
        assert only(events, "turn.finished")[-1]["reason"] == "stopped"
        await assert_sound(session, tmp_path)


async def test_a_person_can_ask_for_a_host_outside_a_turn(tmp_path):
    async with app_builder(tmp_path, model="demo:recorded", **plain(tmp_path)) as builder:
        session = await builder.create(title="By hand")
        await session.ready()
        arguments = {"host": "api.example.org", "reason": "To try it."}
        asking = asyncio.create_task(session.call("request_network", arguments, by="notebook"))
        [question] = await asked(session)
        assert question["turn"] is None
        await session.answer(question["approval"], True)
        _, result = await asking
        assert result.ok
        assert session.summary.state == "ready"
        assert await names(session) == ["api.example.org"]  # outside a turn there is nothing that "once" could end with


async def test_a_killed_server_leaves_no_question_open(tmp_path):
    async with model_server([ASK]) as server:
        await kill_while_asking(tmp_path, server.url, "go")
    async with app_builder(tmp_path, model="demo:recorded", **plain(tmp_path)) as builder:
        [summary] = await builder.sessions()
        assert summary["state"] == "waiting"
        await builder.recover()
        session = await builder.session(summary["id"])
        assert session.summary.state == "ready"
        events = await session.events()
        assert only(events, "approval.given")[0]["cause"] == "interrupted"
        order = [event.type for event in events]
        assert order.index("approval.given") < order.index("tool.finished") < order.index("turn.finished")
        await assert_sound(session, tmp_path)
