"""Getting more out of the one way out than the list allows. What is on the list is reached: each test shows it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.sandbox.network.egress import EgressProxy

from .conftest import SECRET, MakeBox

Resolve = Callable[[str], list[str]]


@asynccontextmanager
async def site(host: str = "127.0.0.1") -> AsyncGenerator[tuple[int, list[bytes]]]:
    """A server on this machine that answers with the secret; its port, and what it was sent."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            got.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(SECRET)}\r\n\r\n{SECRET}".encode())
            got.append(await asyncio.wait_for(reader.read(1000), 0.3))
        except (TimeoutError, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], got


@asynccontextmanager
async def proxy(folder: Path, *allow: str, **options: Any) -> AsyncGenerator[EgressProxy]:
    egress = EgressProxy(folder / "e.sock", allow, **options)
    await egress.start()
    try:
        yield egress
    finally:
        await egress.close()


async def ask(egress: EgressProxy, request: bytes | str) -> str:
    reader, writer = await asyncio.open_unix_connection(str(egress.path))
    writer.write(request.encode("latin-1") if isinstance(request, str) else request)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer.decode("latin-1")


def tunnel(target: str) -> str:
    return f"CONNECT {target} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n"


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Callable[[Resolve], None]:
    """Puts a name server of the attacker's in the proxy's process: it says whatever it likes for ``*.test`` names."""

    def use(resolve: Resolve) -> None:
        loop = asyncio.get_running_loop()
        real = loop.getaddrinfo

        async def getaddrinfo(host: Any, port: Any, **options: Any) -> list[Any]:
            if not str(host).endswith(".test"):
                return await real(host, port, **options)
            found: list[Any] = []
            for address in resolve(str(host)):
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                found.append((family, socket.SOCK_STREAM, 6, "", (address, port)))
            return found

        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)

    return use


async def test_only_the_listed_port_of_a_listed_host_is_reached(tmp_path: Path):
    async with site() as (port, _), site() as (other, got):
        async with proxy(tmp_path, f"localhost:{port}", trusted=[f"localhost:{port}"]) as egress:
            assert SECRET in await ask(egress, tunnel(f"localhost:{port}"))
            for target in (
                f"localhost:{other}",
                f"127.0.0.1:{other}",
                f"127.0.0.1:{port}",
                "localhost",
                "localhost:22",
            ):
                assert SECRET not in await ask(egress, tunnel(target)), target
        assert got == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "017700000001", "0", "0.0.0.0", "[::1]", "[::]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
        "[fe80::1%25lo]", "localhost.", "LOCALHOST", "localhost.localdomain", "ip6-localhost", "①②⑦.⓪.⓪.①",
    ],
)  # fmt: skip
async def test_no_spelling_of_loopback_gets_past_the_list(tmp_path: Path, host: str):
    async with site() as (port, got):
        listed = f"registry.test:{port}"
        async with proxy(tmp_path, listed, f"*.test:{port}") as egress:
            for request in (tunnel(f"{host}:{port}"), f"GET http://{host}:{port}/ HTTP/1.1\r\n\r\n"):
                answer = await ask(egress, request.encode("utf-8"))
                assert SECRET not in answer
                assert answer.startswith("HTTP/1.1 4"), answer
        assert got == []


@pytest.mark.parametrize(
    "target",
    [
        "http://listed.test@127.0.0.1:PORT/",
        "http://listed.test:443@127.0.0.1:PORT/",
        "http://127.0.0.1:PORT#@listed.test:443/",
        "http://127.0.0.1:PORT\\@listed.test:443/",
        "http://127.0.0.1:PORT?listed.test:443/",
        "http://listed.test:443\t@127.0.0.1:PORT/",
        "http://[listed.test]@127.0.0.1:PORT/",
        "http:///127.0.0.1:PORT/",
        "http://127.0.0.1:PORT/http://listed.test:443/",
        "HTTP://127.0.0.1:PORT/",
        "file:///etc/passwd",
        "unix:/run/docker.sock",
        "http+unix://%2Frun%2Fdocker.sock/info",
        "/etc/passwd",
        "*",
    ],
)
async def test_no_form_of_a_url_gets_past_the_list(tmp_path: Path, target: str):
    async with site() as (port, got):
        async with proxy(tmp_path, "listed.test:443", "listed.test:80", methods=("GET", "POST")) as egress:
            for method in ("GET", "POST", "CONNECT"):
                request = f"{method} {target.replace('PORT', str(port))} HTTP/1.1\r\nHost: listed.test\r\n\r\n"
                answer = await ask(egress, request)
                assert SECRET not in answer
                assert answer.startswith("HTTP/1.1 4"), answer
        assert got == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
        "224.0.0.1", "255.255.255.255", "192.0.0.8", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254",
        "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::7f00:1",
    ],
)  # fmt: skip
async def test_a_listed_name_cannot_stand_for_an_inner_address(
    tmp_path: Path, address: str, resolver: Callable[[Resolve], None]
):
    async with site() as (port, got):
        resolver(lambda host: ["127.0.0.1"] if host == "inner.test" else [address])
        allowed = [f"inner.test:{port}", f"listed.test:{port}"]
        async with proxy(tmp_path, *allowed, trusted=[f"inner.test:{port}"]) as egress:
            assert SECRET in await ask(egress, tunnel(f"inner.test:{port}"))  # an administrator named it
            before = len(got)
            answer = await ask(egress, tunnel(f"listed.test:{port}"))
            assert answer.startswith("HTTP/1.1 403 "), answer
            assert len(got) == before


