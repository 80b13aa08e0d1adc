"""The dev server, through the real preview proxy."""

from __future__ import annotations

import asyncio

import pytest

from ...errors import AppBuilderError
from .stage import preview, save, soon, until
from .subject import Provided, Suite


class DevServers(Suite):
    """The dev server, through the real preview proxy."""

    async def test_it_is_ready_at_its_first_answer_below_its_base_path(self, provided: Provided) -> None:
        """``serve`` returns once the server answers below its base path: state, log and time are told, requests of any
        size pass."""
        async with provided() as subject:
            sandbox = await subject.create()
            assert sandbox.server.state == "stopped"
            async with preview(sandbox, subject.folder) as front:
                said: list[str] = []
                server = await soon(sandbox.serve(front.path, lambda progress: said.append(progress.message)))
                assert (server.state, server.message) == ("ready", "")
                assert server.started_ms
                assert f"listening below {front.path}" in server.log
                assert said
                assert all(said)
                assert "<p>first</p>" in await front.get()
                assert len(await front.get("big")) == 8 * 1024 * 1024
                answer = await soon(front.http.post(f"{front.origin}{front.path}upload", content=b"u" * 3_000_000))
                assert answer.text == "3000000"
                answers = await soon(asyncio.gather(*(front.get("pid") for _ in range(50))))
                assert len(set(answers)) == 1

    async def test_an_edit_reaches_an_open_page_through_its_socket(self, provided: Provided) -> None:
        """An edit of the workspace, by hand or by a command, reaches the running server's file watcher; WebSockets
        pass."""
        async with provided() as subject:
            workspace = subject.workspace()
            sandbox = await subject.create(workspace)
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve(front.path))
                socket = await front.socket()
                await socket.write_message("hello")
                assert await soon(socket.read_message()) == "heard hello"
                save(workspace / "index.html", "<!doctype html><p>second</p>")
                assert await soon(socket.read_message()) == "changed"
                assert "<p>second</p>" in await front.get()
                await soon(sandbox.exec("echo '<p>third</p>' > .new && mv .new index.html"))
                assert await soon(socket.read_message()) == "changed"
                assert "<p>third</p>" in await front.get()
                socket.close()

    async def test_serving_again_is_a_restart_also_below_another_path(self, provided: Provided) -> None:
        """A second ``serve`` restarts the server, with the files as they are now, below the new path; open sockets are
        closed."""
        async with provided() as subject:
            sandbox = await subject.create()
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve("/elsewhere/"))
                answer = await soon(front.http.get(front.origin + front.path))
                assert answer.text == "outside of the base path"
                await soon(sandbox.serve(front.path))
                first = await front.get("pid")
                await soon(sandbox.exec("sed -i s/first/again/ index.html"))
                await soon(sandbox.serve(front.path))
                assert "again" in await front.get()
                socket = await front.socket()
                await soon(sandbox.serve(front.path))
                assert await soon(socket.read_message()) is None  # an open page hears of it
                assert first

    async def test_many_starts_at_once_leave_one(self, provided: Provided) -> None:
        """``serve`` may be called several times at once: one server is left, and it is ready."""
        async with provided() as subject:
            sandbox = await subject.create()
            async with preview(sandbox, subject.folder) as front:
                servers = await soon(asyncio.gather(*(sandbox.serve(front.path) for _ in range(3))))
                assert servers[-1].state == sandbox.server.state == "ready"
                assert await front.get("pid")

    async def test_a_crash_is_told_with_its_log_and_can_be_recovered_from(self, provided: Provided) -> None:
        """A server that ends by itself is ``failed``, with the end of its log as message; ``serve`` starts it again."""
        async with provided() as subject:
            sandbox = await subject.create()
            async with preview(sandbox, subject.folder) as front:
                await soon(sandbox.serve(front.path))
                await soon(front.http.get(f"{front.origin}{front.path}crash"))
                await until(lambda: sandbox.server.state == "failed")
                assert "TypeError: it broke" in sandbox.server.message
                assert "TypeError: it broke" in sandbox.server.log
                answer = await soon(front.http.get(front.origin + front.path, headers={"Accept": "text/html"}))
                assert answer.status_code == 503
                assert "it broke" in answer.text
                assert (await soon(sandbox.serve(front.path))).state == "ready"
                assert "first" in await front.get()

    async def test_a_start_that_cannot_succeed_says_why(self, provided: Provided) -> None:
        """A server that cannot start is returned as ``failed``, with the reason in its message; nothing is raised."""
        async with provided() as subject:
            workspace = subject.workspace()
            save(workspace / "server.mjs", "import 'no-such-package'\n")
            sandbox = await subject.create(workspace)
            server = await soon(sandbox.serve("/"))
            assert server.state == "failed"
            assert "no-such-package" in server.message
            missing = await subject.create(subject.workspace("second"), subject.template("no-such-server", "{port}"))
            server = await soon(missing.serve("/"))
            assert server.state == "failed"
            assert "no-such-server" in server.message

    async def test_a_server_that_never_answers_can_be_waited_for_and_given_up(self, provided: Provided) -> None:
        """A start that takes long is ``starting``, with its log so far; cancelling it or ``stop`` ends it."""
        async with provided() as subject:
            sandbox = await subject.create(template=subject.template("sh", "-c", "echo thinking; sleep 600"))
            starting = asyncio.create_task(sandbox.serve("/"))
            await until(lambda: "thinking" in sandbox.server.log)
            assert sandbox.server.state == "starting"
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await soon(starting)
            assert sandbox.server.state == "stopped"
            again = asyncio.create_task(sandbox.serve("/"))
            await until(lambda: sandbox.server.state == "starting" and "thinking" in sandbox.server.log)
            await soon(sandbox.stop())
            assert (await soon(again)).state == "stopped"

    async def test_its_log_is_bounded(self, provided: Provided) -> None:
        """``DevServer.log`` holds the last 16 KiB of what the server printed."""
        async with provided() as subject:
            noise = "head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last; exec node server.mjs $0 $1"
            loud = subject.template("sh", "-c", noise, "{port}", "{base}")
            sandbox = await subject.create(template=loud)
            server = await soon(sandbox.serve("/"))
            assert server.state == "ready"
            assert len(server.log.encode()) <= 16 * 1024
            assert "last" in server.log

    async def test_packages_that_cannot_be_had_are_told(self, provided: Provided) -> None:
        """Dependencies that cannot be had make the server ``failed`` and ``prepare`` raise, naming the manifest;
        commands run all the same and are told."""
        async with provided() as subject:
            workspace = subject.workspace()
            save(workspace / "package.json", '{"name": "x", "dependencies": {"a": "file:../../../outside"}')
            sandbox = await subject.create(workspace)
            server = await soon(sandbox.serve("/"))
            assert server.state == "failed"
            assert "package.json" in server.message
            with pytest.raises(AppBuilderError):
                await soon(sandbox.prepare())
            result = await soon(sandbox.exec("echo works"))
            assert result.stdout == "works\n"
            assert "package.json" in result.stderr
