"""What a session can be made of, and whether all is well."""

from __future__ import annotations

import asyncio
import json

import pytest
from guests import guests  # noqa: F401
from tiny_gguf import write_tiny_model
from tornado.httpclient import HTTPClientError

import jupyter_appbuilder

KEY = "sk-secret-0123456789"


async def test_templates_are_listed_with_title_and_icon(call):
    templates = {template["name"]: template for template in (await call("GET", "templates")).data}
    assert templates["page"]["title"] == "One page"
    assert templates["react-vite"]["icon"].lstrip().startswith("<svg")
    assert templates["page"]["prompts"] == []
    assert 3 <= len(templates["react-vite"]["prompts"]) <= 4


async def test_models_hold_the_configured_one_and_the_recorded_demo(call):
    models = {model["id"]: model for model in (await call("GET", "models")).data}
    assert models["custom:scripted"]["configured"]
    assert models["demo:recorded"]["recorded"]
    assert not models["custom:scripted"]["images"]


async def test_demos_have_prompts_to_click(call):
    demos = (await call("GET", "demos")).data
    assert all(demo["title"] and demo["prompt"] for demo in demos)
    names = {demo["name"] for demo in demos}
    assert all(demo["after"] in names for demo in demos if demo["after"])


async def test_tools_say_how_their_calls_are_shown_those_of_other_packages_too(guests, call):  # noqa: F811
    tools = {tool["name"]: tool for tool in (await call("GET", "tools")).data}
    assert (tools["edit_file"]["doing"], tools["edit_file"]["did"]) == ("Editing", "Edited")
    assert tools["edit_file"]["opens"] == "path"
    assert (tools["invite_guest"]["did"], tools["invite_guest"]["icon"]) == ("Invited", "person")
    assert tools["invite_guest"]["subject"] == ["guest"]
    assert tools["seat_guests"]["doing"] is None


async def test_a_provider_is_set_up_and_forgotten_and_its_key_never_shown(call, jp_data_dir):
    set_up = await call("PUT", "providers", "zai", json={"base_url": "http://127.0.0.1:9/v1", "api_key": KEY})
    assert (set_up.data["configured"], set_up.data["has_key"], set_up.data["key_source"]) == (True, True, "panel")
    listed = await call("GET", "providers")
    assert next(p for p in listed.data if p["name"] == "zai")["base_url"] == "http://127.0.0.1:9/v1"
    models = await call("GET", "models")
    for answer in (set_up, listed, models):
        assert KEY.encode() not in answer.body
    stored = jp_data_dir / "appbuilder/providers.json"
    assert KEY in stored.read_text()
    assert stored.stat().st_mode & 0o077 == 0

    kept = await call("PUT", "providers", "zai", json={"base_url": "http://127.0.0.1:8/v1"})
    assert kept.data["has_key"], "a key that is not sent stays"
    assert (await call("DELETE", "providers", "zai")).status == 204
    assert KEY not in stored.read_text()
    assert not next(p for p in (await call("GET", "providers")).data if p["name"] == "zai")["has_key"]


async def test_a_model_file_is_offered_once_it_was_named_and_looked_at(call, tmp_path):
    refused = await call("PUT", "providers", "gguf", json={"path": str(tmp_path / "none.gguf")})
    assert (refused.status, refused.data["reason"], refused.data["field"]) == (400, "no_such_file", "model")
    (tmp_path / "page.gguf").write_text("<html>")
    assert (await call("PUT", "providers", "gguf", json={"path": str(tmp_path / "page.gguf")})).status == 400
    assert (await call("PUT", "providers", "gguf", json={"base_url": "http://127.0.0.1:9"})).status == 400
    assert not [m for m in (await call("GET", "models")).data if m["provider"] == "gguf" and m["configured"]]
    model = write_tiny_model(tmp_path / "tiny.gguf")
    assert (await call("PUT", "providers", "gguf", json={"path": str(model)})).data["configured"]
    (offered,) = [m for m in (await call("GET", "models")).data if m["provider"] == "gguf"]
    assert (offered["id"], offered["title"], offered["configured"]) == (f"gguf:{model}", "tiny.gguf", True)
    assert (await call("DELETE", "providers", "gguf")).status == 204
    assert not [m for m in (await call("GET", "models")).data if m["provider"] == "gguf" and m["configured"]]


