"""A whole Jupyter server, killed while an app runs in it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
from building import share_dependencies
from leftovers import control_groups
from running import that_run

TEMPLATES = Path(__file__).parent / "templates"
TOKEN = "not-a-secret"


async def becomes(true: Callable[[], bool]) -> bool:
    for _ in range(200):
        if true():
            return True
        await asyncio.sleep(0.05)
    return False


async def test_nothing_is_left_of_a_jupyter_server_that_was_killed(tmp_path: Path):
    for name in ("root", "config", "runtime", "temp"):
        (tmp_path / name).mkdir()
    share_dependencies(tmp_path / "data/appbuilder")
    settings = {"AppBuilder": {"template": "page", "template_path": [str(TEMPLATES)], "model": "demo:recorded"}}
    (tmp_path / "config/jupyter_server_config.json").write_text(json.dumps(settings))
    env = os.environ | {
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "TMPDIR": str(tmp_path / "temp"),
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={port}"]
    command += [
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={tmp_path}/root",
    ]
    command += ["--ServerApp.jpserver_extensions={'jupyter_appbuilder': True}"]
    server = await asyncio.create_subprocess_exec(*command, env=env, stderr=asyncio.subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/appbuilder/api"
        async with httpx.AsyncClient(
            headers={"Authorization": f"token {TOKEN}"}, trust_env=False, timeout=30
        ) as client:
            for _ in range(200):
                try:
                    if (await client.get(f"{url}/health")).status_code == 200:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
            await client.post(f"{url}/sessions", json={"name": "board"})
            for _ in range(400):
                sandboxes = (await client.get(f"{url}/sandboxes")).json()
                if [it for it in sandboxes if it["name"] == "board" and it["state"] == "ready"]:
                    break
                await asyncio.sleep(0.05)
            assert [it for it in sandboxes if it["name"] == "board" and it["state"] == "ready"], sandboxes
        started = psutil.Process(server.pid).children(recursive=True)
        assert len(that_run(started)) >= 2
        own = f".{server.pid}."
        [runtime] = (tmp_path / "temp").glob("jab-*")
        assert list(runtime.glob("*.sock"))
        assert list((tmp_path / "runtime/appbuilder").glob("*.sock"))
    finally:
        server.kill()
        await server.wait()
    assert await becomes(lambda: not that_run(started))
    assert await becomes(lambda: not runtime.exists())

    assert await becomes(lambda: not control_groups(f"*{own}*"))
    asked = subprocess.run(
        [sys.executable, "-m", "jupyter_appbuilder.cli", "sandboxes", "--json"],
        env=env,
        capture_output=True,
        timeout=60,
    )
    assert json.loads(asked.stdout) == {"sandboxes": []}
    assert list((tmp_path / "runtime/appbuilder").iterdir()) == []
