"""Which hosts an app's code may reach at run time: those the person allowed, by the log, and those configured.

Nothing is kept here that the log does not hold: what is allowed survives a restart, and whoever reads the log sees it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import AppBuilderError, NotFound
from ..events import By, Draft, Event
from ..log.journal import Journal
from ..sandbox.network.hosts import configured_host, is_listed, parse_host, shown

REMEMBERED = 100  # refusals kept in memory, for tool results

DECIDED = {"configuration": "the configuration", "hub": "the JupyterHub's administrator"}
HINTS = {"configuration": "Take it out of c.AppBuilder.egress_hosts.", "hub": "Ask them to take it out of its rules."}

log = logging.getLogger(__name__)


HostSource = Literal["session", "configuration", "hub"]


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """``host``: ``host:port``. ``turn``: it is allowed until this turn ends."""

    host: str
    source: HostSource
    turn: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"host": self.host, "name": shown(self.host), "source": self.source, "turn": self.turn}


def allowed_hosts(events: Iterable[Event]) -> dict[str, AllowedHost]:
    """Hosts that the person allowed and has not removed, by ``host:port``."""
    hosts: dict[str, AllowedHost] = {}
    for event in events:
        if event.type == "network.changed":
            host, turn = event.data["host"], event.data.get("turn")
            if not event.data["allowed"]:
                hosts.pop(host, None)
            elif turn is None or host not in hosts:
                hosts[host] = AllowedHost(host, "session", turn)
        elif event.type == "turn.finished":
            hosts = {name: host for name, host in hosts.items() if host.turn != event.data["turn"]}
    return hosts


class SessionNetwork:
    """One session's list. ``configured`` says which are not its own, and may change. ``apply`` gives the list to the
    sandbox, and restarts what has to notice."""

    def __init__(
        self,
        journal: Journal,
        events: Callable[[], Awaitable[Sequence[Event]]],
        configured: Callable[[], Mapping[str, HostSource]],
        apply: Callable[[frozenset[str]], Awaitable[None]],
    ) -> None:
        self._journal = journal
        self._events = events
        self._configuration = configured
        self._apply = apply
        self._now: frozenset[str] = frozenset(host.host for host in self._configured)
        self._changing = asyncio.Lock()
        self._refused: deque[tuple[float, str]] = deque(maxlen=REMEMBERED)
        self._told: set[str] = set()  # refusals that are in the log since the list last changed
        self._telling: set[asyncio.Task[Any]] = set()

    @property
    def _configured(self) -> list[AllowedHost]:
        return [AllowedHost(configured_host(host), source) for host, source in self._configuration().items()]

    async def hosts(self) -> list[AllowedHost]:
        """Configured ones first, then the session's in the order they were allowed."""
        return [*self._configured, *allowed_hosts(await self._events()).values()]

    async def settle(self) -> frozenset[str]:
        """Bring the sandbox in line with the log; what may be reached now."""
        async with self._changing:
            now = frozenset(host.host for host in await self.hosts())
            if now != self._now:
                self._now = now
                self._told.clear()
                await self._apply(now)
            return now

    @property
    def now(self) -> frozenset[str]:
        """The hosts that the sandbox may reach now."""
        return self._now

    def allowed(self, host: str) -> bool:
        return is_listed(host, self._now)

    async def allow(self, host: str, *, by: By, turn: str | None = None) -> None:
        """Allow a host for this session, or until ``turn`` ends. Raises ``InvalidInput`` for what is no public host."""
        host = parse_host(host)
        known = {known.host: known.turn for known in await self.hosts()}
        if host not in known or (known[host] is not None and turn is None):
            data: dict[str, Any] = {"host": host, "allowed": True, "by": by}
            await self._journal.append(Draft("network.changed", data | ({"turn": turn} if turn else {})))
        await self.settle()

    async def revoke(self, host: str, *, by: By) -> None:
        """Take a permission back: connections that are open are cut. Raises ``NotFound`` for what was not allowed."""
        ours = allowed_hosts(await self._events())
        configured = {known.host: known.source for known in self._configured}.get(configured_host(host))
        if not configured and host not in ours:
            host = parse_host(host)
        if host not in ours:
            raise NotFound(
                f"{shown(host)} is allowed by {DECIDED[configured]}, not by this session."
                if configured
                else f"{shown(host)} is not allowed in this session.",
                hint=HINTS[configured] if configured else "There is nothing to take back.",
                reason="host_not_allowed",
            )
        await self._journal.append(Draft("network.changed", {"host": host, "allowed": False, "by": by}))
        await self.settle()

    # Refusals

    def refuse(self, host: str, reason: str) -> None:
        """Take note of what the way out refused. Called by the proxy; must not block."""
        self._refused.append((time.monotonic(), host))
        if host not in self._told and len(self._told) < REMEMBERED:
            self._told.add(host)
            task = asyncio.ensure_future(self._report(host, reason))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _report(self, host: str, reason: str) -> None:
        try:
            await self._journal.append(Draft("network.refused", {"host": host, "reason": reason}))
        except AppBuilderError as error:
            log.warning("A refused connection could not be recorded: %s", error)

    def refused(self, since: float) -> list[str]:
        return list(dict.fromkeys(host for at, host in self._refused if at >= since))
