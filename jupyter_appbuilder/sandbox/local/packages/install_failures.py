"""Explains failed installs, in the same way for every kind of package."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ....errors import Unavailable
from ...base import ExecResult


@dataclass(frozen=True, slots=True)
class InstallFailures:
    """One kind of packages: what its installer prints when it fails, and what people can do then."""

    packages: str  # "packages", in a sentence
    seconds: float  # the time limit
    refused: re.Pattern[str]  # our proxy lets nobody reach the host
    offline: re.Pattern[str]
    reach: str  # the next step when offline
    correct: str  # the next step when nothing else is known
    denied: re.Pattern[str] | None = None  # a registry wants another token
    token: str = ""  # the next step then

    def lacks_network(self, result: ExecResult) -> bool:
        """True if it failed for want of a host, and not for what was asked of it."""
        return bool(self.offline.search(result.stderr) or self.refused.search(result.stderr))

    def is_offline(self, result: ExecResult) -> bool:
        """True if what it has already might do."""
        return bool(self.offline.search(result.stderr)) and not self.refused.search(result.stderr)

    def explain(self, result: ExecResult, reason: str, hosts: Iterable[str]) -> Unavailable:
        """The error for people. ``reason`` is what the installer said; ``hosts`` were asked for in vain."""
        packages = self.packages[0].upper() + self.packages[1:]
        if result.ended in ("memory", "disk", "processes"):
            return Unavailable(
                f"{packages} could not be installed. {result.message}",
                hint="Ask for fewer or smaller packages, or allow more.",
                reason="install_limit",
            )
        if result.ended == "timeout":
            return Unavailable(
                f"Installing {self.packages} took longer than {self.seconds:g} seconds and was stopped.",
                hint="Try again: what was fetched is kept.",
                reason="install_timeout",
            )
        if self.refused.search(result.stderr):
            return Unavailable(
                f"A package comes from a host that sandboxes may not reach: {', '.join(dict.fromkeys(hosts))}.",
                hint="If you trust it, allow it under Network in the panel's menu, or in c.AppBuilder.egress_hosts.",
                reason="host_refused",
            )
        if self.denied and self.denied.search(result.stderr):
            return Unavailable(
                f"A package registry rejected the credentials: {reason}.",
                hint=self.token,
                reason="registry_refused",
            )
        if self.offline.search(result.stderr):
            return Unavailable(
                f"{packages} could not be fetched: {reason}.", hint=self.reach, reason="registry_unreachable"
            )
        return Unavailable(f"{packages} could not be installed: {reason}.", hint=self.correct, reason="install_failed")
