"""Container files of releases: linted, and carried out step by step with this machine's Node and Python."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from serving.bundling import bundled
from serving.conftest import CACHE

from jupyter_appbuilder.errors import Conflict, InvalidInput
from jupyter_appbuilder.publishing.base import Bundle, Order
from jupyter_appbuilder.publishing.bundles import read_bundle
from jupyter_appbuilder.publishing.targets.container import ContainerPublisher, container_files
from jupyter_appbuilder.sandbox.local.provider import LocalSandbox
from publishing.containers import Stage, build, instructions

TEMPLATES = ("static", "react-vite", "vue-vite", "serverless", "nextjs", "fastapi-react", "streamlit", "panel")


async def context(tmp_path: Path, template: str, **settings: str) -> Path:
    """What is handed over for the template's app, unpacked."""
    provider = LocalSandbox(CACHE)
    try:
        folder = await bundled(provider, template, tmp_path / "bundle", secrets=["API_KEY"], title="A\nb `title` ${X}")
    finally:
        await provider.close()
    said: list[str] = []
    order = Order(read_bundle(folder), 3, None, settings)
    published = await ContainerPublisher().publish(order, said.append)
    assert published.file
    assert said
    with zipfile.ZipFile(published.file) as archive:
        archive.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked" / "tried"


def lint(place: Path) -> None:
    """The rules of linters for Containerfiles, as far as they speak of what stands there."""
    found = list(instructions((place / "Containerfile").read_text()))
    words = [word for word, _ in found]
    assert words[0] == "FROM"
    for word, rest in found:
        if word == "FROM":
            assert re.fullmatch(r"(node|python):\d+\.\d+-slim( AS build)?", rest), rest
        if word == "COPY":
            assert not re.search(r"(^|\s)\.(\s|$)", rest.rpartition(" ")[0]), "not everything at once"
        if word == "RUN":
            assert not re.search(r"sudo|curl|wget|apt-get|&& cd", rest), rest
        if word in ("CMD", "ENTRYPOINT"):
            assert rest.startswith("["), "exec form: signals reach the app"
        if word == "WORKDIR":
            assert rest.startswith("/")
    assert "ADD" not in words
    last = found[max(at for at, word in enumerate(words) if word == "FROM") :]
    users = [rest for word, rest in last if word == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]), (
        "a number: it need not be looked up to be seen that it is not root"
    )
    kinds = [word for word, _ in last]
    assert kinds.count("CMD") == kinds.count("HEALTHCHECK") == 1
    assert kinds.index("USER") < kinds.index("CMD")
    assert ".env" in (place / ".dockerignore").read_text()
    assert "API_KEY=\n" in (place / ".env.example").read_text()

    service = yaml.safe_load((place / "compose.yaml").read_text())
    app = service["services"]["app"]
    known = {"build", "image", "restart", "init", "ports", "env_file", "read_only", "tmpfs", "cap_drop", "security_opt"}
    assert app.keys() <= known | {"mem_limit", "pids_limit", "volumes"}
    assert (app["read_only"], app["cap_drop"]) == (True, ["ALL"])
    assert app["ports"] == ["127.0.0.1:${PORT:-8000}:8000"]
    assert {one.partition(":")[0] for one in app.get("volumes", [])} == set(service.get("volumes", {}))
    for one in app.get("volumes", []):
        assert (place / one.partition(":")[2].strip("/")).is_dir()


@contextmanager
def running(stage: Stage, port: int, *, slow: bool = True) -> Generator[None]:
    """Its command at ``port`` in the place of 8000, as compose.yaml has it run: nothing but the data and what is
    temporary can be written, and SIGTERM ends it, also while somebody is connected (``slow``: and has sent half of a
    request)."""
    command = [word.replace("8000", str(port)) if word == "8000" else word for word in stage.command]
    process = subprocess.Popen(
        [*held(stage), *command], cwd=stage.here, env=stage.variables(BOKEH_ALLOW_WS_ORIGIN=f"localhost:{port}")
    )
    try:
        check = [word.replace(":8000", f":{port}") for word in stage.health]
        deadline = time.monotonic() + 60
        while subprocess.run(check, env=stage.variables(), capture_output=True).returncode:
            assert process.poll() is None, "the command ended"
            assert time.monotonic() < deadline, "it never became healthy"
            time.sleep(0.2)
        yield
        with socket.create_connection(("127.0.0.1", port)) as waits:
            waits.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + (b"" if slow else b"\r\n"))
            if not slow:
                assert waits.recv(1)
            os.kill(child_of(process.pid), signal.SIGTERM)
            process.wait(5)  # Docker kills after 10
    finally:
        process.kill()
        process.wait(20)


