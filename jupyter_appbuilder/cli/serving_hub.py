"""``serve --publication`` on a JupyterHub: what a published app's own server there runs."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ..cancellation import ended, in_thread
from ..errors import InvalidInput, Unavailable
from ..publishing.base import NAME, Bundle
from ..sandbox.base import Sandbox
from ..settings import private_folder
from ..templates.templates import Template
from .sessions import builder_of

TARGET = "hub"


def serve(options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    # Both would write down parts of logins: the Hub's session, codes.
    logging.getLogger("tornado.application").setLevel(logging.WARNING)
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    if not NAME.fullmatch(options.publication):
        raise InvalidInput(
            f"{options.publication[:60]!r} is no name of a publication.", hint="It has a-z, 0-9 and hyphens."
        )
    lacking = [name for name in ("JUPYTERHUB_SERVICE_URL", "JUPYTERHUB_API_TOKEN") if not os.environ.get(name)]
    if lacking:
        raise Unavailable(
            f"This process was not started by a JupyterHub: {' and '.join(lacking)} is not set.",
            hint="To serve a bundle elsewhere, name its folder: jupyter appbuilder serve BUNDLE",
        )
    asyncio.run(_served(options))
    return 0


async def _served(options: argparse.Namespace) -> None:
    from ..preview.capabilities import kept_key
    from ..publishing.shelf import ADDRESS, COOKIES, SERVED, Shelf
    from ..publishing.visits import Visits
    from ..serving.app import ServedApp
    from ..serving.door import ClosedDoor
    from ..serving.handlers import Service
    from ..serving.hub_login import HubDoor
    from ..serving.opaque import Guests, guest_handlers
    from ..serving.place import Place
    from ..serving.service import Serving, live_bundle

    name = options.publication
    base = f"/{os.environ['JUPYTERHUB_SERVICE_PREFIX'].strip('/')}/"
    listen = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    builder = builder_of(options)
    try:
        shelf = Shelf(builder.data / "published")
        provider = await builder.sandboxes.choose(options.sandbox)

        async def values() -> Mapping[str, str]:
            session = (await in_thread(shelf.get, TARGET, name)).session
            return await in_thread(builder.vault.values, session)

        async def make_sandbox(session: str, folder: Path, template: Template) -> Sandbox:
            return await provider.create(session, folder, template)

        def live() -> Bundle:
            return live_bundle(shelf, TARGET, name)

        folder = shelf.folder / TARGET / name / SERVED
        await in_thread(private_folder, folder)
        known, secret = kept_key(folder / ADDRESS), kept_key(folder / COOKIES)
        app = ServedApp(
            Place(folder, name),
            f"{base}{known}/",
            make_sandbox=make_sandbox,
            find_template=builder.library.find,
            values=values,
        )
        door = HubDoor.of_environment()
        service = Service(app, ClosedDoor())
        guests = Guests(service, door, base, folder)
        serving = Serving(
            service,
            live,
            Visits(shelf.folder / TARGET / name),
            idle_seconds=options.idle,
            rules=guest_handlers(guests),
            settings={"cookie_secret": secret},
        )
        watching = asyncio.create_task(guests.watch())
        try:
            await serving.start(listen.hostname or "127.0.0.1", listen.port or 0)
            await serving.run()
        finally:
            await ended([watching])
            await serving.close()
    finally:
        await builder.close()
