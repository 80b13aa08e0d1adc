"""Who reads: the protocol of what stands at the door of a served app, and the door that is open to everybody."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

from tornado import httputil, web
from tornado.routing import Rule


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks. ``key`` tells one from another, for limits and for what their pages store. ``name`` is their name as
    the door knows it, "" for nobody in particular: an app that knows people by their names on a JupyterHub logs them
    in under it, so it is never what a request says of itself."""

    key: str
    name: str = ""


class Door(Protocol):
    """Decides who may read. Every request passes it, but for those of the routes that are its own and the health
    check."""

    private: bool
    """What is read is for some only: nothing on the way may keep it for others."""

    async def reader(self, request: httputil.HTTPServerRequest) -> Reader | None:
        """Who sent it; None for nobody who may read. Asked for each request: it must be quick."""
        ...

    async def still(self, reader: Reader) -> bool:
        """Whether who was let in before may still read: asked now and then of those whose pages are open."""
        ...

    def refuse(self, handler: web.RequestHandler) -> None:
        """Answer a request of nobody's: with the way to log in, or with why not."""
        ...

    def routes(self, base: str) -> list[Rule]:
        """What it answers itself below ``base``, such as where a login comes back to."""
        ...


class OpenDoor:
    """Whoever reaches the server may read, and is told from others by the address they come from."""

    private = False

    async def reader(self, request: httputil.HTTPServerRequest) -> Reader | None:
        return Reader(address_of(request))

    async def still(self, reader: Reader) -> bool:
        return True

    def refuse(self, handler: web.RequestHandler) -> None:
        handler.set_status(403)

    def routes(self, base: str) -> list[Rule]:
        return []


class ClosedDoor:
    """Nobody reads: whoever does comes by other routes."""

    private = True

    async def reader(self, request: httputil.HTTPServerRequest) -> Reader | None:
        return None

    async def still(self, reader: Reader) -> bool:
        return False

    def refuse(self, handler: web.RequestHandler) -> None:
        handler.set_status(403)

    def routes(self, base: str) -> list[Rule]:
        return []


def address_of(request: httputil.HTTPServerRequest) -> str:
    """The address that a request came from; of IPv6 the network, of which one person has all addresses."""
    address = request.remote_ip or ""
    try:
        known = ip_address(address)
    except ValueError:
        return "unix" if not address else address[:60]
    if isinstance(known, IPv6Address) and known.ipv4_mapped is None:
        return str(ip_network((known, 64), strict=False))
    return address
