"""The relay's peer, in a process of its own: reads streams with the ``openai`` SDK as its documentation shows, and does
nothing with them. ``python -m benchmarks.openai_consumer URL STREAMS`` prints ``{"latencies": ms, "cpu": seconds}``."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

import openai

SENT = re.compile(r"<(\d+)>")


async def read(client: openai.AsyncOpenAI, latencies: list[float]) -> None:
    stream = await client.chat.completions.create(
        model="clock", messages=[{"role": "user", "content": "go"}], stream=True
    )
    async for event in stream:
        now = time.monotonic_ns()
        text = event.choices[0].delta.content if event.choices else None
        latencies += [(now - int(sent)) / 1e6 for sent in SENT.findall(text or "")]


async def main(url: str, streams: int) -> None:
    client = openai.AsyncOpenAI(api_key="none", base_url=url)
    await read(client, [])
    latencies: list[float] = []
    before = time.process_time()
    await asyncio.gather(*(read(client, latencies) for _ in range(streams)))
    print(json.dumps({"latencies": latencies, "cpu": time.process_time() - before}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
