"""Posit Connect, by their own client library (an extra): for the people that the maker names unless somebody says
otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ...cancellation import in_thread
from ...errors import InvalidInput
from ..base import BundleKind, Order, Published, Setting, Tell
from .clients import address, ask, missing, sent_alone
from .site import from_the_root, said_from_the_root, site_of

WHO = {
    "acl": "Only who was named at Connect can open it: add them there, at Access.",
    "logged_in": "Everybody with an account at Connect can open it.",
    "all": "Everybody who reaches Connect can open it, without an account.",
}


class PositPublisher:
    name: ClassVar[str] = "posit"
    title: ClassVar[str] = "Posit Connect"
    kinds: ClassVar[Sequence[BundleKind]] = ("static",)
    settings: ClassVar[Sequence[Setting]] = (
        Setting("server", "Server", help="https://connect.example.org"),
        Setting("key", "API key", help="Made at Connect: your name > Manage Your API Keys.", secret=True),
        Setting(
            "access",
            "Who may open it",
            help="acl: who is named at Connect. logged_in: everybody with an account. all: everybody.",
            choices=tuple(WHO),
            default="acl",
            required=False,
        ),
    )
    history: ClassVar[bool] = False
    keeps: ClassVar[bool] = False

    def unavailable(self) -> str:
        return missing("rsconnect", "connect")

    async def publish(self, order: Order, tell: Tell) -> Published:
        site = await in_thread(site_of, order.bundle)
        warning = said_from_the_root(await in_thread(from_the_root, site))
        access = order.settings.get("access", "").strip() or "acl"
        if access not in WHO:
            raise InvalidInput(f"{access[:50]!r} is not one of {', '.join(WHO)}.", field="access")
        request = _request(order.bundle.manifest["name"], order.settings) | {
            "do": "publish",
            "folder": str(site.folder),
            "files": [file.path for file in site.files],
            "title": order.bundle.manifest["title"],
            "number": order.number,
            "access": access,
        }
        secret = sent_alone(order.settings.get("key", ""), "key")
        done = await ask("posit_client", request, secret, tell, "Publishing to Posit Connect")
        return Published(url=str(done["url"]), note=" ".join(filter(None, [WHO[access], warning])))

    async def unpublish(self, name: str, settings: Mapping[str, str], tell: Tell) -> None:
        secret = sent_alone(settings.get("key", ""), "key")
        request = _request(name, settings) | {"do": "unpublish"}
        await ask("posit_client", request, secret, tell, "Deleting the content")


def _request(name: str, settings: Mapping[str, str]) -> dict[str, object]:
    server = address(settings.get("server", ""), "server", "https://connect.example.org")
    # Their names have three characters at least.
    return {"name": name if len(name) > 2 else f"app-{name}", "server": server}
