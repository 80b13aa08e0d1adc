"""Which sandboxes run, an end to them, and what ``/metrics`` tells."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys

import pytest

from jupyter_appbuilder.settings import socket_address


@pytest.fixture
def running(new_session, builder):
    """``await running(name="board")``: the id of a session whose preview is ready."""

    async def start(**body: str) -> str:
        id = await new_session(**body)
        server = await (await builder.session(id)).app.ensure()
        assert server.state == "ready", server
        return id

    return start


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "jupyter_appbuilder.cli", "sandboxes", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, env=os.environ)


async def test_a_sandbox_is_listed_with_what_it_uses_and_stopped(call, running):
    assert (await call("GET", "sandboxes")).data == []
    id = await running(name="board")
    [sandbox] = [it for it in (await call("GET", "sandboxes")).data if it["session"]]
    assert (sandbox["session"], sandbox["name"], sandbox["template"]) == (id, "board", "page")
    assert (sandbox["provider"], sandbox["state"], sandbox["pid"]) == ("local", "ready", os.getpid())
    assert sandbox["isolation"]
    assert sandbox["memory"] > 1_000_000
    assert sandbox["processes"] >= 2
    assert (await call("DELETE", "sandboxes", id)).status == 204
    assert [it for it in (await call("GET", "sandboxes")).data if it["session"]] == []
    again = await call("DELETE", "sandboxes", id)
    assert (again.status, again.data["reason"]) == (404, "no_sandbox")


async def test_only_who_is_logged_in_sees_or_stops_sandboxes(call):
    assert (await call("GET", "sandboxes", auth=False)).status == 403
    assert (await call("DELETE", "sandboxes", "x", auth=False)).status == 403


async def test_the_command_line_lists_and_stops_those_of_a_running_server(call, running, builder):
    id = await running(name="board")
    listed = await asyncio.to_thread(command, "--json")
    [sandbox] = [it for it in json.loads(listed.stdout)["sandboxes"] if it["session"]]
    assert (sandbox["session"], sandbox["pid"], sandbox["state"]) == (id, os.getpid(), "ready")
    assert "the Jupyter server at" in sandbox["owner"]
    assert "token" not in listed.stdout
    shown = (await asyncio.to_thread(command)).stdout
    assert re.search(r"board +local \S+ +ready +\d+ MiB", shown)
    wrong = await asyncio.to_thread(command, "stop", "bored", "--json")
    assert (wrong.returncode, json.loads(wrong.stdout)["error"]["reason"]) == (1, "no_sandbox")
    stopped = await asyncio.to_thread(command, "stop", "board")
    assert (stopped.returncode, stopped.stdout.split(".")[0]) == (0, "Stopped board")
    assert [it for it in await builder.sandboxes.describe() if it["session"]] == []
    nothing = await asyncio.to_thread(command, "stop", "--all")
    assert nothing.returncode == 0
    assert (await asyncio.to_thread(command, "stop")).returncode == 2


async def test_every_sandbox_is_stopped_at_once(call, running, builder):
    for name in ("one", "two"):
        await running(name=name)
    stopped = await asyncio.to_thread(command, "stop", "--all", "--json")
    assert len(json.loads(stopped.stdout)["stopped"]) == 2
    assert [it for it in await builder.sandboxes.describe() if it["session"]] == []


async def test_another_process_needs_the_secret_to_ask(call, running, jp_runtime_dir):
    await running()
    folder = jp_runtime_dir / "appbuilder"
    [note] = folder.glob("*.json")
    assert (folder.stat().st_mode & 0o077, note.stat().st_mode & 0o077) == (0, 0)

    async def ask(request: dict[str, str]) -> bytes:
        with socket_address(note.with_suffix(".sock")) as socket:
            reader, writer = await asyncio.open_unix_connection(socket)
        writer.write(json.dumps(request).encode() + b"\n")
        answer = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        return answer

    assert await ask({"do": "list"}) == b""
    assert await ask({"do": "list", "token": "wrong"}) == b""
    assert b"sandboxes" in await ask({"do": "list", "token": json.loads(note.read_text())["token"]})


async def test_what_a_killed_process_left_is_not_asked_again(jp_runtime_dir, jp_environ):
    folder = jp_runtime_dir / "appbuilder"
    folder.mkdir(mode=0o700)
    program = (
        "import asyncio, json\nfrom jupyter_appbuilder.apps.process_socket import ControlSocket\n"
        "async def main():\n"
        "  async def answer(request): return {'sandboxes': []}\n"
        "  await ControlSocket('x', answer).open()\n"
        "  print('open', flush=True)\n"
        "  await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=-1, env=os.environ)
    assert process.stdout
    assert await process.stdout.readline() == b"open\n"
    assert len(list(folder.iterdir())) == 2
    process.kill()
    await process.wait()
    done = await asyncio.to_thread(command, "--json")
    assert json.loads(done.stdout) == {"sandboxes": []}
    assert list(folder.iterdir()) == []


def values(text: str, name: str) -> dict[str, float]:
    """The samples of a metric by their labels."""
    found = re.findall(rf"^{name}{{(.*)}} (\S+)$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in found}


async def test_metrics_count_sandboxes_starts_commands_and_limits(
    call, running, http_server_client, jp_auth_header, jp_base_url, builder
):
    async def metrics() -> str:
        answer = await http_server_client.fetch(f"{jp_base_url}metrics", headers=jp_auth_header)
        return answer.body.decode()

    id = await running(name="secret-plan")
    before = await metrics()
    session = await builder.session(id)
    await session.call("run_command", {"command": "sleep 5", "timeout_seconds": 1}, by="person")
    after = await metrics()

    assert values(after, "appbuilder_sandboxes")['provider="local",state="ready"'] >= 1
    assert values(after, "appbuilder_sandbox_starts_total")['provider="local",result="ready",template="own"'] >= 1
    assert values(after, "appbuilder_sandbox_start_seconds_count")['provider="local",template="own"'] >= 1

    def rise(name: str, labels: str) -> float:
        return values(after, name)[labels] - values(before, name).get(labels, 0)

    assert rise("appbuilder_sandbox_exec_seconds_count", 'provider="local"') == 1
    assert rise("appbuilder_sandbox_limit_kills_total", 'limit="timeout"') == 1
    ours = [line for line in after.splitlines() if line.startswith("appbuilder_")]
    assert not [line for line in ours if id in line or "secret-plan" in line or str(builder.root_dir) in line]
    assert after.count("# TYPE appbuilder_sandboxes gauge") == 1

    await session.app.stop()
    assert values(await metrics(), "appbuilder_sandboxes").get('provider="local",state="ready"', 0) == (
        values(after, "appbuilder_sandboxes")['provider="local",state="ready"'] - 1
    )
