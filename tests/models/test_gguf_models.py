"""Models in GGUF files: a real llama.cpp in a process of its own, with a tiny model of random weights."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from running import pid_runs
from tiny_gguf import write_tiny_model

from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.models.base import (
    ModelError,
    ModelProgress,
    ModelResponse,
    ModelSettings,
)
from jupyter_appbuilder.models.catalog import Catalog
from jupyter_appbuilder.models.local import machine
from jupyter_appbuilder.models.local.gguf import read_header
from jupyter_appbuilder.models.local.servers import LocalModels, ModelServer
from jupyter_appbuilder.models.openai_compatible import Endpoint
from jupyter_appbuilder.models.providers import Credentials

SHORT = ModelSettings(max_output_tokens=4)
HELLO = [{"role": "user", "content": "Hello"}]
GIGABYTE = 1024**3


@contextlib.asynccontextmanager
async def catalog(root: Path, **settings: Any) -> AsyncIterator[Catalog]:
    """Models in files below ``root``, as an AppBuilder offers them."""
    local = LocalModels(root, used=root / "used.json", **settings)
    try:
        yield Catalog(Credentials(root / "providers.json", environment={}), local=local)
    finally:
        await local.close()


async def ask(models: Catalog, model: str, settings: ModelSettings = SHORT) -> list[Any]:
    return [item async for item in models.resolve(model).stream(HELLO, [], settings)]


def server_of(models: Catalog, file: str) -> ModelServer:
    assert models.local
    return models.local.server(file)


async def endpoint_of(server: ModelServer) -> Endpoint:
    async with server.used():
        async for said in server.ready():
            if isinstance(said, Endpoint):
                return said
    raise AssertionError("it did not start")


def http_client(endpoint: Endpoint) -> httpx.AsyncClient:
    """What any program could ask it with."""
    transport = httpx.AsyncHTTPTransport(uds=endpoint.socket)
    return httpx.AsyncClient(base_url=endpoint.base_url, transport=transport, timeout=60)


async def gone(pid: int | None) -> bool:
    """Whether a process ends, its children with it, within some seconds."""
    for _ in range(100):
        if pid is None or not pid_runs(pid):
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_file_is_loaded_when_it_is_first_asked_and_says_how_far_that_is(tmp_path: Path):
    write_tiny_model(tmp_path / "tiny.gguf")
    async with catalog(tmp_path) as models:
        model = models.resolve("gguf:tiny.gguf")
        assert model.context_window == 2048
        server = server_of(models, "tiny.gguf")
        assert not server.running
        said = await ask(models, "gguf:tiny.gguf")
        assert isinstance(said[0], ModelProgress)
        assert said[0].message == "Loading tiny.gguf … 0 %"
        assert ModelProgress("", 1) in said  # what was said is taken back before the answer begins
        assert isinstance(said[-1], ModelResponse)
        assert said[-1].usage.output_tokens == 4
        pid = server.pid
        again = await ask(models, "gguf:tiny.gguf")
        assert server.pid == pid
        assert not any(isinstance(item, ModelProgress) and "Loading" in item.message for item in again)
        assert [offer.id for offer in await models.list_models() if offer.provider == "gguf"] == ["gguf:tiny.gguf"]


async def test_a_long_request_says_how_far_it_is_read_and_one_that_is_too_long_says_so(tmp_path: Path):
    write_tiny_model(tmp_path / "tiny.gguf")
    async with catalog(tmp_path) as models:
        model = models.resolve("gguf:tiny.gguf")
        said = [item async for item in model.stream([{"role": "user", "content": "x" * 1500}], [], SHORT)]
        reading = [item for item in said if isinstance(item, ModelProgress) and "reading the request" in item.message]
        shares = [item.fraction or 0 for item in reading]
        assert len(shares) > 2
        assert shares == sorted(shares)
        assert said[said.index(reading[-1]) + 1] == ModelProgress("", 1)
        with pytest.raises(ModelError) as failure:
            async for _ in model.stream([{"role": "user", "content": "x" * 2500}], [], SHORT):
                pass
        assert failure.value.reason == "context_length"


async def test_nobody_else_on_the_machine_can_use_it(tmp_path: Path):
    write_tiny_model(tmp_path / "tiny.gguf")
    async with catalog(tmp_path) as models:
        server = server_of(models, "tiny.gguf")
        endpoint = await endpoint_of(server)
        body = {"messages": HELLO, "max_tokens": 1}
        async with http_client(endpoint) as client:
            refused = await client.post("/chat/completions", json=body)
            named = await client.get("/models")
            key = {"Authorization": f"Bearer {endpoint.api_key}"}
            answered = await client.post("/chat/completions", json=body, headers=key)
        assert (refused.status_code, named.status_code, answered.status_code) == (401, 401, 200)
        assert server.pid
        for process in [psutil.Process(server.pid), *psutil.Process(server.pid).children()]:
            assert endpoint.api_key not in " ".join([*process.cmdline(), *process.environ().values()])
            assert not process.net_connections("inet")
        folder = Path(endpoint.socket).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        await server.stop()
        assert not folder.exists()


async def test_random_weights_are_held_to_a_schema(tmp_path: Path):
    write_tiny_model(tmp_path / "tiny.gguf")
    schema = {
        "type": "object",
        "properties": {"tool": {"enum": ["list_files", "check_app"]}, "again": {"type": "boolean"}},
        "required": ["tool", "again"],
        "additionalProperties": False,
    }
    async with catalog(tmp_path) as models:
        endpoint = await endpoint_of(server_of(models, "tiny.gguf"))
        form = {"type": "json_schema", "json_schema": {"name": "call", "strict": True, "schema": schema}}
        async with http_client(endpoint) as client:
            for seed in range(3):
                body = {"messages": HELLO, "response_format": form, "temperature": 2, "seed": seed, "max_tokens": 500}
                key = {"Authorization": f"Bearer {endpoint.api_key}"}
                answer = (await client.post("/chat/completions", json=body, headers=key)).json()
                written = json.loads(answer["choices"][0]["message"]["content"])
                assert written["tool"] in ("list_files", "check_app")
                assert isinstance(written["again"], bool)
                assert len(written) == 2


async def test_one_that_nobody_uses_leaves_memory_and_comes_back_when_asked(tmp_path: Path):
    write_tiny_model(tmp_path / "tiny.gguf")
    async with catalog(tmp_path, idle_seconds=0.2) as models:
        await ask(models, "gguf:tiny.gguf")
        server = server_of(models, "tiny.gguf")
        first = server.pid
        assert await gone(first)
        assert isinstance((await ask(models, "gguf:tiny.gguf"))[-1], ModelResponse)
        assert server_of(models, "tiny.gguf").pid != first


async def test_two_sessions_share_one_process_and_wait_for_each_other(tmp_path: Path):
    write_tiny_model(tmp_path / "tiny.gguf")
    async with catalog(tmp_path) as models:
        one, other = await asyncio.gather(
            ask(models, "gguf:tiny.gguf", ModelSettings(max_output_tokens=200)),
            ask(models, f"gguf:{tmp_path}/tiny.gguf", ModelSettings(max_output_tokens=200)),
        )
        assert isinstance(one[-1], ModelResponse)
        assert isinstance(other[-1], ModelResponse)
        assert ModelProgress("tiny.gguf is busy with another request …", None) in other
        assert server_of(models, "tiny.gguf") is server_of(models, f"{tmp_path}/tiny.gguf")


async def test_stopping_while_it_loads_ends_the_loading(tmp_path: Path):
    write_tiny_model(tmp_path / "large.gguf", padding=2 * GIGABYTE)  # a hole: reading it takes a moment, no disk
    async with catalog(tmp_path) as models:
        server = server_of(models, "large.gguf")
        asking = asyncio.ensure_future(ask(models, "gguf:large.gguf"))
        while server.pid is None:
            await asyncio.sleep(0.01)
        pid = server.pid
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await gone(pid)
        assert not server.running


async def test_a_proxy_of_this_machine_is_not_asked_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    write_tiny_model(tmp_path / "tiny.gguf")
    async with catalog(tmp_path) as models:
        assert isinstance((await ask(models, "gguf:tiny.gguf"))[-1], ModelResponse)


LOADER = """
import asyncio, sys
from pathlib import Path
from jupyter_appbuilder.models.local.servers import LocalModels
async def main():
    server = LocalModels(Path(sys.argv[1])).server(sys.argv[2])
    async with server.used():
        async for said in server.ready():
            if server.pid:
                print(server.pid, type(said).__name__, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.parametrize("when", ["ModelProgress", "Endpoint"])
async def test_it_dies_with_a_server_that_is_killed(tmp_path: Path, when: str):
    """While it loads, and when it is ready."""
    write_tiny_model(tmp_path / "large.gguf", padding=2 * GIGABYTE if when == "ModelProgress" else 0)
    owner = subprocess.Popen(
        [sys.executable, "-c", LOADER, str(tmp_path), "large.gguf"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert owner.stdout
        while (line := owner.stdout.readline()).split()[1:] != [when]:
            assert line, "it ended by itself"
        outer = int(line.split()[0])
        family = [outer, *(child.pid for child in psutil.Process(outer).children(recursive=True))]
        os.kill(owner.pid, signal.SIGKILL)
        for pid in family:
            assert await gone(pid)
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()


async def test_a_process_that_is_killed_says_so_and_is_started_anew(tmp_path: Path):
    write_tiny_model(tmp_path / "tiny.gguf")
    async with catalog(tmp_path) as models:
        server = server_of(models, "tiny.gguf")
        await endpoint_of(server)
        assert server.pid
        (inner,) = psutil.Process(server.pid).children()
        inner.suspend()  # it takes the request and does not answer

        async def ask_and_kill() -> None:
            async for item in models.resolve("gguf:tiny.gguf").stream(HELLO, [], SHORT):
                if item == ModelProgress("", 1):  # it is there, and is about to be asked
                    asyncio.get_running_loop().call_later(0.2, inner.kill)

        with pytest.raises(ModelError) as failure:
            await ask_and_kill()
        assert failure.value.reason == "model_crashed"
        assert "was ended by SIGKILL while it answered" in failure.value.message
        assert "local_context" in failure.value.hint
        assert isinstance((await ask(models, "gguf:tiny.gguf"))[-1], ModelResponse)


async def test_a_file_that_llama_cpp_cannot_load_is_told_with_its_words(tmp_path: Path):
    path = write_tiny_model(tmp_path / "cut.gguf")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 20_000)
    async with catalog(tmp_path) as models:
        with pytest.raises(ModelError) as failure:
            await ask(models, "gguf:cut.gguf")
        assert "while it was loaded" in failure.value.message
        assert "tensor" in failure.value.message  # of llama.cpp's own log
        assert not server_of(models, "cut.gguf").running


def _refused(root: Path, name: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as failure:
        Catalog(Credentials(root / "providers.json", environment={}), local=LocalModels(root)).resolve(name)
    return failure.value


def test_what_is_no_model_is_refused_before_anything_starts(tmp_path: Path):
    (tmp_path / "page.gguf").write_text("<html>404 Not Found</html>")
    (tmp_path / "cut.gguf").write_bytes(b"GGUF\x03\0\0\0" + b"\x01" * 40)
    write_tiny_model(tmp_path / "adapter.gguf", kind="adapter")
    write_tiny_model(tmp_path / "big-00001-of-00002.gguf")
    assert _refused(tmp_path, "gguf:missing.gguf").reason == "no_such_file"
    assert "is not a GGUF file" in _refused(tmp_path, "gguf:page.gguf").message
    assert "damaged" in _refused(tmp_path, "gguf:cut.gguf").message
    assert "holds no language model" in _refused(tmp_path, "gguf:adapter.gguf").message
    assert "big-00002-of-00002.gguf is missing" in _refused(tmp_path, "gguf:big-00001-of-00002.gguf").message
    assert _refused(tmp_path, "gguf:.").reason == "no_file"


async def test_too_little_memory_is_said_with_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_tiny_model(tmp_path / "tiny.gguf", padding=3 * GIGABYTE)
    monkeypatch.setattr("jupyter_appbuilder.models.local.servers.spare_memory", lambda: 2 * GIGABYTE)
    async with catalog(tmp_path) as models:
        with pytest.raises(ModelError) as failure:
            await ask(models, "gguf:tiny.gguf")
    assert "needs about 3.3 GiB with 2,048 tokens of context, and 2.0 GiB is free" in failure.value.message
    assert "smaller model" in failure.value.hint


def test_context_is_what_was_trained_what_was_asked_and_what_fits(tmp_path: Path):
    header = read_header(write_tiny_model(tmp_path / "tiny.gguf", context=65_536))
    room = machine.memory_needed(header, 8_000)
    assert machine.fitting_context(header, 0, 64 * GIGABYTE) == machine.DEFAULT_CONTEXT
    assert machine.fitting_context(header, 100_000, 64 * GIGABYTE) == 65_536
    assert machine.fitting_context(header, 0, room) == 4_096
    assert machine.fitting_context(header, 0, 0) == machine.LEAST_CONTEXT
    assert header.title == "Tiny and random"


async def test_files_of_configured_folders_are_offered(tmp_path: Path):
    folder = tmp_path / "models" / "maker"
    folder.mkdir(parents=True)
    for name in ("a.gguf", "mmproj-a.gguf", "b-00001-of-00002.gguf", "b-00002-of-00002.gguf", "notes.txt"):
        (folder / name).write_bytes(b"GGUF")
    async with catalog(tmp_path, folders=["models"]) as models:
        offered = [offer for offer in await models.list_models() if offer.provider == "gguf"]
        assert [offer.title for offer in offered] == ["a.gguf", "b-00001-of-00002.gguf"]
        assert all(offer.local and offer.configured for offer in offered)
