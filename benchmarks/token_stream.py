"""A model server in a process of its own: each token's text is the time it was sent, so that whoever gets it can tell
how long it was on its way. Speaks the OpenAI chat-completions format; ``python -m benchmarks.token_stream``."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time

RATE = int(os.environ.get("TOKENS_A_SECOND", "50"))
SECONDS = 6.0  # of one answer


def chunk(text: str | None, finish: str | None = None) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    event = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "clock", "choices": [choice]}
    data = f"data: {json.dumps(event, separators=(',', ':'))}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


def called() -> bytes:
    function = {"name": "report_word", "arguments": '{"word": "ready"}'}
    delta = {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}]}
    event = {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": "tool_calls"}],
    }
    data = f"data: {json.dumps(event)}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


CALLED = called()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode("latin-1").lower().split("\r\n")
            length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
            body = await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            if b'"report_word"' in body:  # whether it calls tools is tried once: it does
                writer.write(CALLED + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
                await writer.drain()
                continue
            # Streams that begin together must not stay in step: real models' tokens come at any time.
            due = time.monotonic() + random.random() / RATE
            for _ in range(round(RATE * SECONDS)):
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                writer.write(chunk(f"<{time.monotonic_ns()}>"))
                await writer.drain()  # ends where nobody reads any more
                due += 1 / RATE
            end = chunk(None, "stop")
            writer.write(end + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
