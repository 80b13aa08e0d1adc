"""What Jupyter's ``/metrics`` tells about sandboxes.

Labels are few and known beforehand: no session, path or address is among them. Imported when the first sandbox is used;
Python imports a module once, so each metric is registered once, however many providers there are.
"""

from __future__ import annotations

from prometheus_client import Counter

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)

_kills = Counter("appbuilder_sandbox_limit_kills_total", "What a limit ended in a sandbox, by the limit.", ["limit"])


def kills(limit: str) -> None:
    """A limit has ended something: memory, processes, disk, timeout or output."""
    _kills.labels(limit).inc()
