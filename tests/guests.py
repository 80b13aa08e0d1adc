"""Another package's tools: one that says all of itself, one that says nothing, one whose cell is broken; one that uses
what a session offers, one that asks for what none does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_appbuilder.tools.registry import find_tools

MODULE = '''
from jupyter_appbuilder.log.journal import StoredEvents
from jupyter_appbuilder.tools.base import Arguments, CellLine, Network, ToolContext, ToolResult, tool


class Invite(Arguments):
    guest: str
    card: str
    words: str


def cell(arguments):
    return CellLine("write", (arguments["card"],), content=arguments["words"])


async def uninvite(workspace, arguments):
    if await workspace.read_text(arguments["card"]) == arguments["words"]:
        await workspace.put_back(arguments["card"])


@tool(effect="write", verb=("Inviting", "Invited"), icon="person", subject=["guest"], files=["card"], atomic=True,
      cell=cell, replay=(), undo=uninvite)
async def invite_guest(context: ToolContext, arguments: Invite) -> ToolResult:
    """Write a guest's invitation."""
    await context.workspace.write(arguments.card, arguments.words)
    return ToolResult("Done.", f"Invited {arguments.guest}")


class Plain(Arguments):
    table: str = ""


@tool(effect="write")
async def seat_guests(context: ToolContext, arguments: Plain) -> ToolResult:
    """Write who sits where."""
    await context.workspace.write("seats.txt", arguments.table)
    return ToolResult("Done.", "Seated them")


def broken(arguments):
    raise KeyError("no")


@tool(effect="command", verb=("Feeding", "Fed"), subject=["table"], cell=broken)
async def feed_guests(context: ToolContext, arguments: Plain) -> ToolResult:
    """Write what they eat."""
    (context.workspace.app / "menu.txt").write_text("soup")
    return ToolResult("Done.", "Fed them")


class Kitchen:
    """Nobody offers it."""


@tool(effect="read")
async def count_guests(context: ToolContext, arguments: Plain) -> ToolResult:
    """Count what was done for guests, and who of them may come by the network."""
    calls = [event for event in context.service(StoredEvents).stored if event.type == "tool.finished"]
    reached = context.service(Network).allowed("guests.example.org:443")
    return ToolResult(f"{len(calls)} calls; reached: {reached}", "Counted them")


@tool(effect="read")
async def cook_for_guests(context: ToolContext, arguments: Plain) -> ToolResult:
    """Cook."""
    return ToolResult(f"{context.service(Kitchen)}", "Cooked")


TOOLS = [invite_guest, seat_guests, feed_guests, count_guests, cook_for_guests]
'''


@pytest.fixture
def guests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package with these tools is installed."""
    site = tmp_path / "site"
    info = site / "guestbook-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guestbook\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[jupyter_appbuilder.tools]\nguests = guestbook:TOOLS\n")
    (site / "guestbook.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(site))
    find_tools.cache_clear()
    yield
    find_tools.cache_clear()
    sys.modules.pop("guestbook", None)
