"""Models behind the proxies that the environment names."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from model_server import model_server

from jupyter_appbuilder.models.base import ModelError, ModelResponse, ModelSettings
from jupyter_appbuilder.models.openai_compatible import Endpoint, OpenAICompatibleModel
from jupyter_appbuilder.models.proxies import VARIABLES, is_loopback


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for variable in (*VARIABLES, "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


async def answer_of(url: str) -> str:
    model = OpenAICompatibleModel(Endpoint("custom", "The endpoint", url, "sk-test-not-a-secret"), "scripted")
    items = [item async for item in model.stream([{"role": "user", "content": "Hi"}], [], ModelSettings())]
    assert isinstance(items[-1], ModelResponse)
    return items[-1].text


@contextlib.asynccontextmanager
async def socks_proxy(port: int):
    """A SOCKS 5 proxy that leads to ``port`` of this machine, wherever one wants to go; its port, and the wishes."""
    wanted: list[str] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        *_, kind, length = await reader.readexactly(5)
        assert kind == 3, "a name, which the proxy looks up"
        wanted.append((await reader.readexactly(length)).decode())
        await reader.readexactly(2)
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(relay(reader, there[1]), relay(there[0], writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], wanted
    finally:
        server.close()


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_model_is_reached_through_a_socks_proxy(monkeypatch, scheme):
    async with model_server([{"text": "Through it."}]) as server, socks_proxy(server.port) as (port, wanted):
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{port}")
        assert await answer_of("http://models.example/v1") == "Through it."
        assert wanted == ["models.example"]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://127.0.0.1:9", "socks://127.0.0.1:9"])
async def test_a_model_on_this_machine_is_asked_past_any_proxy(monkeypatch, proxy):
    for variable in VARIABLES:
        monkeypatch.setenv(variable, proxy)
    async with model_server([{"text": "Directly."}]) as server:
        assert await answer_of(server.url) == "Directly."


@pytest.mark.parametrize("variable", ["ALL_PROXY", "https_proxy"])
async def test_a_proxy_of_an_unknown_kind_is_named_with_the_next_step(monkeypatch, variable):
    monkeypatch.setenv(variable, "socks://jane:secret@proxy.example:1080")
    with pytest.raises(ModelError) as caught:
        await answer_of("https://models.example/v1")
    assert f"the environment variable {variable} cannot be used: socks://" in caught.value.message
    assert "socks5://" in caught.value.hint
    assert "secret" not in str(caught.value)


def test_what_lies_on_this_machine():
    assert all(
        map(is_loopback, ["http://localhost:1/v1", "http://127.0.0.2/v1", "http://[::1]:8/v1", "http://a.localhost"])
    )
    assert not any(map(is_loopback, ["https://api.example/v1", "http://10.0.0.1/v1", "http://localhost.example/v1"]))
