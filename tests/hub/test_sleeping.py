"""What is asked of a Hub for published apps, where it refuses, fails or is away. The Hub is a stand-in here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from jupyter_appbuilder.errors import Conflict, Forbidden, InvalidInput, Unavailable
from jupyter_appbuilder.hub.spawning import LAB_SCOPES
from jupyter_appbuilder.hub.waking import Apps
from jupyter_appbuilder.publishing.base import Bundle, BundleManifest, Order
from jupyter_appbuilder.publishing.jupyterhub import JupyterHub, Server
from jupyter_appbuilder.publishing.targets.hub import HubPublisher

OPTIONS = {"appbuilder": {"publication": "tasks"}}


@dataclass
class Hub:
    """``starts``: what a start comes to. ``refuses``: the kind of reader that it does not share with."""

    scopes: list[str] = field(default_factory=lambda: [scope.replace("!user", "!user=ada") for scope in LAB_SCOPES])
    servers: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    shares: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    starts: str = "ready"
    refuses: str = ""
    started: int = 0

    def application(self) -> web.Application:
        hub = self

        class Handler(web.RequestHandler):
            def get(self, what: str) -> None:
                if what == "user":
                    self.finish({"name": "ada", "scopes": hub.scopes})
                elif what == "users/ada":
                    self.finish({"name": "ada", "servers": hub.servers})
                elif what.startswith("shares/"):
                    self.finish({"items": hub.shares})
                elif what.endswith("/progress"):
                    event = {"progress": 100, hub.starts: True, "message": "The disk is /srv/secret"}
                    self.finish(f"data: {json.dumps(event)}\n\n")
                elif what in ("users/bob", "users/eve", "groups/team"):
                    self.finish({})
                else:
                    self.set_status(404)

            def post(self, what: str) -> None:
                body = json.loads(self.request.body or b"{}")
                if what.startswith("shares/"):
                    if hub.refuses in body:
                        self.set_status(403)
                        self.finish({"message": "Need scope 'read:groups:name' to share with groups by name"})
                        return
                    hub.shares.append({kind: {"name": name} for kind, name in body.items()})
                    return
                hub.started += 1
                name = what.rpartition("/")[2]
                there = hub.servers.setdefault(name, {"url": f"/user/ada/{name}/"})
                there |= {"ready": hub.starts == "ready", "user_options": body or there.get("user_options")}
                self.set_status(201)

            def patch(self, what: str) -> None:
                body = json.loads(self.request.body)
                hub.shares = [one for one in hub.shares if {kind: it["name"] for kind, it in one.items()} != body]

            def delete(self, what: str) -> None:
                hub.servers.pop(what.rpartition("/")[2], None)

        return web.Application([("/hub/api/(.*)", Handler)])


@asynccontextmanager
async def pretended(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Hub]:
    hub, sockets = Hub(), bind_sockets(0, "127.0.0.1")
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"http://127.0.0.1:{sockets[0].getsockname()[1]}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "not-to-be-told")
    monkeypatch.setattr(HubPublisher, "_known", (float("-inf"), ""))
    server = HTTPServer(hub.application())
    server.add_sockets(sockets)
    try:
        yield hub
    finally:
        server.stop()


def order(name: str = "tasks", **settings: str) -> Order:
    return Order(Bundle(Path("/nowhere"), cast("BundleManifest", {"name": name})), 1, None, settings)


def named(hub: Hub) -> list[str]:
    return sorted(it["name"] for one in hub.shares for it in one.values())


async def test_where_one_cannot_publish_it_says_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)
    assert "was not started by a JupyterHub" in HubPublisher().unavailable()
    async with pretended(monkeypatch) as hub:
        assert await asyncio.to_thread(HubPublisher().unavailable) == ""
        hub.scopes = ["users:activity!user=ada", "access:servers!server=ada/"]
        monkeypatch.setattr(HubPublisher, "_known", (float("-inf"), ""))
        why = await asyncio.to_thread(HubPublisher().unavailable)
        assert "servers!user and shares!user" in why
        assert "configure(c)" in why
        with pytest.raises(Forbidden):
            await HubPublisher().publish(order(), print)
    monkeypatch.setattr(HubPublisher, "_known", (float("-inf"), ""))
    why = await asyncio.to_thread(HubPublisher().unavailable)
    assert "does not answer" in why
    assert "not-to-be-told" not in why


async def test_what_fails_leaves_readers_and_servers_as_they_were(monkeypatch: pytest.MonkeyPatch):
    async with pretended(monkeypatch) as hub:
        publisher, told = HubPublisher(), list[str]()
        for asked in (
            {"readers": "people", "users": "nobody"},
            {"readers": "people"},
            {"readers": "everybody"},  # without the service
            {"readers": "all"},
        ):
            with pytest.raises(InvalidInput):
                await publisher.publish(order(**asked), told.append)
        assert hub.servers == {}
        hub.refuses = "group"
        with pytest.raises(Forbidden):
            await publisher.publish(order(readers="people", users="bob", groups="team"), told.append)
        assert (hub.servers, named(hub)) == ({}, [])
        hub.starts = "failed"
        with pytest.raises(Unavailable, match="could not start app-tasks"):
            await publisher.publish(order(), told.append)
        assert hub.servers == {}
        hub.servers["app-tasks"] = {"ready": True, "user_options": {"image": "mine"}}
        with pytest.raises(Conflict, match="no published app"):
            await publisher.publish(order(), told.append)


async def test_readers_are_those_who_were_named_last(monkeypatch: pytest.MonkeyPatch):
    async with pretended(monkeypatch) as hub:
        publisher, told = HubPublisher(), list[str]()
        published = await publisher.publish(order(readers="people", users="bob", groups="team"), told.append)
        assert (published.url, named(hub)) == ("/user/ada/app-tasks/", ["bob", "team"])
        now = await publisher.change_readers("tasks", {"readers": "people", "users": "eve, bob"}, told.append)
        assert now == {"readers": "people", "users": "bob, eve", "groups": ""} == await publisher.readers("tasks")
        assert told[-2:] == ["eve may open it.", "The group team may not open it any more."]
        await publisher.publish(order(), told.append)
        assert (named(hub), hub.started) == ([], 1)
        await publisher.unpublish("tasks", {}, told.append)
        await publisher.unpublish("tasks", {}, told.append)
        assert hub.servers == {}


async def test_a_server_is_started_once_for_all_who_wait_and_after_a_failure_when_somebody_asks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async with pretended(monkeypatch) as hub:
        found = JupyterHub.of_environment()
        assert found
        apps = Apps(found, "/services/appbuilder/")
        hub.servers["app-tasks"] = {"url": "/user/ada/app-tasks/", "ready": False, "user_options": OPTIONS}
        there = await apps.find("ada", "tasks")
        assert there == Server("app-tasks", "/user/ada/app-tasks/", False, "", OPTIONS)
        assert await apps.find("ada", "other") is None
        hub.starts = "failed"
        waking = [apps.wake("ada", there) for _ in range(3)]
        assert waking[0].task
        await waking[0].task
        assert {id(one) for one in (*waking, apps.wake("ada", there))} == {id(waking[0])}
        assert (waking[0].state, hub.started) == ("failed", 1)
        assert waking[0].failure in caplog.text
        assert "/srv/secret" in caplog.text
        assert "not-to-be-told" not in caplog.text
        hub.starts = "ready"
        again = apps.wake("ada", there, again=True)
        assert again.task
        await again.task
        assert (again.state, again.url, hub.started) == ("ready", "/user/ada/app-tasks/", 2)
