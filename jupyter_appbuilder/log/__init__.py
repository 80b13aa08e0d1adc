"""The event log: where sessions live."""

from .base import EventStore
from .lease import Owner
from .sqlite import EventLog
from .summary import Summary

__all__ = ["EventLog", "EventStore", "Owner", "Summary"]
