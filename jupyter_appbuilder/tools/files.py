"""Tools that list, read, write, edit, delete and rename files."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ..errors import InvalidInput, NotFound
from ..formats.text import encodable
from ..workspace import FileChange
from ..workspace.ignore import is_secret_path
from ..workspace.lines import unified
from ..workspace.scan import is_binary
from ..workspace.secret_files import holds_secrets
from ..workspace.workspace import LARGEST_TEXT
from .base import Arguments, CellLine, Tool, ToolContext, ToolResult, tool
from .bounds import clipped, is_placeholder
from .edits import apply_edits
from .matching import numbered
from .secret_files import NOTE, described
from .seen import digest

if TYPE_CHECKING:
    from ..workspace import Workspace

LARGEST_DIFF = 64 * 1024  # bytes, in a result's detail
TOO_LARGE = (
    "Have a command in the app make or fetch it. A person can also upload it into the app's folder, or call app.write."
)
MOST_SEARCHED = 50_000_000  # characters of a file, times the edits of one call


class ListFiles(Arguments):
    path: str = Field(default="", description="Folder to list, e.g. src/components. Empty for the whole app.")


def _again(_: Mapping[str, Any]) -> str:
    return "call it again if needed"


@tool(effect="read", verb=("Listing files", "Listed files"), icon="list", stub=_again)
async def list_files(context: ToolContext, arguments: ListFiles) -> ToolResult:
    """List the app's files with their sizes in bytes, folders below folders. Ignored files and node_modules are left
    out."""
    files = await context.workspace.list(arguments.path)
    folder = arguments.path.strip("./")
    if not files and folder:
        raise NotFound(f"There is nothing in {arguments.path}.", hint="Call list_files without a path.", field="path")
    text = "\n".join(f"{file.path}  {file.size}{' binary' if file.binary else ''}" for file in files)
    return ToolResult(
        text or "The app has no files yet.",
        f"Listed {folder or 'the app'} ({_count(len(files), 'file')})",
        detail={"path": arguments.path, "files": len(files)},
    )


class ReadFile(Arguments):
    path: str = Field(description="File to read, e.g. src/App.tsx")
    start_line: int | None = Field(default=None, ge=1, description="First line, from 1. Leave out to start at the top.")
    end_line: int | None = Field(default=None, ge=1, description="Last line, inclusive. Leave out to read to the end.")


def _read_again(finished: Mapping[str, Any]) -> str:
    start, end = finished["detail"].get("start_line"), finished["detail"].get("end_line")
    known = isinstance(start, int) and isinstance(end, int)
    return f"{end - start + 1 if known else finished['text'].count(chr(10))} lines, read again if needed"


@tool(effect="read", verb=("Reading", "Read"), icon="eye", opens="path", atomic=True, stub=_read_again)
async def read_file(context: ToolContext, arguments: ReadFile) -> ToolResult:
    """Read a text file, or a range of its lines. Each line comes with its number and a tab before it, which are not
    part of the file: leave them out of edits."""
    if holds_secrets(context.workspace, arguments.path):
        text = described(_named(arguments.path), await context.workspace.read(arguments.path))
        detail = {"path": _named(arguments.path), "secret": True}
        return ToolResult(text, f"Looked at {arguments.path} (its secrets are not shown)", detail=detail)
    content = await context.workspace.read_text(arguments.path)
    lines = content.split("\n")
    if lines[-1] == "":
        lines.pop()
    total = len(lines)
    start = arguments.start_line or 1
    end = min(arguments.end_line or total, total)
    if arguments.end_line is not None and arguments.end_line < start:
        raise InvalidInput("end_line lies before start_line.", hint="Give the first line first.", field="end_line")
    detail = {"path": _named(arguments.path), "start_line": start, "end_line": end, "lines": total}
    detail["sha"] = digest(content)
    if not total:
        return ToolResult(f"{arguments.path} is empty.", f"Read {arguments.path} (empty)", detail=detail)
    if start > total:
        raise InvalidInput(
            f"{arguments.path} has {_count(total, 'line')}; there is no line {start}.",
            hint="Read it without a range, or from an earlier line.",
            field="start_line",
        )
    part = start > 1 or end < total
    head = f"{arguments.path}, lines {start}–{end} of {total}" if part else f"{arguments.path}, {_count(total, 'line')}"
    text = f"{head}\n{numbered([line.removesuffix(chr(13)) for line in lines[start - 1 : end]], start)}"
    return ToolResult(text, f"Read {arguments.path}" + (f" ({start}–{end})" if part else ""), detail=detail)


class WriteFile(Arguments):
    path: str = Field(description="File to write, e.g. src/components/Button.tsx. Folders are made as needed.")
    content: str = Field(description="The whole file.")


def _write_cell(arguments: Mapping[str, Any]) -> CellLine:
    if is_secret_path(arguments["path"]):
        return CellLine("write", (arguments["path"],), {"unrecorded": ""})
    return CellLine("write", (arguments["path"],), content=arguments.get("content", ""))


async def _unwrite(workspace: Workspace, arguments: Mapping[str, Any]) -> None:
    path = str(arguments["path"])
    if await _on_disk(workspace, path) == str(arguments["content"]).encode():
        await workspace.put_back(path)


@tool(
    effect="write",
    verb=("Writing", "Wrote"),
    icon="filePlus",
    opens="path",
    atomic=True,
    cell=_write_cell,
    replay=(),
    undo=_unwrite,
)
async def write_file(context: ToolContext, arguments: WriteFile) -> ToolResult:
    """Create a file, or replace all of its content. To change part of a file, use edit_file instead."""
    _check_size(arguments.content, "content")
    _check_whole(arguments.content, "content")
    if holds_secrets(context.workspace, arguments.path):
        return _kept_secret("Wrote", await context.workspace.write(arguments.path, arguments.content))
    before = await _text_before(context, arguments.path)
    if context.seen and before:
        context.seen.require(_named(arguments.path), before)
    change = await context.workspace.write(arguments.path, arguments.content)
    sha = {"sha": digest(arguments.content)}
    if change.change == "modified" and before == arguments.content:
        text = f"{arguments.path} already had this content; nothing changed. Go on to what is next, or finish."
        return ToolResult(text, f"{arguments.path} unchanged", detail=_detail(change, "") | sha)
    verb = "Created" if change.change == "created" else "Wrote"
    diff = ""
    if before is not None:
        diff = await asyncio.to_thread(unified, before, arguments.content, arguments.path)
    return ToolResult(
        f"{verb} {arguments.path} ({_signs(change)} lines).",
        f"{verb} {arguments.path} ({_signs(change)})",
        detail=_detail(change, diff) | sha,
    )


class Edit(Arguments):
    search: str = Field(
        description="Whole lines as they stand in the file (or an exact part of one line); they must occur once."
    )
    replace: str = Field(description="What comes in their place. Empty to delete them.")
    replace_all: bool = Field(default=False, description="Replace the exact text everywhere, however often it occurs.")


class EditFile(Arguments):
    path: str = Field(description="File to change, e.g. src/App.tsx")
    edits: list[Edit] = Field(min_length=1, description="Made in order; if one does not fit, none is made.")


def _edit_cell(arguments: Mapping[str, Any]) -> CellLine | None:
    if is_secret_path(arguments["path"]):
        return None
    return CellLine("edit", (arguments["path"],), content=arguments.get("edits", []))


async def _unedit(workspace: Workspace, arguments: Mapping[str, Any]) -> None:
    path = str(arguments["path"])
    before = await workspace.known_content(path)
    if before is not None:
        after = (await asyncio.to_thread(apply_edits, before.decode(), arguments["edits"])).encode()
        if await _on_disk(workspace, path) == after:
            await workspace.put_back(path)


@tool(
    effect="write",
    verb=("Editing", "Edited"),
    icon="pencil",
    opens="path",
    atomic=True,
    cell=_edit_cell,
    replay=("path",),
    undo=_unedit,
)
async def edit_file(context: ToolContext, arguments: EditFile) -> ToolResult:
    """Change parts of a file by search and replace. Read the file first and copy the lines exactly, without line
    numbers; take just enough lines around the change to make each search unique."""
    before = await context.workspace.read_text(arguments.path)
    secret = holds_secrets(context.workspace, arguments.path)
    if context.seen and not secret:
        context.seen.require(_named(arguments.path), before)
    for edit in arguments.edits:
        _check_whole(edit.search, "edits")
        _check_whole(edit.replace, "edits")
    if len(arguments.edits) > 1 and len(arguments.edits) * len(before) > MOST_SEARCHED:
        most = max(1, MOST_SEARCHED // len(before))
        raise InvalidInput(
            f"These are too many edits at once for a file of {len(before):,} characters. Nothing was changed.",
            hint=f"Make at most {most} at a time.",
            field="edits",
        )
    notes: list[str] = []
    edits = [edit.model_dump() for edit in arguments.edits]
    try:
        after = await asyncio.to_thread(apply_edits, before, edits, notes)
    except InvalidInput:
        if not secret:
            raise
        raise InvalidInput(
            f"The search text does not stand once in {arguments.path}, which is not shown: it holds secrets.",
            hint="Search for the name of a setting with its '='; read_file lists the names.",
            field="edits",
        ) from None
    _check_size(after, "edits")
    if after == before:
        raise InvalidInput(
            "The edits undo each other: the file would stay as it is.", hint="See what should change.", field="edits"
        )
    change = await context.workspace.write(arguments.path, after, replacing=before.encode())
    if secret:
        return _kept_secret("Edited", change)
    shown = await asyncio.to_thread(unified, before, after, arguments.path, context=2)
    return ToolResult(
        "\n".join([f"Edited {arguments.path} ({_signs(change)} lines):", *notes, shown]),
        f"Edited {arguments.path} ({_signs(change)})",
        detail=_detail(change, await asyncio.to_thread(unified, before, after, arguments.path))
        | {"edits": len(arguments.edits), "sha": digest(after)},
    )


class DeleteFile(Arguments):
    path: str = Field(description="File to delete, e.g. src/old.ts")


async def _undelete(workspace: Workspace, arguments: Mapping[str, Any]) -> None:
    path = str(arguments["path"])
    if await _on_disk(workspace, path) is None and await workspace.known_content(path) is not None:
        await workspace.put_back(path)


@tool(
    effect="write",
    verb=("Deleting", "Deleted"),
    icon="trash",
    atomic=True,
    cell=lambda arguments: CellLine("delete", (arguments["path"],)),
    replay=("path",),
    undo=_undelete,
)
async def delete_file(context: ToolContext, arguments: DeleteFile) -> ToolResult:
    """Delete a file. Folders that are empty then go too."""
    change = await context.workspace.delete(arguments.path)
    text = f"Deleted {arguments.path}"
    return ToolResult(text + ".", text, detail=_detail(change, ""))


class RenameFile(Arguments):
    old: str = Field(description="The file or folder as it is named now, e.g. src/a.ts")
    new: str = Field(description="Its new path, e.g. src/lib/b.ts. Must not exist yet.")


async def _unrename(workspace: Workspace, arguments: Mapping[str, Any]) -> None:
    old, new = str(arguments["old"]), str(arguments["new"])
    before = await workspace.known_content(old)
    moved = await _on_disk(workspace, old) is None and await _on_disk(workspace, new) == before
    if before is not None and moved and await workspace.known_content(new) is None:
        await workspace.put_back(old, new)


@tool(
    effect="write",
    verb=("Renaming", "Renamed"),
    icon="file",
    atomic=True,
    cell=lambda arguments: CellLine("rename", (arguments["old"], arguments["new"])),
    replay=("old",),
    undo=_unrename,
)
async def rename_file(context: ToolContext, arguments: RenameFile) -> ToolResult:
    """Move or rename a file or folder. Imports that name it are not changed: find them with search_files."""
    changes = await context.workspace.rename(arguments.old, arguments.new)
    moved = len(changes) // 2
    text = f"Renamed {arguments.old} to {arguments.new}" + (f" ({moved} files)" if moved > 1 else "")
    return ToolResult(text + ".", text, detail={"old": arguments.old, "path": arguments.new, "files": moved})


def _named(path: str) -> str:
    """A path as results name it, however it was written."""
    return posixpath.normpath(path).lstrip("/")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _signs(change: FileChange) -> str:
    return f"+{change.added} −{change.removed}"


def _detail(change: FileChange, diff: str) -> dict[str, Any]:
    return {
        "path": change.path,
        "change": change.change,
        "added": change.added,
        "removed": change.removed,
        "diff": clipped(diff, LARGEST_DIFF),
    }


def _kept_secret(verb: str, change: FileChange) -> ToolResult:
    verb = "Created" if change.change == "created" else verb
    said = f"{verb} {change.path} ({_signs(change)}"
    return ToolResult(f"{said} lines). {NOTE}", f"{said})", detail=_detail(change, "") | {"secret": True})


async def _on_disk(workspace: Workspace, path: str) -> bytes | None:
    try:
        return await workspace.read(path)
    except NotFound:
        return None


def _check_size(content: str, field: str) -> None:
    if not encodable(content):
        raise InvalidInput(
            "The text holds half a surrogate pair, which no file can.",
            hint="Write such characters out, or as a whole escape pair.",
            field=field,
        )
    if len(content.encode()) > LARGEST_TEXT:
        raise InvalidInput("The file would be larger than 2 MB.", hint=TOO_LARGE, field=field)


def _check_whole(text: str, field: str) -> None:
    """A model may copy from its own old calls, which it is shown in short."""
    if is_placeholder(text):
        raise InvalidInput(
            "This is the placeholder for a text that was left out, not the text. Nothing was written.",
            hint="Read the file, then write the text out in full.",
            field=field,
            reason="placeholder",
        )


async def _text_before(context: ToolContext, path: str) -> str | None:
    """What a file held; empty when it is new, None when it was not text."""
    try:
        content = await context.workspace.read(path)
    except NotFound:
        return ""
    try:
        return None if is_binary(content) else content.decode()
    except UnicodeDecodeError:
        return None


FILE_TOOLS: list[Tool[Any]] = [list_files, read_file, write_file, edit_file, delete_file, rename_file]
