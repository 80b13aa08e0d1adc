"""When data are refreshed: five fields of cron, and a time zone.

Times follow Debian's cron where clocks are changed: what stands at an hour that is left out runs right after it, and
what stands at an hour that comes twice runs once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

from ..errors import InvalidInput

CLOSEST = timedelta(minutes=5)
"""Between two runs: each builds the app and looks at it."""

LOOKED_AT = 60
"""Coming runs whose distances are looked at."""

NAMED = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}
EXAMPLE = 'Write minute, hour, day, month and weekday: "0 6 * * 1-5" is at six from Monday to Friday.'

DURATION = re.compile(r"(\d{1,4})\s*(m|min|h|d|w)")
UNITS = {"m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
LONGEST_PROMISE = 366 * 86400


def checked_cron(text: str) -> str:
    """The five fields of ``text``. Raises ``InvalidInput``, also for a time that never comes and for times that are
    too close together."""
    from cronsim import CronSim, CronSimError

    words = NAMED.get(text.strip().lower(), text).split()
    if len(words) != 5 or len(text) > 200:
        raise InvalidInput(f"{text.strip()[:80]!r} has not the five fields of cron.", hint=EXAMPLE, field="cron")
    cron = " ".join(words)
    try:
        coming = list(islice(CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC)), LOOKED_AT))
    except CronSimError as error:
        raise InvalidInput(f"{cron[:80]!r} is no time of cron: {error}.", hint=EXAMPLE, field="cron") from None
    if not coming:
        raise InvalidInput(f"{cron[:80]!r} never comes.", hint=EXAMPLE, field="cron")
    if any(after - before < CLOSEST for before, after in pairwise(coming)):
        raise InvalidInput(
            f"{cron[:80]!r} runs more often than every {CLOSEST.seconds // 60} minutes.",
            hint='Each run builds the app and looks at it. "*/15 * * * *" is every quarter of an hour.',
            field="cron",
        )
    return cron


def checked_zone(name: str) -> str:
    """A time zone's name; this machine's for "". Raises ``InvalidInput``."""
    name = name.strip() or own_zone()
    if name not in available_timezones():
        raise InvalidInput(
            f"{name[:80]!r} is no time zone.", hint='Name one like "Europe/Berlin", or "UTC".', field="zone"
        )
    return name


def own_zone() -> str:
    """This machine's time zone, by its name; UTC where it is not known."""
    import os
    from pathlib import Path

    for name in (os.environ.get("TZ", "").removeprefix(":"), _linked(Path("/etc/localtime"))):
        if name in available_timezones():
            return name
    return "UTC"


def _linked(path: object) -> str:
    import os

    try:
        return os.path.realpath(str(path)).partition("/zoneinfo/")[2]
    except OSError:
        return ""


def checked_promise(text: str) -> int | None:
    """How old readers' data are at most, in seconds, of ``2d``, ``12h``, ``90min``; None for "". Raises
    ``InvalidInput``."""
    if not text.strip():
        return None
    found = DURATION.fullmatch(text.strip().lower())
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_PROMISE:
        raise InvalidInput(
            f"{text.strip()[:40]!r} is no time that data may be old.",
            hint='Write "90min", "12h" or "2d".',
            field="promise",
        )
    return seconds


def runs_after(cron: str, zone: str, moment: datetime) -> Iterator[datetime]:
    """The coming times, in UTC."""
    from cronsim import CronSim

    for local in CronSim(cron, moment.astimezone(ZoneInfo(zone))):
        yield local.astimezone(UTC)


def last_due(cron: str, zone: str, since: datetime, now: datetime) -> datetime | None:
    """The newest time after ``since`` that has come; None for none. ``since`` is in the future after a clock was set
    back: nothing is due then until its next time from now on."""
    from cronsim import CronSim

    if since >= now:
        return None
    # Backwards from now: after a year of sleep, that is one step.
    local = next(CronSim(cron, (now + timedelta(seconds=1)).astimezone(ZoneInfo(zone)), reverse=True), None)
    found = local.astimezone(UTC) if local else None
    return found if found and since < found <= now else None
