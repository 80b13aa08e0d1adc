"""Running commands: output, exit codes, ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
from pathlib import Path

import pytest
from leftovers import processes_with

from jupyter_appbuilder.sandbox.local import LocalSandbox

from .conftest import MakePlace


async def gone(words: str) -> bool:
    """Whether the processes with ``words`` end within a second."""
    for _ in range(20):
        if not processes_with(words):
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("command", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("no-such-command", 127)]
)
async def test_exit_codes_are_those_of_a_shell(place: MakePlace, command: str, code: int):
    async with place() as here:
        result = await here.sandbox.exec(command)
        assert (result.exit_code, result.ended) == (code, "exit")


async def test_output_arrives_while_the_command_runs(place: MakePlace):
    async with place() as here:
        first = asyncio.Event()
        pieces: list[tuple[str, str]] = []

        def take(stream: str, text: str) -> None:
            pieces.append((stream, text))
            first.set()

        command = "echo one; echo two >&2; until [ -e go ]; do sleep 0.02; done; echo three"
        running = asyncio.create_task(here.sandbox.exec(command, on_output=take))
        await asyncio.wait_for(first.wait(), 10)
        assert not running.done()
        (here.app / "go").touch()
        result = await running
        assert (result.stdout, result.stderr) == ("one\nthree\n", "two\n")
        assert "".join(text for stream, text in pieces if stream == "stdout") == result.stdout


async def test_a_character_cut_in_two_arrives_whole(place: MakePlace):
    async with place() as here:
        result = await here.sandbox.exec(r"printf '\xe2\x82'; sleep 0.1; printf '\xac'; printf '\xff'")
        assert result.stdout == "€\ufffd"


async def test_commands_run_below_cwd(place: MakePlace):
    async with place() as here:
        (here.app / "src").mkdir()
        assert (await here.sandbox.exec("pwd", cwd="src")).stdout == "/workspace/src\n"


async def test_output_is_bounded(place: MakePlace):
    async with place() as here:
        result = await here.sandbox.exec("yes", max_output=100_000)
        assert (result.ended, len(result.stdout)) == ("output", 100_000)


async def test_a_time_limit_ends_everything_the_command_started(place: MakePlace):
    async with place() as here:
        result = await here.sandbox.exec(
            "echo begun; (setsid nohup sleep 86111 &) ; trap '' TERM; sleep 86111", timeout=0.5
        )
        assert (result.ended, result.stdout) == ("timeout", "begun\n")
        assert await gone("sleep\x0086111")


async def test_cancelling_ends_everything_the_command_started(place: MakePlace):
    async with place() as here:
        begun = asyncio.Event()
        running = asyncio.create_task(
            here.sandbox.exec("(setsid sleep 86222 &); echo begun; sleep 86222", on_output=lambda *_: begun.set())
        )
        await asyncio.wait_for(begun.wait(), 10)
        while not processes_with("sleep\x0086222"):
            await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await gone("sleep\x0086222")


async def test_nothing_stays_behind_when_a_command_ends(place: MakePlace):
    async with place() as here:
        assert (await here.sandbox.exec("(setsid sleep 86333 >/dev/null 2>&1 &)")).exit_code == 0
        assert await gone("sleep\x0086333")


async def test_killing_the_server_leaves_no_process(tmp_path: Path):
    (tmp_path / "app").mkdir()
    program = f"""
        import asyncio
        from pathlib import Path
        from jupyter_appbuilder.sandbox.local import LocalSandbox
        from jupyter_appbuilder.templates.templates import Template

        def told(stream, text):
            print(text, end="", flush=True)

        async def main():
            folder = Path({str(tmp_path)!r})
            provider = LocalSandbox(folder / "cache")
            template = Template("t", "T", "", folder, ("true",), ("true",))
            sandbox = await provider.create("s", folder / "app", template)
            await sandbox.exec("(setsid sleep 86444 &); echo begun; sleep 86444", on_output=told)

        asyncio.run(main())
    """
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", textwrap.dedent(program), stdout=-1)
    assert server.stdout
    assert await asyncio.wait_for(server.stdout.readline(), 20) == b"begun\n"
    while not processes_with("sleep\x0086444"):
        await asyncio.sleep(0.02)
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    assert await gone("sleep\x0086444")


async def test_two_sandboxes_do_not_see_each_other(place: MakePlace, tmp_path: Path):
    async with place() as here:
        other = tmp_path / "other"
        other.mkdir()
        second = await here.provider.create("second", other, here.sandbox.template)
        await here.sandbox.exec("echo mine > /tmp/shared; echo mine > /workspace/note")
        result = await second.exec("ls /tmp /workspace")
        assert "shared" not in result.stdout
        assert "note" not in result.stdout


async def test_npm_install_says_what_to_use_instead(place: MakePlace):
    async with place() as here:
        result = await here.sandbox.exec("npm install anything")
        assert result.exit_code != 0
        assert "install_packages" in result.stderr


async def test_a_stopped_sandbox_can_be_used_again(place: MakePlace):
    async with place() as here:
        await here.sandbox.exec("true")
        await here.sandbox.stop()
        assert (await here.sandbox.exec("echo again")).stdout == "again\n"
        assert (await here.sandbox.serve("/")).state == "ready"


async def test_a_closed_provider_can_be_closed_again(tmp_path: Path):
    provider = LocalSandbox(tmp_path)
    await provider.close()
    await provider.close()
