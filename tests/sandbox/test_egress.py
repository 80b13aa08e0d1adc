"""The way out: what is on the list can be reached, and nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.sandbox.network.egress import EgressProxy
from jupyter_appbuilder.sandbox.network.registries import Registries, without_credentials


@asynccontextmanager
async def site(
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
) -> AsyncGenerator[tuple[int, list[bytes]]]:
    """A server on this machine's loopback; its port and the requests it got."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], requests


@asynccontextmanager
async def proxy(tmp_path: Path, *allow: str, **options: Any) -> AsyncGenerator[EgressProxy]:
    egress = EgressProxy(tmp_path / "e.sock", allow, **options)
    await egress.start()
    try:
        yield egress
    finally:
        await egress.close()


async def ask(egress: EgressProxy, request: str) -> str:
    reader, writer = await asyncio.open_unix_connection(str(egress.path))
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer.decode()


async def test_a_listed_host_is_reached_by_tunnel_and_by_url(tmp_path: Path):
    async with site() as (port, requests):
        name = f"localhost:{port}"
        async with proxy(tmp_path, name, trusted=[name]) as egress:
            answer = await ask(egress, f"CONNECT {name} HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert answer.startswith("HTTP/1.1 200 Connection established")
            assert answer.endswith("hello")
            plain = (
                f"GET http://{name}/b?c=d HTTP/1.1\r\nHost: elsewhere\r\nProxy-Authorization: secret\r\nX-A: 1\r\n\r\n"
            )
            assert (await ask(egress, plain)).endswith("hello")
            assert requests[1].startswith(b"GET /b?c=d HTTP/1.1\r\n")
            assert b"X-A: 1" in requests[1]
            assert b"secret" not in requests[1]
            assert b"elsewhere" not in requests[1]


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("CONNECT example.com:443", 403),
        ("CONNECT listed.test:22", 403),
        ("GET http://example.com/", 403),
        ("POST http://listed.test/", 405),
        ("GET file:///etc/passwd", 405),
        ("CONNECT [::1", 400),
        ("nonsense", 400),
    ],
)
async def test_what_is_not_listed_is_refused(tmp_path: Path, request_line: str, status: int):
    async with proxy(tmp_path, "listed.test:443", "listed.test:80") as egress:
        answer = await ask(egress, f"{request_line} HTTP/1.1\r\n\r\n" if " " in request_line else "nonsense\r\n\r\n")
        assert answer.startswith(f"HTTP/1.1 {status} ")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "0.0.0.0"])
async def test_a_listed_name_that_stands_for_a_private_address_is_refused(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
):
    async def resolve(host: str, port: int, **_: Any) -> list[Any]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with proxy(tmp_path, "rebound.test:443") as egress:
        answer = await ask(egress, "CONNECT rebound.test:443 HTTP/1.1\r\n\r\n")
        assert "403" in answer.splitlines()[0]
        assert "private network" in answer
        assert list(egress.refused) == ["rebound.test:443"]


async def test_the_machines_own_proxy_is_used(tmp_path: Path):
    async with site(b"HTTP/1.1 200 ok\r\n\r\nthrough") as (port, requests):
        upstream = f"http://me:pass%21@127.0.0.1:{port}"
        async with proxy(tmp_path, "listed.test:443", upstream=upstream) as egress:
            answer = await ask(egress, "CONNECT listed.test:443 HTTP/1.1\r\n\r\n")
            assert answer.endswith("through")
            assert requests[0].startswith(b"CONNECT listed.test:443 ")
            assert b"Basic bWU6cGFzcyE=" in requests[0]  # me:pass!


async def test_an_unreachable_host_is_told(tmp_path: Path):
    async with proxy(tmp_path, "localhost:1", trusted=["localhost:1"]) as egress:
        assert "502" in await ask(egress, "CONNECT localhost:1 HTTP/1.1\r\n\r\n")


def test_registries_name_their_hosts_without_credentials():
    registries = Registries("https://npm.test/path/", {"@us": "http://own.test:81/"}, ("https://py.test/simple",))
    assert registries.hosts == {"npm.test:443", "own.test:81", "py.test:443"}
    assert without_credentials("https://me:pass@npm.test:8/x") == "https://npm.test:8/x"
