"""How often readers opened a published app, by day: nothing of who they are is kept."""

from __future__ import annotations

import contextlib
import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from ..formats import strict_json
from ..settings import write_settings

DAYS = 400
"""How many days are kept."""
LARGEST = 64 * 1024  # bytes of the file


class Visits:
    """Of one publication, in ``visits.json`` of its folder; several processes may count. Every method may block."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "visits.json"

    def add(self, visits: int = 1, at: datetime | None = None) -> None:
        """Count visits of today (UTC). What cannot be kept is not counted: no reader is refused for it."""
        day = (at or datetime.now(UTC)).date().isoformat()
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path.with_name(".visits.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                days = self.days()
                days[day] = days.get(day, 0) + visits
                write_settings(self._path, dict(sorted(days.items())[-DAYS:]))
            finally:
                os.close(descriptor)

    def days(self) -> dict[str, int]:
        """Visits by day, the oldest first; a file that is damaged counts as none."""
        try:
            if self._path.stat().st_size > LARGEST:
                return {}
            told = cast("dict[str, Any]", strict_json.parsed(self._path.read_bytes()))
            return {day: count for day, count in told.items() if isinstance(count, int) and count > 0}
        except (OSError, ValueError, AttributeError):
            return {}