async def test_an_unknown_provider_cannot_be_forgotten(call):
    answer = await call("DELETE", "providers", "nobody")
    assert (answer.status, answer.data["reason"]) == (400, "unknown_provider")


async def test_health_answers_and_on_demand_checks_the_sandbox(call):
    plain = (await call("GET", "health")).data
    assert plain.pop("apps")["problem"] is None
    assert plain == {"status": "ok", "version": jupyter_appbuilder.__version__, "checks": []}
    checked = (await call("GET", "health", checks="true")).data
    assert checked["checks"]
    assert checked["status"] == ("ok" if all(check["ok"] for check in checked["checks"]) else "degraded")


async def test_polling_health_keeps_no_idle_server_alive(call, jp_serverapp):
    before = jp_serverapp.web_app.last_activity()
    await call("GET", "health")
    assert jp_serverapp.web_app.last_activity() == before
    await call("GET", "sessions")
    assert jp_serverapp.web_app.last_activity() > before


@pytest.mark.parametrize("action", ["start", "restart"])
async def test_the_preview_is_started_and_stopped(call, new_session, builder, http_server_client, action):
    id = await new_session()
    started = await call("POST", "sessions", id, "preview", json={"action": action})
    assert started.status == 202
    session = await builder.session(id)
    await session.app.ensure()
    preview = session.app.preview
    assert preview["state"] == "ready", preview
    assert preview["url"].startswith("/user/jane/appbuilder/preview/")
    page = await http_server_client.fetch(preview["url"])
    assert b"One page" in page.body
    stopped = await call("POST", "sessions", id, "preview", json={"action": "stop"})
    assert (stopped.status, stopped.data["state"]) == (200, "stopped")


async def test_a_model_is_tested_and_the_report_is_kept_to(call, model):
    model.steps = [
        {"text": "one, two, three"},
        {"text": '{"tool": "report_word", "arguments": {"word": "ready"}}'},
        {"text": "red"},
    ]
    model.tools = "ignored"
    report = await call("POST", "models", "test", json={"model": "custom:scripted"})
    assert report.status == 200
    assert (report.data["usable"], report.data["calling"]) == (True, "schema")
    assert {check["name"] for check in report.data["checks"]} >= {"tools", "schema", "images", "context", "speed"}
    assert b"sk-" not in report.body


async def test_what_names_no_model_is_not_tested(call):
    for body, reason in (({"model": "nobody:x"}, "unknown_provider"), ({"model": "demo:recorded"}, "recorded")):
        answer = await call("POST", "models", "test", json=body)
        assert (answer.status, answer.data["reason"]) == (400, reason)
        assert answer.data["hint"]
    assert (await call("POST", "models", "test", json={})).status == 400


async def test_a_test_that_nobody_waits_for_ends(model, http_server_client, jp_auth_header, jp_base_url):
    model.steps = [{"text": "word " * 1000, "delay": 0.05}]
    asked = http_server_client.fetch(
        f"{jp_base_url}appbuilder/api/models/test",
        method="POST",
        headers=jp_auth_header | {"Content-Type": "application/json"},
        body=json.dumps({"model": "custom:scripted"}),
        request_timeout=2,
    )
    with pytest.raises(HTTPClientError):
        await asked
    for _ in range(100):
        if model.closed_early:
            break
        await asyncio.sleep(0.05)
    assert model.closed_early == 1


async def test_a_provider_is_tried_as_it_is_set_up_and_what_is_wrong_with_it_stays_in_the_list(call):
    await call("PUT", "providers", "gateway", json={"base_url": "http://127.0.0.1:9/v1", "api_key": KEY})
    tried = await call("POST", "providers", "gateway", "test", json={})
    assert (tried.status, tried.data["ok"]) == (200, False)
    assert "127.0.0.1:9" in tried.data["message"]
    listed = {p["name"]: p for p in (await call("GET", "providers")).data}
    assert "127.0.0.1:9" in listed["gateway"]["problem"]["message"]
    assert listed["openai"]["problem"] is None
    assert (await call("DELETE", "providers", "gateway")).status == 204
    assert (await call("POST", "providers", "gateway", "test", json={})).status == 400
