"""What was found wrong with a running app, and whether that may still be so.

A finding is an ``events.PreviewError``. After a change of the files nobody knows whether it still holds, until its own
file has changed, the page was loaded anew, or a check has looked again: it is kept until then, as an earlier one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

MOST_FINDINGS = 100
"""Since the last change of a file. More of a page's are only counted."""

CHECKED = ("server", "build")
"""Kinds that each check looks for itself."""

PLACE = re.compile(r"(?::\d+){1,2}$")

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    error: dict[str, Any]
    at: float  # ``time.monotonic()``
    checked: bool  # found by a check

    @property
    def file(self) -> str:
        """The path it names, within the app; "" where it names none."""
        return PLACE.sub("", self.error.get("source", "")).lstrip("/")


class Findings:
    def __init__(self) -> None:
        self.changed_at = 0.0
        """When a file changed last."""
        self._kept: dict[Key, Finding] = {}
        self._uncounted = 0

    def clear(self) -> None:
        self._kept.clear()
        self._uncounted = 0

    def changed(self, paths: Collection[str] | None = None) -> None:
        """These files are no longer what they were; None: any of them."""
        self.changed_at = time.monotonic()
        self._uncounted = 0
        self._keep(lambda finding: paths is not None and finding.file not in paths)

    def loaded(self, began: float) -> None:
        """A page that began to load at this time shows something: what it does not report again is over."""
        if began >= self.changed_at:
            self._keep(lambda finding: not self._is_earlier(finding))

    def checked(self, found: Sequence[dict[str, Any]]) -> None:
        """A check has looked again, and found these."""
        again = set(map(_key, found))
        self._keep(
            lambda finding: (
                finding.error["kind"] not in CHECKED
                or _key(finding.error) in again
                or not (finding.checked or self._is_earlier(finding))
            )
        )

    def knows(self, error: dict[str, Any]) -> bool:
        """Whether it was found since the last change."""
        known = self._kept.get(_key(error))
        return known is not None and not self._is_earlier(known)

    def add(self, error: dict[str, Any], *, checked: bool = False) -> None:
        self._kept.pop(_key(error), None)
        self._kept[_key(error)] = Finding(error, time.monotonic(), checked)

    def has_room(self) -> bool:
        """Whether one more of the page's is kept. Counts it if not."""
        if len(self._kept) >= MOST_FINDINGS:
            earlier = next((key for key, finding in self._kept.items() if self._is_earlier(finding)), None)
            if earlier is None:
                self._uncounted += 1
                return False
            del self._kept[earlier]
        return True

    def all(self) -> list[dict[str, Any]]:
        """Each as an ``events.PreviewError``, with ``earlier`` where it is from before the last change."""
        told = [
            finding.error | ({"earlier": True} if self._is_earlier(finding) else {}) for finding in self._kept.values()
        ]
        if self._uncounted:
            told.append({"kind": "page", "message": f"{self._uncounted} more errors of the page were not kept."})
        return told

    def _is_earlier(self, finding: Finding) -> bool:
        return finding.at < self.changed_at

    def _keep(self, holds: Callable[[Finding], bool]) -> None:
        self._kept = {key: finding for key, finding in self._kept.items() if holds(finding)}


def _key(error: dict[str, Any]) -> Key:
    return error["kind"], error.get("message", "")
