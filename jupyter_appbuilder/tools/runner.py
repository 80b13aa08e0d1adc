"""Runs tools for any caller and records their results."""

from __future__ import annotations

import asyncio
import json
import logging
import posixpath
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from ..cancellation import uncut
from ..errors import AppBuilderError, InvalidInput, NotFound
from ..events import By, Draft, Event, KeptPicture, Mode
from ..log.journal import Journal
from ..log.pictures import LARGEST, MEDIA_TYPES
from ..vault.mask import Mask
from .arguments import understood, validated
from .base import Picture, Tool, ToolCall, ToolContext, ToolResult
from .modes import refusal
from .names import CHECK, known_name
from .seen import Seen

if TYPE_CHECKING:
    from ..approvals.gate import Gate
    from ..workspace import FileChange, Workspace
    from .diagnostics import Diagnostics
    from .page_news import PageNews

T = TypeVar("T")
OnOutput = Callable[[Literal["stdout", "stderr"], str], None]

STOPPED = ToolResult("Stopped before it was done.", "Stopped", ok=False, detail={"reason": "stopped"})

MOST_PICTURES = 4  # of one result
LONGEST_ALT = 300
LONGEST_TEXT = 4_000_000  # characters that are kept of a result
LONGEST_SUMMARY = 300
NEWS = ("page_news", "diagnostics")
"""Names in a result's detail of what the runner adds; a tool's own of that name are left out."""

log = logging.getLogger(__name__)


