"""The conformance suite of event stores (``log/base.py``).

class TestMyStore(EventStoreSuite):
    def store(self, folder, owner):
        return MyStore(folder / "events", owner)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ..errors import Conflict, NotFound, Unavailable
from ..events import Draft
from ..log import EventStore, Owner, lease
from .suite import Suite

__all__ = ["EventStoreSuite"]

CREATED = Draft(
    "session.created",
    {
        "name": "board",
        "title": "Task board",
        "root": "/srv",
        "path": "appbuilder/board",
        "template": "react-vite",
        "template_tree": "0" * 40,
        "model": "demo:recorded",
        "sandbox": "local",
    },
)


def usage(cost: float | None, model: str = "demo:recorded") -> Draft:
    counts = {"input_tokens": 10, "output_tokens": 5, "cached_tokens": 0, "cost": cost}
    return Draft("usage.recorded", {"turn": "t1", "model": model, "usage": counts})


class EventStoreSuite(Suite):
    """Every claim. A subclass says by ``store`` how a store is made."""

    about: ClassVar[str] = "a store of events"

    def store(self, folder: Path, owner: Owner) -> EventStore:
        """A store as one process has it. Those of a test that are given the same folder share their events, as
        processes share a database."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `store`: see EventStoreSuite.")

    @asynccontextmanager
    async def open(self, folder: Path, **owner: Any) -> AsyncGenerator[EventStore]:
        """One more process's view of the same events."""
        store = self.store(folder, Owner(**owner))
        try:
            yield store
        finally:
            await store.close()

    async def test_events_are_numbered_densely_and_read_after_any_number(self, tmp_path: Path) -> None:
        """``append`` numbers a session's events from 1 without gaps; ``read`` takes the number to begin after, and how
        many."""
        async with self.open(tmp_path) as log:
            await log.claim("s")
            await log.append("s", [CREATED, Draft("session.ready")])
            await log.append("s", [Draft("session.updated", {"title": "Mine"})])
            assert [event.seq for event in await log.read("s")] == [1, 2, 3]
            assert [event.type for event in await log.read("s", after=1)] == ["session.ready", "session.updated"]
            assert [event.seq for event in await log.read("s", after=1, limit=1)] == [2]

    async def test_whatever_is_stored_is_json_that_every_page_reads(self, tmp_path: Path) -> None:
        """What is stored is strict JSON whatever was given (``formats.strict_json``), and ``append`` returns what
        ``read`` will."""
        deep: list[object] = []
        for _ in range(5000):
            deep = [deep]
        detail = {"a": float("nan"), "b": [float("-inf")], "c": 10**5000, "d": "half \ud83d", "e": deep, "f": 1.5}
        finished = {"turn": None, "call": "c", "tool": "x", "ok": True, "summary": "", "text": "", "duration_ms": 1}
        async with self.open(tmp_path) as log:
            await log.claim("s")
            (stored,) = await log.append("s", [Draft("tool.finished", finished | {"detail": detail})])
            (read,) = await log.read("s")
            assert read.data == stored.data
            assert read.type == "tool.finished"
            told = json.loads(json.dumps(read.data["detail"], allow_nan=False).encode())
            assert (told["a"], told["b"], told["c"], told["d"], told["f"]) == (None, [None], None, "half \ufffd", 1.5)

    async def test_many_appends_at_once_neither_lose_nor_double_a_number(self, tmp_path: Path) -> None:
        """Appends at the same time neither lose nor double a number."""
        async with self.open(tmp_path) as log:
            await log.claim("s")
            await asyncio.gather(
                *(log.append("s", [Draft("session.updated", {"title": str(n)})] * 2) for n in range(100))
            )
            assert [event.seq for event in await log.read("s")] == list(range(1, 201))

    async def test_the_summary_follows_the_events(self, tmp_path: Path) -> None:
        """``summary`` is what ``log.summary.fold`` makes of the session's events."""
        async with self.open(tmp_path) as log:
            await log.claim("s")
            await log.append("s", [CREATED])
            assert (await log.summary("s")).state == "creating"
            await log.append(
                "s", [Draft("session.ready"), Draft("turn.started", {"turn": "t1", "model": "m"}), usage(0.5)]
            )
            assert (await log.summary("s")).state == "busy"
            end = {"turn": "t1", "reason": "done", "message": "", "hint": ""}
            await log.append("s", [usage(0.25), Draft("turn.finished", end)])
            summary = await log.summary("s")
            assert (summary.state, summary.cost, summary.input_tokens) == ("ready", 0.75, 20)
            assert summary.turn
            assert summary.turn["reason"] == "done"
            await log.append("s", [usage(None)])
            assert (await log.summary("s")).cost is None

    async def test_sessions_are_listed_latest_first_and_found_by_words_of_their_title(self, tmp_path: Path) -> None:
        """``summaries`` has the most recently changed session first; a search finds those that hold all its words, in
        any case."""
        async with self.open(tmp_path) as log:
            for name, title in (("a", "Task board"), ("b", "Penguin dashboard")):
                await log.claim(name)
                await log.append(name, [Draft("session.created", {**CREATED.data, "name": name, "title": title})])
            assert [summary.id for summary in await log.summaries()] == ["b", "a"]
            assert [summary.id for summary in await log.summaries("BOARD task")] == ["a"]
            assert await log.summaries("50%") == []

    async def test_an_unknown_session_is_said_to_be_unknown(self, tmp_path: Path) -> None:
        """``summary`` of a session that is not there raises ``NotFound``."""
        async with self.open(tmp_path) as log:
            with pytest.raises(NotFound, match="no session 'nope'"):
                await log.summary("nope")

    async def test_only_the_owner_can_append(self, tmp_path: Path) -> None:
        """One process at a time owns a session: others can read it, their ``append`` raises ``Conflict`` and names the
        owner."""
        async with self.open(tmp_path, label="http://localhost:8888") as first, self.open(tmp_path) as second:
            assert await first.claim("s")
            await first.append("s", [CREATED])
            assert not await second.claim("s")
            assert await second.owner_of("s") == "http://localhost:8888"
            with pytest.raises(Conflict, match="open in http://localhost:8888"):
                await second.append("s", [Draft("session.ready")])
            assert len(await second.read("s")) == 1
            await first.release("s")
            assert await second.claim("s")
            await second.append("s", [Draft("session.ready")])
            with pytest.raises(Conflict):
                await first.append("s", [Draft("session.ready")])

    async def test_a_deleted_session_is_gone(self, tmp_path: Path) -> None:
        """``delete`` forgets a session's events and summary."""
        async with self.open(tmp_path) as log:
            await log.claim("s")
            await log.append("s", [CREATED])
            await log.delete("s")
            assert await log.read("s") == []
            assert await log.summaries() == []

    async def test_what_is_stored_is_there_for_whoever_opens_it_next(self, tmp_path: Path) -> None:
        """What was stored is there for the next process; a store that is closed gives its leases up."""
        async with self.open(tmp_path) as first:
            assert first.fresh
            await first.claim("s")
            stored = await first.append("s", [CREATED, Draft("session.ready")])
        async with self.open(tmp_path) as second:
            assert not second.fresh
            assert await second.read("s") == stored
            assert await second.claim("s"), "a store that is closed gives its leases up"

    async def test_a_draft_that_cannot_be_stored_leaves_none_of_its_append(self, tmp_path: Path) -> None:
        """An append is stored whole or not at all."""
        async with self.open(tmp_path) as log:
            await log.claim("s")
            await log.append("s", [CREATED])
            broken = Draft("session.updated", {"title": "Mine"})
            object.__setattr__(broken, "type", "session.exploded")
            with pytest.raises(KeyError):
                await log.append("s", [Draft("session.ready"), broken])
            assert [event.type for event in await log.read("s")] == ["session.created"]
            assert (await log.summary("s")).state == "creating"

    async def test_a_caller_that_is_cancelled_undoes_nothing(self, tmp_path: Path) -> None:
        """Cancelling the caller of ``append`` neither tears it in two nor stops what comes after."""
        async with self.open(tmp_path) as log:
            await log.claim("s")
            for number in range(20):
                asking = asyncio.create_task(log.append("s", [Draft("session.updated", {"title": str(number)})] * 2))
                await asyncio.sleep(0)
                asking.cancel()
                await asyncio.wait([asking])
            await log.append("s", [CREATED])  # after all that was asked for before
            events = await log.read("s")
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            assert len(events) % 2 == 1, "each append is there whole, or not at all"

    async def test_a_session_goes_to_another_process_once_the_lease_is_over_that_nobody_renewed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A lease of another machine ends ``LEASE_SECONDS`` after its last ``renew``; then another process can claim
        the session."""
        now = lease.time.time()
        async with self.open(tmp_path, host="elsewhere") as first, self.open(tmp_path) as second:
            await first.claim("lost")
            await first.claim("kept")
            monkeypatch.setattr("jupyter_appbuilder.log.lease.time.time", lambda: now + 20)
            assert not await second.claim("lost")
            await first.release("lost")
            await first.renew()
            assert await second.claim("lost")
            monkeypatch.setattr("jupyter_appbuilder.log.lease.time.time", lambda: now + 40)
            assert not await second.claim("kept"), "it was renewed"
            monkeypatch.setattr("jupyter_appbuilder.log.lease.time.time", lambda: now + 60)
            assert await second.owner_of("kept") is None
            assert await second.claim("kept")
            await second.append("kept", [CREATED])

    async def test_what_is_not_owned_is_neither_deleted_nor_adopted_into_nor_given_blobs(self, tmp_path: Path) -> None:
        """``delete``, ``keep_blob`` and ``adopt`` raise ``Conflict`` where another process owns the session."""
        async with self.open(tmp_path) as first, self.open(tmp_path) as second:
            await first.claim("s")
            events = await first.append("s", [CREATED])
            for refused in (second.delete("s"), second.keep_blob("s", b"x"), second.adopt("s", events, [])):
                with pytest.raises(Conflict):
                    await refused
            assert await first.read("s") == events

    async def test_a_fork_has_its_sources_events_with_their_numbers_and_times(self, tmp_path: Path) -> None:
        """``adopt`` stores another session's events with their numbers and times, and counts nothing twice; events that
        do not follow the last one raise ``ValueError``."""
        async with self.open(tmp_path) as log:
            await log.claim("source")
            await log.claim("fork")
            events = await log.append("source", [CREATED, usage(0.5)])
            forked = Draft("session.forked", {"source": "source", "name": "board", "message": 1})
            taken = await log.adopt("fork", events, [forked])
            assert [(it.session, it.seq, it.type) for it in taken] == [
                ("fork", 1, "session.created"),
                ("fork", 2, "usage.recorded"),
                ("fork", 3, "session.forked"),
            ]
            assert [it.at for it in taken[:2]] == [it.at for it in events]
            assert await log.read("fork") == taken
            assert (await log.summary("fork")).cost == 0
            with pytest.raises(ValueError, match="do not follow"):
                await log.adopt("fork", events, [])
            assert await log.read("fork") == taken
            assert [(it.session, it.usage.dollars) for it in await log.used(0)] == [("source", 0.5)]

    async def test_a_blob_stays_as_long_as_a_session_that_names_it(self, tmp_path: Path) -> None:
        """A blob stays as long as one session that keeps it, also one that adopted its events."""
        async with self.open(tmp_path) as log:
            await log.claim("source")
            await log.claim("fork")
            events = await log.append("source", [CREATED])
            kept = await log.keep_blob("source", b"large")
            assert await log.keep_blob("source", b"large") == kept
            lost = await log.keep_blob("fork", b"other")
            await log.adopt("fork", events, [])
            await log.delete("source")
            assert await log.blob(kept) == b"large"
            await log.delete("fork")
            assert (await log.blob(kept), await log.blob(lost)) == (None, None)

    async def test_what_was_used_is_counted_by_time_session_and_model(self, tmp_path: Path) -> None:
        """``used`` and ``requests`` count what was used, by time, session and model, also of sessions that were
        deleted."""
        async with self.open(tmp_path) as log:
            for session in ("a", "b"):
                await log.claim(session)
                await log.append(session, [CREATED, usage(0.5, "x:one"), usage(None, "x:one"), usage(0.25, "x:two")])
            await log.delete("a")
            used = {(it.session, it.model): it.usage for it in await log.used(0)}
            assert set(used) == {(session, model) for session in "ab" for model in ("x:one", "x:two")}
            one = used["a", "x:one"]
            assert (one.tokens, one.dollars, one.requests, one.unpriced, one.cost) == (30, 0.5, 2, 1, None)
            rows = await log.requests(0)
            assert [(row.session, row.model, row.cost) for row in rows] == [
                (session, *rest) for session in "ab" for rest in (("x:one", 0.5), ("x:one", None), ("x:two", 0.25))
            ]
            assert [row.at for row in rows] == sorted(row.at for row in rows)
            last = rows[-1].at
            assert await log.used(last + 1) == await log.requests(last + 1) == []
            assert await log.used(0, rows[0].at) == [], "until is not part of it"
            assert await log.used(last, last + 1) != []

    async def test_a_store_that_is_closed_says_so(self, tmp_path: Path) -> None:
        """A store that is closed raises ``Unavailable``; ``close`` may be called twice."""
        async with self.open(tmp_path) as log:
            await log.open()
        with pytest.raises(Unavailable, match="closed"):
            await log.append("s", [CREATED])
        with pytest.raises(Unavailable, match="closed"):
            await log.read("s")
        await log.close()
