"""A session: its record, its turns, its versions, and what is done after a crash."""

from .session import MAX_TITLE, Session
from .versions import checkpoint_draft

__all__ = ["MAX_TITLE", "Session", "checkpoint_draft"]