async def test_a_name_that_changes_its_mind_is_looked_up_once(
    tmp_path: Path, resolver: Callable[[Resolve], None], monkeypatch: pytest.MonkeyPatch
):
    """DNS rebinding: public when it is checked, this machine when it is connected to."""
    asked: list[str] = []
    tried: list[str] = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        return ["8.8.4.4" if len(asked) % 2 else "127.0.0.1"]

    async def connect(host: str, *_: Any, **__: Any) -> Any:
        tried.append(host)
        raise OSError("not in a test")

    resolver(resolve)
    monkeypatch.setattr(asyncio, "open_connection", connect)
    async with proxy(tmp_path, "listed.test:443") as egress:
        assert (await ask(egress, tunnel("listed.test:443"))).startswith("HTTP/1.1 502 ")
        assert (asked, tried) == (["listed.test"], ["8.8.4.4"])  # the very address that was checked


async def test_of_mixed_addresses_only_public_ones_are_tried(tmp_path: Path, resolver: Callable[[Resolve], None]):
    async with site() as (port, got):
        resolver(lambda _: ["127.0.0.1", "::1", "10.1.2.3"])
        async with proxy(tmp_path, f"listed.test:{port}") as egress:
            assert SECRET not in await ask(egress, tunnel(f"listed.test:{port}"))
            resolver(lambda _: [])
            assert SECRET not in await ask(egress, tunnel(f"listed.test:{port}"))
        assert got == []


async def test_a_public_address_of_this_very_machine_is_refused(
    tmp_path: Path, resolver: Callable[[Resolve], None], monkeypatch: pytest.MonkeyPatch
):
    """A machine with a public address listens there, too. Here loopback plays that part."""
    async with site() as (port, got):
        from jupyter_appbuilder.sandbox.network import egress as module

        resolver(lambda _: ["127.0.0.1"])
        monkeypatch.setattr(module, "is_public", lambda _: True)
        async with proxy(tmp_path, f"listed.test:{port}") as egress:
            answer = await ask(egress, tunnel(f"listed.test:{port}"))
            assert answer.startswith("HTTP/1.1 403 "), answer
        assert not any(got)


async def test_a_second_request_on_a_connection_stays_with_the_first_ones_host(tmp_path: Path):
    async with site() as (port, got), site() as (other, stolen):
        name = f"localhost:{port}"
        async with proxy(tmp_path, name, trusted=[name]) as egress:
            first = f"GET http://{name}/first HTTP/1.1\r\nHost: {name}\r\n\r\n"
            second = f"GET http://localhost:{other}/second HTTP/1.1\r\nHost: localhost:{other}\r\n\r\n"
            answer = await ask(egress, first + second)
            assert answer.count(SECRET) == 1
        assert got
        assert stolen == []


@pytest.mark.parametrize(
    "headers",
    [
        "Host: inner.test\r\n",
        "Host : inner.test\r\n",
        "host:inner.test\r\nHOST: inner.test\r\n",
        "X-A: b\r\n Host: inner.test\r\n",
        "X-A: b\n\rHost: inner.test\r\n",
        "X-A: b\nHost: inner.test\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Proxy-Authorization: Basic c2VjcmV0\r\nProxy-Connection: keep-alive\r\n",
        "Connection: close, Host\r\nUpgrade: h2c\r\n",
    ],
)
async def test_headers_cannot_name_another_host_than_was_checked(tmp_path: Path, headers: str):
    """One address may serve many names: a listed one must not open the others behind it."""
    async with site() as (port, got):
        name = f"localhost:{port}"
        async with proxy(tmp_path, name, trusted=[name]) as egress:
            answer = await ask(egress, f"GET http://{name}/ HTTP/1.1\r\n{headers}\r\n")
            head = (got or [b""])[0]
            if SECRET in answer:
                assert f"Host: {name}\r\n".encode() in head
                names = [
                    line for line in head.replace(b"\n", b"\r").split(b"\r") if line.strip().lower()[:5] == b"host:"
                ]
                assert names == [f"Host: {name}".encode()], head
                assert b"secret" not in head
                assert b"c2VjcmV0" not in head
                assert b"upgrade" not in head.lower()
                assert not (b"content-length" in head.lower() and b"transfer-encoding" in head.lower()), head
            else:
                assert answer.startswith("HTTP/1.1 400 "), answer


