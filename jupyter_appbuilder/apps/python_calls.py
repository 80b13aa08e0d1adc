"""Calls of an app's server to functions of the person's notebook: fetched from it, carried to the notebook, answered.

Nothing in a sandbox reaches Jupyter by itself: the server is asked, over the connection that is ours alone, which calls
its code has made. It may say anything; what it says is bounded here, and a call is held to what a page's is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Mapping
from typing import Any, cast

from ..cancellation import ended
from ..errors import AppBuilderError, Unavailable
from ..live.sockets import Reply, Rows, call_function
from ..live.under_way import enter, under_way
from ..sandbox.base import Address
from .control import Control

MOST_AT_ONCE = 16
"""Calls of one app's server that are under way at a time. Ours asks for no more by itself."""
FIRST_SECONDS = 5.0
PAUSE_SECONDS = 1.0
"""Before a server is asked again that said nothing of use, and at once."""
AGAIN_SECONDS = (0.2, 10.0)
"""Before one that did not answer is asked again, at first and at most."""
CALL = re.compile("[A-Za-z0-9]{1,40}")

log = logging.getLogger(__name__)


class PythonCalls:
    """Of one session, while its server runs: from ``listen`` until ``stop``."""

    def __init__(self, session: str, control: Control) -> None:
        self._session = session
        self._control = control
        self._task: asyncio.Task[None] | None = None
        self._calls: dict[str, asyncio.Task[None]] = {}

    async def listen(self, address: Address, base_path: str) -> None:
        """Carry the calls of the server that has started there, and no longer of the one before. The server is ours
        from here on: it takes what it is asked from whoever asked first."""
        self._end()
        with contextlib.suppress(AppBuilderError, TimeoutError):
            async with asyncio.timeout(FIRST_SECONDS):
                await self._control.ask(address, base_path, "python", hold=False)
        self._end()  # of another who listened meanwhile
        self._task = asyncio.create_task(self._listen(address, base_path))

    async def stop(self) -> None:
        """Let go of the server; its calls are cancelled. May be called twice."""
        await ended(self._end())

    def _end(self) -> list[asyncio.Task[None]]:
        """Cancel everything; what is to be waited for."""
        listening = [self._task] if self._task is not None else []
        self._task = None
        for task in listening:
            task.cancel()
        return [*listening, *self._cancel_all()]

    def _cancel_all(self) -> list[asyncio.Task[None]]:
        calls = list(self._calls.values())
        self._calls = {}
        for call in calls:
            call.cancel()
        return calls

    async def _listen(self, address: Address, base_path: str) -> None:
        anew, pause = True, AGAIN_SECONDS[0]
        while True:
            began = time.monotonic()
            try:
                told = await self._control.ask(address, base_path, "python", anew=anew)
            except AppBuilderError:
                self._cancel_all()
                anew = True
                await asyncio.sleep(pause)
                pause = min(2 * pause, AGAIN_SECONDS[1])
                continue
            anew, pause = False, AGAIN_SECONDS[0]
            useful = self._take(address, base_path, told)
            # A server of ours has something to tell, or keeps us waiting; another one must not keep us busy.
            await asyncio.sleep(0 if useful or time.monotonic() - began > PAUSE_SECONDS else PAUSE_SECONDS)

    def _take(self, address: Address, base_path: str, told: Mapping[str, Any]) -> bool:
        """Begin and cancel what the server says; whether all of it was of use."""
        cancelled, calls = _items(told, "cancelled"), _items(told, "calls")
        useful = bool(cancelled or calls)
        for call in cancelled[: 2 * MOST_AT_ONCE]:
            # It may have ended in the same moment.
            if isinstance(call, str) and (task := self._calls.pop(call, None)):
                task.cancel()
        for one in calls[: 2 * MOST_AT_ONCE]:
            given = _call_in(one)
            if given is None or given[0] in self._calls or len(self._calls) >= MOST_AT_ONCE:
                useful = False
                continue
            call, name, body, rows = given
            task = asyncio.create_task(self._carry(address, base_path, call, name, body, rows))
            self._calls[call] = task
            task.add_done_callback(lambda task, call=call: self._forget(call, task))
        return useful and len(calls) <= MOST_AT_ONCE and len(cancelled) <= 2 * MOST_AT_ONCE

    def _forget(self, call: str, task: asyncio.Task[None]) -> None:
        if self._calls.get(call) is task:
            del self._calls[call]
        if not task.cancelled() and (error := task.exception()):
            log.error("A call of the app's server to the notebook failed", exc_info=error)

    async def _carry(self, address: Address, base_path: str, call: str, name: str, body: bytes, rows: Rows) -> None:
        try:
            reply = await self._reply(name, body, rows)
        except AppBuilderError as error:
            reply = Reply.of(error)
        with contextlib.suppress(Unavailable):  # the server has gone, or nobody waits there any more
            await self._control.answer(address, base_path, call, reply)

    async def _reply(self, name: str, body: bytes, rows: Rows) -> Reply:
        call = object()
        enter(call)
        try:
            return await call_function(self._session, name, body, rows)
        finally:
            under_way.discard(call)


def _items(told: Mapping[str, Any], key: str) -> list[Any]:
    found = told.get(key)
    return cast("list[Any]", found) if isinstance(found, list) else []


def _call_in(told: Any) -> tuple[str, str, bytes, Rows] | None:
    """A call's id, the function's name, the arguments as JSON and what rows come as; None for what is no call."""
    if not isinstance(told, dict):
        return None
    fields = cast("dict[str, Any]", told)
    call, name, given = (fields.get(key) for key in ("id", "name", "given"))
    if not (isinstance(call, str) and isinstance(name, str) and isinstance(given, str) and CALL.fullmatch(call)):
        return None
    try:
        return call, name, given.encode(), "json" if fields.get("rows") == "json" else "parquet"
    except UnicodeEncodeError:  # half a surrogate pair
        return None
