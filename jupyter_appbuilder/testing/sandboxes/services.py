"""Apps with several services: each has its own preview path and its own state."""

from __future__ import annotations

from dataclasses import replace

from ...templates.templates import APP, Service, Template
from .stage import preview, soon, until
from .subject import Provided, Subject, Suite


def two(subject: Subject, *command: str) -> Template:
    command = command or ("node", "server.mjs", "{port}", "{base}")
    return replace(subject.template(), beside=(Service("api", command, port=5200, path="api/", ready="pid"),))


class Services(Suite):
    """An app of several servers: each has a path of its own in the preview, and its own fate."""

    async def test_each_service_answers_below_its_own_path(self, provided: Provided) -> None:
        """Each service of a template is started by itself, and answers below its own path."""
        async with provided() as subject:
            sandbox = await subject.create(template=two(subject))
            assert {name: server.state for name, server in sandbox.servers.items()} == {
                APP: "stopped",
                "api": "stopped",
            }
            async with preview(sandbox, subject.folder) as front:
                assert (await soon(sandbox.serve(front.path))).state == "ready"
                assert sandbox.servers["api"].state == "stopped", "each is started by itself"
                api = await soon(sandbox.serve(front.path, service="api"))
                assert api.state == "ready"
                assert f"listening below {front.path}api/" in api.log
                assert sandbox.server == sandbox.servers[APP]
                assert await front.get("base") == front.path
                assert await front.get("api/base") == f"{front.path}api/"
                assert "<p>first</p>" in await front.get("apis"), "a path that only begins alike is the app's"
                socket = await front.socket("api/socket")
                await socket.write_message("hello")
                assert await soon(socket.read_message()) == "heard hello"
                socket.close()

    async def test_one_fails_and_the_other_stays(self, provided: Provided) -> None:
        """A service that fails leaves the others running, and is started anew by itself."""
        async with provided() as subject:
            sandbox = await subject.create(template=two(subject))
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve(front.path))
                await soon(sandbox.serve(front.path, service="api"))
                before = await front.get("born")
                await soon(front.http.get(f"{front.origin}{front.path}api/crash"))
                await until(lambda: sandbox.servers["api"].state == "failed")
                assert "TypeError: it broke" in sandbox.servers["api"].message
                assert (await soon(front.http.get(f"{front.origin}{front.path}api/pid"))).status_code == 503
                assert sandbox.server.state == "ready"
                assert await front.get("born") == before
                assert (await soon(sandbox.serve(front.path, service="api"))).state == "ready"
                assert await front.get("api/born")
                assert await front.get("born") == before, "the app was not started anew for it"

    async def test_a_restart_of_the_app_leaves_its_services_running(self, provided: Provided) -> None:
        """``serve`` of one service leaves the others as they are."""
        async with provided() as subject:
            sandbox = await subject.create(template=two(subject))
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve(front.path, service="api"))
                before = await front.get("api/born")
                await soon(sandbox.serve(front.path))
                await soon(sandbox.serve(front.path))
                assert await front.get("api/born") == before

    async def test_a_service_that_cannot_start_says_why_and_the_app_starts(self, provided: Provided) -> None:
        """A service that cannot start is ``failed`` with the reason; the app starts all the same."""
        async with provided() as subject:
            sandbox = await subject.create(template=two(subject, "no-such-server", "{port}"))
            async with preview(sandbox, subject.folder) as front:
                api = await soon(sandbox.serve(front.path, service="api"))
                assert api.state == "failed"
                assert "no-such-server" in api.message
                assert (await soon(sandbox.serve(front.path))).state == "ready"
                assert await front.get("born")

    async def test_all_services_sleep_and_wake_together(self, provided: Provided) -> None:
        """``sleep``, ``wake`` and ``stop`` are for all services."""
        async with provided() as subject:
            sandbox = await subject.create(template=two(subject))
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve(front.path))
                await soon(sandbox.serve(front.path, service="api"))
                await soon(sandbox.sleep())
                assert {server.state for server in sandbox.servers.values()} == {"asleep"}
                await soon(sandbox.wake())
                assert {server.state for server in sandbox.servers.values()} == {"ready"}
                assert await front.get("api/born")
                await soon(sandbox.stop())
                assert {server.state for server in sandbox.servers.values()} == {"stopped"}
