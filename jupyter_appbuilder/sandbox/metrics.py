"""Sandbox metrics for Jupyter's ``/metrics``.

Labels are few and known beforehand: no session, path or address is among them, and a template that did not come with
the package is "own". Imported when the first sandbox is used; Python imports a module once, so each metric is
registered once, however many providers there are.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter as Tally
from collections.abc import Generator, Iterator
from typing import Literal, Protocol
from weakref import WeakSet

from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

STATES = ("starting", "ready", "failed", "asleep", "stopped", "waiting")
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)

_kills = Counter("appbuilder_sandbox_limit_kills", "What limits have ended in sandboxes.", ["limit"])
_starts = Counter(
    "appbuilder_sandbox_starts", "Starts of dev servers in sandboxes.", ["provider", "template", "result"]
)
_start_seconds = Histogram(
    "appbuilder_sandbox_start_seconds",
    "From asking for a dev server to its first answer.",
    ["provider", "template"],
    buckets=SECONDS,
)
_exec_seconds = Histogram(
    "appbuilder_sandbox_exec_seconds", "How long commands ran in sandboxes.", ["provider"], buckets=SECONDS
)


class Sandboxes(Protocol):
    def placed(self) -> list[tuple[str, str]]:
        """Provider and state of each sandbox there is now."""
        ...


_sources: WeakSet[Sandboxes] = WeakSet()


class _States(Collector):
    """Counts when somebody asks, so that it cannot go wrong over time."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily("appbuilder_sandboxes", "Sandboxes by state.", labels=["provider", "state"])
        found = Tally(placed for source in list(_sources) for placed in source.placed())
        for provider in sorted({provider for provider, _ in found}):
            for state in STATES:
                gauge.add_metric([provider, state], found[provider, state])
        yield gauge


REGISTRY.register(_States())


def watch(source: Sandboxes) -> None:
    """Count the sandboxes of ``source``, as long as it exists. May be called again."""
    _sources.add(source)


def kills(limit: str) -> None:
    """A limit has ended something: memory, processes, disk, timeout or output."""
    _kills.labels(limit).inc()


def started(provider: str, template: str, result: Literal["ready", "failed", "stopped"], seconds: float) -> None:
    """A dev server was started or woken, or should have been."""
    template = template if template in _shipped() else "own"
    _starts.labels(provider, template, result).inc()
    if result == "ready":
        _start_seconds.labels(provider, template).observe(seconds)


@contextlib.contextmanager
def executing(provider: str) -> Generator[None]:
    """Around a command, to its end, whichever that is."""
    began = time.monotonic()
    try:
        yield
    finally:
        _exec_seconds.labels(provider).observe(time.monotonic() - began)


def _shipped() -> set[str]:
    from ..templates.templates import SHIPPED, SOURCE

    return {manifest.parent.name for shelf in (SHIPPED, SOURCE) for manifest in shelf.glob("*/template.toml")}
