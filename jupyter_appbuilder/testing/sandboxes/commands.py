"""Commands: output, exit codes, and changes to files."""

from __future__ import annotations

import asyncio
import resource
import time

import pytest

from ...errors import InvalidInput, NotFound
from .stage import BEAT, beats, marked, soon
from .subject import Provided, Suite

MiB = 1024 * 1024


class Commands(Suite):
    """Commands: their output, their ends, and what they leave."""

    async def test_exit_codes_are_those_of_a_shell(self, provided: Provided) -> None:
        """Exit codes are those of bash: 128 + N for death by signal N, 127 for a command that is not there."""
        async with provided() as subject:
            sandbox = await subject.create()
            cases = {
                "exit 0": 0,
                "exit 7": 7,
                "kill -TERM $$": 143,
                "kill -KILL $$": 137,
                "kill -SEGV $$": 139,
                "no-such-command": 127,
                "false | true": 0,
            }
            results = await soon(asyncio.gather(*(sandbox.exec(command) for command in cases)))
            assert [result.exit_code for result in results] == list(cases.values())
            assert {result.ended for result in results} == {"exit"}

    async def test_output_arrives_while_the_command_runs_and_in_order(self, provided: Provided) -> None:
        """``on_output`` gets each piece as it is written, in order; the result holds the same text."""
        async with provided() as subject:
            sandbox = await subject.create()
            began, pieces = time.monotonic(), list[tuple[str, str, float]]()

            def listen(stream: str, text: str) -> None:
                pieces.append((stream, text, time.monotonic()))

            command = "for i in 1 2 3; do echo out $i; sleep 0.15; echo err $i >&2; sleep 0.15; done"
            result = await soon(sandbox.exec(command, on_output=listen))
            ended = time.monotonic()
            assert [(stream, text) for stream, text, _ in pieces] == [
                ("stdout", "out 1\n"),
                ("stderr", "err 1\n"),
                ("stdout", "out 2\n"),
                ("stderr", "err 2\n"),
                ("stdout", "out 3\n"),
                ("stderr", "err 3\n"),
            ]
            assert (result.stdout, result.stderr) == ("out 1\nout 2\nout 3\n", "err 1\nerr 2\nerr 3\n")
            assert ended - pieces[0][2] > 0.5  # the first long before the end
            assert 0.5 < result.duration <= ended - began + 0.1

    async def test_a_character_cut_in_two_arrives_whole_and_bytes_that_are_none_are_marked(
        self, provided: Provided
    ) -> None:
        """Output is decoded as UTF-8 across pieces; bytes that are no text become U+FFFD."""
        async with provided() as subject:
            sandbox = await subject.create()
            pieces: list[str] = []
            command = r"printf '\xe2\x82'; sleep 0.15; printf '\xac|\xff|\xf0\x9f\x8e'"
            result = await soon(sandbox.exec(command, on_output=lambda _, text: pieces.append(text)))
            assert result.stdout == "€|\ufffd|\ufffd"
            assert "".join(pieces) == result.stdout

    async def test_a_listener_that_fails_does_not_hold_up_the_command(self, provided: Provided) -> None:
        """A listener that raises neither ends nor delays the command."""
        async with provided() as subject:
            sandbox = await subject.create()

            def fail(*_: str) -> None:
                raise RuntimeError("the listener is broken")

            result = await soon(sandbox.exec("head -c 300000 /dev/zero | tr '\\0' x; echo end", on_output=fail))
            assert result.exit_code == 0
            assert result.stdout.endswith("xend\n")

    async def test_an_argument_list_is_not_read_by_a_shell(self, provided: Provided) -> None:
        """A list of arguments is run as it is: no shell reads it."""
        async with provided() as subject:
            sandbox = await subject.create()
            words = ["$HOME", "*", "a b", "'", '"', "ünï", "-n", ";exit 3", ""]
            result = await soon(sandbox.exec(["printf", "[%s]", *words]))
            assert result.stdout == "".join(f"[{word}]" for word in words)

    async def test_a_command_sees_its_folder_and_its_variables_and_none_of_ours(
        self, provided: Provided, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A command runs in ``cwd`` with ``env`` and nothing of the server's environment; a ``cwd`` outside of the
        workspace raises ``InvalidInput``, a missing one ``NotFound``."""
        monkeypatch.setenv("A_SECRET_OF_THE_SERVER", "hunter2")
        async with provided() as subject:
            workspace = subject.workspace()
            (workspace / "a b" / "ü").mkdir(parents=True)
            (workspace / "a b" / "ü" / "here.txt").write_text("here")
            sandbox = await subject.create(workspace)
            value = 'two words, "quotes", $dollar, ünï\nand a line'
            result = await soon(
                sandbox.exec('cat here.txt; printf "|%s|" "$VALUE"; env', cwd="a b/ü", env={"VALUE": value})
            )
            assert result.stdout.startswith(f"here|{value}|")
            assert "hunter2" not in result.stdout
            assert "\nPATH=" in result.stdout
            with pytest.raises(NotFound):
                await soon(sandbox.exec("true", cwd="no/such"))
            for outside in ("..", "/etc", "a b/../../x"):
                with pytest.raises(InvalidInput):
                    await soon(sandbox.exec("true", cwd=outside))

    async def test_there_is_nothing_to_read_from_standard_input(self, provided: Provided) -> None:
        """Standard input is empty: a command that reads it does not wait."""
        async with provided() as subject:
            sandbox = await subject.create()
            result = await soon(sandbox.exec("cat; read line; echo $?", timeout=10))
            assert (result.stdout, result.ended) == ("1\n", "exit")

    async def test_a_hundred_megabytes_of_output_end_early_and_take_no_memory(self, provided: Provided) -> None:
        """Output beyond ``max_output`` ends the command at once, and is never held in memory."""
        async with provided() as subject:
            sandbox = await subject.create()
            streamed = 0

            def count(_: str, text: str) -> None:
                nonlocal streamed
                streamed += len(text)

            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            command = "head -c 100000000 /dev/zero | tr '\\0' x; echo whole > whole; sleep 60"
            result = await soon(sandbox.exec(command, on_output=count, max_output=MiB))
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
            assert result.ended == "output"
            assert len(result.stdout) == streamed == MiB
            assert grown < 64 * MiB
            assert (await soon(sandbox.exec("cat whole"))).exit_code != 0

    async def test_the_limit_holds_for_both_streams_together(self, provided: Provided) -> None:
        """``max_output`` counts the bytes of both streams together; exactly as many are no reason to end."""
        async with provided() as subject:
            sandbox = await subject.create()
            result = await soon(sandbox.exec("yes & yes no >&2", max_output=50_000))
            assert result.ended == "output"
            assert len(result.stdout) + len(result.stderr) == 50_000
            just = await soon(sandbox.exec("head -c 50000 /dev/zero", max_output=50_000))
            assert (just.ended, len(just.stdout)) == ("exit", 50_000)

    async def test_a_time_limit_ends_everything_the_command_started(self, provided: Provided) -> None:
        """``timeout`` ends the command and everything it started: ``ended`` is "timeout", what it said before is
        kept."""
        async with provided() as subject:
            sandbox = await subject.create()
            command = f"(setsid nohup bash -c '{BEAT}' >/dev/null 2>&1 &); trap '' TERM INT; echo begun; sleep 600"
            result = await soon(sandbox.exec(command, timeout=1))
            assert (result.ended, result.stdout) == ("timeout", "begun\n")
            assert result.exit_code != 0
            assert 0.9 < result.duration < 15
            assert not await beats(sandbox)

    async def test_cancelling_ends_everything_the_command_started(self, provided: Provided) -> None:
        """Cancelling ``exec`` ends the command and everything it started before ``CancelledError`` goes on."""
        async with provided() as subject:
            sandbox = await subject.create()
            begun, listen = marked("begun")
            daemon = f"(setsid nohup bash -c '{BEAT}' >/dev/null 2>&1 &)"
            command = f"{daemon}; until [ -e beat ]; do sleep 0.02; done; trap '' TERM INT; echo begun; sleep 600"
            running = asyncio.create_task(sandbox.exec(command, on_output=listen))
            await soon(begun.wait())
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await soon(running)
            assert not await beats(sandbox)

    async def test_nothing_stays_behind_when_a_command_ends(self, provided: Provided) -> None:
        """What a command left running ends with it."""
        async with provided() as subject:
            sandbox = await subject.create()
            daemon = f"(setsid nohup bash -c '{BEAT}' >/dev/null 2>&1 &)"
            result = await soon(sandbox.exec(f"{daemon}; until [ -e beat ]; do sleep 0.02; done"))
            assert result.exit_code == 0
            assert not await beats(sandbox)

    async def test_cancelling_at_any_moment_leaves_nothing_and_hurts_nothing(self, provided: Provided) -> None:
        """``exec`` can be cancelled at any moment of its start; nothing stays behind and the next command works."""
        async with provided() as subject:
            sandbox = await subject.create()
            for step in range(8):
                running = asyncio.create_task(sandbox.exec(f"touch ran; {BEAT}"))
                await asyncio.sleep(step * 0.015)
                running.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await soon(running)
            await soon(sandbox.exec("[ -s beat ] || date +%s > beat"))
            assert not await beats(sandbox)

    async def test_commands_run_beside_each_other(self, provided: Provided) -> None:
        """Several commands run at the same time, and see each other's files."""
        async with provided() as subject:
            sandbox = await subject.create()
            commands = [
                f"touch at-{n}; until [ $(ls at-* | wc -l) = 6 ]; do sleep 0.02; done; echo {n}" for n in range(6)
            ]
            results = await soon(asyncio.gather(*(sandbox.exec(command) for command in commands)))
            assert [result.stdout for result in results] == [f"{n}\n" for n in range(6)]
