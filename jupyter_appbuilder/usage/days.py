"""Calendar days in the person's time zone."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import InvalidInput


def zone(name: str) -> tzinfo | None:
    """The time zone called ``name`` ("Europe/Berlin"); None, this machine's own, for an empty name.

    Raises ``InvalidInput`` for a name that is none.
    """
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"There is no time zone {name!r}.", hint='Write it like "Europe/Berlin" or "UTC".', field="timezone"
        ) from None


def starts(timezone: str, days: int, now: float) -> list[tuple[str, float]]:
    """The last ``days`` days up to ``now``, oldest first: their dates (ISO) and when they began (Unix seconds)."""
    where = zone(timezone)
    today = datetime.fromtimestamp(now, where).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    # Days are counted on the calendar: one of them has 23 hours where clocks are put forward. Without a zone these are
    # naive, which ``timestamp`` takes for this machine's own time.
    began = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    return [(day.date().isoformat(), day.timestamp()) for day in began]


def name_of(timezone: str, now: float) -> str:
    """The zone for people: its own name, or this machine's, e.g. "CET"."""
    return timezone or datetime.fromtimestamp(now).astimezone().tzname() or "UTC"
