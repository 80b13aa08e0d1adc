"""``sandboxes``: lists running sandboxes of all of the person's processes, and stops them."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from ..apps.process_socket import ask_all
from ..errors import InvalidInput, NotFound
from .terminal import Terminal, say

COLUMNS = ("NAME", "WHERE", "STATE", "MEMORY", "PROCESSES", "CPU", "AGE", "PID")


def sandboxes(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.action == "stop":
        return asyncio.run(_stop(options, terminal))
    if options.names or options.all:
        raise InvalidInput("Nothing is stopped by a list.", hint="Say: jupyter appbuilder sandboxes stop NAME")
    found = asyncio.run(_find(terminal))
    if options.json:
        print(json.dumps({"sandboxes": found}))
    elif found:
        _show(found)
    else:
        terminal.note("No sandbox is running. One starts when an app is opened, and sleeps when nobody uses it.")
    return 0


async def _find(terminal: Terminal) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for answer in await ask_all({"do": "list"}):
        owner = {"pid": answer["pid"], "owner": answer["owner"]}
        if answer.get("silent"):
            terminal.error(
                f"{answer['owner']} (process {answer['pid']}) does not answer.", "It may be busy; try again."
            )
        found += [sandbox | owner for sandbox in answer.get("sandboxes", ())]
    return found


async def _stop(options: argparse.Namespace, terminal: Terminal) -> int:
    if bool(options.names) == bool(options.all):
        raise InvalidInput("Which sandboxes?", hint="Name apps, or say --all.")
    running = [sandbox for sandbox in await _find(terminal) if sandbox["session"]]
    wanted = [it for it in running if options.all or {it["session"], it["name"]} & set(options.names)]
    unknown = [name for name in options.names if not any(name in (it["session"], it["name"]) for it in wanted)]
    if unknown:
        raise NotFound(
            f"No sandbox of {unknown[0]!r} runs.",
            hint="See which do: jupyter appbuilder sandboxes",
            reason="no_sandbox",
        )
    for sandbox in wanted:
        await ask_all({"do": "stop", "session": sandbox["session"]})
    still = {it["session"] for it in await _find(terminal) if it["state"] != "stopped"}
    stopped = [it for it in wanted if it["session"] not in still]
    if options.json:
        print(json.dumps({"stopped": [it["session"] for it in stopped]}))
    else:
        for it in stopped:
            say(f"Stopped {it['name']}. It starts again when the app is opened.")
        if not wanted:
            terminal.note("No sandbox is running.")
    for it in wanted:
        if it not in stopped:
            terminal.error(f"The sandbox of {it['name']} did not stop.", f"It belongs to process {it['pid']}.")
    return 0 if len(stopped) == len(wanted) else 1


def _show(found: list[dict[str, Any]]) -> None:
    rows = [COLUMNS, *(_row(sandbox) for sandbox in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for pid, owner in dict.fromkeys((sandbox["pid"], sandbox["owner"]) for sandbox in found):
        say(f"\n{pid}: {owner}")


def _row(sandbox: dict[str, Any]) -> tuple[str, ...]:
    memory, processes, cpu = sandbox["memory"], sandbox["processes"], sandbox["cpu"]
    return (
        sandbox["name"] or f"({sandbox['template']}, for the next app)",
        " ".join(dict.fromkeys([sandbox["provider"], sandbox["isolation"] or "?"])),
        sandbox["state"],
        "?" if memory is None else f"{memory / 2**20:.0f} MiB",
        "?" if processes is None else str(processes),
        "?" if cpu is None else f"{cpu:.1f} s",
        _age(sandbox["age"]),
        str(sandbox["pid"]),
    )


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