def held(stage: Stage) -> list[str]:
    """What holds a command as the service of compose.yaml is held."""
    app = yaml.safe_load((stage.context / "compose.yaml").read_text())["services"]["app"]
    assert app["read_only"]
    kept = [one.partition(":")[2].strip("/") for one in app.get("volumes", [])]
    passing = [one.partition(":")[0].strip("/") for one in app["tmpfs"]]
    words = ["bwrap", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    words += ["--tmpfs", "/tmp"]
    for there in (sys.prefix, str(stage.root.parent)):  # which may lie in /tmp
        words += ["--ro-bind", there, there]
    for folder in passing:
        if folder != "tmp":
            assert (stage.root / folder).is_dir(), folder  # there is nowhere to mount it else
            words += ["--tmpfs", str(stage.root / folder)]
    for folder in kept:
        words += ["--bind", str(stage.root / folder), str(stage.root / folder)]
    return [*words, "--chdir", str(stage.here), "--"]


def child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])


async def carried_out(tmp_path: Path, template: str, port: int, **settings: str) -> Stage:
    place = await context(tmp_path, template, **settings)
    lint(place)
    return await asyncio.to_thread(build, place, tmp_path / "scratch")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def test_functions_and_what_they_store(tmp_path: Path):
    port = free_port()
    stage = await carried_out(tmp_path, "serverless", port, base="/tools/board/")
    url = f"http://127.0.0.1:{port}/tools/board/"
    async with httpx.AsyncClient() as client:
        with running(stage, port):
            assert "./assets/" in (await client.get(url)).text
            assert (await client.post(url + "api/tasks", json={"title": "kept"})).is_success
        with running(stage, port):
            assert "kept" in (await client.get(url + "api/tasks")).text
            assert (await client.post(url + "_app/control", json={})).status_code == 405


async def test_a_site_is_served_with_ranges_and_nothing_else(tmp_path: Path):
    port = free_port()
    stage = await carried_out(tmp_path, "react-vite", port)
    url = f"http://127.0.0.1:{port}/"
    (stage.here / "site" / "out").symlink_to("/etc")
    (stage.here / "site" / "x.js.map").write_text("{}")
    async with httpx.AsyncClient() as client:
        with running(stage, port):
            page = await client.get(url)
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            script = re.findall(r'src="\./(assets/[^"]+)"', page.text)[0]
            whole = await client.get(url + script)
            assert "immutable" in whole.headers["cache-control"]
            part = await client.get(url + script, headers={"Range": "bytes=2-5", "Accept-Encoding": "identity"})
            assert (part.status_code, part.content) == (206, whole.content[2:6])
            assert (await client.get(url, headers={"If-None-Match": page.headers["etag"]})).status_code == 304
            for path in ("out/passwd", "x.js.map", "%2e%2e/%2e%2e/etc/passwd", "..%2fserve.mjs", "%00", "none"):
                assert (await client.get(url + path)).status_code == 404, path
            assert (await client.post(url)).status_code == 405


@pytest.mark.walk
@pytest.mark.parametrize(
    ("template", "path", "base"),
    [
        ("static", "", "/x/"),
        ("vue-vite", "", "/"),
        ("nextjs", "api/time", "/deep/er/"),
        ("fastapi-react", "api/books", "/"),
        ("streamlit", "_stcore/health", "/s/"),
        ("panel", "app", "/p/"),
    ],
)
async def test_each_template_in_its_container(tmp_path: Path, template: str, path: str, base: str):
    port = free_port()
    stage = await carried_out(tmp_path, template, port, base=base)
    async with httpx.AsyncClient(timeout=30) as client:
        with running(stage, port, slow=template != "nextjs"):  # Next.js lets requests end: Docker kills it then
            for one in ("", path):
                answer = await client.get(f"http://127.0.0.1:{port}{base}{one}")
                assert answer.status_code == 200, one


def manifest(**change: Any) -> dict[str, Any]:
    return {
        "kind": "server",
        "session": "",
        "name": "x",
        "title": "X",
        "template": "serverless",
        "built_at": "2026-11-30T12:00:00Z",
        "data": ["data/"],
        "secrets": [],
        "hosts": [],
    } | change


def test_what_cannot_be_made_is_said(tmp_path: Path):
    def made(base: str = "/", **change: Any) -> dict[str, str]:
        return container_files(Bundle(tmp_path, manifest(**change)), 1, base)  # pyright: ignore[reportArgumentType]

    with pytest.raises(Conflict, match="no recipe"):
        made(template="mine")
    for base in ('/"x/', "/a b/", "/../x/", "/$(id)/"):
        with pytest.raises(InvalidInput, match="no path"):
            made(base)
    odd = made(data=["data: {}\n/"], secrets=["GOOD", "X\nRUN evil"], title="# x\n\n```")
    assert set(yaml.safe_load(odd["compose.yaml"])["services"]) == {"app"}
    assert "evil" not in odd[".env.example"]
