"""``serve``: a published app that has to run, behind a web server of its own."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..cancellation import in_thread
from ..errors import InvalidInput
from ..sandbox.base import Sandbox
from ..templates.templates import Template
from .sessions import builder_of
from .terminal import Terminal

if TYPE_CHECKING:
    from ..serving.proxies import Proxies

LOOPBACK = ("localhost",)


def serve(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.publication:
        from . import serving_hub

        return serving_hub.serve(options)
    if not options.bundle:
        raise InvalidInput("No bundle is named.", hint="Name its folder: jupyter appbuilder serve BUNDLE")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    if not 0 <= options.port <= 65535:
        raise InvalidInput(f"There is no port {options.port}.", hint="Choose one up to 65535, or 0 for a free one.")
    base = f"/{options.base_url.strip('/')}/".replace("//", "/")
    if not re.fullmatch(r"/([A-Za-z0-9_.~@%-]+/)*", base) or ".." in base.split("/"):
        raise InvalidInput(f"{options.base_url!r} is no path of a URL.", hint="Write it like this: --base-url /apps/x/")
    place = Path(options.bundle).expanduser().resolve()
    if not place.is_dir():
        raise InvalidInput(f"There is no folder {place}.", hint="Name a bundle: a folder that publishing an app makes.")
    secrets = Path(options.secrets_file).expanduser() if options.secrets_file else None
    data = Path(options.data).expanduser() if options.data else None
    from ..serving.proxies import LOOPBACK as OWN_ADDRESSES
    from ..serving.proxies import Proxies

    is_local = _is_local(options.host)
    proxies = Proxies([*options.trust_proxy, *(OWN_ADDRESSES if is_local else ())])
    if not is_local and not options.trust_proxy:
        terminal.note(
            "Limits are for each address that connects. If that is a proxy's, name it: --trust-proxy ADDRESS. Until "
            "then all who come through it count as one reader."
        )
    asyncio.run(_served(options, place, base, secrets, data, proxies, terminal))
    return 0


async def _served(
    options: argparse.Namespace,
    place: Path,
    base: str,
    secrets: Path | None,
    data: Path | None,
    proxies: Proxies,
    terminal: Terminal,
) -> None:
    from ..publishing.shelf import FILE
    from ..publishing.visits import Visits
    from ..serving.app import ServedApp
    from ..serving.door import OpenDoor
    from ..serving.handlers import Service
    from ..serving.place import Place
    from ..serving.service import Serving, finder, read_secrets

    find_bundle = await in_thread(finder, place)
    bundle = await in_thread(find_bundle)
    manifest = bundle.manifest
    known = await in_thread(read_secrets, secrets, os.environ)
    if lacking := sorted(set(manifest["secrets"]) - known.keys()):
        terminal.note(
            f"The app asks for {', '.join(lacking)}, which it does not get: set APPBUILDER_SECRET_{lacking[0]}, or "
            "name a file with --secrets-file."
        )

    async def values() -> Mapping[str, str]:
        return await in_thread(read_secrets, secrets, os.environ)

    builder = builder_of(options)
    try:
        provider = await builder.sandboxes.choose(options.sandbox)

        async def make_sandbox(session: str, folder: Path, template: Template) -> Sandbox:
            return await provider.create(session, folder, template)

        folder = data or Path(builder.data, "serving", manifest["name"])
        app = ServedApp(
            Place(folder, manifest["name"]),
            base,
            make_sandbox=make_sandbox,
            find_template=builder.library.find,
            values=values,
        )
        service = Service(app, OpenDoor(), hosts=_names(options))
        serving = Serving(
            service,
            find_bundle,
            Visits(place if (place / FILE).is_file() else folder),
            idle_seconds=options.idle,
            proxies=proxies,
        )
        try:
            port = await serving.start(options.host, options.port)
            url = f"http://{options.host if ':' not in options.host else f'[{options.host}]'}:{port}{base}"
            if options.json:
                print(json.dumps({"url": url, "port": port, "data": str(folder)}), flush=True)
            terminal.note(f"{manifest['title']} is served at {url}. Its data are in {folder}. Ctrl-C ends it.")
            await serving.run()
        finally:
            await serving.close()
    finally:
        await builder.close()


def _names(options: argparse.Namespace) -> tuple[str, ...]:
    """The names by which the server may be asked: on a loopback only those that nobody else can point here."""
    names = tuple(name.lower() for name in options.hostname)
    return (*LOOPBACK, *names) if _is_local(options.host) or names else ()


def _is_local(host: str) -> bool:
    """Whether only this machine reaches a server that listens there: whoever else reads comes through a proxy on it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
