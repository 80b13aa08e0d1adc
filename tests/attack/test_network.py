"""Reaching over the network, or over sockets of this machine, what an app has no business with."""

from __future__ import annotations

import asyncio
import http.server
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from .conftest import SECRET, MakeBox

REACH = r"""
import socket, sys

def tcp(host, port):
    with socket.create_connection((host, int(port)), timeout=3) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return connection.makefile("rb").read()

def udp(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        connection.settimeout(0.5)
        connection.sendto(b"hello", (host, int(port)))
        return connection.recv(1000)

def unix(path, _):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        connection.connect(path.replace("@", "\0", 1) if path.startswith("@") else path)
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return connection.recv(1000)

def name(host, port):
    return socket.getaddrinfo(host, int(port))

for word in sys.argv[1:]:
    way, host, port = word.split("|")
    try:
        print("REACHED", word, globals()[way](host, port))
    except OSError as error:
        print("FAILED", word, error)
"""


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(SECRET.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def jupyter(host: str = "127.0.0.1") -> Iterator[int]:
    """Something that listens on this machine as a Jupyter server does; its port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET

    class Server(http.server.ThreadingHTTPServer):
        address_family = family

    server = Server((host, 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def listening(path: str) -> Iterator[None]:
    """A unix socket that answers with the secret; ``@`` begins an abstract one's name."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(path.replace("@", "\0", 1) if path.startswith("@") else path)
    server.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(SECRET.encode())
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def outside(*words: str) -> str:
    """What the same tool gets outside of any sandbox."""
    import subprocess
    import sys

    return subprocess.run([sys.executable, "-c", REACH, *words], capture_output=True, text=True, check=True).stdout


async def assert_out_of_reach(box: MakeBox, *words: str) -> None:
    async with box() as here:
        result = await here.python(REACH, *words)
        assert "REACHED" not in result.stdout, result.stdout
        assert SECRET not in result.stdout
        assert result.stdout.count("FAILED") == len(words), result.stderr


async def test_the_jupyter_servers_port_is_out_of_reach(box: MakeBox):
    with jupyter() as port:
        assert SECRET in outside(f"tcp|127.0.0.1|{port}")
        hosts = (
            "127.0.0.1",
            "localhost",
            "127.1",
            "127.0.0.2",
            "0.0.0.0",
            "::1",
            "::ffff:127.0.0.1",
            "::",
            "2130706433",
        )
        await assert_out_of_reach(box, *(f"tcp|{host}|{port}" for host in hosts))


async def test_a_server_on_ipv6_loopback_is_out_of_reach(box: MakeBox):
    with jupyter("::1") as port:
        assert SECRET in outside(f"tcp|::1|{port}")
        await assert_out_of_reach(box, f"tcp|::1|{port}", f"tcp|localhost|{port}", f"tcp|::ffff:0:0|{port}")


def addresses() -> list[str]:
    """This machine's own addresses in its networks."""
    found = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            found.add(probe.getsockname()[0])
        except OSError:
            pass
    return sorted(str(address) for address in found)


async def test_this_machines_addresses_in_its_networks_are_out_of_reach(box: MakeBox):
    with jupyter("0.0.0.0") as port:
        words = [f"tcp|{address}|{port}" for address in addresses()]
        assert words
        assert outside(*words).count(SECRET) == len(words)
        await assert_out_of_reach(box, *words)


async def test_the_clouds_metadata_and_private_networks_are_out_of_reach(box: MakeBox):
    hosts = (
        "169.254.169.254",
        "169.254.170.2",
        "fd00:ec2::254",
        "100.100.100.200",
        "10.0.0.1",
        "192.168.0.1",
        "172.17.0.1",
    )
    with jupyter() as port:
        assert SECRET in outside(f"tcp|127.0.0.1|{port}")
        await assert_out_of_reach(box, *(f"tcp|{host}|80" for host in hosts))


async def test_names_cannot_be_resolved_nor_told_to_a_name_server(box: MakeBox):
    """A name server is a way out, too: what is asked for can be anything."""
    servers = [
        line.split()[1] for line in Path("/etc/resolv.conf").read_text().splitlines() if line.startswith("nameserver")
    ]
    assert "REACHED" in outside("name|localhost|80")
    words = [f"udp|{server}|53" for server in (*servers, "127.0.0.53", "192.0.2.1", "ff02::fb")]
    await assert_out_of_reach(box, "name|example.com|443", "name|leak.example.org|443", *words)


async def test_datagrams_to_this_machine_do_not_arrive(box: MakeBox):
    """Among others kernels' ports and syslog."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.5)
        port = server.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"outside", ("127.0.0.1", port))
        assert server.recv(100) == b"outside"
        async with box() as here:
            await here.python(REACH, f"udp|127.0.0.1|{port}", f"udp|0.0.0.0|{port}", f"udp|{addresses()[0]}|{port}")
        with pytest.raises(TimeoutError):
            server.recv(100)


async def test_an_abstract_socket_of_this_machine_is_out_of_reach(box: MakeBox, tmp_path: Path):
    """X11, D-Bus and others listen on names that no file system holds."""
    name = f"@attack-{tmp_path.name}"
    with listening(name):
        assert SECRET in outside(f"unix|{name}|0")
        await assert_out_of_reach(box, f"unix|{name}|0", "unix|@/tmp/.X11-unix/X0|0", "unix|@/tmp/dbus-x|0")


@pytest.mark.parametrize("name", ["agent.123", "docker.sock", "bus", "X0", "guardian.sock", "kernel-1-ipc"])
async def test_a_socket_in_the_file_system_is_out_of_reach(
    box: MakeBox, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    """The agent that holds the person's SSH keys, Docker's, D-Bus's, a kernel's."""
    folder = Path("/tmp") / f"attack-{tmp_path.parent.name[-12:]}-{tmp_path.name[-20:]}"
    folder.mkdir()
    path = folder / name
    try:
        with listening(str(path)):
            path.chmod(0o777)
            monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
            monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={path}")
            assert SECRET in outside(f"unix|{path}|0")
            async with box() as here:
                await here.run(f"ln -s {path} agent")
                result = await here.python(REACH, f"unix|{path}|0", "unix|agent|0", f"unix|/proc/1/root{path}|0")
                assert "REACHED" not in result.stdout
                assert result.stdout.count("FAILED") == 3
                assert (await here.run("env | grep -cE 'SSH_AUTH|DOCKER|DBUS'")).stdout == "0\n"
    finally:
        path.unlink(missing_ok=True)
        folder.rmdir()


SERVER = """
import http from 'node:http';
http.createServer((request, response) => response.end(process.argv[4])).listen(Number(process.argv[2]), '127.0.0.1');
"""


async def fetched(path: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


async def test_another_apps_dev_server_is_out_of_reach(box: MakeBox):
    async with box("first", serve=("node", "server.mjs", "{port}", "{base}", SECRET)) as first, box("second") as second:
        (first.app / "server.mjs").write_text(SERVER)
        server = await first.sandbox.serve("/base/")
        assert server.address, server.message
        assert server.address.socket
        assert SECRET.encode() in await fetched(server.address.socket)
        ports = {first.sandbox.template.port, 5173, 3000, 8000, 8888}
        words = [f"tcp|127.0.0.1|{port}" for port in ports] + [f"unix|{server.address.socket}|0"]
        result = await second.python(REACH, *words)
        assert "REACHED" not in result.stdout, result.stdout
        assert result.stdout.count("FAILED") == len(words)
        # Nor can a command in the same app's sandbox pretend to be the dev server to the host.
        await first.run(f"rm -f {server.address.socket}; ln -sf /tmp/x {server.address.socket}")
        assert SECRET.encode() in await fetched(server.address.socket)


@asynccontextmanager
async def listening_inside(box: MakeBox) -> AsyncGenerator[None]:
    script = "import socket,time;s=socket.create_server(('0.0.0.0',54321));print('up',flush=True);time.sleep(20)"
    up = asyncio.Event()
    async with box() as here:
        process = await here.sandbox.start(["/usr/bin/python3", "-c", script], on_output=lambda *_: up.set())
        try:
            await asyncio.wait_for(up.wait(), 10)
            yield
        finally:
            await process.kill()


async def test_what_a_sandbox_listens_on_is_nobodys_on_this_machine(box: MakeBox):
    """A page of the person's browser, or another user, must not find generated code on this machine's ports."""
    async with listening_inside(box):
        assert "FAILED" in outside("tcp|127.0.0.1|54321")
