"""HTTP to providers: every framing, however it is cut, and servers that get it wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest

from jupyter_appbuilder.hub.upstream import Upstream, UpstreamError, place_of

TEXT = b"data: one\n\ndata: two\r\n\n\ndata: [DONE]\n\n"


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@contextlib.asynccontextmanager
async def server(*answers: bytes | Sequence[bytes], close: bool = False) -> AsyncIterator[tuple[str, list[int]]]:
    """Answers one request after another, each in its pieces; its address, and the connections that were made."""
    left = list(answers)
    made: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.append(0)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while left:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                made[-1] += 1
                pieces = left.pop(0)
                for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if close:
                    break
        writer.close()

    running = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}/v1", made
    finally:
        running.close()


async def ask(upstream: Upstream, url: str) -> bytes:
    answer = await upstream.ask(url, {"X": "y"}, b"{}", connect=5, first_byte=5)
    found: list[bytes] = []
    await answer.pass_on(found.append, between=5)
    return b"".join(found)


async def test_an_answer_is_the_same_however_it_is_cut():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    whole = head + chunked(TEXT[:10], TEXT[10:11], TEXT[11:])
    cuts = [[whole[:at], whole[at:]] for at in range(1, len(whole))] + [[bytes([byte]) for byte in whole]]
    sized = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(TEXT), TEXT)
    async with server(*cuts, sized, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (url, made):
        upstream = Upstream()
        for _ in cuts:
            assert await ask(upstream, url) == TEXT
        assert await ask(upstream, url) == TEXT
        assert await ask(upstream, url) == b""
        assert made == [len(cuts) + 2]  # one connection for all
        await upstream.close()


async def test_a_body_that_ends_with_its_connection_and_one_that_was_closed_meanwhile():
    async with server(b"HTTP/1.1 200 OK\r\n\r\n" + TEXT, b"HTTP/1.1 200 OK\r\n\r\n" + TEXT, close=True) as (url, made):
        upstream = Upstream()
        assert [await ask(upstream, url) for _ in range(2)] == [TEXT, TEXT]
        assert made == [1, 1]
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with server(head, head, close=True) as (url, made):
        upstream = Upstream()
        assert [await ask(upstream, url) for _ in range(2)] == [b"ok", b"ok"]  # the kept one is closed: once more
        assert made == [1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 2000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"",
    ],
)
async def test_what_is_no_whole_answer_is_an_error(answer: bytes):
    async with server(answer, close=True) as (url, _):
        with pytest.raises(UpstreamError):
            await ask(Upstream(), url)


async def test_silence_ends_in_time_and_a_reader_who_is_slow_does_not():
    stalled = [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]
    async with server(stalled, [b""], [b""]) as (url, _):
        upstream = Upstream()
        answer = await upstream.ask(url, {}, b"", connect=5, first_byte=5)
        with pytest.raises(UpstreamError, match="nothing more came"):
            await answer.pass_on(lambda data: None, between=0.2)
        with pytest.raises(UpstreamError, match="no answer within"):
            await upstream.ask(url, {}, b"", connect=5, first_byte=0.2)
    large = b"x" * 3_000_000
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + large) as (url, _):
        answer = await Upstream().ask(url, {}, b"", connect=5, first_byte=5)
        found: list[bytes] = []

        def slow(data: bytes) -> None:
            found.append(data)
            answer.pause()
            asyncio.get_running_loop().call_later(0.001, answer.resume)

        await answer.pass_on(slow, between=5)
        assert b"".join(found) == large


async def test_who_hangs_up_before_reading_does_not_leave_a_rest_for_the_next():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    async with server(head + b"first", head + b"other") as (url, made):
        upstream = Upstream()
        answer = await upstream.ask(url, {}, b"", connect=5, first_byte=5)
        answer.close()
        assert await ask(upstream, url) == b"other"
        assert made == [1, 1]


def test_an_address_says_where_to_connect():
    assert place_of("https://[::1]/v1").authority == "[::1]"
    assert place_of("https://example.org:8443/v1").authority == "example.org:8443"
    for wrong in ("", "ftp://x", "https://", "example.org/v1"):
        with pytest.raises(ValueError, match="not an http"):
            place_of(wrong)


async def test_a_header_cannot_begin_another():
    with pytest.raises(ValueError, match="end of a line"):
        await Upstream().ask("http://127.0.0.1:9/", {"A": "b\r\nC: d"}, b"", connect=1, first_byte=1)
