"""How long Stop takes: from the request to a session that is ready again, its checkpoint made."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

from building import call, scripted_builder

from .report import heading, median, row

ROUNDS = 7
STUBBORN = "trap '' TERM INT HUP; (setsid sleep 321 &); echo begun; sleep 321; sleep 321"
MOMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "while the model writes": ({"text": "Thinking " * 50, "hang_after": 3}, "text.delta"),
    "while a command runs": ({"tool_calls": [call("run_command", command="echo begun; sleep 321")]}, "tool.output"),
    "while a command runs that heeds no signal": (
        {"tool_calls": [call("run_command", command=STUBBORN)]},
        "tool.output",
    ),
    "while the app is checked": ({"tool_calls": [call("check_app")]}, "tool.started"),
}
"""What the model answers, and the message after which Stop is asked for."""


async def measure(folder: Path, step: dict[str, Any], sign: str) -> list[float]:
    """Milliseconds; the first round is not counted."""
    took: list[float] = []
    async with scripted_builder(folder, [step] * (ROUNDS + 1)) as (builder, _):
        session = await builder.create(template="react-vite")
        await session.ready()
        await session.start_preview()
        for number in range(ROUNDS + 1):
            async with aclosing(session.watch()) as messages:
                since = (await session.events())[-1].seq
                await session.send("Go.")
                async for message in messages:
                    new = [event for event in message.get("events", []) if event["seq"] > since]
                    if sign in (message.get("type"), *(event["type"] for event in new)):
                        break
            await session.workspace.write(f"src/{number}.txt", "to be kept\n")
            await asyncio.sleep(0.3)
            began = time.perf_counter()
            await session.stop()
            took.append((time.perf_counter() - began) * 1000)
            assert session.summary.state == "ready"
    return took[1:]


def main() -> None:
    heading("From Stop to a session that is ready again")
    for moment, (step, sign) in MOMENTS.items():
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            took = asyncio.run(measure(Path(folder), step, sign))
        row(f"{moment}, p50", median(took), "ms")
        row(f"{moment}, the longest of {len(took)}", max(took), "ms", target="≤ 1,000 ms")


if __name__ == "__main__":
    main()
