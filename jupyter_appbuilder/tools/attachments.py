"""The tool that copies a file which the person attached to a message into the app, byte for byte."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..datasets.description import in_bytes
from ..errors import NotFound
from ..events import Attachment
from ..log.journal import StoredEvents
from .base import Arguments, KeptFiles, Tool, ToolContext, ToolResult, tool

COPY = "put_attachment"


class PutAttachment(Arguments):
    file: str = Field(description="The attached file's name, as the message tells it.")
    path: str = Field(description="Where it goes in the app, e.g. public/logo.png. Folders are made as needed.")


@tool(
    effect="write",
    verb=("Copying into the app", "Copied into the app"),
    icon="download",
    subject=["file", "path"],
    opens="path",
    atomic=True,
)
async def put_attachment(context: ToolContext, arguments: PutAttachment) -> ToolResult:
    """Copy a file that the person attached to a message into the app, unchanged: pictures, fonts, data."""
    attached = find(context.service(StoredEvents), arguments.file)
    content = await context.service(KeptFiles).blob(attached["sha256"])
    if content is None:
        raise NotFound(
            f"{attached['name']} is no longer kept.", hint="Have the person attach it again.", reason="no_attachment"
        )
    change = await context.workspace.write(arguments.path, content)
    verb = "Replaced" if change.change == "modified" else "Added"
    said = f"{verb} {change.path} with {attached['name']}"
    return ToolResult(
        f"{said} ({in_bytes(len(content))}), unchanged.",
        said,
        detail={"path": change.path, "change": change.change, "added": change.added, "removed": change.removed},
    )


def find(events: StoredEvents, name: str) -> Attachment:
    """The last attached file of this name or SHA-256. Raises ``NotFound``."""
    names: dict[str, None] = {}
    for event in reversed(events.stored):
        for one in event.data.get("attachments", ()) if event.type == "message.user" else ():
            if name in (one["name"], one["sha256"]):
                return one
            names[one["name"]] = None
    known = f"There are: {', '.join(list(names)[:20])}." if names else "Nothing was attached in this app."
    raise NotFound(f"No file {name[:80]!r} was attached.", hint=known, reason="no_attachment", field="file")


assert put_attachment.name == COPY

ATTACHMENT_TOOLS: list[Tool[Any]] = [put_attachment]
