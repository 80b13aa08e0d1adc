"""The ``openai`` SDK's clients, one for each endpoint and event loop, whatever the number of sessions and turns.

Making one reads all certificate authorities into an SSL context, some 20 ms in which nothing else would run; and a new
client has no open connection, so each request would begin with a handshake.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from .openai_compatible import Endpoint

KEPT = 16  # endpoints an event loop may have clients for; a changed key or address is another endpoint

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Endpoint, AsyncOpenAI]] = WeakKeyDictionary()


async def client_of(endpoint: Endpoint) -> AsyncOpenAI:
    """The endpoint's client on the running event loop. Not to be closed: others use it."""
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if endpoint not in clients:
        await asyncio.to_thread(importlib.import_module, "openai")  # takes most of a second the first time
        made = await asyncio.to_thread(endpoint.client)
        clients.setdefault(endpoint, made)  # another turn may have been first
        while len(clients) > KEPT:
            del clients[next(iter(clients))]
    return clients[endpoint]
