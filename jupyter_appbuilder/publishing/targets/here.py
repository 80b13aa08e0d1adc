"""This Jupyter server: whoever may reach it may open the app (``server.published``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ..base import BundleKind, Order, Published, Setting, Tell

PREFIX = "appbuilder/apps/"
"""Of the addresses of published apps, below the server's base URL."""


class HerePublisher:
    name: ClassVar[str] = "here"
    title: ClassVar[str] = "This server"
    kinds: ClassVar[Sequence[BundleKind]] = ("static",)
    settings: ClassVar[Sequence[Setting]] = ()
    history: ClassVar[bool] = False
    keeps: ClassVar[bool] = True

    def unavailable(self) -> str:
        return ""

    async def publish(self, order: Order, tell: Tell) -> Published:
        """The shelf says which release is live, and the server gives that to readers."""
        url = f"{PREFIX}{order.bundle.manifest['name']}/"
        tell(f"Readers find it at {url} of this server.")
        return Published(url)

    async def unpublish(self, name: str, settings: Mapping[str, str], tell: Tell) -> None:
        """The shelf has taken it down."""
