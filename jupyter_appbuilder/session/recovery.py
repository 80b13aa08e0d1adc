"""Taking a turn up where a process that died left it.

A response that the log holds is never asked for again. A call that the log holds no result of is made again if what it
does is the same each time (it reads, or writes whole files), and is reported to the model as interrupted otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import AppBuilderError, NotFound

if TYPE_CHECKING:
    from ..workspace import Workspace

MOST_RESUMED = 3  # times in a row without a new response, until a turn counts as what takes the server down


async def take_back(workspace: Workspace, tool: str, arguments: Mapping[str, Any]) -> None:
    """Undo what a call had already done to the files when its process died, so that it can be made again.

    Only where the files are exactly as the call leaves them: anything else is somebody's work and stays.
    """
    try:
        match tool:
            case "write_file":
                path = str(arguments["path"])
                if await _on_disk(workspace, path) == str(arguments["content"]).encode():
                    await workspace.put_back(path)
            case "edit_file":
                from ..tools.edits import apply_edits

                path = str(arguments["path"])
                before = await workspace.known_content(path)
                if before is not None:
                    after = (await asyncio.to_thread(apply_edits, before.decode(), arguments["edits"])).encode()
                    if await _on_disk(workspace, path) == after:
                        await workspace.put_back(path)
            case "delete_file":
                path = str(arguments["path"])
                if await _on_disk(workspace, path) is None and await workspace.known_content(path) is not None:
                    await workspace.put_back(path)
            case "rename_file":
                old, new = str(arguments["old"]), str(arguments["new"])
                before = await workspace.known_content(old)
                moved = await _on_disk(workspace, old) is None and await _on_disk(workspace, new) == before
                if before is not None and moved and await workspace.known_content(new) is None:
                    await workspace.put_back(old, new)
            case _:
                pass
    except (AppBuilderError, KeyError, UnicodeError, TypeError):
        pass  # arguments that the tool will refuse, or that fit nothing: there is nothing to undo


async def _on_disk(workspace: Workspace, path: str) -> bytes | None:
    try:
        return await workspace.read(path)
    except NotFound:
        return None
