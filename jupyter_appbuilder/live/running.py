"""Runs exposed functions: so many at once, for so long, and never on the thread that runs the notebook's cells."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import inspect
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import AppBuilderError, InvalidInput, Unavailable
from .answers import Answer, answer_of
from .base import (
    AT_ONCE,
    LONGEST_SECONDS,
    MOST_AT_ONCE,
    SECONDS,
    WAITING,
    AppError,
    Declined,
    Function,
    FunctionFailed,
    TooSlow,
    unknown,
)
from .signatures import checked, described

FAILURES_A_MINUTE = 20
"""So many are written out below the cell: a page that asks every second would fill the notebook."""


@dataclass
class Exposed:
    """A function that an app may call. Its calls run in threads of their own, or, of a coroutine function, in a loop
    that they all share: a cell that runs keeps none of them waiting."""

    function: Callable[..., Any]
    told: Function
    timeout: float = SECONDS
    at_once: int = AT_ONCE
    context: contextvars.Context = field(default_factory=contextvars.copy_context)  # of the cell that exposed it
    running: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque["asyncio.Future[None]"])

    @property
    def name(self) -> str:
        return self.told.name

    def __repr__(self) -> str:
        from .base import signature

        doc = f": {self.told.doc}" if self.told.doc else ""
        return f"{signature(self.told)}{doc}"


def exposed(
    function: Callable[..., Any], name: str = "", *, timeout: float | None = None, at_once: int | None = None
) -> Exposed:
    """``function`` as it is called by an app. Raises ``InvalidInput``."""
    timeout = SECONDS if timeout is None else timeout
    at_once = AT_ONCE if at_once is None else at_once
    if not 0 < timeout <= LONGEST_SECONDS:
        raise InvalidInput(f"timeout has to be above 0 and {LONGEST_SECONDS:.0f} seconds at most.", field="timeout")
    if not 1 <= at_once <= MOST_AT_ONCE:
        raise InvalidInput(f"at_once has to be from 1 to {MOST_AT_ONCE}.", field="at_once")
    return Exposed(function, described(function, name), timeout, at_once)


class Functions:
    """The exposed functions of this process, by session. Their calls are asked for in one event loop."""

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        """``say`` is told of each call that failed, in full."""
        self._by_session: dict[str, dict[str, Exposed]] = {}
        self._say = say or _to_stderr
        self._said: deque[float] = deque(maxlen=FAILURES_A_MINUTE)
        self._loop: asyncio.AbstractEventLoop | None = None

    def of(self, session: str) -> Mapping[str, Exposed]:
        return self._by_session.get(session, {})

    @property
    def seconds(self) -> dict[str, dict[str, float]]:
        """How long a call may take, by session and name."""
        return {
            session: {name: one.timeout for name, one in functions.items()}
            for session, functions in self._by_session.items()
            if functions
        }

    def put(self, session: str, one: Exposed) -> None:
        """Expose a function, in place of another of its name."""
        self._by_session.setdefault(session, {})[one.name] = one

    def remove(self, session: str, name: str) -> None:
        """Raises ``NotFound``."""
        if name not in self.of(session):
            raise unknown(name, self.of(session))
        del self._by_session[session][name]

    async def call(self, session: str, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Call a function for an app. Cancelling ends a coroutine; a thread's answer is dropped.

        Raises ``AppBuilderError``: what it says may be shown to whoever looks at the page.
        """
        one = self.of(session).get(name)
        if one is None:
            raise unknown(name, self.of(session))
        given = checked(one.told, arguments)
        began = False
        try:
            async with asyncio.timeout(one.timeout):
                await _turn(one)
                began = True
                return await asyncio.wrap_future(self._start(one, given))
        except TimeoutError:
            raise _too_slow(one, began=began) from None

    def _start(self, one: Exposed, given: Mapping[str, Any]) -> concurrent.futures.Future[Answer]:
        """Run it; its slot is free again once it has ended, whether anybody still waits for it or not."""
        loop = asyncio.get_running_loop()
        ended: concurrent.futures.Future[Answer] = concurrent.futures.Future()
        coroutines: list[concurrent.futures.Future[Any]] = []

        def cancelled(future: concurrent.futures.Future[Answer]) -> None:
            if future.cancelled():
                for coroutine in coroutines:
                    coroutine.cancel()

        ended.add_done_callback(cancelled)

        def awaited(work: Coroutine[Any, Any, Any]) -> Any:
            running = asyncio.run_coroutine_threadsafe(work, self._coroutines())
            coroutines.append(running)
            if ended.cancelled():
                running.cancel()
            return running.result()

        def work() -> None:
            def result() -> Any:
                found = one.function(**given)
                return awaited(_awaiting(found)) if inspect.isawaitable(found) else found

            try:
                answer = answer_of(one.context.copy().run(result), one.told.returns)
            except BaseException as error:
                _settle(ended, error=self._told(one, error))
            else:
                _settle(ended, answer)
            finally:
                _call_in(loop, lambda: _leave(one))

        threading.Thread(target=work, name=f"appbuilder-{one.name}", daemon=True).start()
        return ended

    def _coroutines(self) -> asyncio.AbstractEventLoop:
        """The loop of coroutine functions, in a thread of its own: the notebook's stands still while a cell runs."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="appbuilder-functions", daemon=True).start()
        return self._loop

    def _told(self, one: Exposed, error: BaseException) -> BaseException:
        """An error as the page is told of it; the person is told all of it, where it is not meant for the page."""
        if isinstance(error, AppError):
            return Declined(str(error)[:1000] or f"{one.name} cannot do that.")
        if isinstance(error, concurrent.futures.CancelledError | asyncio.CancelledError):
            return error
        self._say_once(one, error)
        if isinstance(error, AppBuilderError) and error.reason in ("answer_too_large", "no_answer"):
            return error
        return FunctionFailed(
            f"{one.name} failed in the notebook ({type(error).__name__}).",
            hint="The notebook says why, below the cell that exposed it.",
        )

    def _say_once(self, one: Exposed, error: BaseException) -> None:
        now = time.monotonic()
        if len(self._said) == FAILURES_A_MINUTE and now - self._said[0] < 60:
            return
        self._said.append(now)
        text = "".join(traceback.format_exception(error))
        one.context.copy().run(self._say, f"The app called {one.name}, which failed:\n{text}")


async def _awaiting(result: Any) -> Any:
    return await result


async def _turn(one: Exposed) -> None:
    """Wait until one more call may run. Raises ``Unavailable`` where too many wait."""
    if one.running < one.at_once:
        one.running += 1
        return
    if len(one.waiting) >= WAITING:
        raise Unavailable(
            f"{one.name} has too many calls at once.",
            hint=f"{one.at_once} run at a time, and {WAITING} wait. Ask again in a moment.",
            reason="busy",
        )
    turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    one.waiting.append(turn)
    try:
        await turn
    except asyncio.CancelledError:
        if turn.done() and not turn.cancelled():
            _leave(one)  # it was given the slot in the same moment
        elif turn in one.waiting:
            one.waiting.remove(turn)
        raise


def _leave(one: Exposed) -> None:
    """A call has ended: its slot goes to the one that waits for the longest."""
    while one.waiting:
        turn = one.waiting.popleft()
        if not turn.done():
            turn.set_result(None)
            return
    one.running -= 1


def _too_slow(one: Exposed, *, began: bool) -> AppBuilderError:
    if not began:
        hint = "Earlier calls have not ended. Ask again in a moment."
        return Unavailable(f"{one.name} is busy.", hint=hint, reason="busy")
    return TooSlow(
        f"{one.name} took longer than {one.timeout:g} seconds.",
        hint="Give it more with app.expose(function, timeout=…), or have it do less.",
    )


def _settle(future: concurrent.futures.Future[Answer], answer: Answer | None = None, error: Any = None) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if error is not None:
        future.set_exception(error)
    else:
        assert answer is not None
        future.set_result(answer)


def _call_in(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and this process with it
        loop.call_soon_threadsafe(call)


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)
