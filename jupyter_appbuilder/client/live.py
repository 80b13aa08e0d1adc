"""Letting an app call functions of this process: they are found by a socket, and the app's log says what they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import Conflict, ToolFailed
from ..live.base import told, unknown
from ..live.running import Exposed, Functions, exposed
from ..live.sockets import FunctionSocket

if TYPE_CHECKING:
    from .aio import AsyncApp

F = TypeVar("F", bound=Callable[..., Any])


class Live:
    """The functions of an engine's apps, and the socket by which they are called. In the engine's loop."""

    def __init__(self) -> None:
        self.functions = Functions()
        self._socket = FunctionSocket(self.functions.call)

    async def put(self, session: str, one: Exposed) -> None:
        self.functions.put(session, one)
        await self._socket.tell(self.functions.seconds)

    async def remove(self, session: str, name: str) -> None:
        """Raises ``NotFound``."""
        self.functions.remove(session, name)
        await self._socket.tell(self.functions.seconds)

    async def close(self) -> None:
        await self._socket.close()


async def expose(app: AsyncApp, function: F, name: str, timeout: float | None, at_once: int | None) -> F:
    """Let the app call ``function``. From any loop."""
    one = exposed(function, name, timeout=timeout, at_once=at_once)
    await app.engine.reach(_expose(app, one))
    return function


async def unexpose(app: AsyncApp, name: str) -> None:
    """From any loop."""
    await app.engine.reach(_unexpose(app, name))


async def _expose(app: AsyncApp, one: Exposed) -> None:
    session = await app.session()
    if session.owned:
        await session.expose(one.told)
    else:
        await _ask_owner(app, {"function": told(one.told)})
    await app.engine.live.put(session.id, one)


async def _unexpose(app: AsyncApp, name: str) -> None:
    session = await app.session()
    live = app.engine.live
    here = name in live.functions.of(session.id)
    if here:
        await live.remove(session.id, name)
    if not session.owned:
        await _ask_owner(app, {"take_back": name})
    elif here or name in session.functions:
        await session.unexpose(name)
    else:
        raise unknown(name, session.functions)


async def _ask_owner(app: AsyncApp, what: dict[str, Any]) -> None:
    """Have the process that owns the app's session, a Jupyter server most of the time, record an act of the person's.
    Raises ``ToolFailed`` with what it says, ``Conflict`` where it does not answer."""
    from ..apps.process_socket import ask_all

    answers = await ask_all({"do": "expose", "session": app.id, **what})
    answer = next((answer for answer in answers if "done" in answer), None)
    if answer is None:
        (await app.session()).require_owned()
        raise Conflict("The app changed hands.", hint="Do it again.")
    if not answer["done"]:
        error = answer["error"]
        raise ToolFailed(error["message"], hint=error["hint"], reason=error["reason"])
