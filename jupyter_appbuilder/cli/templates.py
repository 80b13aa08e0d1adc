"""``templates``: lists templates and builds them at E2B, so that apps start there without an install."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any, cast

from ..builder import AppBuilder
from ..errors import AppBuilderError, InvalidInput, NotFound
from ..settings import configuration
from .terminal import Terminal, say


def templates(options: argparse.Namespace, terminal: Terminal) -> int:
    return asyncio.run(_build(options, terminal) if options.action == "build" else _list(options))


async def _list(options: argparse.Namespace) -> int:
    if options.names:
        raise InvalidInput("A list takes no names.", hint="Say: jupyter appbuilder templates build NAME")
    builder = AppBuilder(label="jupyter appbuilder templates", config=configuration())
    try:
        found = builder.library.all()
        if options.json:
            shown = [{"name": one.name, "title": one.title, "summary": one.summary} for one in found.values()]
            print(json.dumps({"templates": shown}))
            return 0
        width = max(map(len, found), default=0)
        for name, template in found.items():
            say(f"{name:<{width}}  {template.summary}")
        return 0
    finally:
        await builder.close()


async def _build(options: argparse.Namespace, terminal: Terminal) -> int:
    """Build templates of E2B. Exit code 1 when one could not be built; the others are built all the same."""
    from ..sandbox.e2b.provider import E2BSandbox
    from ..sandbox.e2b.templates import build, check_name

    builder = AppBuilder(label="jupyter appbuilder templates", config=configuration())
    built: list[dict[str, Any]] = []
    try:
        provider = cast(E2BSandbox, builder.sandboxes.provider("e2b"))
        if options.alias_prefix:
            provider.template_prefix = options.alias_prefix
        found = builder.library.all()
        if unknown := [name for name in options.names if name not in found]:
            raise NotFound(
                f"There is no template {unknown[0]!r}.",
                hint=f"Choose from: {', '.join(sorted(found))}.",
                reason="unknown_template",
            )
        cloud = await provider.cloud()
        for name in options.names or found:
            alias = check_name(provider.template_name(name))
            terminal.heading(f"Building {name} at E2B as {alias}")
            try:
                number = await build(cloud, found[name], alias, terminal.note, fresh=options.fresh)
            except AppBuilderError as error:
                built.append({"name": name, "alias": alias, "error": error.to_json()})
                terminal.error(error.message, error.hint)
            else:
                built.append({"name": name, "alias": alias, "id": number})
                terminal.heading(f"✓ {alias} is built: {number}")
        if options.json:
            print(json.dumps({"templates": built}))
        elif options.alias_prefix:
            terminal.note(f"To use them: c.E2BSandbox.template_prefix = {options.alias_prefix!r}")
        return 1 if any("error" in one for one in built) else 0
    finally:
        await builder.close()