class ToolRunner:
    """Runs the tools of one session. ``context`` makes what a tool works with, given where its output goes.

    Tools that only read run beside each other; the others one at a time.
    """

    def __init__(
        self,
        tools: Mapping[str, Tool[Any]],
        context: Callable[[OnOutput], ToolContext],
        journal: Journal,
        seen: Seen | None = None,
        mode: Callable[[str | None], Mode] | None = None,
        diagnostics: Diagnostics | None = None,
        page_news: PageNews | None = None,
        gate: Gate | None = None,
        keep_picture: Callable[[bytes], Coroutine[Any, Any, str]] | None = None,
        mask: Mask | None = None,
    ) -> None:
        """``mode`` tells what a turn is for: the agent's calls keep to it. ``diagnostics`` and ``page_news`` add to
        their results what was found meanwhile. ``gate`` asks the person about them, or turns them away.
        ``keep_picture`` stores a picture of a result; its SHA-256. ``mask`` takes the app's secrets out of results."""
        self.tools = tools
        self._gate = gate
        self._mode = mode
        self._seen = seen or Seen()
        self.diagnostics = diagnostics
        self._page_news = page_news
        self._keep_picture = keep_picture
        self._mask = mask or Mask()
        self._context = context
        self._journal = journal
        self._lock = asyncio.Lock()

    def forget(self, events: Sequence[Event]) -> None:
        """Take it from the log anew what the agent has seen of the files: a turn was dropped."""
        self._seen = Seen(events)

    def definitions(self) -> list[dict[str, Any]]:
        """The tools that a model is offered, in the OpenAI function-calling format."""
        return [tool.definition() for tool in self.tools.values() if not tool.for_people]

    async def run(
        self,
        name: str,
        arguments: dict[str, Any] | str,
        *,
        call: str,
        by: By,
        turn: str | None = None,
        already_started: bool = False,
    ) -> ToolResult:
        """Run one tool and store what happened. Whatever goes wrong becomes a result with ``ok = False``.

        Cancelling stops the tool; its ``tool.finished`` is stored all the same before ``CancelledError`` goes on.
        ``already_started``: the log holds its start, from a process that died before its end.
        """
        name = known_name(name, self.tools)
        job = _Job(name, call, by, turn, stored=already_started)
        try:
            tool = self.tools.get(name)
            if tool is None or (tool.for_people and by == "agent"):
                offered = sorted(tool.name for tool in self.tools.values() if not tool.for_people)
                raise NotFound(
                    f"There is no tool {name[:100]!r}.",
                    hint=f"Use one of: {', '.join(offered)}.",
                    reason="unknown_tool",
                )
            if by == "agent" and self._mode and (refused := refusal(tool, self._mode(turn))):
                raise refused
            checked = validated(tool, understood(arguments))
        except AppBuilderError as error:
            job.arguments = _as_given(arguments)
            result = _failed(error)
            await uncut(self._journal.append(*job.starting(), job.finished(result)))
            return result
        job.arguments = checked.model_dump(mode="json", exclude_unset=True)
        if by == "agent" and self._gate and (result := await self._turned_away(self._gate, tool, job)):
            await uncut(self._journal.append(*job.starting(), job.finished(result)))
            return result
        if by == "agent" and self._page_news:
            self._page_news.begin_call(turn)
        if by == "agent" and self.diagnostics and (self._mode is None or self._mode(turn) == "build"):
            self.diagnostics.begin_call(turn)
        if tool.effect == "read":
            return await self._run_reading(tool, checked, job)
        async with self._lock:
            return await self._run_changing(tool, checked, job)

    async def _turned_away(self, gate: Gate, tool: Tool[Any], job: _Job) -> ToolResult | None:
        try:
            return await gate.refusal(tool, job.arguments or {}, self._context_of(job))
        except AppBuilderError as error:
            return _failed(error)

    async def run_all(self, calls: Sequence[ToolCall], *, by: By, turn: str | None) -> list[ToolResult]:
        """Run the calls of one response: neighbours that only read together, the rest in order."""
        results: list[ToolResult] = []
        for reading, group in groupby(calls, key=self._only_reads):
            if reading:
                results += await self._run_together(list(group), by, turn)
                continue
            for item in group:
                results.append(await self._run_item(item, by, turn))
        return results

    async def _run_item(self, item: ToolCall, by: By, turn: str | None) -> ToolResult:
        already = item.already_started
        return await self.run(item.tool, item.arguments, call=item.call, by=by, turn=turn, already_started=already)

    def _only_reads(self, item: ToolCall) -> bool:
        tool = self.tools.get(known_name(item.tool, self.tools))
        return tool is not None and tool.effect == "read"

    async def _run_together(self, calls: Sequence[ToolCall], by: By, turn: str | None) -> list[ToolResult]:
        running = [asyncio.ensure_future(self._run_item(item, by, turn)) for item in calls]
        try:
            return list(await asyncio.gather(*running))
        except BaseException:
            # Each has its ending to store before anything else is.
            for task in running:
                task.cancel()
            await uncut(_ended(running))
            raise

    def _context_of(self, job: _Job) -> ToolContext:
        context = self._context(self._output(job))
        return replace(context, call=job.call, turn=job.turn, seen=self._seen if job.by == "agent" else None)

    async def _run_reading(self, tool: Tool[Any], arguments: Any, job: _Job) -> ToolResult:
        context = self._context_of(job)
        if self._lock.locked():
            # A command may be at work: what differs now need not be a person's doing. It is looked at later.
            stop = await self._begin(job, self._store_start(job))
        else:
            async with self._lock:
                stop = await self._begin(job, self._start(context.workspace, tool, job))
        result = STOPPED
        if stop is None:
            result, stop = await self._attempt(tool, context, arguments)
        if context.seen and result.ok:
            context.seen.learn(result.detail)
        result = self._with_news(result, job)
        await uncut(self._finish_reading(job, result))
        if stop:
            raise stop
        return result

    async def _run_changing(self, tool: Tool[Any], arguments: Any, job: _Job) -> ToolResult:
        context = self._context_of(job)
        workspace = context.workspace
        stop = await self._begin(job, self._start(workspace, tool, job))
        result = STOPPED
        if stop is None:
            result, stop = await self._attempt(tool, context, arguments)
        if context.seen and result.ok:
            context.seen.learn(result.detail)
        result = self._with_news(result, job)
        await uncut(self._finish(workspace, tool, job, result))
        if stop:
            raise stop
        return result

    async def _kept(self, result: ToolResult) -> list[KeptPicture]:
        """Store a result's pictures; those that there is no room for are left out."""
        kept: list[KeptPicture] = []
        if self._keep_picture is None:
            return kept
        for picture in result.pictures[:MOST_PICTURES]:
            if len(picture.data) > LARGEST or picture.media_type not in MEDIA_TYPES:
                continue
            with suppress(OSError):
                sha256 = await self._keep_picture(picture.data)
                kept.append(
                    {
                        "sha256": sha256,
                        "width": picture.width,
                        "height": picture.height,
                        "alt": picture.alt[:LONGEST_ALT],
                        "media_type": picture.media_type,
                    }
                )
        return kept

    def _with_news(self, result: ToolResult, job: _Job) -> ToolResult:
        """``result`` with what was found in the background since the last one."""
        if job.turn is None or result is STOPPED:
            return result
        if job.tool == CHECK:  # which says it all
            if self._page_news:
                self._page_news.heard_all()
            if self.diagnostics and (types := result.detail.get("types")):
                self.diagnostics.learn_check(types["output"], ok=types["ok"])
            return result
        if job.by != "agent":
            return result
        for source in (self._page_news, self.diagnostics):
            result = source.add_news(result) if source else result
        return result

    async def _begin(self, job: _Job, start: Coroutine[Any, Any, Any]) -> asyncio.CancelledError | None:
        """Store that a call started. When stopped meanwhile, that is returned: what has started also has to end."""
        try:
            await uncut(start)
        except asyncio.CancelledError as stop:
            if not job.stored:
                raise
            return stop
        return None

    async def _attempt(
        self, tool: Tool[Any], context: ToolContext, arguments: Any
    ) -> tuple[ToolResult, asyncio.CancelledError | None]:
        try:
            return self._masked(_sound(await tool.run(context, arguments))), None
        except asyncio.CancelledError as stop:
            return STOPPED, stop
        except AppBuilderError as error:
            return self._masked(_failed(error)), None
        except (Exception, SystemExit) as error:  # which would end the server
            if (ours := _ours_within(error)) is not None:
                return self._masked(_failed(ours)), None
            log.exception("Tool %s failed", tool.name)
            text = f"The tool {tool.name} broke down: {type(error).__name__}: {str(error)[:1000]}"
            broken = ToolResult(text, f"{tool.name} broke down", ok=False, detail={"reason": "internal"})
            return self._masked(broken), None

    def _masked(self, result: ToolResult) -> ToolResult:
        text, summary = self._mask.text(result.text), self._mask.text(result.summary)
        return replace(result, text=text, summary=summary, detail=self._mask.data(result.detail))

    async def _store_start(self, job: _Job, *before: Draft) -> None:
        await self._journal.append(*before, *job.starting())
        job.stored = True

    async def _start(self, workspace: Workspace, tool: Tool[Any], job: _Job) -> None:
        found = await workspace.outside_changes()
        tree = await workspace.known() if found else ""
        changed = [by_others(change, patch, _author(workspace, change), tree) for change, patch in found]
        workspace.take_changes()
        job.before = await workspace.known()
        job.data = workspace.data_files()
        job.told = await _told_by_arguments(workspace, tool, job)
        await self._store_start(job, *changed)
        if changed:
            await workspace.commit_known()

    async def _finish_reading(self, job: _Job, result: ToolResult) -> None:
        job.pictures = await self._kept(result)
        await self._journal.append(job.finished(result))

    async def _finish(self, workspace: Workspace, tool: Tool[Any], job: _Job, result: ToolResult) -> None:
        job.pictures = await self._kept(result)
        runs_code = tool.effect == "command"
        changes: list[FileChange] = workspace.take_changes()
        found = await workspace.take_unseen()
        by: By = job.by
        patch: str | None = None
        if job.before is not None and not (job.told and _as_told(changes, tool, job)):
            found = []  # in the patch
            try:
                after = await (workspace.snapshot(made_since=job.data) if runs_code else workspace.known())
                changes = await workspace.changes(job.before, after)
                patch = await workspace.patch(job.before, after)
                await workspace.know(after)
                by = "command" if runs_code else by
            except (AppBuilderError, OSError) as error:
                # It is found as an outside change by whoever looks next.
                log.warning("What %s changed cannot be told: %s", job.tool, error)
                changes, patch = [], None
                with suppress(AppBuilderError):
                    await workspace.know(job.before)
        tree = await workspace.known() if changes or found else ""
        files = [
            Draft("file.changed", {**_counted(change), "by": by, "call": job.call, "tree": tree}) for change in changes
        ]
        overwritten = [by_others(change, its_patch, _author(workspace, change), tree) for change, its_patch in found]
        await self._journal.append(*overwritten, job.finished(result, patch), *files)
        if files or overwritten:
            await workspace.commit_known()
            if self.diagnostics:
                self.diagnostics.changed()

    def _output(self, job: _Job) -> OnOutput:
        def output(stream: Literal["stdout", "stderr"], text: str) -> None:
            self._journal.live("tool.output", {"call": job.call, "stream": stream, "text": text})

        return output


