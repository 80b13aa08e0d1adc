"""``share``: who may open a published app."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping

from ..errors import InvalidInput
from ..publishing.jupyterhub import names_in
from .sessions import builder_of
from .terminal import Terminal, say


def share(options: argparse.Namespace, terminal: Terminal) -> int:
    changes = bool(options.user or options.group or options.revoke or options.everybody or options.nobody)

    async def act() -> Mapping[str, str]:
        builder = builder_of(options)
        try:
            session = await builder.find(options.session)
            now = await session.publishing.readers(options.to)
            if not changes:
                return now
            return await session.change_readers(options.to, _changed(now, options))
        finally:
            await builder.close()

    now = asyncio.run(act())
    users, groups = names_in(now.get("users", "")), names_in(now.get("groups", ""))
    if options.json:
        print(json.dumps({"readers": now["readers"], "users": users, "groups": groups}))
    elif now["readers"] == "everybody":
        say("Everybody with an account may open it.")
    else:
        for name in (*users, *(f"the group {group}" for group in groups)):
            say(f"{name} may open it.")
        if not users and not groups:
            terminal.note("Nobody but you may open it. Let somebody in: jupyter appbuilder share APP --user NAME")
    return 0


def _changed(now: Mapping[str, str], options: argparse.Namespace) -> dict[str, str]:
    if options.everybody or options.nobody:
        if options.user or options.group or options.revoke or (options.everybody and options.nobody):
            raise InvalidInput("--everybody and --nobody go with nothing else.", hint="Leave the others out.")
        return {"readers": "everybody" if options.everybody else "me"}
    users, groups = names_in(now.get("users", "")), names_in(now.get("groups", ""))
    if unknown := sorted(set(options.revoke) - {*users, *groups}):
        raise InvalidInput(
            f"The app is not shared with {unknown[0]!r}.",
            hint="See with whom: jupyter appbuilder share APP",
            field="revoke",
        )
    users = [name for name in dict.fromkeys([*users, *options.user]) if name not in options.revoke]
    groups = [name for name in dict.fromkeys([*groups, *options.group]) if name not in options.revoke]
    named = {"users": ", ".join(users), "groups": ", ".join(groups)}
    return {"readers": "people" if users or groups else "me", **named}
