"""``secret``: lists the secrets of an app, sets one without showing it, or removes one."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from typing import Any

from ..client.secrets import described
from ..errors import InvalidInput
from .sessions import builder_of
from .terminal import Terminal, say


def secret(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.remove and not options.name:
        raise InvalidInput("The name is missing.", hint="jupyter appbuilder secret APP NAME --remove")
    value = _typed(options.name) if options.name and not options.remove else ""

    async def act() -> tuple[list[dict[str, Any]], str]:
        builder = builder_of(options)
        try:
            session = await builder.find(options.session)
            if options.remove:
                await session.remove_secret(options.name)
            elif options.name:
                await session.set_secret(options.name, value)
            return [one.to_json() for one in await session.secrets.all()], await session.secrets.where()
        finally:
            await builder.close()

    found, where = asyncio.run(act())
    if options.json:
        print(json.dumps({"secrets": found, "where": where}))
    elif options.name:
        terminal.note(f"{options.name} is {'removed' if options.remove else f'set, and kept in {where}'}.")
    else:
        for line in described(found):
            say(line)
        if not found:
            terminal.note("The app has no secrets, and asks for none.")
    return 0


def _typed(name: str) -> str:
    """The value, from the keyboard without an echo, or from a pipe. It is no argument: those are in a shell's history
    and shown to others of this machine."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ")
    return sys.stdin.read()
