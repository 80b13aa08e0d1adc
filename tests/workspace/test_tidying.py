"""The repository of a session does not grow without end, and tidying it up loses nothing."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from recorded import Recorded

from jupyter_appbuilder.workspace import versions


def loose(folder: Path) -> int:
    return sum(1 for _ in (folder / ".git" / "objects").glob("??/*"))


async def test_what_nothing_names_any_more_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(versions, "MANY_OBJECTS", 0)
    async with Recorded(tmp_path) as session:
        app = session.workspace.app
        for number in range(5):
            (app / "rows.txt").write_text(f"{number} {os.urandom(1000).hex()}\n")
            await session.workspace.outside_changes()
        (app / "kept.txt").write_text("kept\n")
        await session.workspace.outside_changes()
        long_ago = time.time() - 30 * 24 * 3600
        for path in (session.folder / ".git" / "objects").glob("??/*"):
            os.utime(path, (long_ago, long_ago))
        (app / "unseen.txt").write_text("not looked at yet\n")
        made = await session.workspace.checkpoint("One")
        assert made
        assert loose(session.folder) == 0
        first, last = (await session.workspace.checkpoints())[-1], made
        (app / "rows.txt").unlink()
        await session.workspace.checkpoint("Two")
        await session.workspace.restore(first.id)
        assert not (app / "kept.txt").exists()
        await session.workspace.restore(last.id)
        assert (app / "kept.txt").read_text() == "kept\n"
        assert (app / "unseen.txt").read_text() == "not looked at yet\n"
        subprocess.run(["git", "fsck", "--strict"], cwd=app, check=True, capture_output=True)
