"""The event log: where sessions live."""

from .log import EventLog, Owner
from .summary import Summary

__all__ = ["EventLog", "Owner", "Summary"]
