from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.tools import registry
from jupyter_appbuilder.tools.base import Arguments, Effect, Tool, ToolCall, ToolContext, ToolResult, tool
from jupyter_appbuilder.workspace import Workspace

from .bench import bench, template_in


async def test_what_a_person_changed_meanwhile_is_recorded_before_the_call_with_its_patch(tmp_path):
    async with bench(tmp_path) as b:
        (b.workspace.app / "src" / "greet.ts").write_text("by hand\n")
        await b.call("write_file", {"path": "a.txt", "content": "a\n"})
        assert [event.type for event in b.journal.events] == [
            "file.changed",
            "tool.started",
            "tool.finished",
            "file.changed",
        ]
        by_hand, ours = b.journal.of("file.changed")
        assert (by_hand["path"], by_hand["by"]) == ("src/greet.ts", "person")
        assert "+by hand" in by_hand["patch"]
        tree = await b.workspace.known()
        assert ours == {
            "tree": tree,
            "path": "a.txt",
            "change": "created",
            "added": 1,
            "removed": 0,
            "by": "agent",
            "call": "r1.1",
        }
        assert b.journal.batches == [["file.changed", "tool.started"], ["tool.finished", "file.changed"]]


async def test_the_log_alone_rebuilds_the_same_tree(tmp_path):
    async with bench(tmp_path) as b:
        await b.call("write_file", {"path": "a.txt", "content": "a\n"})
        (b.workspace.app / "a.txt").write_text("a\nby hand\n")
        await b.call("run_command", {"command": "sed -i 's/a/b/' a.txt && printf '\\x00\\x01' > bin && rm check.mjs"})
        await b.call("rename_file", {"old": "a.txt", "new": "b/c.txt"})
        (b.workspace.app / "server.mjs").unlink()
        await b.call("list_files")
        tree = await b.workspace.snapshot()

        copy = Workspace(tmp_path / "copy")
        await copy.create(template_in(tmp_path / "again").files)
        started: dict[str, dict[str, Any]] = {}
        for event in b.journal.events:
            data = event.data
            if event.type == "file.changed" and "patch" in data:
                await copy.apply(data["patch"])
            elif event.type == "tool.started":
                started[data["call"]] = data["arguments"]
            elif event.type == "tool.finished":
                arguments = started[data["call"]]
                if data["tool"] == "write_file":
                    await copy.write(arguments["path"], arguments["content"])
                elif data["tool"] == "rename_file":
                    await copy.rename(arguments["old"], arguments["new"])
                elif "patch" in data:
                    await copy.apply(data["patch"])
        assert await copy.snapshot() == tree


async def test_arguments_that_do_not_fit_name_the_field(tmp_path):
    async with bench(tmp_path) as b:
        for arguments, field in [
            ('{"path": 3, "content": "x"}', "path"),
            ('{"path": "a"}', "content"),
            ('{"path": "a", "content": "", "mode": "w"}', "mode"),
        ]:
            result = await b.call("write_file", arguments)
            assert (result.ok, result.detail["reason"], result.detail["field"]) == (False, "invalid_arguments", field)
            assert field in result.text
        nested = await b.call("edit_file", {"path": "a", "edits": [{"search": "x"}]})
        assert nested.detail["field"] == "edits.0.replace"
        cut = await b.call("write_file", '{"path": "a", "content": "abc')
        assert (cut.detail["reason"], "was cut off" in cut.text) == ("cut_off", True)
        assert b.journal.of("tool.started")[-1]["arguments"] == {"raw": '{"path": "a", "content": "abc'}
        for text in ('{"path": ', '{"path": "a"', '{"path": "a", "content": "\\'):
            assert (await b.call("write_file", text)).detail["reason"] == "cut_off"
        for text in ('{"path": "a "b""}', "{'path': 'a'}", '{"path": "a"}}'):
            wrong = await b.call("write_file", text)
            assert (wrong.detail["reason"], "not valid JSON" in wrong.text) == ("invalid_arguments", True)
        assert "not a JSON object" in (await b.call("write_file", "[1]")).text
        assert (await b.call("list_files", "")).ok
        assert len(b.journal.of("tool.started")) == len(b.journal.of("tool.finished")) == 13


async def test_a_tool_there_is_not_is_answered_with_those_there_are(tmp_path):
    async with bench(tmp_path) as b:
        result = await b.call("fly", {"to": "the moon"})
        assert result.detail["reason"] == "unknown_tool"
        assert "write_file" in result.text
        assert b.journal.of("tool.started")[0]["arguments"] == {"to": "the moon"}


async def test_stopping_a_command_ends_it_at_once_and_is_recorded_with_what_it_left(tmp_path):
    async with bench(tmp_path) as b:
        task = asyncio.create_task(b.call("run_command", {"command": "echo half > half.txt; echo go; sleep 60"}))
        while not any("go" in data.get("text", "") for _, data in b.journal.lives):
            await asyncio.sleep(0.01)
        began = time.monotonic()
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 10
        (finished,) = b.journal.of("tool.finished")
        assert (finished["ok"], finished["summary"]) == (False, "Stopped")
        assert "+half" in finished["patch"]
        assert b.journal.of("file.changed")[0]["path"] == "half.txt"
        assert await b.workspace.outside_changes() == []
        assert (await b.call("list_files")).ok


