"""What is sent to Posit Connect runs as its guides say that it runs it: below a path that is taken off each request."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from serving.bundling import bundled
from serving.conftest import CACHE

from jupyter_appbuilder.publishing.base import Order
from jupyter_appbuilder.publishing.bundles import read_bundle
from jupyter_appbuilder.publishing.targets.posit import PositPublisher
from jupyter_appbuilder.sandbox.local.provider import LocalSandbox
from publishing.containers import NODE
from publishing.posit_connect import KEY, posit_connect
from publishing.test_container import free_port


def started(mode: str, entry: str, folder: Path, port: int) -> subprocess.Popen[bytes]:
    handed_on = ("npm_", "NODE_EXTRA", "PIP_", "SSL_")
    kept = {name: value for name, value in os.environ.items() if name.startswith(handed_on)}
    env = kept | {"PATH": f"{NODE / 'bin'}:/usr/bin:/bin", "HOME": str(folder.parent), "TRUST_PROXY": "1"}
    if mode == "nodejs":
        npm = NODE / "lib/node_modules/npm/bin/npm-cli.js"
        subprocess.run(["node", npm, "ci", "--omit=dev"], cwd=folder, env=env, check=True, capture_output=True)
        return subprocess.Popen(["node", entry], cwd=folder, env=env | {"PORT": str(port)})
    subprocess.run([sys.executable, "-m", "venv", folder.parent / "venv"], check=True)
    python = folder.parent / "venv/bin/python"
    install = [python, "-m", "pip", "install", "-q", "-r", "requirements.txt"]
    subprocess.run(install, cwd=folder, env=env, check=True, capture_output=True)
    command = [python, "-m", "uvicorn", entry, "--port", str(port), "--root-path", "/content/1"]
    return subprocess.Popen(command, cwd=folder, env=env)


@pytest.mark.walk
@pytest.mark.parametrize(("template", "asked"), [("serverless", "api/tasks"), ("fastapi-react", "api/books")])
async def test_apps_run_as_connect_runs_them(tmp_path: Path, template: str, asked: str):
    provider = LocalSandbox(CACHE)
    try:
        folder = await bundled(provider, template, tmp_path / "bundle")
    finally:
        await provider.close()
    with posit_connect() as connect:
        order = Order(read_bundle(folder), 1, None, {"server": connect.url, "key": KEY})
        await PositPublisher().publish(order, print)
        [content] = connect.content.values()
    place = tmp_path / "content" / "app"
    for path, body in content.site.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(body)
    metadata = content.manifests["1"]["metadata"]
    port = free_port()
    process = await asyncio.to_thread(started, metadata["appmode"], metadata["entrypoint"], place, port)
    url, deadline = f"http://127.0.0.1:{port}/", time.monotonic() + 60
    try:
        async with httpx.AsyncClient() as client:
            while True:
                try:
                    page = await client.get(url)
                    break
                except httpx.HTTPError:
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.1)
            assert page.status_code == 200
            # Nothing is asked for from the host's root: the path that it is shown below is not known.
            links = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text)
            assert links
            assert not [link for link in links if link.startswith("/")], links
            script = next(link for link in links if link.endswith(".js"))
            assert (await client.get(url + script.removeprefix("./"))).status_code == 200
            assert isinstance(json.loads((await client.get(url + asked)).text), list)
    finally:
        process.terminate()
        process.wait(10)
