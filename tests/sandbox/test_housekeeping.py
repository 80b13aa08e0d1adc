"""What is left of a killed server: nothing of its processes at once, nothing of its files after the next start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import textwrap
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from leftovers import control_groups, processes_with

from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.sandbox.local.processes.limits import find_control_groups
from jupyter_appbuilder.workspace.holds import is_alive, own_mark

from .conftest import SERVER

PROGRAM = """
    import asyncio, signal, sys
    from pathlib import Path
    from jupyter_appbuilder.sandbox.local import LocalSandbox
    from jupyter_appbuilder.workspace.holds import own_mark
    from jupyter_appbuilder.templates.templates import Template

    folder, sleeper = Path(sys.argv[1]), sys.argv[2]

    def told(stream, text):
        print("sandboxed", own_mark(), flush=True)

    async def main():
        provider = LocalSandbox(folder / "cache")
        command = ("node", f"server-{sleeper}.mjs", "{port}", "{base}")
        template = Template("tiny", "Tiny", "", folder, command, ("true",))
        sandbox = await provider.create("s", folder / "app", template)
        state = await sandbox.serve("/")
        assert state.state == "ready", state
        await sandbox.start(f"exec sleep {sleeper}")
        print("mark", own_mark(), provider._runner.folder, flush=True)
        await sandbox.exec(f"(setsid sleep {sleeper} &); echo begun; exec sleep {sleeper}", on_output=told)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever a shell in the background set
    asyncio.run(main())
"""


@dataclass
class Server:
    """A process with a provider, a dev server, a background command and a command."""

    process: asyncio.subprocess.Process
    sleeper: str
    folder: Path
    mark: str
    runtime: Path

    def processes(self) -> list[int]:
        return [*processes_with(f"sleep\x00{self.sleeper}"), *processes_with(f"{self.folder}\x00")]

    def groups(self) -> list[Path]:
        return control_groups(f"{self.mark}-*")


@contextlib.asynccontextmanager
async def server(folder: Path, sleeper: str) -> AsyncGenerator[Server]:
    (folder / "app").mkdir(parents=True)
    (folder / f"app/server-{sleeper}.mjs").write_text(SERVER)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(PROGRAM),
        str(folder),
        sleeper,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder.parent)},
    )
    assert process.stdout
    try:
        _, mark, runtime = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()
        assert (await asyncio.wait_for(process.stdout.readline(), 60)).startswith(b"sandboxed")
        yield Server(process, sleeper, folder, mark, Path(runtime))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def own_number(number: int) -> str:
    """Seconds to sleep that no other test on this machine sleeps."""
    return f"{number}.{os.getpid()}"


async def becomes(true: Callable[[], bool], seconds: float = 5) -> bool:
    for _ in range(int(seconds * 20)):
        if true():
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runtime folders go; what was made just now counts as old enough."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("jupyter_appbuilder.sandbox.local.packages.cache.YOUNG_SECONDS", 0.0)
    monkeypatch.setattr("jupyter_appbuilder.sandbox.local.processes.runner.YOUNG_SECONDS", 0.0)
    return tmp_path


async def start_next(folder: Path) -> None:
    provider = LocalSandbox(folder / "cache")
    await provider.describe_isolation()
    await provider.close()


async def test_nothing_of_a_killed_server_survives(short: Path):
    async with server(short / "one", own_number(86611)) as one:
        assert await becomes(lambda: len(processes_with(f"sleep\x00{own_number(86611)}")) >= 3)
        assert processes_with(f"server-{own_number(86611)}.mjs")
        assert bool(one.groups()) == (find_control_groups() is not None)
        (short / "one/cache/deps/.half-made").mkdir(parents=True)
        (short / "one/cache/scratch/dead").mkdir(parents=True)
        assert list(one.runtime.glob("*.sock"))
        one.process.send_signal(signal.SIGKILL)
        await one.process.wait()
        assert await becomes(lambda: not processes_with(f"sleep\x00{own_number(86611)}"))
        assert await becomes(lambda: not processes_with(f"server-{own_number(86611)}.mjs"))
        assert await becomes(lambda: one.groups() == [] and not one.runtime.exists())  # without any next start
        await start_next(short / "one")
        assert await becomes(lambda: not one.runtime.exists())
        assert one.groups() == []
        assert list((short / "one/cache/deps").iterdir()) == []
        assert list((short / "one/cache/scratch").iterdir()) == []
        assert not list(short.glob("jab-*"))


async def test_a_server_that_is_told_to_end_leaves_nothing(short: Path):
    async with server(short / "one", own_number(86622)) as one:
        one.process.send_signal(signal.SIGINT)
        await one.process.wait()
        assert await becomes(lambda: not processes_with(f"sleep\x00{own_number(86622)}"))
        await start_next(short / "one")
        assert one.groups() == []
        assert not one.runtime.exists()


async def test_servers_leave_what_belongs_to_others_alone(short: Path):
    async with server(short / "one", own_number(86633)) as one:
        before: list[int] = []

        def have_settled() -> bool:
            nonlocal before
            earlier, before = before, sorted(processes_with(f"sleep\x00{own_number(86633)}"))
            return len(before) >= 3 and before == earlier

        assert await becomes(have_settled, 30)
        (short / "two").mkdir()
        (short / "two/cache").symlink_to(short / "one/cache")
        await start_next(short / "two")
        async with server(short / "three", own_number(86644)) as three:
            three.process.kill()
            await three.process.wait()
            await start_next(short / "two")
            assert not three.runtime.exists()
        assert sorted(processes_with(f"sleep\x00{own_number(86633)}")) == before
        assert one.runtime.exists()
        assert bool(one.groups()) == (find_control_groups() is not None)
        assert list(one.runtime.glob("*.sock"))


async def test_a_process_id_that_was_given_again_is_not_taken_for_the_old_process():
    ours = own_mark()
    namespace, pid, started = ours.split(".")
    assert is_alive(ours)
    assert not is_alive(f"{namespace}.{pid}.{int(started) - 1}")
    ended = await asyncio.create_subprocess_exec("true")
    await ended.wait()
    assert not is_alive(f"{namespace}.{ended.pid}.{started}")
    assert is_alive(f"{int(namespace) + 1}.{ended.pid}.{started}")  # nobody here can tell
