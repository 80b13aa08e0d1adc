"""Approval rules where they count: in a turn. What the agent may not do unasked waits, is done once, or is not done."""

from __future__ import annotations

from typing import Any

import pytest
from asking import asked, kill_while_asking, only, scripted
from building import app_builder, call, scripted_builder, write
from model_server import model_server
from plain_app import assert_sound, plain
from traitlets import TraitError

from jupyter_appbuilder.approvals.rules import ApprovalRule
from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.errors import NotFound, Unavailable

REMOVE = "rm -rf old"
MAKE = {"tool_calls": [write("old/a.txt", "a\n"), write("old/b.txt", "b\n")]}


def run(command: str) -> dict[str, Any]:
    return {"tool_calls": [call("run_command", command=command)]}


def there(session: Any) -> bool:
    return (session.workspace.app / "old" / "a.txt").exists()


async def test_a_destructive_command_waits_and_is_done_once(tmp_path):
    steps = [MAKE, run(REMOVE), MAKE, run(f"npm --version; {REMOVE}"), {"text": "Cleaned up."}]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Once")
        await session.send("clean up")
        [question] = await asked(session)
        assert question["kind"] == "command"
        assert question["subject"] == REMOVE
        assert question["reason"] == "It deletes folders with all that is in them."
        assert question["rule"]["source"] == "default"
        assert question["allows"] == [REMOVE]
        assert there(session)
        started = [data["arguments"] for data in only(await session.events(), "tool.started")]
        assert {"command": REMOVE} not in started  # nothing has begun that could be half done
        await session.answer(question["approval"], True)
        _, second = await asked(session, 2)
        assert second["rule"]["what"] == REMOVE
        assert second["approval"] != question["approval"]
        await session.answer(second["approval"], True)
        assert (await session.wait())["reason"] == "done"
        assert not there(session)
        await assert_sound(session, tmp_path)


async def test_what_is_allowed_for_the_app_is_not_asked_again_until_it_is_taken_back(tmp_path):
    async with scripted_builder(tmp_path, [MAKE, run(REMOVE), MAKE, run(REMOVE)], **plain(tmp_path)) as (
        builder,
        model,
    ):
        session = await builder.create(title="Always")
        await session.send("clean up")
        [question] = await asked(session)
        await session.answer(question["approval"], True, remember=True)
        assert (await session.wait())["reason"] == "done"
        events = await session.events()
        assert len(only(events, "approval.requested")) == 1
        assert not there(session)
        assert only(events, "rule.changed") == [
            {"tool": "run_command", "pattern": REMOVE, "action": "allow", "holds": True, "by": "person"}
        ]
        [kept] = (await builder.rules_of(session)).app
        await builder.release(session.id)
        session = await builder.session(session.id)
        await session.forget_rule(kept.id)
        assert (await builder.rules_of(session)).app == ()
        with pytest.raises(NotFound):
            await session.forget_rule(kept.id)
        model.steps = [*model.steps, MAKE, run(REMOVE)]
        await session.send("once more")
        await asked(session, 2)


async def test_a_no_reaches_the_model_which_is_not_heard_with_the_same_again(tmp_path):
    others = [run(f"rm -r {name}") for name in ("src", "old src", "*")]
    steps = [MAKE, run(REMOVE), run(REMOVE), *others, {"text": "Then not."}]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, model):
        session = await builder.create(title="No")
        await session.send("clean up")
        for count in (1, 2, 3):
            question = (await asked(session, count))[-1]
            await session.answer(question["approval"], False)
        assert (await session.wait())["reason"] == "done"
        assert there(session)
        events = await session.events()
        assert len(only(events, "approval.requested")) == 3  # not for the same again, nor for a fourth
        results = [data for data in only(events, "tool.finished") if data["tool"] == "run_command"]
        assert [data["ok"] for data in results] == [False] * 5
        assert "The person does not allow it" in results[0]["text"]
        assert "said no to this already" in results[1]["text"]
        assert "said no 3 times" in results[4]["text"]
        assert "said no 3 times" in str(model.requests[-1].body["messages"])
        await assert_sound(session, tmp_path)


