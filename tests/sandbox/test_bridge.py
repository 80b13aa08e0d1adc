"""Whatever goes between the preview and the dev server arrives whole, however slow or rude either side is."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from .conftest import MakePlace

# Answers HTTP's GET; gives back everything else; "later N" comes when the other side has said all; "much N" is N bytes.
SERVER = """
import net from 'node:net'
import { createHash } from 'node:crypto'
net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {})
  socket.once('data', (first) => {
    const words = first.toString('latin1').split(' ')
    if (words[0] === 'GET') return socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok')
    if (words[0] === 'much') return socket.end(Buffer.alloc(Number(words[1]), 'x'))
    if (words[0] === 'later') {
      const hash = createHash('sha256')
      hash.update(first)
      socket.on('data', (piece) => hash.update(piece))
      return socket.on('end', () => socket.end(hash.digest('hex')))
    }
    socket.write(first)
    socket.pipe(socket)
  })
}).listen(Number(process.argv[2]), '127.0.0.1')
"""


@asynccontextmanager
async def served(place: MakePlace) -> AsyncGenerator[Path]:
    async with place(serve=("node", "echo.mjs", "{port}")) as here:
        (here.app / "echo.mjs").write_text(SERVER)
        server = await here.sandbox.serve("/")
        assert server.state == "ready", server
        assert server.address
        assert server.address.socket
        yield server.address.socket


async def test_what_is_sent_before_the_end_arrives_whole_and_is_answered(place: MakePlace):
    async with served(place) as path:
        reader, writer = await asyncio.open_unix_connection(str(path))
        sent = b"later " + os.urandom(20_000_000)
        writer.write(sent)
        writer.write_eof()
        assert await reader.read() == hashlib.sha256(sent).hexdigest().encode()
        writer.close()


async def test_a_slow_reader_gets_every_byte(place: MakePlace):
    async with served(place) as path:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=1024)
        writer.write(b"much 3000000 ")
        received = 0
        while piece := await reader.read(20_000):
            assert set(piece) == {ord("x")}
            received += len(piece)
            if received < 1_000_000:
                await asyncio.sleep(0.002)
        assert received == 3_000_000
        writer.close()


async def test_a_hundred_connections_at_once_keep_apart(place: MakePlace):
    async def one(path: Path, number: int) -> bool:
        reader, writer = await asyncio.open_unix_connection(str(path))
        said = f"{number} ".encode() * 20_000
        writer.write(said)
        writer.write_eof()
        heard = await reader.read()
        writer.close()
        return heard == said

    async with served(place) as path:
        assert all(await asyncio.gather(*(one(path, number) for number in range(100))))


async def test_who_hangs_up_in_the_middle_disturbs_nobody(place: MakePlace):
    async with served(place) as path:
        steady, writer = await asyncio.open_unix_connection(str(path))
        for _ in range(30):
            rude = socket.socket(socket.AF_UNIX)
            rude.connect(str(path))
            rude.sendall(b"much 50000000 ")
            rude.recv(1)
            rude.close()
        writer.write(b"still here")
        assert await steady.readexactly(10) == b"still here"
        writer.close()


async def test_while_nothing_comes_it_does_nothing(place: MakePlace):
    """Neither an open connection nor one whose other side has ended may keep it busy."""
    async with served(place) as path:
        _, idle = await asyncio.open_unix_connection(str(path))
        idle.write(b"hello")
        _, half = await asyncio.open_unix_connection(str(path))
        half.write(b"later ")
        gone = socket.socket(socket.AF_UNIX)
        gone.connect(str(path))
        gone.sendall(b"hello")
        gone.shutdown(socket.SHUT_WR)
        await asyncio.sleep(0.5)
        bridges = [
            each for each in psutil.Process().children(recursive=True) if "bridge.py" in " ".join(each.cmdline())
        ]
        assert bridges
        before = sum(sum(bridge.cpu_times()[:2]) for bridge in bridges if bridge.is_running())
        await asyncio.sleep(1)
        after = sum(sum(bridge.cpu_times()[:2]) for bridge in bridges if bridge.is_running())
        assert after - before < 0.2
        for writer in (idle, half):
            writer.close()
        gone.close()
