"""A Space of Hugging Face, by their own client library (an extra): private unless somebody says otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from ...cancellation import in_thread
from ...errors import InvalidInput
from ..base import BundleKind, Order, Published, Setting, Tell
from .clients import address, ask, missing, sent_alone
from .site import from_the_root, said_from_the_root, site_of

HOME = "https://huggingface.co"
SPACE = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9])?")
WHO = ("private", "public")


class HuggingFacePublisher:
    name: ClassVar[str] = "huggingface"
    title: ClassVar[str] = "Hugging Face Space"
    kinds: ClassVar[Sequence[BundleKind]] = ("static",)
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

    async def publish(self, order: Order, tell: Tell) -> Published:
        site = await in_thread(site_of, order.bundle)
        warning = said_from_the_root(await in_thread(from_the_root, site))
        manifest = order.bundle.manifest
        request = _request(manifest["name"], order.settings) | {
            "do": "publish",
            "folder": str(site.folder),
            "files": [file.path for file in site.files],
            "title": manifest["title"],
            "number": order.number,
        }
        secret = sent_alone(order.settings.get("token", ""))
        done = await ask("huggingface_client", request, secret, tell, "Publishing to Hugging Face")
        note = "" if done["private"] else "Everybody can see it, and its files."
        if done["private"]:
            note = "Only who may see the Space can open it, when signed in there."
        return Published(url=str(done["url"]), note=" ".join(filter(None, [note, warning])))

    async def unpublish(self, name: str, settings: Mapping[str, str], tell: Tell) -> None:
        secret = sent_alone(settings.get("token", ""))
        request = _request(name, settings) | {"do": "unpublish"}
        await ask("huggingface_client", request, secret, tell, "Deleting the Space")


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
