"""``run_command``: runs a command in the sandbox."""

from __future__ import annotations

import re
import time
from typing import Any

from pydantic import Field

from ..errors import InvalidInput
from ..sandbox.base import ExecResult
from ..sandbox.metrics import executing
from .base import Arguments, CellLine, Tool, ToolContext, ToolResult, tool
from .network import unreached

INSTALL = re.compile(
    r"(?:(?:npm|pnpm|bun) (?:-\S+ )*(?:install|i|in|add|ci|uninstall|remove|rm|update|up)"
    r"|yarn (?:add|install|remove)"
    r"|(?:python[\d.]* -m )?pip[\d.]* (?:-\S+ )*(?:install|uninstall)"
    r"|uv (?:-\S+ )*(?:add|remove|sync|pip (?:install|sync))"
    r"|(?:conda|mamba|poetry) (?:install|add))(?![\w-])"
)
BEFORE = frozenset(["sudo", "env", "time", "exec", "then", "do"])
ESCAPE = "\x1b"
CONTROLS = re.compile(
    rf"{ESCAPE}\[[0-9;?]*[ -/]*[@-~]|{ESCAPE}\][^\x07{ESCAPE}]*(?:\x07|{ESCAPE}\\)|{ESCAPE}[@-Z^_]"
    r"|[\x00-\x08\x0e-\x1f]+"
)


class RunCommand(Arguments):
    command: str = Field(min_length=1, max_length=20_000, description="For bash, run in the app's folder.")
    timeout_seconds: int = Field(default=120, ge=1, le=900, description="The command is stopped after this time.")


@tool(
    effect="command",
    verb=("Running", "Ran"),
    icon="terminal",
    subject=["command"],
    cell=lambda arguments: CellLine("run", (arguments.get("command", ""),)),
)
async def run_command(context: ToolContext, arguments: RunCommand) -> ToolResult:
    """Run a command in the sandbox: no network (but what request_network got), no files but the app's. Use it for
    scripts, tests and formatters. Do not start the dev server (it runs already) and do not install packages with it
    (use install_packages)."""
    if installs(arguments.command):
        raise InvalidInput(
            "Commands cannot install packages: they have no network, and the folders of packages are read-only.",
            hint="Use install_packages with the packages' names. What package.json or requirements.txt lists is "
            "installed by itself.",
            reason="use_install_packages",
            field="command",
        )
    began = time.monotonic()
    sandbox = await context.sandbox()
    with executing(sandbox.provider):
        result = await sandbox.exec(arguments.command, timeout=arguments.timeout_seconds, on_output=context.output)
    name = _shortened(arguments.command)
    missing = unreached(context, began, f"{result.stdout}\n{result.stderr}")
    return ToolResult(
        f"{ending(result)}\n{printed(result)}" + (f"\n{missing}" if missing else ""),
        f"Ran {name}" if succeeded(result) else f"Ran {name}: {ending(result)}",
        ok=succeeded(result),
        detail={"command": arguments.command, **ended(result)},
    )


def installs(command: str) -> bool:
    """True if a command line installs packages or takes some away."""
    for part in re.split(r"[;&|(\n]", command.replace("\\\n", " ")):
        words = part.split()
        at = 0
        while at < len(words) and (words[at] in BEFORE or re.match(r"\w+=", words[at])):
            at += 1
        if INSTALL.match(" ".join(words[at:])):
            return True
    return False


def succeeded(result: ExecResult) -> bool:
    return result.exit_code == 0 and result.ended == "exit"


def ending(result: ExecResult) -> str:
    """A sentence on how a command ended."""
    match result.ended:
        case "timeout":
            told = f"Stopped after {result.duration:.0f} s, its time limit"
        case "memory":
            told = "Stopped: it used more memory than the sandbox may"
        case "output":
            told = "Stopped: it printed more than the limit"
        case "disk":
            told = "Stopped: it used more disk than the sandbox may"
        case "processes":
            told = "Stopped: it started more processes than the sandbox may"
        case _:
            told = f"Exit code {result.exit_code} after {result.duration:.1f} s"
    return f"{told}. {result.message.rstrip('.')}" if result.message else told


def ended(result: ExecResult) -> dict[str, Any]:
    """How a command ended, for a result's detail."""
    found = {"exit_code": result.exit_code, "ended": result.ended, "duration_ms": round(result.duration * 1000)}
    return found | {"limit": result.message} if result.message else found


def printed(result: ExecResult) -> str:
    """What a command printed, as a terminal leaves it: without colours, and of a line that was written anew, as
    progress is, what was written last."""
    out, err = (
        "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in CONTROLS.sub("", text).split("\n")).rstrip()
        for text in (result.stdout, result.stderr)
    )
    if not out and not err:
        return "(It printed nothing.)"
    return f"{out}\n[stderr]\n{err}" if out and err else out or err


def _shortened(command: str) -> str:
    first, *rest = command.strip().split("\n")
    return first if not rest and len(first) <= 80 else first[:79] + "…"


COMMAND_TOOLS: list[Tool[Any]] = [run_command]
