"""The network of code that runs: none, unless the session's list has hosts; then those, and nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from .conftest import MakePlace

FETCH = """
const [url, method = 'GET'] = process.argv.slice(-2).filter(word => !word.endsWith('.mjs'));
try {
  const answer = await fetch(url, { method, body: method === 'POST' ? 'sent' : undefined });
  console.log(answer.status, await answer.text());
} catch (error) {
  console.log('failed', error.message, error.cause?.message ?? '');
}
"""
ASKING_SERVER = """
import http from 'node:http';
http.createServer(async (request, response) => {
  try { response.end(await (await fetch('http://site.test:PORT/data')).text()); }
  catch (error) { response.end(`failed ${error.cause?.message}`); }
}).listen(Number(process.argv[2]), '127.0.0.1');
"""


@asynccontextmanager
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[str, list[str]]]:
    """``site.test`` and everything else below ``.test``, on this machine's loopback; the requests it got."""
    requests: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            writer.close()
            return
        length = next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
        requests.append(head.partition("\r\n")[0] + " " + (await reader.readexactly(length)).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    ask = loop.getaddrinfo

    async def resolve(host: Any, port: Any, **options: Any) -> Any:
        return await ask("127.0.0.1" if str(host).endswith(".test") else host, port, **options)

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, family=socket.AF_INET)
    async with server:
        yield f"site.test:{server.sockets[0].getsockname()[1]}", requests


async def test_there_is_no_way_out_until_a_host_is_allowed(place: MakePlace, monkeypatch: pytest.MonkeyPatch):
    async with site(monkeypatch) as (host, requests), place(allow=[host]) as here:
        (here.app / "fetch.mjs").write_text(FETCH)
        await here.sandbox.allow(())
        result = await here.sandbox.exec(f"env | grep -i proxy; ls /opt/appbuilder; node fetch.mjs http://{host}/a")
        assert "failed" in result.stdout
        assert "PROXY" not in result.stdout.upper()
        assert "egress" not in result.stdout
        assert not requests
        assert await here.sandbox.allow([host]) is False  # no dev server has to notice
        result = await here.sandbox.exec(f"node fetch.mjs http://{host}/a; node fetch.mjs http://{host}/b POST")
        assert result.stdout.splitlines() == ["200 hello", "200 hello"], result
        assert [line.split(" HTTP")[0] for line in requests] == ["GET /a", "POST /b"]
        assert requests[1].endswith("sent")
        await here.sandbox.allow(())
        result = await here.sandbox.exec(f"node fetch.mjs http://{host}/a")
        assert "failed" in result.stdout
        assert len(requests) == 2


async def test_python_and_curl_use_it_as_well(place: MakePlace, monkeypatch: pytest.MonkeyPatch):
    async with site(monkeypatch) as (host, requests), place(allow=[host]) as here:
        script = f"import urllib.request as u; print(u.urlopen('http://{host}/p').read().decode())"
        result = await here.sandbox.exec(["python3", "-c", script])
        assert result.stdout.strip() == "hello", result
        assert requests[0].startswith("GET /p ")


async def test_what_is_not_on_the_list_is_refused_by_name_with_the_next_step(
    place: MakePlace, monkeypatch: pytest.MonkeyPatch
):
    refused: list[tuple[str, str]] = []
    async with site(monkeypatch) as (host, requests), place(allow=[host]) as here:
        (here.app / "fetch.mjs").write_text(FETCH)
        await here.sandbox.allow([host], lambda name, reason: refused.append((name, reason)))
        port = host.partition(":")[2]
        other = f"http://other.test:{port}/"
        result = await here.sandbox.exec(
            f"node fetch.mjs {other}; python3 -c \"import urllib.request as u\ntry: \
 u.urlopen('{other}')\nexcept Exception as e: print(e.code, e.read().decode())\""
        )
        assert not requests
        assert f'request_network("other.test:{port}", reason)' in result.stdout
        assert [name for name, _ in refused] == [f"other.test:{port}"] * len(refused)
        assert "not on the sandbox's list" in refused[0][1]


async def test_an_allowed_name_that_leads_to_this_machine_is_refused(place: MakePlace, monkeypatch: pytest.MonkeyPatch):
    """A person's word is for a public host: only an administrator can name a private one."""
    refused: list[str] = []
    async with site(monkeypatch) as (host, requests), place() as here:
        (here.app / "fetch.mjs").write_text(FETCH)
        await here.sandbox.allow([host], lambda _, reason: refused.append(reason))
        result = await here.sandbox.exec(f"node fetch.mjs http://{host}/")
        assert "200" not in result.stdout.split()
        assert not requests
        assert "an address of this machine or a private network" in refused[0]


async def test_an_address_of_this_machine_that_is_public_is_refused_too(
    place: MakePlace, monkeypatch: pytest.MonkeyPatch
):
    async with site(monkeypatch) as (host, requests), place() as here:
        (here.app / "fetch.mjs").write_text(FETCH)
        monkeypatch.setattr("jupyter_appbuilder.sandbox.network.egress.is_public", lambda address: True)
        await here.sandbox.allow([host])
        result = await here.sandbox.exec(f"node fetch.mjs http://{host}/")
        assert "200" not in result.stdout.split()
        assert not requests


async def test_the_dev_server_reaches_what_is_allowed_once_it_was_started_anew(
    place: MakePlace, monkeypatch: pytest.MonkeyPatch
):
    async with site(monkeypatch) as (host, requests), place(allow=[host]) as here:
        await here.sandbox.allow(())
        (here.app / "server.mjs").write_text(ASKING_SERVER.replace("PORT", host.partition(":")[2]))
        server = await here.sandbox.serve("/")
        assert server.state == "ready", server
        assert not requests
        assert await here.sandbox.allow([host]) is True
        await here.sandbox.serve("/")
        assert requests
        seen = len(requests)
        assert await here.sandbox.allow(()) is False  # that holds at once: the proxy lets nothing through any more
        await here.sandbox.wake()
        reader, writer = await asyncio.open_unix_connection(str(here.sandbox.server.address.socket))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"hello" not in await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert len(requests) == seen


async def test_taking_a_host_back_cuts_what_is_open(place: MakePlace, monkeypatch: pytest.MonkeyPatch):
    async with site(monkeypatch) as (host, _), place(allow=[host]) as here:
        script = f"""
import socket
s = socket.create_connection(('127.0.0.1', 3128))
s.sendall(b'CONNECT {host} HTTP/1.1\\r\\n\\r\\n')
print(s.recv(100).split()[1].decode(), flush=True)
s.settimeout(20)
try:
    print('end', s.recv(1))
except ConnectionError:
    print('end', b'')
"""
        cut = asyncio.Event()

        def take(_: str, text: str) -> None:
            if "200" in text:
                cut.set()

        running = asyncio.create_task(here.sandbox.exec(["python3", "-c", script], on_output=take))
        await asyncio.wait_for(cut.wait(), 20)
        await here.sandbox.allow(["elsewhere.test:443"])
        assert (await running).stdout.splitlines()[-1] == "end b''"
