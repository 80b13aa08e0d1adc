"""``look``: links by which other people look at a session."""

from __future__ import annotations

import argparse
import asyncio
import json

from ..errors import InvalidInput
from ..session.looks import PATH, Look, add
from .sessions import builder_of, found
from .terminal import Terminal, say


def look(options: argparse.Namespace, terminal: Terminal) -> int:
    makes = bool(options.user or options.group or options.everybody)
    if makes and options.end:
        raise InvalidInput("--end takes links back, and goes with nothing else.", hint="Run it twice.", field="end")

    async def act() -> list[Look]:
        builder = builder_of(options)
        try:
            session = (await found(builder, options.session)).id
            for link in options.end:
                # The link as it was sent does, too.
                id = link.rstrip("/").rpartition("/")[2]
                await asyncio.to_thread(builder.looks.remove, session, id)
            if not makes:
                return await asyncio.to_thread(builder.looks.all, session)
            readers = "everybody" if options.everybody else "people"
            copies, app = not options.no_copies, not options.no_app
            made = await add(
                builder.looks, session, readers, options.user, options.group, days=options.days, copies=copies, app=app
            )
            return [made]
        finally:
            await builder.close()

    looks = asyncio.run(act())
    if options.json:
        print(json.dumps({"looks": [one.to_json() for one in looks]}))
        return 0
    for one in looks:
        told = one.to_json()
        who = ", ".join([*one.users, *(f"the group {group}" for group in one.groups)])
        say(f"{told['url']}  ({'everybody' if one.everybody else who}, until {told['until'][:10]})")
        if told["url"].startswith(PATH):
            terminal.note("The address is below your Jupyter server's.")
    if not looks:
        terminal.note("Nobody but you can look at it. Make a link: jupyter appbuilder look APP --user NAME")
    return 0
