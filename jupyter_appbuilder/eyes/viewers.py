"""Asks a person's open previews to look at the app, over the session's channel, and takes their answers.

What they answer was written by the app's page: JSON of bounded length, that is believed nowhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from ..errors import Unavailable

OFFER_SECONDS = 1.5
"""How long open previews have to say that they can look."""
AGAIN_SECONDS = 0.5
"""How long until they are asked again."""
OTHERS_SECONDS = 0.2
"""How long the others have, once one has said so."""
ANSWER_SECONDS = 20.0
LONGEST_ANSWER = 120_000  # characters
MOST_OFFERS = 16
STOPPED = "stopped_in_preview"

NOBODY = "No preview of the app is open and in view."
REFUSED = "The person stopped it in their preview."


@dataclass
class _Offers:
    came: asyncio.Event = field(default_factory=asyncio.Event)
    idle: dict[str, float] = field(default_factory=dict[str, float])  # ms since the person used it, by preview


class Viewers:
    """The open previews of one app. ``tell`` sends a ``look`` message (``events.LIVE``) to whoever watches it."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._numbers = itertools.count(1)
        self._offers: dict[int, _Offers] = {}
        self._waiting: dict[int, tuple[str, asyncio.Future[dict[str, Any]]]] = {}
        self._refused = False

    def allow(self) -> None:
        """The person has asked for something new: that they stopped a look counts no longer."""
        self._refused = False

    async def choose(self, patience: float = OFFER_SECONDS) -> str:
        """The open preview that the person used last. Raises ``Unavailable`` where there is none in view."""
        if self._refused:
            raise Unavailable(REFUSED, reason=STOPPED)
        number, offers = next(self._numbers), _Offers()
        self._offers[number] = offers
        try:
            async with asyncio.timeout(patience):
                while not offers.came.is_set():
                    self.tell("offer", "", number)  # again: one that is being opened has not heard it
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(AGAIN_SECONDS):
                            await offers.came.wait()
            await asyncio.sleep(OTHERS_SECONDS)
        except TimeoutError:
            raise Unavailable(NOBODY, hint="Open the preview, or install a browser.", reason="no_preview") from None
        finally:
            del self._offers[number]
        return min(offers.idle, key=lambda viewer: offers.idle[viewer])

    async def ask(self, act: str, viewer: str, **details: Any) -> dict[str, Any]:
        """What a preview answers. Raises ``Unavailable`` when it does not, or the person stopped it."""
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = viewer, future
        try:
            self.tell(act, viewer, number, **details)
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await future
        except TimeoutError:
            raise Unavailable(
                f"The person's preview has not answered for {ANSWER_SECONDS:.0f} seconds: it was closed, or its page "
                "hangs.",
                reason="browser_failed",
            ) from None
        finally:
            del self._waiting[number]
        if answer.get("stopped") is True:
            self._refused = True
            raise Unavailable(REFUSED, reason=STOPPED)
        if answer.get("gone") is True:
            raise Unavailable("The person's preview was closed meanwhile.", reason="no_preview")
        if isinstance(error := answer.get("error"), str):
            raise Unavailable(f"The person's preview could not look: {error[:500]}", reason="browser_failed")
        return answer

    def tell(self, act: str, viewer: str, number: int = 0, **details: Any) -> None:
        """Send it without waiting for an answer."""
        self._tell({"number": number, "viewer": viewer, "act": act, "details": details})

    def answered(self, number: int, viewer: str, answer: str) -> None:
        """Take what a preview answers, as JSON text. What nobody waits for, or another was asked, is dropped."""
        told = _read(answer)
        if offers := self._offers.get(number):
            idle = told.get("idle")
            if isinstance(idle, int | float) and len(offers.idle) < MOST_OFFERS:
                offers.idle[viewer] = float(idle)
                offers.came.set()
        asked, future = self._waiting.get(number, ("", None))
        if future and asked == viewer and not future.done():
            future.set_result(told)


def _read(answer: str) -> dict[str, Any]:
    if len(answer) > LONGEST_ANSWER:
        return {"error": "what it told is too long."}
    try:
        told: Any = json.loads(answer)
    except (ValueError, RecursionError):
        told = None
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {"error": "what it told cannot be read."}