def _sound(result: Any) -> ToolResult:
    """A tool's result as it can be stored. Raises ``TypeError`` for what is none: tools may be another package's."""
    if not isinstance(result, ToolResult):
        raise TypeError(f"it returned {type(result).__name__} in place of a ToolResult")
    given = cast("Any", result)  # whose fields may be anything all the same
    if not (isinstance(given.text, str) and isinstance(given.summary, str)):
        raise TypeError("its text or summary is no text")
    if not all(isinstance(one, Picture) and isinstance(cast("Any", one).data, bytes) for one in given.pictures):
        raise TypeError("a picture of it is none: a Picture of bytes is")
    if not isinstance(given.detail, dict):
        raise TypeError("its detail is no object")
    try:
        json.dumps(result.detail, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"its detail is no JSON: {error}") from None
    more = len(result.text) - LONGEST_TEXT
    text = f"{result.text[:LONGEST_TEXT]}\n… and {more} more characters" if more > 0 else result.text
    detail = {name: value for name, value in result.detail.items() if name not in NEWS}
    return replace(result, text=text, summary=result.summary[:LONGEST_SUMMARY], detail=detail)


@dataclass(slots=True)
class _Job:
    """One call on its way, and the two events that frame it."""

    tool: str
    call: str
    by: By
    turn: str | None
    arguments: dict[str, Any] | None = None
    began: float = 0.0
    before: str | None = None  # the known tree when it started
    data: frozenset[str] = frozenset()  # files of the app's data folders when it started
    told: bool = False  # whether its arguments tell what it does: otherwise that is kept as a patch
    stored: bool = False  # whether its start is in the log
    pictures: Sequence[KeptPicture] = ()

    def starting(self) -> list[Draft]:
        """The event of its start, unless the log holds it already."""
        self.began = time.monotonic()
        data = {"turn": self.turn, "call": self.call, "tool": self.tool, "arguments": self.arguments or {}}
        return [] if self.stored else [Draft("tool.started", data | {"by": self.by})]

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
        data |= {"pictures": self.pictures} if self.pictures else {}
        return Draft("tool.finished", data if patch is None else data | {"patch": patch})


