"""What runs in each loopback pod in a node's stead: the pod's own command, and what is asked to be run beside it.

    python kubelet.py SOCKET FORWARD TOKEN

``SOCKET``: a line of JSON (``command``), then its input in frames (length, bytes); back come frames (channel, length,
bytes) as in Kubernetes' channels, at last 3 with the exit code. As with a real node, what was started goes on when
nobody listens any more. ``FORWARD``: a line with a port, answered ``ok`` or ``no``, then bytes to and from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys

keep: set[asyncio.Task[None]] = set()


async def execute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if not (line := await reader.readline()):
        writer.close()  # somebody looked whether we are there
        return
    asked = json.loads(line)
    listens = True

    async def say(channel: int, data: bytes) -> None:
        nonlocal listens
        if listens:
            try:
                writer.write(bytes([channel]) + len(data).to_bytes(4, "big") + data)
                await writer.drain()
            except OSError:
                listens = False

    try:
        process = await asyncio.create_subprocess_exec(*asked["command"], stdin=-1, stdout=-1, stderr=-1)
    except OSError as error:
        await say(3, json.dumps({"message": f"exec failed: {error}"}).encode())
        writer.close()
        return
    assert process.stdin
    assert process.stdout
    assert process.stderr

    async def feed(target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while size := int.from_bytes(await reader.readexactly(4), "big"):
                target.write(await reader.readexactly(size))
                await target.drain()
        with contextlib.suppress(OSError):
            target.close()

    async def pump(channel: int, source: asyncio.StreamReader) -> None:
        while piece := await source.read(32 * 1024):
            await say(channel, piece)

    feeding = asyncio.create_task(feed(process.stdin))
    await asyncio.gather(pump(1, process.stdout), pump(2, process.stderr))
    code = await process.wait()
    feeding.cancel()
    await say(3, json.dumps({"code": 128 - code if code < 0 else code}).encode())
    writer.close()


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        there, back = await asyncio.open_connection("127.0.0.1", int(await reader.readline()))
    except (OSError, ValueError):
        writer.write(b"no\n")
        writer.close()
        return
    writer.write(b"ok\n")
    await asyncio.gather(pipe(reader, back), pipe(there, writer))


async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(64 * 1024):
            target.write(piece)
            await target.drain()
    with contextlib.suppress(OSError):
        target.close()


async def main(socket: str, forwards: str, token: str) -> None:
    command = json.loads(os.environ.pop("POD_COMMAND"))
    await asyncio.start_unix_server(forward, forwards)
    await asyncio.start_unix_server(execute, socket)
    process = await asyncio.create_subprocess_exec(*command, stdin=-3)
    sys.exit(await process.wait())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