class Nothing(Arguments):
    pass


def waiting_tools(log: list[str]) -> dict[str, Tool[Any]]:
    meeting = asyncio.Event()
    here = 0

    @tool(effect="read")
    async def meet(context: ToolContext, arguments: Nothing) -> ToolResult:
        """Returns when two of its calls run at the same time."""
        nonlocal here
        here += 1
        if here == 2:
            meeting.set()
        await meeting.wait()
        log.append("met")
        return ToolResult("met", "met")

    @tool(effect="write")
    async def alone(context: ToolContext, arguments: Nothing) -> ToolResult:
        """Notes when it begins and ends."""
        log.append("begin")
        await asyncio.sleep(0.02)
        log.append("end")
        return ToolResult("", "alone")

    @tool(effect="read")
    async def hang(context: ToolContext, arguments: Nothing) -> ToolResult:
        """Never returns."""
        log.append("hanging")
        await asyncio.Event().wait()
        raise AssertionError

    @tool(effect="read")
    async def unavailable(context: ToolContext, arguments: Nothing) -> ToolResult:
        """Raises an error of ours within a group."""

        async def fail() -> None:
            raise Unavailable("The sandbox is gone.", hint="Start it again.")

        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
        raise AssertionError

    @tool(effect="write")
    async def broken(context: ToolContext, arguments: Nothing) -> ToolResult:
        """Has a bug."""
        raise ZeroDivisionError("by zero")

    return {made.name: made for made in (meet, alone, hang, unavailable, broken)}


async def test_reads_run_together_and_changes_one_at_a_time_in_order(tmp_path):
    log: list[str] = []
    async with bench(tmp_path, waiting_tools(log)) as b:
        names = ["meet", "meet", "alone", "alone"]
        calls = [ToolCall(f"r1.{number}", name, "{}") for number, name in enumerate(names)]
        results = await asyncio.wait_for(b.runner.run_all(calls, by="agent", turn="t1"), 20)
        assert [result.summary for result in results] == ["met", "met", "alone", "alone"]
        assert log == ["met", "met", "begin", "end", "begin", "end"]
        await asyncio.gather(*(b.call("alone") for _ in range(3)))
        assert log[6:] == ["begin", "end"] * 3


async def test_stopping_reads_that_run_together_records_each(tmp_path):
    log: list[str] = []
    async with bench(tmp_path, waiting_tools(log)) as b:
        calls = [ToolCall(f"r1.{number}", "hang", "{}") for number in range(3)]
        task = asyncio.create_task(b.runner.run_all([*calls, ToolCall("r1.9", "alone", "{}")], by="agent", turn="t1"))
        while len(log) < 3:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [finished["summary"] for finished in b.journal.of("tool.finished")] == ["Stopped"] * 3
        assert log == ["hanging"] * 3


@pytest.mark.parametrize("effect", ["read", "write"])
async def test_a_stop_as_a_tool_returns_leaves_its_end_in_the_log(tmp_path, effect: Effect):
    @tool(effect=effect)
    async def late(context: ToolContext, arguments: Nothing) -> ToolResult:
        """Is stopped while it returns."""
        calling = asyncio.current_task()
        assert calling
        calling.cancel()
        return ToolResult("Done.", "Done")

    async with bench(tmp_path, {"late": late}) as b:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(b.call("late"))
        assert [finished["summary"] for finished in b.journal.of("tool.finished")] == ["Done"]


async def test_errors_become_results(tmp_path):
    async with bench(tmp_path, waiting_tools([])) as b:
        gone = await b.call("unavailable")
        assert (gone.ok, gone.text) == (False, "The sandbox is gone. Start it again.")
        bug = await b.call("broken")
        assert "ZeroDivisionError: by zero" in bug.text
        assert [event["ok"] for event in b.journal.of("tool.finished")] == [False, False]


async def test_what_another_process_does_during_a_command_is_not_taken_for_a_persons_edit(tmp_path):
    async with bench(tmp_path) as b:
        command = asyncio.create_task(b.call("run_command", {"command": "echo 1 > made.txt; echo go; sleep 1"}))
        while not any("go" in data.get("text", "") for _, data in b.journal.lives):
            await asyncio.sleep(0.01)
        assert "made.txt" in (await b.call("list_files", by="person")).text
        assert not command.done()
        await command
        assert [event["by"] for event in b.journal.of("file.changed")] == ["command"]


def test_a_broken_package_does_not_take_the_tools_away(monkeypatch, caplog):
    class Point:
        def __init__(self, name: str, value: Any) -> None:
            self.name = self.value = name
            self.loaded = value
            self.dist = None

        def load(self) -> Any:
            if isinstance(self.loaded, Exception):
                raise self.loaded
            return self.loaded

    extra = waiting_tools([])
    points = [Point("a", ImportError("no")), Point("b", [extra["meet"]]), Point("c", [1]), Point("d", [extra["meet"]])]
    monkeypatch.setattr(registry, "entry_points", lambda group: [])
    registry.find_tools.cache_clear()
    ours = len(registry.load_tools())
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    registry.find_tools.cache_clear()
    tools = registry.load_tools()
    registry.find_tools.cache_clear()
    assert len(tools) == ours + 1
    assert "meet" in tools
    assert "The tools of a cannot be loaded" in caplog.text
    assert "the name is taken" in caplog.text
