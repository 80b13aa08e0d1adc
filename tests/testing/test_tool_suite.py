"""Each claim about tools fails for a tool that breaks it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from jupyter_appbuilder.testing.tools import ToolSuite
from jupyter_appbuilder.testing.tools.calls import Calls

WRONG = '''
import asyncio
from typing import Any

from pydantic import ConfigDict, Field, field_validator

from jupyter_appbuilder.log.journal import StoredEvents
from jupyter_appbuilder.tools.base import Arguments, CellLine, ToolContext, ToolResult, tool


class Text(Arguments):
    text: str = Field(default="x", description="Any text.")


def right(effect="read", verb=("Trying", "Tried"), **facts):
    return tool(effect=effect, verb=verb, **facts)


@right()
async def secretive(context: ToolContext, arguments: Text) -> ToolResult:
    """Reads, so it says, but it writes."""
    await context.workspace.write("a.txt", "x")
    return ToolResult("Done.", "Done")


@right("write")
async def roundabout(context: ToolContext, arguments: Text) -> ToolResult:
    """Writes past the workspace."""
    (context.workspace.app / "a.txt").write_text("x")
    return ToolResult("Done.", "Done")


class Unsaid(Arguments):
    text: str = "x"


@right()
async def unsaid(context: ToolContext, arguments: Unsaid) -> ToolResult:
    """Says nothing of its argument."""
    return ToolResult("Done.", "Done")


class Anything(Arguments):
    value: Any = Field(default=None, description="Anything.")


@right()
async def anything(context: ToolContext, arguments: Anything) -> ToolResult:
    """Takes anything at all."""
    return ToolResult("Done.", "Done")


@right(subject=["txt"])
async def misspelt(context: ToolContext, arguments: Text) -> ToolResult:
    """Is about an argument that it does not have."""
    return ToolResult("Done.", "Done")


class Touchy(Text):
    @field_validator("text", mode="before")
    @classmethod
    def check(cls, value: Any) -> str:
        return value.strip()


@right()
async def touchy(context: ToolContext, arguments: Touchy) -> ToolResult:
    """Breaks down while it looks at its arguments."""
    return ToolResult("Done.", "Done")


class Lenient(Text):
    model_config = ConfigDict(extra="ignore")


@right()
async def lenient(context: ToolContext, arguments: Lenient) -> ToolResult:
    """Takes arguments that it does not have."""
    return ToolResult("Done.", "Done")


class Renamed(Arguments):
    text_: str = Field(default="x", alias="text", description="Any text.")


@right(subject=[])
async def renamed(context: ToolContext, arguments: Renamed) -> ToolResult:
    """Is recorded by names that it does not take."""
    return ToolResult("Done.", "Done")


@right("write", cell=lambda arguments: CellLine("build"), replay=())
async def rebuilt(context: ToolContext, arguments: Text) -> ToolResult:
    """Is recorded as a request to a model."""
    return ToolResult("Done.", "Done")


@right("write", cell=lambda arguments: CellLine("write", (arguments["text"],), content="y"), replay=(), files=["text"])
async def misrecorded(context: ToolContext, arguments: Text) -> ToolResult:
    """Is recorded as another write than it made."""
    await context.workspace.write(arguments.text, "x")
    return ToolResult("Done.", "Done")


@right()
async def broken(context: ToolContext, arguments: Text) -> ToolResult:
    """Breaks down when it is called."""
    raise KeyError("x")


@right()
async def curious(context: ToolContext, arguments: Text) -> ToolResult:
    """Asks, and does not say so."""
    await context.ask("May it be?", kind="curious", subject="x")
    return ToolResult("Done.", "Done")


@right()
async def talkative(context: ToolContext, arguments: Text) -> ToolResult:
    """Tells the feed several lines."""
    return ToolResult("Done.", "Done,\\nand more")


@right("write")
async def appending(context: ToolContext, arguments: Text) -> ToolResult:
    """Leaves something else when it is called twice."""
    before = await context.workspace.read_text("index.html")
    await context.workspace.write("index.html", before + "x")
    return ToolResult("Done.", "Done")


async def remove(workspace, arguments):
    if (workspace.app / "a.txt").exists():
        await workspace.delete("a.txt")


@right("write", undo=remove)
async def rough(context: ToolContext, arguments: Text) -> ToolResult:
    """Takes back what others did."""
    await context.workspace.write("a.txt", "x")
    return ToolResult("Done.", "Done")


inside = 0


@right()
async def lonely(context: ToolContext, arguments: Text) -> ToolResult:
    """Can run once at a time."""
    global inside
    inside += 1
    alone = inside == 1
    await asyncio.sleep(0.5)
    inside -= 1
    return ToolResult("Done.", "Done", ok=alone)


tasks = set()


@right()
async def lingering(context: ToolContext, arguments: Text) -> ToolResult:
    """Goes on when it is cancelled."""
    async def forever():
        await asyncio.sleep(600)

    tasks.add(asyncio.create_task(forever()))
    await asyncio.sleep(1)
    return ToolResult("Done.", "Done")


def late(path):
    import time

    time.sleep(3)  # a busy machine has looked by then
    path.write_text("late")


@right("command")
async def threaded(context: ToolContext, arguments: Text) -> ToolResult:
    """Has a thread that goes on when it is cancelled."""
    await asyncio.to_thread(late, context.workspace.app / "late.txt")
    return ToolResult("Done.", "Done")


@right()
async def needy(context: ToolContext, arguments: Text) -> ToolResult:
    """Breaks down where there is no log."""
    return ToolResult(f"{len(context.service(StoredEvents, None).stored)}", "Done")


@right()
async def forgotten(context: ToolContext, arguments: Text) -> ToolResult:
    """Has no example."""
    return ToolResult("Done.", "Done")


@right()
async def unlisted(context: ToolContext, arguments: Text) -> ToolResult:
    """Is in no list of tools."""
    return ToolResult("Done.", "Done")


TOOLS = [
    secretive, roundabout, unsaid, anything, misspelt, touchy, lenient, renamed, rebuilt, misrecorded, broken, curious,
    talkative, appending, rough, lonely, lingering, threaded, needy, forgotten,
]
'''

TESTS = """
import wrong
from jupyter_appbuilder.testing.tools import Example, ToolSuite