async def test_line_breaks_in_a_target_add_nothing_to_the_request(tmp_path: Path):
    async with site() as (port, got):
        name = f"localhost:{port}"
        async with proxy(tmp_path, name, trusted=[name]) as egress:
            for target in (
                f"http://{name}/a\rX-Evil: 1",
                f"http://{name}/a\nX-Evil: 1",
                f"http://{name}/a\tb",
                f"{name}\n",
            ):
                await ask(egress, f"GET {target} HTTP/1.1\r\n\r\n")
                await ask(egress, f"CONNECT {target} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
            await ask(egress, f"GET http://{name}/ HTTP/1.1\nX-Evil: 1\r\n\r\n")
        assert b"X-Evil" not in b"".join(got)


async def test_this_machines_own_proxy_is_not_told_what_it_must_not_reach(tmp_path: Path):
    async with site() as (port, got):
        async with proxy(tmp_path, "listed.test:443", upstream=f"http://me:password@127.0.0.1:{port}") as egress:
            for target in (
                "127.0.0.1:22",
                "listed.test:22",
                f"127.0.0.1:{port}",
                "me:password@listed.test:443\r\nX: y",
            ):
                answer = await ask(egress, f"CONNECT {target} HTTP/1.1\r\n\r\n")
                assert "password" not in answer.replace("me:password@listed.test", "")
            assert got == []
            await ask(egress, "CONNECT listed.test:443 HTTP/1.1\r\n\r\n")
            assert got[0].startswith(b"CONNECT listed.test:443 HTTP/1.1\r\n")  # what is listed goes through it


async def test_endless_heads_and_many_connections_hold_nobody_up(tmp_path: Path):
    async with site() as (port, _):
        name = f"localhost:{port}"
        async with proxy(tmp_path, name, trusted=[name]) as egress:
            reader, writer = await asyncio.open_unix_connection(str(egress.path))
            writer.write(b"GET http://" + b"a" * 200_000)
            assert not (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 200")
            writer.close()
            idle = [await asyncio.open_unix_connection(str(egress.path)) for _ in range(200)]
            answers = [await asyncio.wait_for(reader.read(100), 5) for reader, _ in idle[150:]]
            assert all(answer.startswith(b"HTTP/1.1 503") for answer in answers)
            for _, writer in idle:
                writer.close()
            await asyncio.sleep(0.1)
            assert SECRET in await ask(egress, tunnel(name))


async def test_a_sandbox_without_an_open_way_has_none(box: MakeBox, resolver: Callable[[Resolve], None]):
    """The way out of one session is not there for another, nor any longer once it is closed."""
    resolver(lambda _: ["127.0.0.1"])
    async with site() as (port, got), box("first") as first, box("second") as second:
        name = f"inner.test:{port}"
        first.sandbox._way_out._trusted = second.sandbox._way_out._trusted = (name,)  # pyright: ignore
        fetch = f"fetch('http://{name}/').then(r => r.text()).then(console.log, e => console.log(String(e.cause ?? e)))"
        await first.sandbox.allow([name])
        assert SECRET in (await first.run(["node", "-e", fetch])).stdout
        seen = len(got)
        forced = {"HTTP_PROXY": "http://127.0.0.1:3128", "NODE_USE_ENV_PROXY": "1"}
        assert SECRET not in (await second.run(["node", "-e", fetch], env=forced)).stdout
        result = await second.run(f"ls /opt/appbuilder /tmp/jab-*/; env | grep -i proxy; ls {first.app}; echo tried")
        assert "tried" in result.stdout
        assert "egress" not in result.stdout
        assert "proxy" not in result.stdout.lower()
        await first.sandbox.allow([])
        assert SECRET not in (await first.run(["node", "-e", fetch])).stdout
        assert SECRET not in (await first.run(["node", "-e", fetch], env=forced)).stdout
        assert len(got) == seen
