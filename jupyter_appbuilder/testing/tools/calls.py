"""Calls in a session: what they change is what they say, recorded as it was, whenever they end."""

from __future__ import annotations

import asyncio
import inspect
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...errors import AppBuilderError
from ...formats import strict_json
from ...log.pictures import LARGEST, MEDIA_TYPES
from ...notebook.replay import replay
from ...session.recovery import take_back
from ...tools.base import Tool
from ...tools.runner import MOST_PICTURES
from .examples import PATIENCE, Example, Stage, Staged, Suite

LONGEST_SUMMARY = 300  # characters
LARGEST_TEXT = 5 * 1024 * 1024  # characters: more than a command may print
LARGEST_DETAIL = 1024 * 1024  # characters, as JSON
MOMENTS = (0, 0.001, 0.01, 0.1)  # seconds after its start at which a call is cancelled


class Calls(Suite):
    """A call does what its tool says, at any time and in any place."""

    async def test_an_example_does_what_it_says(self, example: Example, staged: Staged) -> None:
        """The call ends as its example says, and never by an error that is not one of ``errors``. It asks the person
        only if the tool ``asks``."""
        async with staged(example) as stage:
            result = await stage.call()
            assert result.ok == example.ok, result.text
            assert result.detail.get("reason") != "internal", result.text
            assert example.tool.asks or not stage.of("approval.requested")

    async def test_its_result_is_bounded_and_can_be_stored(self, example: Example, staged: Staged) -> None:
        """``summary`` is one line of 300 characters at most; ``text`` says something, in 5 MiB at most; ``detail`` is
        strict JSON of 1 MiB at most; two pictures at most, each described. ``stub`` gives a text in place of it."""
        async with staged(example) as stage:
            result = await stage.call()
            assert result.summary.strip()
            assert len(result.summary) <= LONGEST_SUMMARY
            assert len(result.summary.splitlines()) == 1
            assert 0 < len(result.text) <= LARGEST_TEXT
            strict_json.check([result.text, result.summary, result.detail])
            assert len(json.dumps(result.detail)) <= LARGEST_DETAIL
            assert len(result.pictures) <= MOST_PICTURES
            for picture in result.pictures:
                assert picture.media_type in MEDIA_TYPES
                assert 0 < len(picture.data) <= LARGEST
                assert picture.alt.strip()
            if stub := example.tool.stub:
                finished = stage.finished()
                for told in (finished, finished | {"detail": dict[str, Any]()}):  # an older version had another detail
                    assert len(stub(told)) <= LONGEST_SUMMARY

    async def test_it_changes_files_as_its_effect_says(self, example: Example, staged: Staged) -> None:
        """``read`` changes no file. ``write`` changes files through ``context.workspace`` alone, so that the log has
        each change. ``command`` may change any."""
        async with staged(example) as stage:
            workspace = stage.session.workspace
            before = await workspace.snapshot()
            await stage.call()
            if example.tool.effect == "read":
                assert await workspace.snapshot() == before
            assert await workspace.outside_changes() == [], "files were changed past context.workspace"

    async def test_calls_that_read_run_beside_each_other(self, reading: Example, staged: Staged) -> None:
        """Two calls of a tool that reads end as one does: they run at the same time."""
        async with staged(reading) as stage:
            results = await asyncio.gather(stage.call(), stage.call())
            assert [result.ok for result in results] == [reading.ok] * 2, [result.text for result in results]

    async def test_a_replay_of_the_notebook_does_what_the_call_did(
        self, example: Example, staged: Staged, tmp_path: Path
    ) -> None:
        """The notebook's cells, carried out without model, network and sandbox, come to the files that the call
        left: of ``cell`` with ``replay`` by doing the same again, of anything else by the patch it left."""
        async with staged(example) as stage:
            await stage.call()
            await stage.end()
            await _assert_replayed(stage, tmp_path / "replayed")

    async def test_a_write_is_made_again_after_a_crash(self, writing: Example, staged: Staged) -> None:
        """A call that writes, and whose process died before its end was stored, is made again and comes to the same
        files. ``undo``, if there is one, puts back exactly what was there before, and touches nothing where somebody
        changed the files since."""
        async with staged(writing) as stage:
            session, workspace, tool = stage.session, stage.session.workspace, writing.tool
            before, known = await workspace.snapshot(), list(session.stored)
            await stage.call()
            after = await workspace.snapshot()
            recorded = stage.recorded()
            await workspace.know(before)
            session.runner.forget(known)
            await take_back(workspace, tool, recorded)
            left = await workspace.snapshot()
            assert left == (before if tool.undo else after)
            again = await stage.call()
            assert again.ok, again.text
            assert await workspace.snapshot() == after
            if tool.undo:
                await _assert_others_work_stays(stage, before, recorded)

    async def test_a_cancelled_call_ends_and_leaves_nothing(
        self, example: Example, staged: Staged, tmp_path: Path
    ) -> None:
        """A call that is cancelled at any moment ends soon, with its end in the log. Nothing of the tool goes on: no
        task, and no thread that still writes. The log has what it did until then."""
        for number, moment in enumerate(MOMENTS):
            async with staged(example) as stage:
                threads = ThreadPoolExecutor()
                asyncio.get_running_loop().set_default_executor(threads)
                calling = asyncio.create_task(stage.call())
                await asyncio.sleep(moment)
                calling.cancel()
                async with asyncio.timeout(PATIENCE):
                    await asyncio.wait([calling])
                assert calling.cancelled() or calling.exception() is None
                assert [task for task in asyncio.all_tasks() if _is_of(task, example.tool)] == []
                asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
                ended = await stage.session.workspace.snapshot()
                await asyncio.to_thread(threads.shutdown)
                assert await stage.session.workspace.snapshot() == ended, "a thread went on writing"
                assert len(stage.of("tool.started")) == len(stage.of("tool.finished"))
                assert await stage.session.workspace.outside_changes() == []
                await stage.end()
                await _assert_replayed(stage, tmp_path / f"replayed-{number}")

    async def test_where_something_is_not_offered_it_says_so(self, example: Example, staged: Staged) -> None:
        """Where a session offers no services and nobody can be asked, a call does without, or ends with one of
        ``errors``: ``context.service`` raises ``Unavailable``, or gives the default that it is called with."""
        async with staged(example) as stage:
            arguments = example.tool.arguments.model_validate(dict(example.arguments))
            with suppress(AppBuilderError):
                await example.tool.run(stage.bare(), arguments)


async def _assert_replayed(stage: Stage, folder: Path) -> None:
    notebook = stage.session.notebook
    notebook.changed()
    await notebook.flush()
    rebuilt = await replay(notebook.path, folder)
    assert rebuilt.tree == await stage.session.workspace.snapshot()


async def _assert_others_work_stays(stage: Stage, before: str, recorded: Any) -> None:
    """Of a call that died, every file that it left was changed by somebody since."""
    workspace = stage.session.workspace
    changes = await workspace.changes(before, await workspace.snapshot())
    for change in changes:
        place = workspace.app / change.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("somebody's work\n")
    theirs = await workspace.snapshot()
    await workspace.know(before)
    await take_back(workspace, stage.example.tool, recorded)
    assert await workspace.snapshot() == theirs, "undo took back what somebody else did"


def _is_of(task: asyncio.Task[Any], tool: Tool[Any]) -> bool:
    """True if a task runs code of the tool's own module."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename == inspect.getfile(tool.run)
