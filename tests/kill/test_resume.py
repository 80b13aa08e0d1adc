"""A server that is killed in the middle of a turn: the next one takes the turn up, and it ends as if nothing had been.

At every event of a turn of thirty steps, and in the middle of streams and commands: the turn completes, the files are
the same, no event is lost or doubled, and no answer that was stored is asked for again.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from building import app_builder, call, write
from model_server import ModelServer
from plain_app import assert_sound, plain

from jupyter_appbuilder.agents.compaction import INSTRUCTIONS
from jupyter_appbuilder.agents.loop import NOT_SEEN
from jupyter_appbuilder.session import Session

from .nursery import TASK, Nursery, grant, nursery

pytestmark = pytest.mark.kill

TOGETHER = 2  # kills at a time
LONGEST = 60  # seconds after which a turn counts as hanging


def edit(path: str, search: str, replace: str) -> dict[str, Any]:
    return call("edit_file", path=path, edits=[{"search": search, "replace": replace}])


def script() -> list[dict[str, Any]]:
    """Thirty steps: each tool alone and beside others, some that fail, text in between."""
    steps: list[dict[str, Any]] = []
    for n in range(4):
        steps += [
            {"text": f"Round {n}.", "tool_calls": [write(f"src/{n}.js", f"let a = {n}\n"), write("log.txt", f"{n}\n")]},
            {"tool_calls": [call("read_file", path=f"src/{n}.js"), call("list_files")]},
            {"tool_calls": [edit(f"src/{n}.js", f"a = {n}", f"b = {n}")]},
            {"tool_calls": [call("run_command", command=f"echo done {n} > out{n}.txt; cat log.txt")]},
            {"tool_calls": [edit("log.txt", "nowhere", "x"), edit("log.txt", f"{n}", f"{n}!")]},
            {"tool_calls": [call("rename_file", old=f"src/{n}.js", new=f"lib/{n}.js"), write("a.txt", str(n))]},
            {"tool_calls": [call("delete_file", path=f"out{n}.txt")]},
        ]
    return [*steps, {"tool_calls": [call("search_files", query="let")]}, {"text": "All done."}]


class Conversation(ModelServer):
    """Answers by how far the conversation has come, as a model does, not by how often it was asked."""

    def at(self, body: dict[str, Any]) -> int:
        return sum(message["role"] == "assistant" for message in body["messages"])

    async def _complete(self, request: Any, reader: Any, writer: Any, step: Any = None) -> bool:
        self._next = self.at(request.body)
        return await super()._complete(request, reader, writer, step)


@dataclass
class Whole:
    """What the turn comes to when nobody is killed."""

    events: int
    before: int  # events before the turn
    tree: str
    said: list[str]


@asynccontextmanager
async def conversation(steps: list[dict[str, Any]]) -> AsyncIterator[Conversation]:
    server = Conversation(steps)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def opened(folder: Path, url: str, session: str, traits: dict[str, Any]) -> AsyncIterator[Session]:
    """The session as the next server has it."""
    providers = {"custom": {"base_url": url, "api_key": "sk-test-not-a-secret"}}
    async with app_builder(folder, providers=providers, model="custom:scripted", resuming=True, **traits) as builder:
        await builder.recover()
        yield await builder.session(session)


async def prepare(folder: Path, url: str, traits: dict[str, Any]) -> str:
    """A new session in ``folder``, ready for its first turn and owned by nobody."""
    folder.mkdir()
    async with app_builder(
        folder, providers={"custom": {"base_url": url}}, model="custom:scripted", **traits
    ) as builder:
        session = await builder.create(name="killed")
        await session.ready()
        await session.stop_preview()
        return session.id


async def finish(folder: Path, server: Conversation, session: str, traits: dict[str, Any]) -> Whole:
    """Let the next server take the turn up and end it; what it comes to."""
    async with opened(folder, server.url, session, traits) as here:
        async with asyncio.timeout(LONGEST):
            ended = await here.wait()
        assert ended["reason"] == "done", ended
        assert ended["message"] in ("", NOT_SEEN.message), ended
        events = await here.events()
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        for kind in ("tool.started", "tool.finished"):
            calls = [event.data["call"] for event in events if event.type == kind]
            assert len(calls) == len(set(calls)), f"{kind} twice"
        responses = [event.data["response"] for event in events if event.type == "response.completed"]
        assert len(responses) == len(set(responses))
        said = [event.data["text"] for event in events if event.type == "response.completed"]
        tree = await here.workspace.snapshot()
        assert tree == (await here.workspace.checkpoints())[0].tree
        start = next(event.seq for event in events if event.type == "turn.started")
        return Whole(len(events), start - 1, tree, said)


async def stored(folder: Path) -> int:
    """How many answers the log of a dead server holds."""
    import sqlite3

    with sqlite3.connect(folder / "data" / "log.db") as log:
        return log.execute("SELECT count(*) FROM events WHERE type = 'response.completed'").fetchone()[0]


@pytest.mark.timeout(900)  # some 125 moments, a second and a half each
async def test_a_turn_killed_at_any_event_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    traits = plain(tmp_path)
    async with conversation(script()) as server:
        session = await prepare(tmp_path / "first", server.url, traits)
        # A session is found below the root it is opened in only where the one it was made in is gone.
        (tmp_path / "first").rename(tmp_path / "pristine")
        shutil.copytree(tmp_path / "pristine", tmp_path / "whole", symlinks=True)
        async with opened(tmp_path / "whole", server.url, session, traits) as here:
            await here.send(TASK)
            await here.wait()
        whole = await finish(tmp_path / "whole", server, session, traits)
        assert len(whole.said) == 30

        with nursery() as place:
            waiting = asyncio.Semaphore(TOGETHER)

            async def kill_at(event: int) -> None:
                async with waiting:
                    folder = tmp_path / f"at{event}"
                    await asyncio.to_thread(shutil.copytree, tmp_path / "pristine", folder, symlinks=True)
                    await killed(place, folder, session, traits, whole, event)
                    await asyncio.to_thread(shutil.rmtree, folder)

            points = range(whole.before + 1, whole.events)
            every = int(os.environ.get("KILL_EVERY", "1"))
            async with asyncio.TaskGroup() as group:
                for event in list(points)[::every]:
                    group.create_task(kill_at(event))


async def killed(place: Nursery, folder: Path, session: str, traits: dict[str, Any], whole: Whole, event: int) -> None:
    async with conversation(script()) as server:
        status = await asyncio.to_thread(
            place.run, folder=folder, session=session, url=server.url, traits=traits, after=event
        )
        assert os.WTERMSIG(status) == signal.SIGKILL, f"event {event}: status {status}"
        had, asked = await stored(folder), len(server.requests)
        try:
            end = await finish(folder, server, session, traits)
        except AssertionError as error:
            raise AssertionError(f"killed after event {event}: {error}") from error
        assert end.tree == whole.tree, f"killed after event {event}"
        assert end.said == whole.said, f"killed after event {event}"
        again = [server.at(request.body) for request in server.requests[asked:]]
        assert all(at >= had for at in again), f"killed after event {event}: a stored answer was asked for again"
        assert sorted(again) == list(range(had, 30)), f"killed after event {event}"


@pytest.mark.parametrize(
    ("step", "moment"),
    [
        ({"text": "A long answer. " * 50, "delay": 0.002, "tool_calls": [write("c.txt", "")]}, "text.delta"),
        ({"tool_calls": [write("half.txt", "x" * 2000)], "delay": 0.002}, "tool.delta"),
        ({"tool_calls": [call("run_command", command="echo begun >> ran.txt; echo said; sleep 30")]}, "tool.output"),
    ],
    ids=["in text", "in tool arguments", "in a command"],
)
async def test_a_turn_killed_in_the_middle_of_something_goes_on(
    step: dict[str, Any], moment: str, tmp_path: Path
) -> None:
    traits = plain(tmp_path)
    steps = [{"tool_calls": [write("a.txt", "1\n")]}, step, {"tool_calls": [write("b.txt", "2\n")]}, {"text": "Done."}]
    async with conversation(steps) as server:
        session = await prepare(tmp_path / "home", server.url, traits)
        with nursery() as place:
            status = await asyncio.to_thread(
                place.run, folder=tmp_path / "home", session=session, url=server.url, traits=traits, on=moment
            )
        assert os.WTERMSIG(status) == signal.SIGKILL
        await finish(tmp_path / "home", server, session, traits)
        app = tmp_path / "home" / "root" / "appbuilder" / "killed" / "app"
        assert (app / "b.txt").read_text() == "2\n"
        if moment == "tool.output":
            # A command is not run twice: the model is told that it may have partly run.
            assert (app / "ran.txt").read_text() == "begun\n"
            told = [m["content"] for m in server.requests[-1].body["messages"] if m["role"] == "tool"]
            assert any("may have partly run" in text for text in told)
        async with opened(tmp_path / "home", server.url, session, traits) as here:
            await assert_sound(here, tmp_path)


async def test_an_edit_by_hand_while_the_server_was_down_is_kept(tmp_path: Path) -> None:
    traits = plain(tmp_path)
    steps = [{"tool_calls": [write("a.txt", "1\n")]}, {"text": "Thinking. " * 40, "delay": 0.005}, {"text": "Done."}]
    async with conversation(steps) as server:
        session = await prepare(tmp_path / "home", server.url, traits)
        with nursery() as place:
            await asyncio.to_thread(
                place.run, folder=tmp_path / "home", session=session, url=server.url, traits=traits, on="text.delta"
            )
        app = tmp_path / "home" / "root" / "appbuilder" / "killed" / "app"
        (app / "mine.txt").write_text("by hand\n")
        (app / "a.txt").write_text("by hand too\n")
        await finish(tmp_path / "home", server, session, traits)
        assert (app / "mine.txt").read_text() == "by hand\n"
        assert (app / "a.txt").read_text() == "by hand too\n"


async def test_a_turn_that_takes_the_server_down_again_and_again_is_ended(tmp_path: Path) -> None:
    traits = plain(tmp_path)
    async with conversation([{"text": "Never. " * 100, "delay": 0.01}]) as server:
        session = await prepare(tmp_path / "home", server.url, traits)
        with nursery() as place:
            task = {"folder": tmp_path / "home", "session": session, "url": server.url, "traits": traits}
            await asyncio.to_thread(place.run, **task, on="text.delta")
            for _ in range(3):
                await asyncio.to_thread(place.run, **task, on="text.delta", resume=True)
        async with opened(tmp_path / "home", server.url, session, traits) as here:
            ended = await here.wait()
            assert ended["reason"] == "failed"
            assert ended["hint"]
            await assert_sound(here, tmp_path)


@pytest.mark.parametrize("after", [2, 4, 6, 8])
async def test_a_killed_turn_that_plans_goes_on_planning(after: int, tmp_path: Path) -> None:
    """However far it had come: nothing is changed, and there is one plan."""
    traits = plain(tmp_path)
    plan = "# A clock\n\n- [ ] `index.html`"
    steps = [
        {"tool_calls": [call("read_file", path="index.html"), write("mine.txt", "x")]},
        {"tool_calls": [call("write_plan", text=plan)]},
    ]
    async with conversation(steps) as server:
        session = await prepare(tmp_path / "home", server.url, traits)
        with nursery() as place:
            task = {"folder": tmp_path / "home", "session": session, "url": server.url, "traits": traits}
            status = await asyncio.to_thread(place.run, **task, after=3 + after, mode="plan")
        assert os.WTERMSIG(status) == signal.SIGKILL
        async with opened(tmp_path / "home", server.url, session, traits) as here:
            async with asyncio.timeout(LONGEST):
                ended = await here.wait()
            assert (ended["reason"], ended["message"]) == ("done", ""), ended
            assert [(found.id, found.text) for found in here.plans()] == [("p1", plan)]
            assert not (here.workspace.app / "mine.txt").exists()
            assert len(server.requests) <= 3  # two, and one that was under way
            await assert_sound(here, tmp_path)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("dies_at", ["approval.requested", "approval.given"])
async def test_a_turn_killed_around_the_persons_word_does_once_what_was_allowed(tmp_path: Path, dies_at: str) -> None:
    traits = plain(tmp_path)
    steps: list[dict[str, Any]] = [
        {"tool_calls": [write("old/a.txt", "a\n")]},
        {"tool_calls": [call("run_command", command="rm -rf old; echo done >> log.txt")]},
        {"text": "Done."},
    ]
    async with conversation(steps) as server:
        session = await prepare(tmp_path / "first", server.url, traits)
        (tmp_path / "first").rename(tmp_path / "pristine")
        shutil.copytree(tmp_path / "pristine", tmp_path / "whole", symlinks=True)
        async with opened(tmp_path / "whole", server.url, session, traits) as here:
            await here.send(TASK)
            await grant(here)
            await here.wait()
            after = next(event.seq for event in await here.events() if event.type == dies_at)
        whole = await finish(tmp_path / "whole", server, session, traits)
        with nursery() as place:
            task = {"folder": tmp_path / "pristine", "session": session, "url": server.url, "traits": traits}
            status = await asyncio.to_thread(place.run, **task, after=after, granting=True)
        assert os.WTERMSIG(status) == signal.SIGKILL
        (tmp_path / "whole").rename(tmp_path / "aside")
        async with opened(tmp_path / "pristine", server.url, session, traits) as here:
            if dies_at == "approval.requested":
                assert (here.workspace.app / "old" / "a.txt").exists()
            asked = {"approval.requested": 2, "approval.given": 1}[dies_at]
            async with asyncio.timeout(LONGEST):
                await grant(here)
                await here.wait()
            types = [event.type for event in await here.events()]
            assert types.count("approval.requested") == asked
            assert (here.workspace.app / "log.txt").read_text() == "done\n"
        end = await finish(tmp_path / "pristine", server, session, traits)
        assert (end.tree, end.said) == (whole.tree, whole.said)


class Forgetful(Conversation):
    """Goes on from the last file it is told of: what it said before may have been summed up."""

    def at(self, body: dict[str, Any]) -> int:
        if body["messages"][0]["content"] == INSTRUCTIONS:
            return len(self.steps) - 1
        told = re.findall(r"(?:Created|Wrote) (\d+)\.txt", str(body["messages"]))
        return max(map(int, told), default=0)


@pytest.mark.timeout(600)
async def test_a_turn_killed_around_a_shortened_history_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    """At each event from the briefing on to the first answer to the shortened history; and while the summary comes."""
    traits = plain(tmp_path) | {"compact_at": 12_000}
    size = {"usage": {"prompt_tokens": 20_000, "completion_tokens": 10}}
    writes: list[dict[str, Any]] = [
        {"text": f"Thinking of {n}. " * 150, "size": 500, "tool_calls": [write(f"{n}.txt", "words\n")]}
        for n in range(1, 7)
    ]
    writes[3] |= size
    summary = {"text": "## Goal\nSix files.\n" * 20, "delay": 0.005}
    server = Forgetful([*writes, {"text": "All done."}, summary])
    await server.start()
    try:
        session = await prepare(tmp_path / "first", server.url, traits)
        (tmp_path / "first").rename(tmp_path / "pristine")
        shutil.copytree(tmp_path / "pristine", tmp_path / "whole", symlinks=True)
        async with opened(tmp_path / "whole", server.url, session, traits) as here:
            await here.send(TASK)
            await here.wait()
            types = [event.type for event in await here.events()]
        whole = await finish(tmp_path / "whole", server, session, traits)
        assert types.count("history.compacted") == 1
        assert len(whole.said) == 7
        compacted, briefed = types.index("history.compacted") + 1, types.index("turn.briefed") + 1
        moments: list[dict[str, Any]] = [{"after": n} for n in range(compacted - 2, compacted + 4)]
        moments += [{"after": briefed - 1}, {"after": briefed}, {"on": "progress"}]
        with nursery() as place:
            for number, moment in enumerate(moments):
                folder = tmp_path / f"kill{number}"
                await asyncio.to_thread(shutil.copytree, tmp_path / "pristine", folder, symlinks=True)
                status = await asyncio.to_thread(
                    place.run, folder=folder, session=session, url=server.url, traits=traits, **moment
                )
                assert os.WTERMSIG(status) == signal.SIGKILL, moment
                end = await finish(folder, server, session, traits)
                assert (end.tree, end.said, end.events) == (whole.tree, whole.said, whole.events + 1), moment
                async with opened(folder, server.url, session, traits) as here:
                    again = [event.type for event in await here.events()]
                assert again.count("history.compacted") == again.count("turn.briefed") == 1, moment
    finally:
        await server.stop()
