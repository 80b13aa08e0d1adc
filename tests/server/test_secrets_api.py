"""Secrets and functions of an app over REST."""

from __future__ import annotations

import json
from typing import Any

import pytest

VALUE = "sup3r-s3cret-value"
FUNCTION = """import type { Context } from "app";

export async function POST(request: Request, { env, log, db }: Context) {
  log.info("with", env.API_KEY);
  db.run("INSERT INTO tasks (title) VALUES (?)", ((await request.json()) as { title: string }).title);
  return { size: env.API_KEY?.length, q: new URL(request.url).searchParams.get("q") };
}
"""


@pytest.fixture
def app_config(app_config: dict[str, Any]) -> dict[str, Any]:
    app_config["AppBuilder"]["secrets"] = "file"
    return app_config


async def test_a_value_goes_in_and_never_comes_out(call, new_session, builder):
    id = await new_session(title="Keys", template="serverless")
    session = await builder.session(id)
    await session.ready()
    await session.call("write_file", {"path": "functions/add.ts", "content": FUNCTION}, by="person")
    told = (await call("GET", "sessions", id, "secrets")).data
    assert told["takes"]
    assert "encrypted" in told["where"]
    assert [(one["name"], one["set"], one["used_by"]) for one in told["secrets"]] == [
        ("API_KEY", False, ["functions/add.ts"])
    ]
    answer = await call("PUT", "sessions", id, "secrets", "API_KEY", json={"value": VALUE + "\n"})
    assert answer.status == 200, answer.body
    assert [(one["name"], one["set"]) for one in answer.data["secrets"]] == [("API_KEY", True)]
    assert VALUE.encode() not in answer.body

    sent = {"name": "add", "method": "POST", "query": "q=tea", "body": {"title": "Milk"}}
    called = await call("POST", "sessions", id, "functions", "call", json=sent)
    assert called.data["status"] == 200, called.body
    assert json.loads(called.data["body"]) == {"size": len(VALUE), "q": "tea"}
    assert called.data["logs"] == [{"level": "info", "text": "with •••", "at": None}]
    assert called.data["changes"] == [{"table": "tasks", "inserted": 1, "updated": 0, "deleted": 0}]
    listed = {one["name"]: one for one in (await call("GET", "sessions", id, "functions")).data}
    assert listed["add"]["methods"] == ["POST"]
    assert [line["text"] for line in listed["add"]["said"]] == ["with •••"]
    assert VALUE not in json.dumps([event.to_json() for event in session.stored])
    for path in (("secrets",), ("functions",), ()):
        assert VALUE.encode() not in (await call("GET", "sessions", id, *path)).body

    assert (await call("DELETE", "sessions", id, "secrets", "API_KEY")).status == 204
    gone = await call("DELETE", "sessions", id, "secrets", "API_KEY")
    assert (gone.status, gone.data["reason"]) == (404, "unknown_secret")


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("api_key", VALUE, "name"),
        ("NODE_OPTIONS", VALUE, "name"),
        ("PATH", VALUE, "name"),
        ("../KEY", VALUE, "name"),
        ("A" * 65, VALUE, "name"),
        ("API_KEY", "ab1", "value"),
        ("API_KEY", "a\0bcdefgh", "value"),
        ("API_KEY", "ß" * 20_000, "value"),
    ],
)
async def test_what_is_no_secret_is_refused_without_its_value(call, new_session, builder, name, value, field):
    id = await new_session(title="Keys", template="serverless")
    refused = await call("PUT", "sessions", id, "secrets", name, json={"value": value})
    assert (refused.status, refused.data["field"]) == (400, field)
    assert value not in refused.data["message"] + refused.data["hint"]
    assert (await call("GET", "sessions", id, "secrets")).data["secrets"] == []


async def test_an_app_without_functions_takes_none(call, new_session, builder):
    id = await new_session(title="Page")
    assert (await call("GET", "sessions", id, "functions")).status == 204
    assert not (await call("GET", "sessions", id, "secrets")).data["takes"]
    refused = await call("PUT", "sessions", id, "secrets", "API_KEY", json={"value": VALUE})
    assert (refused.status, refused.data["reason"]) == (409, "no_functions")