def _as_given(arguments: dict[str, Any] | str) -> dict[str, Any]:
    try:
        return understood(arguments)
    except InvalidInput:
        return {"raw": arguments}


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


async def _told_by_arguments(workspace: Workspace, tool: Tool[Any], job: _Job) -> bool:
    """True if doing the same again would give the same: not where it begins with a file that is no part of the app's
    versions, which a replay has not, nor where it changes which files are."""
    given = job.arguments or {}
    paths = [str(given.get(name, "")) for name in tool.files]
    if tool.replay is None or any(path.rstrip("/").rpartition("/")[2] == ".gitignore" for path in paths):
        return False
    try:
        return all([await workspace.knows(str(given.get(name))) for name in tool.replay])
    except AppBuilderError:
        return True  # a path the tool will refuse


def _as_told(changes: Sequence[FileChange], tool: Tool[Any], job: _Job) -> bool:
    """True if a tool changed the very files that its arguments name. A link on the way leads to another one, and a
    replay need not have that link."""
    given = job.arguments or {}
    named = {posixpath.normpath(str(given[name])) for name in tool.files if name in given}
    return all(change.path in named for change in changes)


def _author(workspace: Workspace, change: FileChange) -> By:
    return "command" if workspace.is_data(change.path) else "person"


def by_others(change: FileChange, patch: str, by: By, tree: str) -> Draft:
    """A change that no tool call explains; ``tree`` is the known tree with it."""
    return Draft("file.changed", {**_counted(change), "by": by, "patch": patch, "tree": tree})


def _counted(change: FileChange) -> dict[str, Any]:
    return {"path": change.path, "change": change.change, "added": change.added, "removed": change.removed}


async def _ended(tasks: Sequence[asyncio.Future[Any]]) -> None:
    await asyncio.wait(tasks)
