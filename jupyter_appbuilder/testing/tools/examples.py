"""The calls that a suite of tools tries, and the session that each is made in."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from traitlets.config import Config

from ...builder import AppBuilder
from ...events import Draft, Event, Mode
from ...session import Session
from ...tools.base import Tool, ToolContext, ToolResult
from .. import suite
from ..sandboxes.subject import APP

TEMPLATE = """
title = "Plain"
summary = "No packages."
data = ["data/"]
[serve]
command = ["node", "server.mjs", "{port}", "{base}"]
"""
WITHOUT = {
    "tool": "There are no examples.",
    "example": "There are no examples.",
    "reading": "No example is of a tool with the effect read.",
    "writing": "No example that ends well is of a tool with the effect write.",
    "recorded": "No example is of a tool with a cell of its own.",
}
"""Why a claim is passed over."""
TURN = "t1"
PATIENCE = 60


@dataclass(frozen=True)
class Example:
    """A call that shows what a tool does.

    ``files`` lie in the app before it; ``before`` does whatever else must have happened in the session. ``ok`` is
    how it ends. It is made in a turn of this ``mode`` that the person began by ``request``. A question that it asks
    is answered by ``granted``.
    """

    tool: Tool[Any]
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    ok: bool = True
    mode: Mode = "build"
    request: str = "Show me."
    granted: bool = True
    before: Callable[[Session], Awaitable[None]] | None = None


class Stage:
    """A session with the files of an example, in the middle of a turn."""

    def __init__(self, session: Session, example: Example) -> None:
        self.session = session
        self.example = example
        self._calls = itertools.count(1)
        self._answers: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        session, example = self.session, self.example
        session.record.listen(self._answer)
        await session.append(
            Draft("turn.started", {"turn": TURN, "model": session.summary.model, "mode": example.mode}),
            Draft("message.user", {"turn": TURN, "text": example.request}),
        )
        if example.before:
            await example.before(session)

    async def end(self) -> None:
        """End the turn, so that the notebook has all of it."""
        await self.session.append(
            Draft("turn.finished", {"turn": TURN, "reason": "done", "message": "", "hint": ""}),
        )

    async def call(self) -> ToolResult:
        """The example's call, as an agent makes it, or a person where only people do."""
        return await self.session.runner.run(
            self.example.tool.name,
            dict(self.example.arguments),
            call=f"r1.{next(self._calls)}",
            by="person" if self.example.tool.for_people else "agent",
            turn=TURN,
        )

    def bare(self) -> ToolContext:
        """What a tool has where nothing else is offered, and nobody can be asked."""
        session = self.session
        return ToolContext(session.workspace, session.app.sandbox, session.app, _unheard)

    def recorded(self) -> Mapping[str, Any]:
        """The arguments of the last call, as the log has them."""
        return next(event.data["arguments"] for event in reversed(self.session.stored) if event.type == "tool.started")

    def finished(self) -> dict[str, Any]:
        """``tool.finished`` of the last call."""
        return next({**event.data} for event in reversed(self.session.stored) if event.type == "tool.finished")

    def of(self, type: str) -> list[Event]:
        return [event for event in self.session.stored if event.type == type]

    def _answer(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.type == "approval.requested":
                answer = asyncio.create_task(self.session.answer(event.data["approval"], self.example.granted))
                self._answers.add(answer)
                answer.add_done_callback(self._answers.discard)


Staged = Callable[[Example], AbstractAsyncContextManager[Stage]]


class Suite(suite.Suite):
    """Claims about tools. Each test has a session of its own, below a folder of its own."""

    about: ClassVar[str] = "a tool"
    examples: ClassVar[Sequence[Example]]
    traits: ClassVar[Mapping[str, Any]] = {}
    """What else is set of the ``AppBuilder``: ``{"sandbox": "my-cloud"}``."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each tool or example that a claim is about."""
        given = getattr(self, "examples", ())
        tools = {example.tool.name: example.tool for example in given}
        about: Mapping[str, Mapping[str, object]] = {
            "tool": tools,
            "example": _named(given),
            "reading": _named([one for one in given if one.tool.effect == "read"]),
            "writing": _named([one for one in given if one.tool.effect == "write" and one.ok]),
            "recorded": _named([one for one in given if one.tool.cell]),
        }
        for name in about.keys() & set(metafunc.fixturenames):
            found = about[name] or {"none": pytest.param(None, marks=pytest.mark.skip(reason=WITHOUT[name]))}
            metafunc.parametrize(name, list(found.values()), ids=list(found))

    @asynccontextmanager
    async def stage(self, folder: Path, example: Example) -> AsyncGenerator[Stage]:
        """A session that stands, with the example's files in its first version."""
        shelf = folder / "templates" / "plain"
        for path, content in {**_app(), **example.files}.items():
            place = shelf / "files" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content, encoding="utf-8", newline="")
        (shelf / "template.toml").write_text(TEMPLATE)
        (folder / "root").mkdir()
        settings: dict[str, Any] = {
            "root_dir": str(folder / "root"),
            "data_dir": str(folder / "data"),
            "template_path": [str(shelf.parent)],
            "template": "plain",
            "browser": "none",
            "config": Config(),
        }
        builder = AppBuilder(**(settings | dict(self.traits)))
        try:
            session = await builder.create(title="Example")
            await session.ready()
            stage = Stage(session, example)
            await stage.begin()
            yield stage
        finally:
            await builder.close()

    @pytest.fixture
    def staged(self, tmp_path: Path) -> Staged:
        """``async with staged(example) as stage``."""
        numbers = itertools.count(1)

        def make(example: Example) -> AbstractAsyncContextManager[Stage]:
            folder = tmp_path / str(next(numbers))
            folder.mkdir()
            return self.stage(folder, example)

        return make


def _unheard(stream: str, text: str) -> None:
    """Where nobody watches a call's output."""


def _app() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in APP.iterdir()}


def _named(examples: Sequence[Example]) -> dict[str, Example]:
    numbers: dict[str, int] = {}
    named: dict[str, Example] = {}
    for example in examples:
        name = example.tool.name
        numbers[name] = numbers.get(name, 0) + 1
        named[f"{name}-{numbers[name]}"] = example
    return named
