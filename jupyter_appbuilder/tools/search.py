"""``search_files``: searches the app's files."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

from pydantic import Field

from ..cancellation import output_of
from ..errors import AppBuilderError, InvalidInput
from ..workspace.ignore import segment_pattern
from ..workspace.secret_files import holds_secrets
from .base import Arguments, Tool, ToolContext, ToolResult, tool

MOST_LINES = 200
MOST_TEXT = 30 * 1024 * 1024  # bytes searched in one call
SECONDS = 10
SCRIPT = Path(__file__).with_name("grep.py")


class SearchFiles(Arguments):
    query: str = Field(min_length=1, max_length=2000, description="Text to find, within one line.")
    regex: bool = Field(default=False, description="Take query for a regular expression (Python's syntax).")
    glob: str = Field(
        default="", max_length=300, description="Only files like this, e.g. *.tsx or src/**/*.ts. Empty for all."
    )
    ignore_case: bool = Field(default=False, description="Take capital and small letters for the same.")


@tool(
    effect="read",
    verb=("Searching for", "Searched for"),
    icon="search",
    stub=lambda _: "call it again if needed",
)
async def search_files(context: ToolContext, arguments: SearchFiles) -> ToolResult:
    """Find lines in the app's files, as path:line: text. Ignored files and node_modules are not searched."""
    pattern = arguments.query if arguments.regex else re.escape(arguments.query)
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidInput(
            f"The regular expression is not valid: {error}.", hint="Correct it, or search without regex.", field="query"
        ) from None
    files = await _texts(context, arguments.glob)
    found = await _search({"pattern": pattern, "ignore_case": arguments.ignore_case, "files": files})
    lines, total, matching = found["found"], found["total"], found["files"]
    what = f"“{arguments.query}”" + (f" in {arguments.glob}" if arguments.glob else "")
    text = "\n".join(f"{path}:{number}: {line}" for path, number, line in lines)
    if total > len(lines):
        text += f"\n[{total - len(lines):,} more lines match. Narrow the query or the glob.]"
    if not files:
        text = f"No text file is like {arguments.glob}." if arguments.glob else "The app has no text files."
    return ToolResult(
        text or f"No line matches {what} in {len(files)} files.",
        f"Searched for {what}: {total} in {matching} file{'' if matching == 1 else 's'}",
        detail={"query": arguments.query, "matches": total, "files": matching},
    )


def glob_pattern(glob: str) -> re.Pattern[str]:
    """A glob over whole paths: `*` within a folder, `**` across folders; one without a slash fits in any folder, and
    braces hold alternatives. Raises ``InvalidInput``."""
    expressions: list[str] = []
    try:
        for item in _alternatives(glob):
            item = item.removeprefix("./").removeprefix("/")
            segments = (item + "**" if item.endswith("/") else item).split("/")
            if len(segments) == 1:
                segments = ["**", *segments]
            if segments.count("**") > 5:
                raise re.error("it has too many **")
            expression = ""
            for position, segment in enumerate(segments):
                last = position == len(segments) - 1
                if segment == "**":
                    expression += ".*" if last else "(?:.*/)?"
                else:
                    expression += segment_pattern(segment) + ("" if last else "/")
            expressions.append(expression)
        return re.compile("|".join(expressions), re.DOTALL)
    except re.error as error:
        raise InvalidInput(
            f"The glob {glob!r} is not valid: {error}.", hint="Write it like src/**/*.tsx.", field="glob"
        ) from None


def _alternatives(glob: str) -> list[str]:
    brace = re.search(r"\{([^{}]*)\}", glob)
    if not brace:
        return [glob]
    found: list[str] = []
    for option in brace.group(1).split(","):
        found += _alternatives(glob[: brace.start()] + option + glob[brace.end() :])
        if len(found) > 64:
            raise re.error("it has too many alternatives")
    return found


async def _texts(context: ToolContext, glob: str) -> list[tuple[str, str]]:
    fits = glob_pattern(glob) if glob else None
    texts: list[tuple[str, str]] = []
    size = 0
    for file in await context.workspace.list():
        if file.binary or (fits and not fits.fullmatch(file.path)) or size + file.size > MOST_TEXT:
            continue
        if holds_secrets(context.workspace, file.path):  # by a link
            continue
        try:
            texts.append((file.path, await context.workspace.read_text(file.path)))
            size += file.size
        except AppBuilderError:
            continue  # gone meanwhile, too large, a link to elsewhere
    return texts


async def _search(request: dict[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        "-X",
        "utf8",
        str(SCRIPT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={},
    )
    try:
        async with asyncio.timeout(SECONDS):
            output, problem = await output_of(process, json.dumps(request | {"limit": MOST_LINES}).encode())
    except TimeoutError:
        raise InvalidInput(
            f"The regular expression took longer than {SECONDS} s.",
            hint="Avoid repeats within repeats such as (a+)+, or search without regex.",
            reason="search_timeout",
            field="query",
        ) from None
    if process.returncode:
        raise InvalidInput(
            f"The search failed: {problem.decode(errors='replace').strip()[-500:]}", hint="Simplify it.", field="query"
        )
    return json.loads(output)


SEARCH_TOOLS: list[Tool[Any]] = [search_files]
