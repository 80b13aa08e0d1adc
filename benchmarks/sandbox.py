"""What it costs to run a command in the sandbox, beside the same command without one."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from building import CACHE

from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.templates.templates import find_template

from .relay import TEMPLATES
from .report import heading, median, percentile, row

ROUNDS = 40


async def bare() -> None:
    process = await asyncio.create_subprocess_exec("true", stdin=-3, stdout=-1, stderr=-1)
    await process.communicate()


async def bubblewrap() -> None:
    process = await asyncio.create_subprocess_exec(
        *("bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"), stdin=-3, stdout=-1, stderr=-1
    )
    await process.communicate()


async def milliseconds(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1000


async def measure(folder: Path) -> tuple[list[float], list[float], list[float]]:
    provider = LocalSandbox(CACHE)
    try:
        sandbox = await provider.create("benchmark", folder, find_template("still", [TEMPLATES]))
        await sandbox.exec(["true"])
        ours: list[float] = []
        wrapped: list[float] = []
        peers: list[float] = []
        for _ in range(ROUNDS):
            ours.append(await milliseconds(lambda: sandbox.exec(["true"])))
            wrapped.append(await milliseconds(bubblewrap))
            peers.append(await milliseconds(bare))
        return ours, wrapped, peers
    finally:
        await provider.close()


def main() -> None:
    heading("A command in the sandbox")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ours, wrapped, peers = asyncio.run(measure(Path(folder)))
    row("`true` in the sandbox, p50", median(ours), "ms", peer=median(peers), of="a bare subprocess", target="≤ 40 ms")
    row("`true` in the sandbox, p50", median(ours), "ms", peer=median(wrapped), of="a bare bwrap --unshare-all")
    row("`true` in the sandbox, p90", percentile(ours, 0.9), "ms", peer=percentile(peers, 0.9), of="a bare subprocess")


if __name__ == "__main__":
    main()
