"""SQLite's store, and one in memory, which shows that the suite asks for nothing of SQLite's."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from log.memory_store import Memory, MemoryStore

from jupyter_appbuilder.log import EventStore, Owner, SqliteEventStore
from jupyter_appbuilder.testing.event_stores import EventStoreSuite


class TestSQLite(EventStoreSuite):
    def store(self, folder: Path, owner: Owner) -> EventStore:
        return SqliteEventStore(folder / "log.db", owner)


class TestMemory(EventStoreSuite):
    @cached_property
    def memory(self) -> Memory:
        return Memory()

    def store(self, folder: Path, owner: Owner) -> EventStore:
        return MemoryStore(self.memory, owner)
