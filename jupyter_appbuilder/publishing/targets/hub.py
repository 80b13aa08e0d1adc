"""The Hub: an app as a server of its own, behind the Hub's login, for those whom its owner lets in."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from ...errors import AppBuilderError, Conflict, Forbidden, InvalidInput, Unavailable
from ..base import BundleKind, Order, Published, Setting, Tell
from ..jupyterhub import (
    SERVICE,
    WHO,
    JupyterHub,
    Server,
    Shares,
    hub_address,
    is_for_everybody,
    missing,
    part,
    publication_of,
    readers_asked,
    server_name,
)

LINES = "from jupyter_appbuilder.hub.spawning import configure; configure(c)"
PATIENCE = 1.5
"""Seconds that a list of targets waits for the Hub."""
FRESH = 60.0
"""Seconds for which its answer is taken."""
STOP_SECONDS = 60.0
TOLD = 200


class HubPublisher:
    name: ClassVar[str] = "hub"
    title: ClassVar[str] = "The Hub"
    kinds: ClassVar[Sequence[BundleKind]] = ("static", "server")
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "readers",
            "Who may open it",
            help="me: only you. people: the users and groups below. everybody: whoever has an account on the Hub.",
            choices=WHO,
            default="me",
        ),
        Setting("users", "Users", help="Names on the Hub, with commas between them.", required=False),
        Setting("groups", "Groups", help="Groups of the Hub, with commas between them.", required=False),
    )
    history: ClassVar[bool] = False
    keeps: ClassVar[bool] = True

    _known: ClassVar[tuple[float, str]] = (float("-inf"), "")

    def unavailable(self) -> str:
        hub = JupyterHub.of_environment()
        if hub is None:
            return "This server was not started by a JupyterHub. Publish from a server of your Hub."
        at, why = HubPublisher._known
        if time.monotonic() - at > FRESH or why:
            why = _asked_apart(hub)
            HubPublisher._known = (time.monotonic(), why)
        return why

    async def publish(self, order: Order, tell: Tell) -> Published:
        publication = order.bundle.manifest["name"]
        hub, owner = await _opened()
        who = _who(order.settings)
        wanted = _readers(order.settings)
        await hub.require(wanted)
        server = server_name(publication)
        there = await _ours(hub, owner, publication)
        try:
            await _run(hub, owner, publication, there, who == "everybody", tell)
            if who != "everybody":
                await _share(hub, owner, server, wanted, tell)
        except (asyncio.CancelledError, AppBuilderError):
            if there is None and order.previous is None:
                await asyncio.shield(hub.stop(owner, server, remove=True))
            raise
        url = _link(owner, publication)
        tell(f"Readers open it at {url}")
        return Published(url)

    async def unpublish(self, name: str, settings: Mapping[str, str], tell: Tell) -> None:
        hub, owner = await _opened()
        if await _ours(hub, owner, name) is None:
            return
        tell("Stopping its server.")
        await hub.stop(owner, server_name(name), remove=True)
        await _gone(hub, owner, server_name(name))
        tell("Its server and all its shares are removed.")

    async def readers(self, name: str) -> Mapping[str, str]:
        """Who may open a publication now, as the settings say it."""
        hub, owner = await _opened()
        there = await _ours(hub, owner, name)
        if there is None:
            raise Conflict(f"{name} has no server on the Hub.", hint="Publish it again.", reason="not_published")
        found = await hub.readers(owner, there.name)
        if is_for_everybody(there.options):
            return {"readers": "everybody", "users": "", "groups": ""}
        return _settings(found)

    async def change_readers(self, name: str, settings: Mapping[str, str], tell: Tell) -> Mapping[str, str]:
        """Let in those whom the settings name, and nobody else, from now on. The settings as they came to be."""
        hub, owner = await _opened()
        there = await _ours(hub, owner, name)
        if there is None:
            raise Conflict(f"{name} has no server on the Hub.", hint="Publish it again.", reason="not_published")
        who, wanted = _who(settings), _readers(settings)
        await hub.require(wanted)
        if is_for_everybody(there.options) != (who == "everybody"):
            await _restart(hub, owner, there, _options(name, who == "everybody"), tell)
        if who == "everybody":
            return {"readers": who, "users": "", "groups": ""}
        await _share(hub, owner, there.name, wanted, tell)
        return _settings(wanted)


def _settings(readers: Shares) -> dict[str, str]:
    users, groups = ", ".join(sorted(readers.users)), ", ".join(sorted(readers.groups))
    return {"readers": "people" if users or groups else "me", "users": users, "groups": groups}


def _options(publication: str, everybody: bool) -> dict[str, object]:
    asked = {"publication": publication, **({"readers": "everybody"} if everybody else {})}
    return {"appbuilder": asked}


async def _opened() -> tuple[JupyterHub, str]:
    """The Hub, and whose server this is. Raises ``Unavailable`` or ``Forbidden`` where one cannot publish there."""
    hub = JupyterHub.of_environment()
    if hub is None:
        raise Unavailable(
            "This server was not started by a JupyterHub.", hint="Publish from a server of your Hub.", reason="no_hub"
        )
    owner, scopes = await hub.me()
    if lacking := missing(scopes, owner):
        raise Forbidden(_lacking(lacking), reason="hub_scopes")
    return hub, owner


def _lacking(scopes: Sequence[str]) -> str:
    return (
        f"The Hub does not let this server publish: its token has no {' and '.join(scopes)}. "
        f"An administrator adds to jupyterhub_config.py: {LINES}"
    )


def _asked_apart(hub: JupyterHub) -> str:
    """Why one cannot publish, asked in a thread and waited for a moment."""
    told: list[str] = []

    async def ask() -> None:
        try:
            owner, scopes = await hub.me()
            lacking = missing(scopes, owner)
            told.append(_lacking(lacking) if lacking else "")
        except AppBuilderError as error:
            told.append(str(error))

    asking = threading.Thread(target=lambda: asyncio.run(ask()), daemon=True, name="appbuilder-hub")
    asking.start()
    asking.join(PATIENCE)
    return told[0] if told else "The Hub does not answer. Wait until it runs again."


def _who(settings: Mapping[str, str]) -> str:
    who = settings.get("readers", "").strip() or "me"
    if who not in WHO:
        raise InvalidInput(f"'readers' is one of {', '.join(WHO)}, not {who[:40]!r}.", field="readers")
    if who == "everybody" and not os.environ.get(SERVICE):
        raise InvalidInput(
            "Everybody can be let in only where App Builder's service runs on the Hub.",
            hint="Share with a group instead, or ask an administrator for the service (docs/hub.md).",
            field="readers",
        )
    return who


def _readers(settings: Mapping[str, str]) -> Shares:
    if settings.get("readers", "").strip() != "people":
        return Shares()
    readers = readers_asked(settings.get("users", ""), settings.get("groups", ""))
    if not readers.users and not readers.groups:
        raise InvalidInput(
            "Nobody is named who may open it.", hint="Name users or groups, or choose me.", field="users"
        )
    return readers


async def _ours(hub: JupyterHub, owner: str, publication: str) -> Server | None:
    """The server of a publication. Raises ``Conflict`` where one of this name is something else."""
    there = await hub.server(owner, server_name(publication))
    if there is None:
        return None
    try:
        is_its = publication_of(there.options) in (publication, *([None] if not there.ready else []))
    except ValueError:
        is_its = False
    if not is_its:
        raise Conflict(
            f"You have a server called {there.name} that is no published app.",
            hint="Choose another name, or delete that server on the Hub's page.",
            reason="name_taken",
            field="name",
        )
    return there


async def _run(
    hub: JupyterHub, owner: str, publication: str, there: Server | None, everybody: bool, tell: Tell
) -> None:
    """Have the server of a publication run. One that does takes a new release by itself."""
    options, server = _options(publication, everybody), server_name(publication)
    if there and there.is_held:
        await _until(hub, owner, server, lambda now: now is None or not now.is_held)
        there = await hub.server(owner, server)
    if there and there.ready:
        if is_for_everybody(there.options) != everybody:
            await _restart(hub, owner, there, options, tell)
        else:
            tell(f"Its server {server} runs already, and takes the new release.")
        return
    tell(f"Starting the server {server}.")
    await hub.start(owner, server, options)
    await _follow(hub, owner, server, tell)


async def _follow(hub: JupyterHub, owner: str, server: str, tell: Tell) -> None:
    """Tell how it starts; raises ``Unavailable`` where it does not."""
    said = ""
    async for event in hub.progress(owner, server):
        message = " ".join(str(event.get("message") or "").split())[:TOLD]
        if message and message != said and not event.get("ready"):
            said = message
            tell(message)
        if event.get("failed"):
            raise Unavailable(
                f"The Hub could not start {server}: {message or 'it says no more'}.",
                hint="The Hub's log has the cause; ask its administrator.",
                reason="hub_start",
            )
        if event.get("ready"):
            return
    there = await hub.server(owner, server)
    if there is None or not there.ready:
        raise Unavailable(
            f"The Hub stopped telling how {server} starts.", hint="Publish again in a moment.", reason="hub_start"
        )


async def _restart(hub: JupyterHub, owner: str, there: Server, options: Mapping[str, object], tell: Tell) -> None:
    """Have it run with other options: the Hub gives a server that runs no others."""
    tell(f"Restarting the server {there.name}.")
    if there.ready or there.pending:
        await hub.stop(owner, there.name)
        await _until_stopped(hub, owner, there.name)
    await hub.start(owner, there.name, options)
    await _follow(hub, owner, there.name, tell)


async def _until_stopped(hub: JupyterHub, owner: str, server: str) -> None:
    await _until(hub, owner, server, lambda there: there is None or not (there.ready or there.pending))


async def _gone(hub: JupyterHub, owner: str, server: str) -> None:
    await _until(hub, owner, server, lambda there: there is None)


async def _until(hub: JupyterHub, owner: str, server: str, holds: Callable[[Server | None], bool]) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            while True:
                if holds(await hub.server(owner, server)):
                    return
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise Unavailable(
            f"The Hub has not stopped {server} within {STOP_SECONDS:.0f} s.", hint="Try again.", reason="hub_stop"
        ) from None


async def _share(hub: JupyterHub, owner: str, server: str, wanted: Shares, tell: Tell) -> None:
    """Let in those who are wanted and not yet in; then nobody else any more."""
    now = await hub.readers(owner, server)
    given: list[dict[str, str]] = []
    try:
        for whom in _each(wanted.users - now.users, wanted.groups - now.groups):
            await hub.share(owner, server, **whom)
            given.append(whom)
            tell(f"{_named(whom)} may open it.")
    except (asyncio.CancelledError, AppBuilderError):
        for whom in given:
            await asyncio.shield(hub.revoke(owner, server, **whom))
        raise
    for whom in _each(now.users - wanted.users, now.groups - wanted.groups):
        await hub.revoke(owner, server, **whom)
        tell(f"{_named(whom)} may not open it any more.")


def _each(users: frozenset[str], groups: frozenset[str]) -> list[dict[str, str]]:
    return [*({"user": name} for name in sorted(users)), *({"group": name} for name in sorted(groups))]


def _named(whom: Mapping[str, str]) -> str:
    kind, name = next(iter(whom.items()))
    return name if kind == "user" else f"The group {name}"


def _link(owner: str, publication: str) -> str:
    """What readers are given: the service's page, which wakes a sleeping app; without a service the server itself."""
    service = os.environ.get(SERVICE)
    if service:
        return hub_address(f"{service}apps/{part(owner)}/{publication}/")
    return hub_address(f"/user/{part(owner)}/{server_name(publication)}/")
