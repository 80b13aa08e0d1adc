"""Whatever a person does to the files by hand, and whenever: what is recorded of it builds the same files again."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from recorded import Recorded

from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.notebook.document import document
from jupyter_appbuilder.notebook.replay import replay
from jupyter_appbuilder.notebook.writer import first_files, write
from jupyter_appbuilder.tools.base import ToolContext
from jupyter_appbuilder.tools.files import FILE_TOOLS
from jupyter_appbuilder.tools.runner import ToolRunner, by_others
from jupyter_appbuilder.workspace import FileChange, Workspace
from jupyter_appbuilder.workspace.workspace import Expected

NAMES = [
    "a", "b", "c.txt", "d", "d/x", "d/x/deep", "d/y.txt", "d/e/z", "d/e", "e/f", "é ü.txt", 'q"uote', "tab\tname",
    "line\nbreak", "back\\slash", "-dash", " space ", "src/App.tsx", "diff --git a b",
]  # fmt: skip
PLAIN = [name for name in NAMES if name.isprintable() and "\\" not in name and name == name.strip()]
RULES = [
    "c.txt\n",
    "d/\n",
    "*.txt\n",
    "x\n!x\n",
    "e\n",
    "/a\n",
    "",
    "# nothing\n",
    "d/e/\n",
    "*\n!.gitignore\n",
    ".gitignore\na\n",
]
CONTENTS = [
    b"", b"one\n", b"one\ntwo\n", b"one\ntwo", b"one\r\ntwo\r\n", b"\0\1\2" * 50, b"latin \xe9\n",
    b"diff --git a/x b/x\n", b"a\n" * 40, b"a\n" * 20 + b"b\n" + b"a\n" * 19, b"\n", b"no end",
    b"mixed\rend\n", b"-- \n+++ b/a\n@@ -1 +1 @@\n",
]  # fmt: skip


class ByHand:
    """Somebody who changes the files below a folder at random, with no regard for us."""

    def __init__(self, app: Path, seed: int) -> None:
        self.app = app
        self.random = random.Random(seed)

    def act(self) -> None:
        for _ in range(self.random.randint(1, 4)):
            act = self.random.choice([self.write, self.write, self.remove, self.move, self.link, self.mode, self.rules])
            try:
                act()
            except OSError:
                continue  # it does not fit what is there: a person sees an error, and goes on

    def place(self) -> Path:
        place = self.app / self.random.choice(NAMES)
        for above in place.relative_to(self.app).parents:
            if (self.app / above).is_file() or (self.app / above).is_symlink():
                (self.app / above).unlink()  # a file makes room for a folder of its name
        return place

    def clear(self, place: Path) -> None:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)

    def write(self) -> None:
        place = self.place()
        if place.is_dir() or place.is_symlink():
            self.clear(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(self.random.choice(CONTENTS))

    def remove(self) -> None:
        self.clear(self.app / self.random.choice(NAMES))

    def move(self) -> None:
        source, target = self.app / self.random.choice(NAMES), self.place()
        self.clear(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)

    def link(self) -> None:
        place = self.place()
        self.clear(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(self.random.choice(["a", "../a", "nowhere", "/etc/passwd", "d"]))

    def mode(self) -> None:
        place = self.app / self.random.choice(NAMES)
        if not place.is_symlink():
            place.chmod(place.stat().st_mode ^ 0o111)

    def rules(self) -> None:
        folder = self.app / self.random.choice(["", "", "d", "e"])
        if folder.is_dir() and not folder.is_symlink():
            if self.random.random() < 0.2:
                self.clear(folder / ".gitignore")
            else:
                (folder / ".gitignore").write_text(self.random.choice(RULES))


class Raced(Workspace):
    """A workspace in which somebody acts in the moment between our look at the files and our change."""

    meanwhile: Callable[[], None] | None = None

    def _race(self) -> None:
        act, self.meanwhile = self.meanwhile, None
        if act:
            act()

    async def write(self, path: str, content: bytes | str, *, replacing: bytes | Expected | None = None) -> FileChange:
        self._race()
        return await super().write(path, content, replacing=replacing)

    async def delete(self, path: str, *, replacing: Expected | None = None) -> FileChange:
        self._race()
        return await super().delete(path, replacing=replacing)

    async def rename(self, old: str, new: str) -> list[FileChange]:
        self._race()
        return await super().rename(old, new)


class Watched:
    """A recorded session whose tools are run as they are for the agent, and whose folder somebody changes by hand."""

    def __init__(self, session: Recorded, seed: int) -> None:
        self.session = session
        self.workspace = Raced(session.folder)
        self.hand = ByHand(self.workspace.app, seed)
        context = ToolContext(self.workspace, *cast("tuple[Any, ...]", (None, None, None)))
        self.runner = ToolRunner({tool.name: tool for tool in FILE_TOOLS}, lambda _: context, cast("Any", self))

    async def append(self, *drafts: Draft) -> list[Any]:
        return [self.session.add(draft.type, **draft.data) for draft in drafts]

    def live(self, type: str, data: dict[str, Any]) -> None:
        pass

    async def look(self) -> None:
        found = await self.workspace.outside_changes()
        tree = await self.workspace.known()
        await self.append(*(by_others(change, patch, "person", tree) for change, patch in found))
        await self.workspace.commit_known()

    async def tool(self, number: int) -> None:
        choose = self.hand.random.choice
        name, arguments = choose(
            [
                (
                    "write_file",
                    {
                        "path": choose([*PLAIN, ".gitignore", "d/.gitignore"]),
                        "content": choose(["x\n", "new", "", "c.txt\n"]),
                    },
                ),
                ("write_file", {"path": choose(PLAIN), "content": "agent\n"}),
                ("edit_file", {"path": choose(PLAIN), "edits": [{"search": "one", "replace": "uno"}]}),
                ("delete_file", {"path": choose(PLAIN)}),
                ("rename_file", {"old": choose(PLAIN), "new": choose(PLAIN)}),
            ]
        )
        await self.runner.run(name, arguments, call=f"r1.{number}", by="agent", turn="t1")


async def live_and_replay(folder: Path, seed: int) -> None:
    async with Recorded(folder / "made") as session:
        watched = Watched(session, seed)
        choose = watched.hand.random.random
        for number in range(watched.hand.random.randint(2, 6)):
            watched.hand.act()
            if choose() < 0.5:
                await watched.look()
            else:
                if choose() < 0.6:
                    watched.workspace.meanwhile = watched.hand.act
                await watched.tool(number)
                watched.workspace.meanwhile = None
        await watched.look()
        tree = await watched.workspace.snapshot()
        assert tree == await watched.workspace.known()
        for event in session.events:
            if event.type == "file.changed" and event.data.get("patch"):
                assert told_by(event.data["patch"]) == {event.data["path"]}
        if made := await watched.workspace.checkpoint("The end"):
            await session.keep(made, "t1")
        notebook = folder / "elsewhere" / "board.ipynb"
        notebook.parent.mkdir()
        write(notebook, document(session.events, await first_files(session.folder)))
        result = await replay(notebook)
        assert result.tree == tree
        assert result.verified is True


def told_by(patch: str) -> set[str]:
    """Which files a patch is about, as git reads it."""
    done = subprocess.run(
        ["git", "apply", "--numstat", "-z", "-"], input=patch.encode(), capture_output=True, check=True, cwd="/"
    )
    return {os.fsdecode(line.split(b"\t", 2)[2]) for line in done.stdout.split(b"\0")[:-1]}


SEEDS = [*range(int(os.environ.get("APPBUILDER_TEST_SEEDS", "30"))), 316, 433, 464, 689]


async def test_each_edit_by_hand_is_told_with_its_own_patch(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        app = session.workspace.app
        (app / "index.html").write_text("changed\n")
        (app / "new.txt").write_text("new\n")
        (app / "run.sh").unlink()
        found = await session.workspace.outside_changes()
        assert [change.path for change, _ in found] == ["run.sh", "index.html", "new.txt"]
        assert [told_by(patch) for _, patch in found] == [{"run.sh"}, {"index.html"}, {"new.txt"}]


@pytest.mark.parametrize("seed", SEEDS)
async def test_edits_by_hand_replayed_from_the_notebook_give_the_same_files(tmp_path: Path, seed: int):
    await live_and_replay(tmp_path, seed)
