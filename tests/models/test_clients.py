"""Clients are shared where they may be, and only there."""

from __future__ import annotations

import asyncio

from jupyter_appbuilder.models.clients import client_of
from jupyter_appbuilder.models.openai_compatible import Endpoint


def endpoint(key: str) -> Endpoint:
    return Endpoint("custom", "Custom", "http://127.0.0.1:9/v1", key)


async def test_every_turn_on_an_endpoint_uses_one_client_and_another_key_gets_its_own():
    clients = await asyncio.gather(*(client_of(endpoint("one")) for _ in range(3)), client_of(endpoint("two")))
    assert clients[0] is clients[1] is clients[2]
    assert clients[3] is not clients[0]
    assert [client.api_key for client in clients] == ["one", "one", "one", "two"]


async def test_another_event_loop_gets_its_own_client():
    here = await client_of(endpoint("one"))
    there = await asyncio.to_thread(asyncio.run, client_of(endpoint("one")))
    assert there is not here
