"""The dev server: ready, failed, asleep, and reached through its unix socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from leftovers import processes_with

from jupyter_appbuilder.sandbox.base import Address, DevServer
from jupyter_appbuilder.sandbox.local.server import explain

from .conftest import MakePlace


async def get(address: Address | None, path: str) -> str:
    assert address
    assert address.socket
    reader, writer = await asyncio.open_unix_connection(str(address.socket))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return answer.partition("\r\n\r\n")[2]


async def until(place_state: object, state: str) -> DevServer:
    for _ in range(200):
        server: DevServer = place_state.server  # type: ignore[attr-defined]
        if server.state == state:
            return server
        await asyncio.sleep(0.02)
    raise AssertionError(f"never {state}: {server}")


async def test_it_is_ready_at_its_first_answer(place: MakePlace):
    async with place() as here:
        assert here.sandbox.server.state == "stopped"
        server = await here.sandbox.serve("/x/y/")
        assert server.state == "ready"
        assert server.started_ms
        assert "listening below /x/y/" in server.log
        assert "path /x/y/page" in await get(server.address, "/x/y/page")
        assert here.sandbox.server == server


async def test_many_connections_at_once_are_answered(place: MakePlace):
    async with place() as here:
        server = await here.sandbox.serve("/")
        answers = await asyncio.gather(*(get(server.address, f"/{number}") for number in range(50)))
        assert [answer.split()[1] for answer in answers] == [f"/{number}" for number in range(50)]


async def test_a_crash_while_running_is_told_with_its_log(place: MakePlace):
    async with place() as here:
        server = await here.sandbox.serve("/")
        assert server.address
        assert server.address.socket
        await get(server.address, "/crash")
        failed = await until(here.sandbox, "failed")
        assert "TypeError: it broke" in failed.message
        assert "TypeError: it broke" in failed.log
        with pytest.raises(OSError):  # noqa: PT011 - refused or gone: never left waiting
            await get(server.address, "/")
        again = await here.sandbox.serve("/")
        assert again.state == "ready"


async def test_a_crash_at_start_is_told(place: MakePlace):
    async with place() as here:
        (here.app / "server.mjs").write_text("import 'no-such-package'")
        server = await here.sandbox.serve("/")
        assert server.state == "failed"
        assert "no-such-package" in server.message
        assert "install_packages" in server.message


async def test_a_missing_command_is_told(place: MakePlace):
    async with place(serve=("no-such-server", "{port}")) as here:
        server = await here.sandbox.serve("/")
        assert server.state == "failed"
        assert "no-such-server" in server.message


async def test_serving_again_is_a_restart(place: MakePlace):
    async with place() as here:
        first = await here.sandbox.serve("/served-once/")
        assert "path /served-once/ " in await get(first.address, "/served-once/")
        second = await here.sandbox.serve("/served-again/")
        assert "path /served-again/ " in await get(second.address, "/served-again/")
        assert not processes_with("/served-once/")
        assert 1 <= len(processes_with("/served-again/")) <= 3  # bubblewrap twice, node once


async def test_sleep_gives_memory_back_and_waking_serves_again(place: MakePlace):
    async with place() as here:
        await here.sandbox.serve("/")
        assert (await here.sandbox.stats()).memory > 0
        await here.sandbox.sleep()
        assert here.sandbox.server.state == "asleep"
        for _ in range(50):  # the kernel takes a moment to clear away
            if not (await here.sandbox.stats()).processes:
                break
            await asyncio.sleep(0.02)
        assert (await here.sandbox.stats()).memory == 0
        await here.sandbox.wake()
        assert here.sandbox.server.state == "ready"
        assert "path /" in await get(here.sandbox.server.address, "/")


async def test_stopping_ends_it_and_may_be_repeated(place: MakePlace):
    async with place() as here:
        server = await here.sandbox.serve("/")
        await here.sandbox.stop()
        await here.sandbox.stop()
        assert here.sandbox.server.state == "stopped"
        assert server.address
        assert server.address.socket
        assert not server.address.socket.exists()
        assert (await here.sandbox.stats()).processes == 0


async def test_cancelling_a_start_leaves_nothing_running(place: MakePlace):
    async with place(serve=("sleep", "86777")) as here:
        starting = asyncio.create_task(here.sandbox.serve("/"))
        while not processes_with("sleep\x0086777"):
            await asyncio.sleep(0.02)
        assert here.sandbox.server.state == "starting"
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert here.sandbox.server.state == "stopped"
        assert not processes_with("sleep\x0086777")


async def test_an_app_cannot_redirect_the_preview_to_a_socket_of_the_host(place: MakePlace, tmp_path: Path):
    """The listening socket is made outside and handed in: no path in the sandbox leads to it."""
    async with place() as here:
        server = await here.sandbox.serve("/")
        assert server.address
        assert server.address.socket
        result = await here.sandbox.exec(["ls", str(server.address.socket.parent)])
        assert "No such file" in result.stderr


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("Error: Port 5173 is already in use", "port 5173"),
        ("failed to load config from /workspace/vite.config.ts\nerror when starting:\nSyntaxError: oops", "oops"),
        ("Error: Cannot find package '@vitejs/x' imported from /workspace/vite.config.ts", "'@vitejs/x' is missing"),
        ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "more memory"),
        ("", "exit code 1"),
    ],
)
def test_common_failures_are_told_in_plain_words(log: str, words: str):
    assert words in explain(log, 1)


@pytest.mark.parametrize("piece", ["sh: ", "sh: a", "a", "sh: x: ", "Error", "w"])
def test_why_a_server_ended_is_looked_for_in_lines_of_any_length(piece):
    """The log is what generated code prints."""
    assert explain(piece * (64_000 // len(piece)), 1).startswith("The dev server ended")
    assert "'vite'" in explain(f"{piece * (64_000 // len(piece))}\nsh: 1: vite: not found", 1)
