"""An event store in memory: the least that one is, which shows that the suite asks for nothing of SQLite's."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from jupyter_appbuilder.errors import Conflict, NotFound, Unavailable
from jupyter_appbuilder.events import VERSIONS, Draft, Event
from jupyter_appbuilder.formats import strict_json
from jupyter_appbuilder.log import EventStore, Owner, Summary
from jupyter_appbuilder.log.base import RequestRow, Used
from jupyter_appbuilder.log.lease import Lease
from jupyter_appbuilder.log.summary import fold
from jupyter_appbuilder.log.totals import UsageTotals


@dataclass
class Memory:
    """What several stores share, as processes share a database."""

    events: dict[str, list[Event]] = field(default_factory=dict[str, list[Event]])
    leases: dict[str, Lease] = field(default_factory=dict[str, Lease])
    requests: dict[str, list[RequestRow]] = field(default_factory=dict[str, list[RequestRow]])
    blobs: dict[str, set[str]] = field(default_factory=dict[str, set[str]])  # their sessions
    contents: dict[str, bytes] = field(default_factory=dict[str, bytes])


class MemoryStore(EventStore):
    def __init__(self, memory: Memory, owner: Owner) -> None:
        self._memory = memory
        self._owner = owner
        self._closed = False

    @property
    def fresh(self) -> bool:
        return not self._memory.events

    @property
    def place(self) -> str:
        return "memory"

    @property
    def warnings(self) -> Sequence[str]:
        return ()

    async def open(self) -> None:
        self._use()

    async def append(self, session: str, drafts: Sequence[Draft]) -> list[Event]:
        events, at = self._owned(session), time.time()
        numbered = enumerate(drafts, len(events) + 1)
        data = [strict_json.written(draft.data)[1] for draft in drafts]
        stored = [
            Event(session, seq, at, draft.type, json, VERSIONS[draft.type])
            for (seq, draft), json in zip(numbered, data, strict=True)
        ]
        self._keep(session, stored)
        return stored

    async def adopt(self, session: str, events: Sequence[Event], drafts: Sequence[Draft]) -> list[Event]:
        taken = [replace(event, session=session) for event in events]
        first = len(self._owned(session)) + 1
        if [event.seq for event in taken] != list(range(first, first + len(taken))):
            raise ValueError("These events do not follow the last one of the session.")
        self._keep(session, taken)
        for sessions in self._memory.blobs.values():
            if not sessions.isdisjoint(event.session for event in events):
                sessions.add(session)
        return taken + await self.append(session, drafts)

    async def read(self, session: str, after: int = 0, limit: int | None = None) -> list[Event]:
        return self._use().events.get(session, [])[after:][:limit]

    async def summary(self, session: str) -> Summary:
        events = self._use().events.get(session)
        if events is None:
            raise NotFound(f"There is no session {session!r}.")
        return fold(Summary(session), events)

    async def summaries(self, search: str = "") -> list[Summary]:
        found = [fold(Summary(session), events) for session, events in self._use().events.items()]
        words = search.casefold().split()
        found = [it for it in found if all(word in f"{it.title} {it.name}".casefold() for word in words)]
        return sorted(found, key=lambda summary: -summary.updated_at)

    async def used(self, since: float, until: float | None = None) -> list[Used]:
        rows = [row for row in await self.requests(since) if until is None or row.at < until]
        rows.sort(key=lambda row: (row.session, row.model))
        return [
            Used(session, model, sum((_totals(row) for row in group), UsageTotals()))
            for (session, model), group in itertools.groupby(rows, lambda row: (row.session, row.model))
        ]

    async def requests(self, since: float) -> list[RequestRow]:
        every = itertools.chain.from_iterable(self._use().requests.values())
        return sorted((row for row in every if row.at >= since), key=lambda row: (row.at, row.session))

    async def owner_of(self, session: str) -> str | None:
        lease = self._use().leases.get(session)
        return lease.label if lease and lease.owner != self._owner.id and lease.alive(self._owner) else None

    async def claim(self, session: str) -> bool:
        if await self.owner_of(session) is not None:
            return False
        self._memory.leases[session] = Lease.of(self._owner)
        return True

    async def renew(self) -> None:
        for session, lease in self._use().leases.items():
            if lease.owner == self._owner.id:
                self._memory.leases[session] = Lease.of(self._owner)

    async def release(self, session: str) -> None:
        lease = self._use().leases.get(session)
        if lease and lease.owner == self._owner.id:
            del self._memory.leases[session]

    async def delete(self, session: str) -> None:
        self._owned(session)
        self._memory.events.pop(session, None)
        del self._memory.leases[session]
        for sha256, sessions in self._memory.blobs.items():
            sessions.discard(session)
            if not sessions:
                self._memory.contents.pop(sha256, None)

    async def keep_blob(self, session: str, content: bytes) -> str:
        self._owned(session)
        sha256 = hashlib.sha256(content).hexdigest()
        self._memory.blobs.setdefault(sha256, set()).add(session)
        self._memory.contents[sha256] = content
        return sha256

    async def blob(self, sha256: str) -> bytes | None:
        return self._use().contents.get(sha256)

    async def close(self) -> None:
        leases = self._memory.leases
        for session in [session for session, lease in leases.items() if lease.owner == self._owner.id]:
            del leases[session]
        self._closed = True

    def _use(self) -> Memory:
        if self._closed:
            raise Unavailable("The event log is closed.")
        return self._memory

    def _owned(self, session: str) -> list[Event]:
        lease = self._use().leases.get(session)
        if lease is None or lease.owner != self._owner.id:
            label = lease.label if lease and lease.alive(self._owner) else "no process"
            raise Conflict(f"The session is open in {label}.")
        return self._memory.events.get(session, [])

    def _keep(self, session: str, events: Sequence[Event]) -> None:
        self._memory.events.setdefault(session, []).extend(events)
        rows = self._memory.requests.setdefault(session, [])
        for event in events:
            if event.type == "session.forked":
                rows.clear()
            elif event.type == "usage.recorded":
                data, usage = event.data, event.data["usage"]
                numbers = (usage["input_tokens"], usage["output_tokens"], usage["cached_tokens"], usage["cost"])
                named = (session, event.at, data["turn"], data.get("response", ""), data["model"])
                rows.append(RequestRow(*named, *numbers, bool(usage.get("estimated"))))


def _totals(row: RequestRow) -> UsageTotals:
    return UsageTotals().plus(row._asdict())
