"""A Space of Hugging Face, by their own client library (an extra): private unless somebody says otherwise.

An app without a server is a static Space. One that has to run is a Docker Space: its container's files, built there.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import tempfile
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ...cancellation import ended, in_thread, uncut
from ...errors import AppBuilderError, InvalidInput
from ..base import Bundle, BundleKind, Order, Published, Setting, Tell
from .clients import address, ask, missing, sent_alone
from .container import container_files, lay_out, no_recipe, recipe_of
from .container_recipes import PORT, RECIPES
from .site import Site, from_the_root, said_from_the_root, site_of

HOME = "https://huggingface.co"
SPACE = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9])?")
WHO = ("private", "public")
USER = "1000:1000"
"""As whom Spaces run containers."""
LEFT_OUT = frozenset({"compose.yaml", ".env.example", "README.md"})
"""Of a container's files: what a Space has in another way."""
PUT_BACK_SECONDS = 120


class HuggingFacePublisher:
    name: ClassVar[str] = "huggingface"
    title: ClassVar[str] = "Hugging Face Space"
    kinds: ClassVar[Sequence[BundleKind]] = ("static", "server")
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "token",
            "Access token",
            help="One with the right to write (huggingface.co/settings/tokens).",
            secret=True,
        ),
        Setting("space", "Space", help="owner/name; without one, your account and the app's name.", required=False),
        Setting(
            "visibility",
            "Who may see it",
            help="private: you and your organisation. public: everybody, and its files too.",
            choices=WHO,
            default="private",
            required=False,
        ),
        Setting("server", "Server", help="Of a Hub of your own.", default=HOME, required=False),
    )
    history: ClassVar[bool] = False
    keeps: ClassVar[bool] = False

    def unavailable(self) -> str:
        return missing("huggingface_hub", "huggingface")

    def refusal(self, template: str, kind: BundleKind) -> str:
        return "" if kind == "static" or template in RECIPES else no_recipe(template).message

    async def preflight(self, name: str, template: str, settings: Mapping[str, str], tell: Tell) -> None:
        request = _request(name, settings) | {"do": "look"}
        await ask("huggingface_client", request, sent_alone(settings.get("token", "")), tell, "Asking Hugging Face")

    async def publish(self, order: Order, tell: Tell) -> Published:
        manifest = order.bundle.manifest
        secret = sent_alone(order.settings.get("token", ""))
        request = _request(manifest["name"], order.settings) | {"title": manifest["title"], "number": order.number}
        async with _files(order) as (site, sdk, texts):
            warning = said_from_the_root(await in_thread(from_the_root, site)) if sdk == "static" else ""
            sent = {
                "do": "publish",
                "sdk": sdk,
                "port": PORT,
                "folder": str(site.folder),
                "files": [file.path for file in site.files],
                "texts": texts,
            }
            try:
                done = await ask("huggingface_client", request | sent, secret, tell, "Publishing to Hugging Face")
            except asyncio.CancelledError:
                # What was sent already would be what readers get.
                await uncut(_put_back(request, secret))
                raise
        who = "Only who may see the Space can open it, when signed in there."
        notes = [who if done["private"] else "Everybody can see it, and its files.", warning]
        if sdk == "docker":
            notes += _notes(order.bundle, str(done["space_url"]), str(done["host"]))
        return Published(url=str(done["url"]), note=" ".join(filter(None, [*notes, str(done["note"])])))

    async def unpublish(self, name: str, settings: Mapping[str, str], tell: Tell) -> None:
        secret = sent_alone(settings.get("token", ""))
        request = _request(name, settings) | {"do": "unpublish"}
        await ask("huggingface_client", request, secret, tell, "Deleting the Space")


@contextlib.asynccontextmanager
async def _files(order: Order) -> AsyncGenerator[tuple[Site, str, dict[str, str]]]:
    """What a Space holds of a release: its files, its SDK, and texts in which the Space's own host is filled in."""
    bundle = order.bundle
    if bundle.manifest["kind"] == "static":
        yield await in_thread(site_of, bundle), "static", {}
        return
    recipe = recipe_of(bundle)
    given = container_files(bundle, order.number, user=USER, environment=recipe.framed)
    texts = {"Dockerfile": given.pop("Containerfile")}
    files = {path: text for path, text in given.items() if path not in LEFT_OUT}
    folder, stop = Path(await in_thread(tempfile.mkdtemp, prefix="appbuilder-space-")), threading.Event()
    work = asyncio.ensure_future(in_thread(lay_out, bundle, files, folder, stop))
    try:
        yield await asyncio.shield(work), "docker", texts
    finally:
        stop.set()
        await ended([work])
        await in_thread(shutil.rmtree, folder, True)


async def _put_back(request: Mapping[str, Any], secret: str) -> None:
    with contextlib.suppress(AppBuilderError):
        what = "Putting the release before back"
        put_back = {**request, "do": "put_back"}
        await ask("huggingface_client", put_back, secret, lambda _: None, what, seconds=PUT_BACK_SECONDS)


def _notes(bundle: Bundle, space: str, host: str) -> list[str]:
    """What is left to be done there, and to be known, of an app that runs."""
    manifest = bundle.manifest
    notes = [f"Without the frame around it: {host}" if host else ""]
    if names := manifest["secrets"]:
        notes.append(f"Set what its functions read at {space}/settings, as secrets: {', '.join(names)}.")
    if folders := manifest["data"]:
        places = " and ".join(f"/app/{folder}" for folder in folders)
        notes.append(f"What it stores is gone when the Space restarts, unless a volume is mounted at {places}.")
    return notes


def _request(name: str, settings: Mapping[str, str]) -> dict[str, object]:
    space = settings.get("space", "").strip().strip("/") or name
    if not SPACE.fullmatch(space) or "--" in space or ".." in space:
        raise InvalidInput(
            f"{space[:100]!r} is no name of a Space.", hint="Use letters, digits and -: owner/name.", field="space"
        )
    visibility = settings.get("visibility", "").strip() or "private"
    if visibility not in WHO:
        raise InvalidInput(f"{visibility[:50]!r} is not one of {', '.join(WHO)}.", field="visibility")
    server = address(settings.get("server", "").strip() or HOME, "server", HOME)
    return {"name": name, "space": space, "private": visibility == "private", "server": server}