async def test_what_the_administrator_denies_nobody_can_allow(tmp_path):
    rules = [{"pattern": "rm *", "action": "deny", "reason": "House rule."}]
    steps = [MAKE, run(REMOVE), run("ls old"), {"text": "Then not."}]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path), approval_rules=rules) as (builder, _):
        session = await builder.create(title="Denied")
        await session.ready()
        builder.rule_book.add(ApprovalRule("run_command", "*", "allow"))
        await session.set_rule(ApprovalRule("run_command", "*", "allow"))
        await session.send("clean up")
        assert (await session.wait())["reason"] == "done"
        events = await session.events()
        assert only(events, "approval.requested") == []
        denied, listed = (data for data in only(events, "tool.finished") if data["tool"] == "run_command")
        assert "A rule denies 'rm *' (the administrator's). House rule." in denied["text"]
        assert listed["ok"]
        assert there(session)


async def test_what_a_person_does_is_their_own_act(tmp_path):
    rules = [{"pattern": "*", "action": "deny"}, {"tool": "*_file", "pattern": "*", "action": "deny"}]
    async with app_builder(tmp_path, model="demo:recorded", **plain(tmp_path), approval_rules=rules) as builder:
        session = await builder.create(title="Mine")
        await session.ready()
        await session.call("write_file", {"path": "old/a.txt", "content": "a"}, by="person")
        _, result = await session.call("run_command", {"command": REMOVE}, by="notebook")
        assert result.ok
        assert not there(session)


async def test_a_rule_for_any_tool_asks(tmp_path):
    steps = [write("a.txt", "a"), call("delete_file", path="a.txt"), call("list_files")]
    steps = [*({"tool_calls": [step]} for step in steps), {"text": "Done."}]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, _):
        builder.rule_book.add(ApprovalRule("delete_file", "*", "ask"))
        session = await builder.create(title="Tools")
        await session.send("go")
        [question] = await asked(session)
        assert (question["question"], question["kind"]) == ("May the agent use delete_file?", "tool")
        assert question["subject"] == "a.txt"
        await session.answer(question["approval"], True)
        assert (await session.wait())["reason"] == "done"
        assert not (session.workspace.app / "a.txt").exists()


async def test_stop_ends_the_waiting_and_nothing_is_done(tmp_path):
    async with scripted_builder(tmp_path, [MAKE, run(REMOVE)], **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Stop")
        await session.send("clean up")
        await asked(session)
        await session.stop()
        assert session.summary.state == "ready"
        assert there(session)
        assert only(await session.events(), "approval.given")[0]["cause"] == "stopped"
        await assert_sound(session, tmp_path)


async def test_rules_that_cannot_be_read_let_nothing_through(tmp_path):
    async with scripted_builder(tmp_path, [run("ls"), {"text": "Oh."}], **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Broken")
        builder.rule_book.add(ApprovalRule("run_command", "ls", "deny"))
        builder.rule_book.path.write_text('{"rules": [')
        with pytest.raises(Unavailable, match=r"approval_rules\.json"):
            await builder.rules_of(session)
        await session.send("go")
        await session.wait()
        [result] = [data for data in only(await session.events(), "tool.finished") if data["tool"] == "run_command"]
        assert not result["ok"]
        assert "cannot be read" in result["text"]


def test_a_configured_rule_that_is_none_stops_the_start(tmp_path):
    with pytest.raises(TraitError, match=r"approval_rules: .*forbid"):
        AppBuilder(data_dir=str(tmp_path), approval_rules=[{"pattern": "rm *", "action": "forbid"}])


async def test_a_killed_server_asks_again_and_has_done_nothing(tmp_path):
    async with model_server([MAKE, run(REMOVE), {"text": "Cleaned up."}]) as server:
        await kill_while_asking(tmp_path, server.url, "clean up")
        async with app_builder(tmp_path, resuming=True, **scripted(server.url), **plain(tmp_path)) as builder:
            [summary] = await builder.sessions()
            session = await builder.session(summary["id"])
            first, second = await asked(session, 2)
            assert first["call"] == second["call"]
            assert first["approval"] != second["approval"]
            assert there(session)
            with pytest.raises(NotFound):
                await session.answer(first["approval"], True)
            await session.answer(second["approval"], True)
            assert (await session.wait())["reason"] == "done"
            assert not there(session)
            given = [(data["granted"], data.get("cause")) for data in only(await session.events(), "approval.given")]
            assert given == [(False, "interrupted"), (True, None)]
            assert len(server.requests) == 3  # the answer that is in the log was not asked for again
            await assert_sound(session, tmp_path)
