"""Runs tools, whoever asks, and writes down what they did."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import ValidationError

from ..errors import AppBuilderError, InvalidInput, NotFound
from ..events import By, Draft
from ..journal import Journal
from .base import Tool, ToolCall, ToolContext, ToolResult

if TYPE_CHECKING:
    from ..workspace import FileChange, Workspace

T = TypeVar("T")
OnOutput = Callable[[Literal["stdout", "stderr"], str], None]

log = logging.getLogger(__name__)


class ToolRunner:
    """Runs the tools of one session. ``context`` makes what a tool works with, given where its output goes.

    Tools that only read run beside each other; the others one at a time.
    """

    def __init__(
        self, tools: Mapping[str, Tool[Any]], context: Callable[[OnOutput], ToolContext], journal: Journal
    ) -> None:
        self.tools = tools
        self._context = context
        self._journal = journal
        self._lock = asyncio.Lock()

    def definitions(self) -> list[dict[str, Any]]:
        """The tools in the OpenAI function-calling format."""
        return [tool.definition() for tool in self.tools.values()]

    async def run(
        self, name: str, arguments: dict[str, Any] | str, *, call: str, by: By, turn: str | None = None
    ) -> ToolResult:
        """Run one tool and store what happened. Whatever goes wrong becomes a result with ``ok = False``.

        Cancelling stops the tool; its ``tool.finished`` is stored all the same before ``CancelledError`` goes on.
        """
        job = _Job(name, call, by, turn)
        try:
            tool = self.tools.get(name)
            if tool is None:
                raise NotFound(
                    f"There is no tool {name[:100]!r}.",
                    hint=f"Use one of: {', '.join(sorted(self.tools))}.",
                    reason="unknown_tool",
                )
            checked = _checked(tool, _parsed(arguments))
        except AppBuilderError as error:
            job.arguments = _as_given(arguments)
            result = _failed(error)
            await _whole(self._journal.append(job.started(), job.finished(result)))
            return result
        job.arguments = checked.model_dump(mode="json", exclude_unset=True)
        if tool.effect == "read":
            return await self._run_reading(tool, checked, job)
        async with self._lock:
            return await self._run_changing(tool, checked, job)

    async def run_all(self, calls: Sequence[ToolCall], *, by: By, turn: str | None) -> list[ToolResult]:
        """Run the calls of one response: neighbours that only read together, the rest in order."""
        results: list[ToolResult] = []
        for reading, group in groupby(calls, key=self._only_reads):
            if reading:
                results += await self._run_together(list(group), by, turn)
                continue
            for item in group:
                results.append(await self.run(item.tool, item.arguments, call=item.call, by=by, turn=turn))
        return results

    def _only_reads(self, item: ToolCall) -> bool:
        tool = self.tools.get(item.tool)
        return tool is not None and tool.effect == "read"

    async def _run_together(self, calls: Sequence[ToolCall], by: By, turn: str | None) -> list[ToolResult]:
        running = [
            asyncio.ensure_future(self.run(item.tool, item.arguments, call=item.call, by=by, turn=turn))
            for item in calls
        ]
        try:
            return list(await asyncio.gather(*running))
        except BaseException:
            # Each has its ending to store before anything else is.
            for task in running:
                task.cancel()
            await _whole(_ended(running))
            raise

    async def _run_reading(self, tool: Tool[Any], arguments: Any, job: _Job) -> ToolResult:
        context = self._context(self._output(job))
        if self._lock.locked():
            # A command may be at work: what differs now need not be a person's doing. It is looked at later.
            await _whole(self._journal.append(job.started()))
        else:
            async with self._lock:
                await _whole(self._start(context.workspace, job))
        result, stop = await self._attempt(tool, context, arguments)
        await _whole(self._journal.append(job.finished(result)))
        if stop:
            raise stop
        return result

    async def _run_changing(self, tool: Tool[Any], arguments: Any, job: _Job) -> ToolResult:
        context = self._context(self._output(job))
        workspace = context.workspace
        await _whole(self._start(workspace, job))
        result, stop = await self._attempt(tool, context, arguments)
        await _whole(self._finish(workspace, job, result, runs_code=tool.effect == "command"))
        if stop:
            raise stop
        return result

    async def _attempt(
        self, tool: Tool[Any], context: ToolContext, arguments: Any
    ) -> tuple[ToolResult, asyncio.CancelledError | None]:
        try:
            return await tool.run(context, arguments), None
        except asyncio.CancelledError as stop:
            return ToolResult("Stopped before it was done.", "Stopped", ok=False, detail={"reason": "stopped"}), stop
        except AppBuilderError as error:
            return _failed(error), None
        except Exception as error:
            if (ours := _ours_within(error)) is not None:
                return _failed(ours), None
            log.exception("Tool %s failed", tool.name)
            text = f"The tool {tool.name} broke down: {type(error).__name__}: {str(error)[:1000]}"
            return ToolResult(text, f"{tool.name} broke down", ok=False, detail={"reason": "internal"}), None

    async def _start(self, workspace: Workspace, job: _Job) -> None:
        changed = [
            Draft("file.changed", {**_counted(change), "by": "person", "patch": patch})
            for change, patch in await workspace.outside_changes()
        ]
        workspace.take_changes()
        await self._journal.append(*changed, job.started())
        if changed:
            await workspace.settle()

    async def _finish(self, workspace: Workspace, job: _Job, result: ToolResult, *, runs_code: bool) -> None:
        changes: list[FileChange] = workspace.take_changes()
        by: By = job.by
        patch: str | None = None
        if runs_code:
            try:
                before, after = await workspace.known(), await workspace.accept()
                changes, patch = await workspace.changes(before, after), await workspace.patch(before, after)
                by = "command"
            except AppBuilderError as error:
                log.warning("What %s changed cannot be told: %s", job.tool, error)
        files = [Draft("file.changed", {**_counted(change), "by": by, "call": job.call}) for change in changes]
        await self._journal.append(job.finished(result, patch), *files)
        if files:
            await workspace.settle()

    def _output(self, job: _Job) -> OnOutput:
        def output(stream: Literal["stdout", "stderr"], text: str) -> None:
            self._journal.live("tool.output", {"call": job.call, "stream": stream, "text": text})

        return output


@dataclass(slots=True)
class _Job:
    """One call on its way, and the two events that frame it."""

    tool: str
    call: str
    by: By
    turn: str | None
    arguments: dict[str, Any] | None = None
    began: float = 0.0

    def started(self) -> Draft:
        self.began = time.monotonic()
        data = {"turn": self.turn, "call": self.call, "tool": self.tool, "arguments": self.arguments or {}}
        return Draft("tool.started", data | {"by": self.by})

    def finished(self, result: ToolResult, patch: str | None = None) -> Draft:
        data: dict[str, Any] = {
            "turn": self.turn,
            "call": self.call,
            "tool": self.tool,
            "ok": result.ok,
            "summary": result.summary,
            "text": result.text,
            "detail": result.detail,
            "duration_ms": round((time.monotonic() - self.began) * 1000),
        }
        return Draft("tool.finished", data if patch is None else data | {"patch": patch})


def _parsed(arguments: dict[str, Any] | str) -> dict[str, Any]:
    if isinstance(arguments, dict):
        return arguments
    try:
        parsed: Any = json.loads(arguments) if arguments.strip() else {}
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidInput(
            f"The arguments are not valid JSON: {error}.",
            hint="Send one JSON object; quotes and line breaks within strings need a backslash.",
            reason="invalid_arguments",
        ) from None
    if not isinstance(parsed, dict):
        raise InvalidInput(
            "The arguments are not a JSON object.", hint="Send them by name.", reason="invalid_arguments"
        )
    return parsed  # pyright: ignore[reportUnknownVariableType]


def _as_given(arguments: dict[str, Any] | str) -> dict[str, Any]:
    try:
        return _parsed(arguments)
    except InvalidInput:
        return {"raw": arguments}


def _checked(tool: Tool[Any], given: dict[str, Any]) -> Any:
    try:
        return tool.arguments.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        fields = [".".join(map(str, fault["loc"])) or "arguments" for fault in faults]
        said = "; ".join(f"{field}: {fault['msg']}" for field, fault in zip(fields[:8], faults, strict=False))
        raise InvalidInput(
            f"The arguments of {tool.name} do not fit: {said}.",
            hint=f"It takes: {', '.join(tool.arguments.model_fields) or 'no arguments'}.",
            reason="invalid_arguments",
            field=fields[0],
        ) from None


def _failed(error: AppBuilderError) -> ToolResult:
    detail = {"reason": error.reason} | ({"field": error.field} if error.field else {})
    return ToolResult(str(error), error.message.split("\n", 1)[0], ok=False, detail=detail)


def _ours_within(error: BaseException) -> AppBuilderError | None:
    """An error of ours inside a group, as a task group raises it."""
    if isinstance(error, AppBuilderError):
        return error
    if isinstance(error, BaseExceptionGroup):
        inner: tuple[BaseException, ...] = error.exceptions  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return next((ours for item in inner if (ours := _ours_within(item)) is not None), None)
    return None


def _counted(change: FileChange) -> dict[str, Any]:
    return {"path": change.path, "change": change.change, "added": change.added, "removed": change.removed}


async def _ended(tasks: Sequence[asyncio.Future[Any]]) -> None:
    await asyncio.wait(tasks)


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """Await work that must not be cut short: when cancelled, it is finished first."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        raise
