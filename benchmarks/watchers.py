"""The browsers of the relay benchmark, in a process of their own: one WebSocket for each session.

``python -m benchmarks.watchers``, with ``{"port", "token", "sessions"}`` as a line on its standard input, prints a line
once all are connected and have caught up, and, after one turn of each session has ended, ``{"latencies": ms}``. Arrival
is when the bytes come out of the socket; they are read later, so that reading costs the machine nothing meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

SENT = re.compile(rb"<(\d+)>")


class Watcher(asyncio.Protocol):
    """A WebSocket client as small as can be: it asks for no extension, so frames are plain."""

    def __init__(self, host: str, path: str, token: str) -> None:
        self.caught_up = asyncio.Event()
        self.ended = asyncio.Event()
        self.pieces: list[tuple[int, bytes]] = []
        self._hello = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: token {token}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._hello.encode())

    def data_received(self, data: bytes) -> None:
        self.pieces.append((time.monotonic_ns(), data))
        if b'"kind":"snapshot"' in data:
            self.caught_up.set()
        if b'"turn.finished"' in data:
            self.ended.set()

    def latencies(self) -> list[float]:
        """Milliseconds from each token's sending to its first appearance."""
        seen: set[bytes] = set()
        found: list[float] = []
        rest = b""
        for at, data in self.pieces:
            text = rest + data
            for sent in SENT.findall(text):
                if sent not in seen:  # the stored response says all of them again
                    seen.add(sent)
                    found.append((at - int(sent)) / 1e6)
            rest = text[-30:]
        return found


async def main() -> None:
    settings = json.loads(sys.stdin.readline())
    port, token = settings["port"], settings["token"]
    loop = asyncio.get_running_loop()
    watchers = [
        Watcher(f"127.0.0.1:{port}", f"/appbuilder/api/sessions/{session}/channel?after=0", token)
        for session in settings["sessions"]
    ]
    for watcher in watchers:
        await loop.create_connection(lambda watcher=watcher: watcher, "127.0.0.1", port)
    async with asyncio.timeout(60):
        await asyncio.gather(*(watcher.caught_up.wait() for watcher in watchers))
        for watcher in watchers:  # earlier turns are no news
            watcher.pieces.clear()
            watcher.ended.clear()
        print("ready", flush=True)
        await asyncio.gather(*(watcher.ended.wait() for watcher in watchers))
    print(json.dumps({"latencies": [ms for watcher in watchers for ms in watcher.latencies()]}))


if __name__ == "__main__":
    asyncio.run(main())
