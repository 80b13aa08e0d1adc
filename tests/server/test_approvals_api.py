"""What the person allows, through REST and the channel."""

from __future__ import annotations

import asyncio

from building import app_builder
from building import call as tool_call

ASK = {"tool_calls": [tool_call("request_network", host="api.example.org", reason="The weather.")]}


async def waiting(call, id):
    """Wait until the session waits for the person; the open question."""
    async with asyncio.timeout(30):
        while (await call("GET", "sessions", id)).data["state"] != "waiting":
            await asyncio.sleep(0.02)


async def question(builder, id):
    events = await (await builder.session(id)).events()
    return [event.data for event in events if event.type == "approval.requested"][-1]


async def test_a_question_is_answered_and_the_host_is_on_the_list(call, new_session, builder, model):
    model.steps = [ASK, {"text": "Thanks."}]
    id = await new_session(title="Weather")
    assert (await call("POST", "sessions", id, "messages", json={"text": "go"})).status == 202
    await waiting(call, id)
    [listed] = [row for row in (await call("GET", "sessions")).data if row["id"] == id]
    assert listed["state"] == "waiting"
    approval = (await question(builder, id))["approval"]
    wrong = await call("POST", "sessions", id, "approvals", approval, json={"granted": "yes"})
    assert (wrong.status, wrong.data["field"]) == (400, "granted")
    answer = await call("POST", "sessions", id, "approvals", approval, json={"granted": True, "remember": True})
    assert answer.status == 200
    async with asyncio.timeout(30):
        while (await call("GET", "sessions", id)).data["state"] != "ready":
            await asyncio.sleep(0.02)
    hosts = (await call("GET", "sessions", id, "network")).data
    assert hosts == [{"host": "api.example.org:443", "name": "api.example.org", "source": "session", "turn": None}]
    again = await call("POST", "sessions", id, "approvals", approval, json={"granted": False})
    assert (again.status, again.data["reason"]) == (404, "unknown_approval")


async def test_stop_ends_the_waiting(call, new_session, builder, model):
    model.steps = [ASK]
    id = await new_session(title="Stop")
    await call("POST", "sessions", id, "messages", json={"text": "go"})
    await waiting(call, id)
    stopped = await call("POST", "sessions", id, "stop", json={})
    assert stopped.data["state"] == "ready"
    assert stopped.data["turn"]["reason"] == "stopped"


async def test_hosts_are_added_and_taken_back(call, new_session):
    id = await new_session(title="Hosts")
    assert (await call("GET", "sessions", id, "network")).data == []
    added = await call("POST", "sessions", id, "network", json={"host": "https://*.Example.org:8443/x"})
    assert [host["name"] for host in added.data] == ["*.example.org:8443"]
    refused = await call("POST", "sessions", id, "network", json={"host": "127.0.0.1"})
    assert (refused.status, refused.data["field"]) == (400, "host")
    assert "egress_hosts" in refused.data["hint"]
    assert (await call("DELETE", "sessions", id, "network", "*.example.org:8443")).status == 204
    assert (await call("DELETE", "sessions", id, "network", "*.example.org:8443")).status == 404
    assert (await call("GET", "sessions", id, "network")).data == []


async def test_the_sandbox_providers_say_what_isolates(call):
    [first, *_] = (await call("GET", "sandboxes", "providers")).data
    assert (first["name"], first["default"], first["available"]) == ("local", True, True)
    assert first["isolation"]["kind"]
    assert first["isolation"]["detail"]


async def test_where_apps_can_run_is_listed_also_when_the_configured_place_is_not_there(tmp_path):
    async with app_builder(tmp_path, sandbox="nowhere") as builder:
        found = {provider["name"]: provider for provider in await builder.sandboxes.describe_providers()}
        assert found["local"]["available"]
        assert not any(provider["default"] for provider in found.values())


async def test_rules_of_every_app_are_added_and_removed(call, builder):
    built_in = (await call("GET", "rules")).data
    assert {rule["source"] for rule in built_in} == {"default"}
    added = await call("POST", "rules", json={"pattern": "git push *", "action": "deny"})
    [mine] = [rule for rule in added.data if rule["source"] == "person"]
    assert (mine["tool"], mine["pattern"], mine["action"]) == ("run_command", "git push *", "deny")
    changed = await call("POST", "rules", json={"pattern": "git push *", "action": "allow"})
    assert [rule["action"] for rule in changed.data if rule["source"] == "person"] == ["allow"]
    for body, field in (
        ({"pattern": "x", "action": "forbid"}, "action"),
        ({"pattern": "echo 'x", "action": "deny"}, "pattern"),
        ({"pattern": " ", "action": "deny"}, "pattern"),
        ({"tool": "no tool", "pattern": "x", "action": "deny"}, "tool"),
    ):
        wrong = await call("POST", "rules", json=body)
        assert (wrong.status, wrong.data["field"]) == (400, field)
    for rule in [rule for rule in changed.data if rule["source"] == "person"]:
        assert (await call("DELETE", "rules", rule["id"])).status == 204
    gone = await call("DELETE", "rules", mine["id"])
    assert (gone.status, gone.data["reason"]) == (404, "unknown_rule")
    assert (await call("GET", "rules")).data == built_in


async def test_a_rule_of_one_app_is_no_other_apps(call, new_session, builder):
    id, other = await new_session(title="Mine"), await new_session(title="Other")
    body = {"tool": "delete_file", "pattern": "*", "action": "ask"}
    made = await call("POST", "sessions", id, "rules", json=body)
    assert [rule["tool"] for rule in made.data if rule["source"] == "app"] == ["delete_file"]
    assert "app" not in {rule["source"] for rule in (await call("GET", "sessions", other, "rules")).data}
    assert "app" not in {rule["source"] for rule in (await call("GET", "rules")).data}
    [rule] = [rule["id"] for rule in made.data if rule["source"] == "app"]
    assert (await call("DELETE", "sessions", other, "rules", rule)).status == 404
    assert (await call("DELETE", "sessions", id, "rules", rule)).status == 204
    assert "app" not in {rule["source"] for rule in (await call("GET", "sessions", id, "rules")).data}
