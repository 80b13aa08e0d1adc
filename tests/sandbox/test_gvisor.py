"""gVisor, for those who ask for it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from leftovers import processes_with

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.sandbox.local import LocalSandbox

from .conftest import MakePlace, isolations

needs_gvisor = pytest.mark.skipif("gvisor" not in isolations(slow=True), reason="needs runsc (make system-test)")


@needs_gvisor
async def test_commands_run_on_a_kernel_of_their_own(place: MakePlace, tmp_path: Path):
    (tmp_path / "secret.txt").write_text("private")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        async with place(isolation="gvisor") as here:
            assert (await here.provider.describe_isolation()).kind == "gvisor"
            result = await here.sandbox.exec("dmesg | head -1; echo mine > made.txt; exit 7")
            assert "gVisor" in result.stdout
            assert (result.exit_code, (here.app / "made.txt").read_text()) == (7, "mine\n")
            script = f"cat {tmp_path}/secret.txt; echo x > /usr/x; mkdir .git/hooks; echo > /dev/tcp/127.0.0.1/{port}"
            result = await here.sandbox.exec(script)
            assert result.exit_code != 0
            assert result.stderr.count("\n") == 5, result.stderr  # one a try, two for the port
            assert "private" not in result.stdout
            assert not (here.app / ".git/hooks").exists()


@needs_gvisor
async def test_a_dev_server_answers_and_nothing_of_it_stays(place: MakePlace):
    async with place(isolation="gvisor") as here:
        server = await here.sandbox.serve("/base/")
        assert server.state == "ready", server
        assert server.address
        assert server.address.socket

        async def ask(path: str) -> bytes:
            reader, writer = await asyncio.open_unix_connection(str(server.address.socket))  # type: ignore[union-attr]
            writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            try:
                return await reader.read()
            finally:
                writer.close()

        answers = await asyncio.gather(*(ask(f"/base/{number}") for number in range(12)))
        assert all(f"path /base/{number}".encode() in answer for number, answer in enumerate(answers))
        folder = str(server.address.socket.parent)
        assert processes_with(f"--root={folder}")
        await here.sandbox.stop()
        assert not processes_with(f"--root={folder}")
        assert not list(Path(folder).glob("run-*"))


async def test_asked_for_but_not_installed_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    provider = LocalSandbox(tmp_path / "cache", isolation="gvisor")
    with pytest.raises(Unavailable, match="runsc") as caught:
        await provider.describe_isolation()
    assert "apt install runsc" in caught.value.hint
