"""How fast a notebook rebuilds its app, beside writing the same files with nothing around it."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from pathlib import Path

from building import share_dependencies

from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.notebook.replay import replay

from .report import heading, median, row

WRITES = 300
TURN = 10  # writes between two checkpoints
FILES = 60
ROUNDS = 3
LINES = 80


def path_of(number: int) -> str:
    return f"src/parts/Part{number % FILES}.tsx"


def content_of(number: int) -> str:
    return "".join(
        f"export const value{line} = {number * line}; // line {line} of write {number}\n" for line in range(LINES)
    )


async def notebook(home: Path) -> Path:
    """The notebook of a session of ``WRITES`` writes, made by the product's own tools in turns of ``TURN``."""
    from jupyter_appbuilder.builder import AppBuilder
    from jupyter_appbuilder.session import checkpoint_draft

    share_dependencies(home / "data")
    (home / "root").mkdir()
    builder = AppBuilder(root_dir=str(home / "root"), data_dir=str(home / "data"), model="demo:recorded")
    try:
        session = await builder.create(title="Replayed")
        await session.ready()
        for begin in range(0, WRITES, TURN):
            turn = f"t{begin // TURN + 1}"
            await session.append(
                Draft("turn.started", {"turn": turn, "model": "demo:recorded"}),
                Draft("message.user", {"turn": turn, "text": f"Write files from number {begin} on."}),
            )
            for number in range(begin, begin + TURN):
                arguments = {"path": path_of(number), "content": content_of(number)}
                result = await session.runner.run(
                    "write_file", arguments, call=f"{turn}.{number}", by="agent", turn=turn
                )
                assert result.ok, result.text
            checkpoint = await session.workspace.checkpoint(turn)
            assert checkpoint
            ended = {"turn": turn, "reason": "done", "message": "", "hint": ""}
            await session.append(checkpoint_draft(checkpoint, turn), Draft("turn.finished", ended))
        return session.notebook.path
    finally:
        await builder.close()


def bare(folder: Path) -> float:
    """Seconds to write the same contents and have git name the tree."""
    began = time.perf_counter()
    for number in range(WRITES):
        file = folder / path_of(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content_of(number))
    for command in (["init", "-q"], ["add", "-A"], ["write-tree"]):
        subprocess.run(["git", *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    heading("Replaying a notebook")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        home = Path(name)
        file = asyncio.run(notebook(home))
        ours: list[float] = []
        peers: list[float] = []
        cells = 0
        for number in range(ROUNDS):
            began = time.perf_counter()
            result = asyncio.run(replay(file, home / f"replayed{number}"))
            ours.append(time.perf_counter() - began)
            assert result.verified
            cells = result.cells
            plain = home / f"plain{number}"
            plain.mkdir()
            peers.append(bare(plain))
    of = "plain writes and git"
    row(
        f"a write cell, with its share of a checkpoint every {TURN}",
        median(ours) / WRITES * 1000,
        "ms",
        peer=median(peers) / WRITES * 1000,
        of=of,
    )
    row("cells per second", cells / median(ours), "cells/s")
    print(f"- {cells} cells, {WRITES} of them writes of {LINES} lines; the tree was verified each time")


if __name__ == "__main__":
    main()
