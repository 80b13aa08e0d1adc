"""Connections to a dev server are used again while they hold."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import httpcore
import pytest

from jupyter_appbuilder.preview.connections import Connections

LARGE = bytes(range(256)) * 16_384  # 4 MiB, more than is held unread
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


@contextlib.asynccontextmanager
async def served(folder: Path) -> AsyncGenerator[tuple[Connections, list[asyncio.StreamWriter]]]:
    """A server that answers by the path it is asked for, and its connections as they came."""
    came: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                if asked.startswith(b"GET /half "):
                    writer.write(HEAD % 100 + b"half")
                    break
                body = LARGE if asked.startswith(b"GET /large ") else b"small"
                writer.write(HEAD % len(body) + body)
                await writer.drain()
        writer.close()

    path = folder / "s.sock"
    server = await asyncio.start_unix_server(answer, str(path))
    connections = Connections("http://localhost", path, keep=3600)
    try:
        yield connections, came
    finally:
        await connections.aclose()
        server.close()


async def get(connections: Connections, path: str) -> bytes:
    async with connections.stream("GET", f"http://localhost{path}") as response:
        return b"".join([part async for part in response.aiter_stream()])


async def test_one_is_used_again_and_a_new_one_made_where_it_has_ended(tmp_path: Path):
    async with served(tmp_path) as (connections, came):
        for _ in range(3):
            assert await get(connections, "/") == b"small"
        assert len(came) == 1
        assert await asyncio.gather(*(get(connections, "/large") for _ in range(5))) == [LARGE] * 5
        assert len(came) == 5
        for writer in came:
            writer.close()
            await writer.wait_closed()
        # Their ends are here by now, or found when one of the five is asked.
        answers: list[bytes] = []
        for _ in range(6):
            with contextlib.suppress(httpcore.RemoteProtocolError, httpcore.NetworkError):
                answers.append(await get(connections, "/"))
        assert b"small" in answers


async def test_half_an_answer_is_an_error_and_one_that_nobody_reads_takes_no_memory(tmp_path: Path):
    async with served(tmp_path) as (connections, came):
        with pytest.raises(httpcore.RemoteProtocolError):
            await get(connections, "/half")
        async with connections.stream("GET", "http://localhost/large") as response:
            parts = response.aiter_stream()
            assert LARGE.startswith(await anext(aiter(parts)))
        # It was left in the middle: the next request has another connection.
        assert await get(connections, "/") == b"small"
        assert len(came) == 3


async def test_where_nobody_listens_is_an_error(tmp_path: Path):
    connections = Connections("http://localhost", tmp_path / "none.sock", keep=4)
    with pytest.raises(httpcore.ConnectError):
        await get(connections, "/")
    await connections.aclose()
