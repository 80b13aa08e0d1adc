"""A session made by hand for tests: real files, a real repository, and the events that tell of them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_appbuilder.events import Draft, Event
from jupyter_appbuilder.workspace import Workspace

AWKWARD = {
    "src/plain.ts": "const a = 1;\n",
    "src/no-final-newline.ts": "const b = 2;",
    "src/windows.txt": "one\r\ntwo\r\n",
    "src/mixed.txt": "one\r\ntwo\nthree\r",
    "src/empty.txt": "",
    "src/blank.txt": "   \n\t\n",
    "src/whitespace lines.py": "if True:\n    \n    pass\n",
    "src/doctest.py": '"""\n>>> 1 + 1\n2\n"""\n',
    "src/markers.txt": "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
    "src/trailing.txt": "x\n\n\n",
    "src/cell.txt": "%%appbuilder write x\n{a} $b\n",
    "src/unicode.txt": "é 🎉 \u2028 \x0c \n",
}


class Recorded:
    """``async with Recorded(folder) as session``; then act on it, and ``events`` tell what happened."""

    def __init__(self, folder: Path, name: str = "board") -> None:
        self.name = name
        self.folder = folder / name
        self.template = folder / "template"
        self.events: list[Event] = []
        self.workspace = Workspace(self.folder)

    async def __aenter__(self) -> Recorded:
        (self.template / "src").mkdir(parents=True)
        (self.template / "index.html").write_text("<div id=root></div>\n")
        (self.template / "logo.bin").write_bytes(bytes(range(256)))
        (self.template / "run.sh").write_text("#!/bin/sh\n")
        (self.template / "run.sh").chmod(0o755)
        tree = await self.workspace.create(self.template)
        self.add(
            "session.created",
            name=self.name,
            title="A <board>",
            root=str(self.folder.parent),
            path=self.name,
            template="react-vite",
            template_tree=tree,
            model="demo:recorded",
            sandbox="local",
        )
        await self.keep((await self.workspace.checkpoints())[0], None)
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def read(self) -> list[Event]:
        return self.events

    def add(self, type: str, **data: Any) -> Event:
        Draft(type, data)  # checks the shape
        event = Event("s1", len(self.events) + 1, time.time(), type, data)
        self.events.append(event)
        return event

    def call(self, tool: str, ok: bool = True, patch: str = "", text: str = "", **arguments: Any) -> None:
        call = f"r1.{len(self.events)}"
        self.add("tool.started", turn="t1", call=call, tool=tool, arguments=arguments, by="agent")
        finished = {
            "turn": "t1", "call": call, "tool": tool, "ok": ok, "summary": f"{tool} done", "text": text, "detail": {},
            "duration_ms": 1,
        }  # fmt: skip
        self.add("tool.finished", **finished, **({"patch": patch} if patch else {}))

    async def write(self, path: str, content: str) -> None:
        await self.workspace.write(path, content)
        self.call("write_file", path=path, content=content)

    async def command(self, command: str, changes: dict[str, bytes]) -> None:
        before = await self.workspace.accept()
        for path, content in changes.items():
            (self.workspace.app / path).write_bytes(content)
        patch = await self.workspace.patch(before, await self.workspace.accept())
        self.call("run_command", command=command, patch=patch, text="ok\n")

    async def by_hand(self, path: str, content: bytes) -> None:
        (self.workspace.app / path).write_bytes(content)
        for change, patch in await self.workspace.outside_changes():
            self.add(
                "file.changed", path=change.path, change=change.change, by="person", added=change.added,
                removed=change.removed, patch=patch,
            )  # fmt: skip

    async def checkpoint(self, title: str) -> str:
        made = await self.workspace.checkpoint(title)
        await self.keep(made, "t1")
        return made.tree

    async def keep(self, made: Any, turn: str | None) -> None:
        self.add(
            "checkpoint.created", checkpoint=made.id, tree=made.tree, parent=made.parent, turn=turn, title=made.title,
            files=made.files, added=made.added, removed=made.removed,
        )  # fmt: skip

    def look(self, number: int, alt: str = "Tasks: / at 360 px") -> str:
        """The app was looked at; the SHA-256 of the picture of that number."""
        sha256 = f"{number:064d}"[::-1]
        self.call("look_at_app", path="/")
        picture = {"sha256": sha256, "width": 10, "height": 10, "alt": alt, "media_type": "image/png"}
        last = self.events[-1]
        self.events[-1] = replace(last, data={**last.data, "pictures": [picture]})
        return sha256

    async def everything(self) -> str:
        """A turn with every kind of change; the tree it ends with."""
        self.add("turn.started", turn="t1", model="demo:recorded")
        self.add("message.user", turn="t1", text="A board\n\nwith **cards**")
        usage = {"input_tokens": 1, "output_tokens": 1, "cached_tokens": 0, "cost": None}
        self.add(
            "response.completed", turn="t1", response="r1", model="demo:recorded", recorded=True,
            text="I write the board.", tool_calls=[], finish_reason="stop", usage=usage,
        )  # fmt: skip
        for path, content in AWKWARD.items():
            await self.write(path, content)
        self.call("read_file", path="src/plain.ts", text="const a = 1;")
        self.call("edit_file", ok=False, path="src/plain.ts", edits=[{"search": "nope", "replace": "x"}])
        await self.workspace.delete("src/empty.txt")
        self.call("delete_file", path="src/empty.txt")
        await self.workspace.rename("src/trailing.txt", "src/moved here.txt")
        self.call("rename_file", old="src/trailing.txt", new="src/moved here.txt")
        await self.command("npm run format\n# twice", {"src/made.txt": b"made\r\n", "src/made.bin": b"\0\1\2\xff" * 99})
        self.call("run_command", command="npm test", text="1 passed")
        await self.by_hand("src/hand.txt", b"typed\r\nby hand")
        await self.by_hand("src/latin.txt", "é".encode("latin-1") + b"\n")
        tree = await self.checkpoint("A board\n\nwith **cards**")
        self.add("turn.finished", turn="t1", reason="done", message="", hint="")
        return tree
