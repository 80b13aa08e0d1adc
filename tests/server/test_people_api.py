"""Two people on one server: the log says who asked and who answered, as the server's identity provider knows them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from building import call as tool_call
from jupyter_server.auth.identity import IdentityProvider, User
from tornado import web

NAMES = {"ada": "Ada *Lovelace*", "bob": "Bob\u202e\nthe builder", "also-ada": "Ada *Lovelace*"}
ASK = {"tool_calls": [tool_call("request_network", host="api.example.org", reason="The weather.")]}


class ByHeader(IdentityProvider):
    """As behind a proxy that has people log in. ``nobody`` came with a token that all share."""

    def get_user(self, handler: web.RequestHandler) -> User | None:
        login = handler.request.headers.get("X-Person", "")
        if login == "nobody":
            return self.generate_anonymous_user(handler)
        return User(login, NAMES[login]) if login in NAMES else None

    def is_token_authenticated(self, handler: web.RequestHandler) -> bool:
        return True  # no cookie that another page could misuse


@pytest.fixture
def app_config(app_config: dict[str, Any]) -> dict[str, Any]:
    return app_config | {"ServerApp": {"identity_provider_class": ByHeader}}


@pytest.fixture
def jp_auth_header() -> dict[str, str]:
    return {"X-Person": "ada"}


def by(login: str) -> dict[str, str]:
    return {"X-Person": login}


async def until(builder, id, type, times):
    session = await builder.session(id)
    async with asyncio.timeout(30):
        while sum(event.type == type for event in session.stored) < times or (
            type != "approval.requested" and session.busy
        ):
            await asyncio.sleep(0.02)


async def told(builder, id, *types):
    return [event.data.get("by_whom") for event in (await builder.session(id)).stored if event.type in types]


async def written(builder, id):
    session = await builder.session(id)
    session.notebook.changed()
    await session.notebook.flush()
    return session.notebook.path.read_text()


async def test_who_asked_and_who_answered_is_in_the_log_and_the_notebook(call, new_session, builder, model):
    model.steps = [{"text": "Hello."}, ASK, {"text": "Thanks."}, {"text": "Again."}]
    ada, bob = {"id": "ada", "name": "Ada *Lovelace*"}, {"id": "bob", "name": "Bob the builder"}
    id = await new_session(title="Weather", prompt="Say hello")
    await until(builder, id, "turn.finished", 1)
    assert "You asked" in await written(builder, id), "Alone, nobody is named."
    claimed = await call("POST", "sessions", id, "messages", json={"text": "go", "by_whom": ada})
    assert (claimed.status, claimed.data["field"]) == (400, "by_whom")
    assert (
        await call("POST", "sessions", id, "messages", json={"text": "go"}, auth=False, headers=by("bob"))
    ).status == 202
    await until(builder, id, "approval.requested", 1)
    asked = next(e.data for e in (await builder.session(id)).stored if e.type == "approval.requested")
    answer = await call("POST", "sessions", id, "approvals", asked["approval"], json={"granted": False})
    assert answer.status == 200
    await until(builder, id, "turn.finished", 2)
    assert (await call("POST", "sessions", id, "retry", json={}, auth=False, headers=by("nobody"))).status == 202
    await until(builder, id, "turn.finished", 3)
    assert await told(builder, id, "message.user") == [ada, bob, None]
    assert await told(builder, id, "approval.given") == [ada]
    notebook = await written(builder, id)
    for line in ("**Ada \\\\*Lovelace\\\\* asked**", "**Bob the builder asked**", "**You asked**"):
        assert line in notebook
    assert "May this app reach api.example.org? **Not allowed by Ada \\\\*Lovelace\\\\*.**" in notebook


async def test_two_of_one_name_are_told_apart(call, new_session, builder, model):
    model.steps = [{"text": "Hello."}, {"text": "Hello."}]
    id = await new_session(title="Greeting", prompt="Say hello")
    await until(builder, id, "turn.finished", 1)
    await call("POST", "sessions", id, "messages", json={"text": "Again"}, auth=False, headers=by("also-ada"))
    await until(builder, id, "turn.finished", 2)
    notebook = await written(builder, id)
    assert "**Ada \\\\*Lovelace\\\\* (ada) asked**" in notebook
    assert "**Ada \\\\*Lovelace\\\\* (also-ada) asked**" in notebook
