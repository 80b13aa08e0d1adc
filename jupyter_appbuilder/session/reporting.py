"""A server on a JupyterHub tells the service what runs, and does what its administrators order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from .._version import __version__
from ..cancellation import in_thread
from ..errors import AppBuilderError, InvalidInput
from ..usage.hub import HubService
from ..usage.hub_rules import HubRules

if TYPE_CHECKING:
    from ..publishing.shelf import Publication, Shelf
    from .sessions import Sessions

RETRY_SECONDS = 15.0
LOOK_SECONDS = 2.0  # between looks whether a turn began or ended, which is told at once
SHORTEST, LONGEST = 1.0, 60.0  # seconds between reports, whatever the service says
PUBLISHED_SECONDS = 300.0  # after which all that is published is told again, changed or not
MANY_RUNNING, MANY_PUBLISHED = 200, 500

log = logging.getLogger(__name__)


class HubReporter:
    """``server``: its name on the Hub, empty for the default one."""

    def __init__(
        self, service: HubService, sessions: Sessions, shelf: Shelf, rules: HubRules, server: str = ""
    ) -> None:
        self._service = service
        self._sessions = sessions
        self._shelf = shelf
        self._rules = rules
        self._server = server
        self._turns: dict[str, float] = {}  # since when a turn runs, by session
        self._told: tuple[float, object] = (float("-inf"), None)
        self._reported: list[dict[str, Any]] = []
        self._done: dict[int, str] = {}  # what came of orders, until the service knows

    async def run(self) -> None:
        """Report for ever."""
        while True:
            try:
                seconds = await self.report()
            except AppBuilderError:  # the service restarts, or there is none
                seconds = RETRY_SECONDS
            except Exception:  # a fault of ours: the next report may do
                log.exception("What runs here could not be reported to the Hub's service")
                seconds = LONGEST
            await self._until_due(seconds)

    async def _until_due(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(LOOK_SECONDS, left))
            if self._running() != self._reported:
                return

    async def report(self) -> float:
        """Report once, and carry out what is ordered; after how many seconds to report again. Raises ``Unavailable``,
        or ``InvalidInput`` where the service gives rules that are none."""
        published = await in_thread(self._published)
        at, before = self._told
        new = published != before or time.monotonic() - at > PUBLISHED_SECONDS
        done = dict(list(self._done.items())[:100])
        self._reported = self._running()
        answer = await self._service.report(
            {
                "server": self._server,
                "version": __version__,
                "rules": self._rules.version,
                "running": self._reported,
                "published": published if new else None,
                "done": [{"id": id, "outcome": outcome} for id, outcome in done.items()],
            }
        )
        if new:
            self._told = (time.monotonic(), published)
        for id in done:
            self._done.pop(id, None)
        try:
            self._rules.take(answer.get("rules"))
        except InvalidInput as error:
            log.warning("%s", error)
        else:
            if answer.get("rules") is not None:
                await self._apply_rules()
        orders: Any = answer.get("orders")
        if isinstance(orders, list) and orders:
            for order in cast("list[Any]", orders)[:100]:
                if isinstance(order, dict):
                    await self._carry_out(cast("dict[str, Any]", order))
            return SHORTEST
        seconds: Any = answer.get("seconds")
        known = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        return min(max(float(seconds), SHORTEST), LONGEST) if known else RETRY_SECONDS

    async def _apply_rules(self) -> None:
        """Which hosts may be reached is known to sandboxes that run; all else is asked for when it is needed."""
        for session in list(self._sessions.opened.values()):
            if session.owned:
                try:
                    await session.network.settle()
                except AppBuilderError as error:
                    log.warning("Hosts of %s were not brought in line with the Hub's rules: %s", session.id, error)

    def _running(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for id, session in self._sessions.opened.items():
            placed = session.app.placed
            sandbox = placed[0] if placed and placed[1] != "asleep" else ""
            if not session.busy:
                self._turns.pop(id, None)
            if session.busy or sandbox:
                summary = session.summary
                found.append(
                    {
                        "id": id,
                        "name": summary.title or summary.name,
                        "model": summary.model,
                        "turn_at": self._turns.setdefault(id, time.time()) if session.busy else None,
                        "sandbox": sandbox,
                    }
                )
        return found[:MANY_RUNNING]

    def _published(self) -> list[dict[str, Any]]:
        from ..publishing.visits import Visits

        found: list[dict[str, Any]] = []
        for one in self._shelf.all():
            if (entry := one.entry(one.live)) is None:
                continue
            days = Visits(self._shelf.folder / one.target / one.name).days()
            found.append(
                {
                    "target": one.target,
                    "name": one.name,
                    "title": one.title,
                    "number": entry.number,
                    "at": _moment(entry.at),
                    "visited_on": max(days, default=""),
                    "visits": sum(days.values()),
                }
            )
        return found[:MANY_PUBLISHED]

    async def _carry_out(self, order: Mapping[str, Any]) -> None:
        id, action, target = order.get("id"), str(order.get("action")), str(order.get("target"))
        if not isinstance(id, int) or id in self._done:
            return
        log.warning("An administrator of the Hub ordered: %s %s", action, target)
        try:
            if action == "unpublish":
                await self._unpublish(target)
            elif action in ("stop", "stop_all"):
                await self._stop([target] if action == "stop" else list(self._sessions.opened))
            else:
                raise InvalidInput(f"This server is too old to {action[:40]}.")
            self._done[id] = "done"
        except AppBuilderError as error:
            self._done[id] = str(error)[:200]
        except Exception as error:
            log.exception("An order of the Hub's failed")
            self._done[id] = f"failed: {type(error).__name__}"

    async def _stop(self, ids: Sequence[str]) -> None:
        for id in ids:
            session = self._sessions.opened.get(id)
            if session is not None and session.owned:
                await session.stop()
                await session.app.stop()

    async def _unpublish(self, place: str) -> None:
        target, _, name = place.partition("/")
        there: Publication | None = await in_thread(self._shelf.find, target, name)
        if there is not None and there.live is not None:
            session = await self._sessions.open(there.session)
            await session.publishing.unpublish(target)


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
