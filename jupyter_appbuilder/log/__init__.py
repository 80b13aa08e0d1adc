"""The event log: where sessions live."""

from .base import EventStore
from .lease import Owner
from .sqlite import SqliteEventStore
from .summary import Summary

__all__ = ["EventStore", "Owner", "SqliteEventStore", "Summary"]
