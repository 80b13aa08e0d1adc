"""Reads streams of ``benchmarks.token_stream`` at one address at once, and tells how long each token was on its way.

``python -m benchmarks.stream_reader URL TOKEN MODEL STREAMS`` prints one line of JSON. ``#`` in the token is the
stream's number: each is another person's.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from functools import partial
from urllib.parse import urlsplit

SENT = re.compile(rb"<(\d+)>")


class Reader(asyncio.Protocol):
    def __init__(self, head: bytes, latencies: list[float]) -> None:
        self.head, self.latencies = head, latencies
        self.done = asyncio.get_running_loop().create_future()
        self.asked = self.first = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.asked = time.monotonic()
        transport.write(self.head)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        if not self.first:
            self.first = time.monotonic()
            if b" 200 " not in data[:20]:
                self.done.set_exception(RuntimeError(data.decode("utf-8", "replace")))
                return
        for sent in SENT.findall(data):
            self.latencies.append((now - int(sent)) / 1e6)
        if b"[DONE]" in data and not self.done.done():
            self.done.set_result(None)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError("closed in the middle"))


async def read(url: str, token: str, model: str, streams: int) -> dict[str, object]:
    parts = urlsplit(url)
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "go"}]}).encode()
    lines = (
        f"POST {parts.path}/chat/completions HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )

    def made(number: int) -> Reader:
        head = f"{lines}Authorization: Bearer {token.replace('#', str(number))}\r\n\r\n"
        return Reader(head.encode() + body, latencies)

    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    readers = [
        (await loop.create_connection(partial(made, number), parts.hostname, parts.port))[1]
        for number in range(streams)
    ]
    await asyncio.gather(*(reader.done for reader in readers))
    return {"latencies": latencies, "first": [1000 * (reader.first - reader.asked) for reader in readers]}


if __name__ == "__main__":
    url, token, model, streams = sys.argv[1:]
    print(json.dumps(asyncio.run(read(url, token, model, int(streams)))))