class TestWrong(ToolSuite):
    examples = tuple(Example(tool, {"text": "y"} if "text" in tool.schema["properties"] else {})
                     for tool in (*wrong.TOOLS, wrong.unlisted) if tool is not wrong.forgotten)
"""

BROKEN = {
    "test_every_tool_of_the_package_has_an_example": [""],
    "test_it_is_registered_under_a_name_of_its_own": ["unlisted"],
    "test_the_model_is_told_what_it_does_and_what_each_argument_means": ["unsaid"],
    "test_every_family_of_models_takes_its_schema": ["anything"],
    "test_its_facts_are_declared_and_agree": ["misspelt"],
    "test_an_argument_that_is_missing_or_unknown_is_refused_by_name": ["lenient-1"],
    "test_a_value_that_does_not_fit_is_refused_by_name": ["touchy-1"],
    "test_arguments_as_the_log_has_them_mean_the_same": ["renamed-1"],
    "test_the_notebook_reads_its_cell_as_it_was_written": ["rebuilt-1"],
    "test_an_example_does_what_it_says": ["broken-1", "curious-1"],
    "test_its_result_is_bounded_and_can_be_stored": ["talkative-1"],
    "test_it_changes_files_as_its_effect_says": ["secretive-1", "roundabout-1"],
    "test_calls_that_read_run_beside_each_other": ["lonely-1"],
    "test_a_replay_of_the_notebook_does_what_the_call_did": ["misrecorded-1"],
    "test_a_write_is_made_again_after_a_crash": ["appending-1", "rough-1"],
    "test_a_cancelled_call_ends_and_leaves_nothing": ["lingering-1", "threaded-1"],
    "test_where_something_is_not_offered_it_says_so": ["needy-1"],
}
"""The claims, and the tools that break each."""


def test_each_claim_is_broken_by_a_tool_that_is_wrong_and_by_it_alone(tmp_path: Path):
    site = tmp_path / "site"
    info = site / "wrong-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wrong\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[jupyter_appbuilder.tools]\nwrong = wrong:TOOLS\n")
    (site / "wrong.py").write_text(WRONG)
    (tmp_path / "test_wrong.py").write_text(TESTS)
    broken = {f"{claim}[{tool}]".removesuffix("[]") for claim, tools in BROKEN.items() for tool in tools}
    # Claims about what stands in the code are quick: of those, every tool is held to every one.
    tried = {claim for claim in broken if hasattr(Calls, claim.partition("[")[0])} | BROKEN.keys() - set(dir(Calls))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rf"]
    command += [f"test_wrong.py::TestWrong::{claim}" for claim in sorted(tried)]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    said = subprocess.run(command, cwd=tmp_path, env=environment, text=True, capture_output=True).stdout
    assert set(re.findall(r"^FAILED \S+::(test_\w+(?:\[[\w-]+\])?)", said, re.M)) == broken, said


def test_every_claim_is_broken_by_some_tool():
    assert {name for name in dir(ToolSuite) if name.startswith("test_")} == BROKEN.keys()
