"""Without namespaces: what code cannot do under Landlock, and what must work all the same."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from building import CACHE
from leftovers import processes_with

from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.templates.templates import find_template

from .conftest import MakePlace, isolations

pytestmark = pytest.mark.skipif("landlock" not in isolations(), reason="needs Linux 6.7 with Landlock")


def python(*lines: str) -> list[str]:
    return ["/usr/bin/python3", "-c", "\n".join(lines)]


def works_outside(argv: list[str], folder: Path) -> str:
    """What the same program says without a sandbox: an attack that fails anyway shows nothing."""
    return subprocess.run(argv, capture_output=True, text=True, cwd=folder, check=True).stdout


async def test_files_elsewhere_can_be_neither_read_nor_written(place: MakePlace, tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("private")
    named = f"/{secret}"  # with a slash more, or what begins with /tmp would be shown the sandbox's own
    read = python(f"print(open({named!r}).read())")
    write = python(f"open({named!r}, 'a').write('!')")
    assert works_outside(read, tmp_path) == "private\n"
    async with place(isolation="landlock") as here:
        (here.app / "link").symlink_to(secret)
        for argv in (
            read,
            write,
            ["cat", "link"],
            ["ls", f"/{tmp_path}"],
            ["rm", named],
            ["ln", named, "x"],
        ):
            result = await here.sandbox.exec(argv)
            assert result.exit_code != 0, argv
            assert "private" not in result.stdout + result.stderr
            assert "ermission denied" in result.stderr or "cross-device" in result.stderr, result.stderr
    assert secret.read_text() == "private"


async def test_modes_and_times_change_in_the_app_and_nowhere_else(place: MakePlace, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o600)
    change = "chmod 755 {0} && touch -d 2020-02-02 {0} && stat -c '%a %y' {0}"
    by_descriptor = python(f"import os; os.fchmod(os.open({sys.executable!r}, os.O_RDONLY), 0o777)")
    async with place(isolation="landlock") as here:
        result = await here.sandbox.exec("touch mine && " + change.format("mine"))
        assert result.stdout.startswith("755 2020-02-02"), result.stderr
        (here.app / "link").symlink_to(outside)
        for path in (f"/{outside}", "link", "../outside"):
            assert (await here.sandbox.exec(["chmod", "755", path])).exit_code != 0
            assert (await here.sandbox.exec(["touch", "-d", "2020-02-02", path])).exit_code != 0
        mode = os.stat(sys.executable).st_mode
        assert (await here.sandbox.exec(by_descriptor)).exit_code != 0
        assert os.stat(sys.executable).st_mode == mode
    assert outside.stat().st_mode & 0o777 == 0o600
    assert outside.stat().st_mtime > 1.6e9


async def test_programs_of_this_machine_cannot_be_spoken_to(place: MakePlace, tmp_path: Path):
    agent = tmp_path / "agent.sock"
    abstract = f"\0appbuilder-{os.getpid()}"
    with (
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as hidden,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        unix.bind(str(agent))
        unix.listen()
        hidden.bind(abstract)
        hidden.listen()
        udp.bind(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        tries = [
            python("import socket", f"socket.socket(socket.AF_UNIX).connect({'/' + str(agent)!r})", "print('reached')"),
            python("import socket", f"socket.socket(socket.AF_UNIX).connect({abstract!r})", "print('reached')"),
            python("import socket", f"socket.create_connection(('127.0.0.1', {port}))", "print('reached')"),
            python(
                "import socket",
                f"s = socket.socket(); s.sendto(b'x', socket.MSG_FASTOPEN, ('127.0.0.1', {port}))",
                "print('reached')",
            ),
            python(
                "import socket",
                "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
                f"s.sendto(b'x', ('127.0.0.1', {udp.getsockname()[1]}))",
                "print('reached')",
            ),
            python(
                "import socket",
                "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
                "print('reached')",
            ),
        ]
        for argv in tries:
            assert works_outside(argv, tmp_path) == "reached\n"
        async with place(isolation="landlock") as here:
            for argv in tries:
                result = await here.sandbox.exec(argv)
                assert result.stdout == "", argv
                assert "Permission denied" in result.stderr or "not permitted" in result.stderr, result.stderr


async def test_other_processes_can_be_neither_signalled_nor_looked_into(
    place: MakePlace, monkeypatch: pytest.MonkeyPatch
):
    victim = await asyncio.create_subprocess_exec("sleep", "100", env={"SECRET": "private", "PATH": os.environ["PATH"]})
    try:
        look = ["cat", f"/proc/{victim.pid}/environ"]
        assert "private" in works_outside(look, Path("/"))
        async with place(isolation="landlock") as here:
            for argv in (
                look,
                ["kill", "-9", str(victim.pid)],
                ["kill", "-9", str(os.getpid())],
                ["ls", "/proc"],
                ["prlimit", f"--pid={victim.pid}", "--nofile=3"],
            ):
                result = await here.sandbox.exec(argv)
                assert result.exit_code != 0, argv
                assert "private" not in result.stdout
            everyone = await here.sandbox.exec("kill -9 -1; echo alive")
            assert everyone.exit_code in (0, 137)
        assert victim.returncode is None
    finally:
        victim.kill()
        await victim.wait()


async def test_what_detaches_itself_ends_with_its_command(place: MakePlace):
    fork = "import os, time\nfor _ in range(3):\n    if os.fork(): os._exit(0)\n    os.setsid()\ntime.sleep(99.25)"
    async with place(isolation="landlock") as here:
        result = await here.sandbox.exec(f'python3 -c "{fork}" & sleep 0.3; pgrep -f 99.25 >/dev/null; echo done')
        assert result.stdout == "done\n"
        assert not processes_with("99.25")
        running = asyncio.create_task(here.sandbox.exec(f'python3 -c "{fork}" & sleep 98.75'))
        async with asyncio.timeout(60):
            while not processes_with(f"python3\x00-c\x00{fork}"):
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait({running})
        assert not processes_with("99.25")


async def test_a_repository_in_the_app_does_not_stay(place: MakePlace):
    async with place(isolation="landlock") as here:
        result = await here.sandbox.exec("mkdir -p .git && touch .git/config && ls .git; sleep 1.2; ls .git/config")
        assert result.exit_code != 0  # removed while the command still runs
        await here.sandbox.exec("mkdir -p .git/hooks && touch .git/HEAD .git/hooks/post-checkout")
        assert not (here.app / ".git/HEAD").exists()


async def test_packages_are_there_and_cannot_be_changed_for_others(place: MakePlace, tmp_path: Path):
    template = find_template("react-vite")
    app = tmp_path / "vite"
    shutil.copytree(template.files, app)
    provider = LocalSandbox(CACHE, isolation="landlock", pool_size=0)
    try:
        sandbox = await provider.create(f"landlock-{os.getpid()}", app, template)
        server = await sandbox.serve("/base/")
        assert server.state == "ready", server
        assert server.address
        assert server.address.socket
        page = await fetch(server.address.socket, "/base/src/main.tsx")
        assert b"react" in page
        spoil = "echo spoilt > node_modules/react/index.js; echo spoilt > node_modules/react/new.js; echo done"
        result = await sandbox.exec(spoil)
        assert result.stdout == "done\n"
        assert result.stderr.count("Permission denied") == 2
        assert (await sandbox.exec(template.check)).exit_code == 0
        built = await sandbox.exec("npm run build")
        assert built.exit_code == 0, built.stderr
        assert (app / "dist/index.html").is_file()
    finally:
        await provider.close()


async def fetch(path: Path, url: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(f"GET {url} HTTP/1.0\r\nHost: localhost\r\nAccept: */*\r\n\r\n".encode())
    try:
        return await reader.read()
    finally:
        writer.close()
