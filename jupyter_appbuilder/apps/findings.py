"""Findings: errors of a running app, and whether they may still be present.

A finding is an ``events.PreviewError``. It is so until the code in its stack has changed, a page that was loaded since
does not show it any more, or a check looked for it again in vain. After a change of its code nobody knows, until the
page was loaded anew: it is kept until then, as an earlier one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..preview.stacks import files_of

MOST_FINDINGS = 100
"""At a time. More of a page's are only counted."""

CHECKED = ("server", "build")
"""Kinds that each check looks for itself."""

SETTINGS = re.compile(
    r"(?:package(?:-lock)?\.json|(?:vite|next|postcss|tailwind|svelte)\.config\.\w+|tsconfig[\w.]*\.json|\.env[\w.]*"
    r"|requirements[\w.-]*\.txt|pyproject\.toml)"
)
"""Files that what all the others do depends on."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    error: dict[str, Any]
    at: float  # ``time.monotonic()``
    checked: bool  # found by a check
    acted: bool = False  # somebody had used the page: loading it shows nothing of this
    earlier: bool = False  # its code has changed since

    @property
    def files(self) -> frozenset[str]:
        return files_of(self.error)


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
        """These files are no longer what they were; None: any of them, so that nothing is known any more."""
        self.changed_at = time.monotonic()
        self._uncounted = 0
        if paths is None:
            self._kept.clear()
            return
        settings = any(SETTINGS.fullmatch(path) for path in paths)
        for key, finding in self._kept.items():
            if (files := finding.files) and (settings or not files.isdisjoint(paths)):
                self._kept[key] = replace(finding, earlier=True)

    def loaded(self, began: float, found: Sequence[dict[str, Any]] = ()) -> None:
        """A page that began to load at this time shows something, and ``found`` again: what it does not report is over.

        Except what came of using the page, as long as no file has changed.
        """
        if began < self.changed_at:
            return
        again = set(map(_key, found))
        self._keep(
            lambda finding: (
                finding.at >= began or _key(finding.error) in again or (finding.acted and finding.at > self.changed_at)
            )
        )

    def checked(self, found: Sequence[dict[str, Any]]) -> None:
        """A check has looked again, and found these."""
        again = set(map(_key, found))
        self._keep(
            lambda finding: (
                finding.error["kind"] not in CHECKED
                or _key(finding.error) in again
                or not (finding.checked or finding.at < self.changed_at)
            )
        )

    def knows(self, error: dict[str, Any]) -> bool:
        """True if it was found, and its code has not changed since."""
        known = self._kept.get(_key(error))
        return known is not None and not known.earlier

    def add(self, error: dict[str, Any], *, checked: bool = False, acted: bool = False) -> None:
        self._kept.pop(_key(error), None)
        self._kept[_key(error)] = Finding(error, time.monotonic(), checked, acted)

    def has_room(self) -> bool:
        """True if one more of the page's is kept. Counts it if not."""
        if len(self._kept) >= MOST_FINDINGS:
            earlier = next((key for key, finding in self._kept.items() if finding.earlier), None)
            if earlier is None:
                self._uncounted += 1
                return False
            del self._kept[earlier]
        return True

    def all(self) -> list[dict[str, Any]]:
        """Each as an ``events.PreviewError``, with ``earlier`` where its code has changed since."""
        told = [finding.error | ({"earlier": True} if finding.earlier else {}) for finding in self._kept.values()]
        if self._uncounted:
            told.append({"kind": "page", "message": f"{self._uncounted} more errors of the page were not kept."})
        return told

    def _keep(self, holds: Callable[[Finding], bool]) -> None:
        self._kept = {key: finding for key, finding in self._kept.items() if holds(finding)}


def _key(error: Mapping[str, Any]) -> Key:
    return error["kind"], error.get("message", "")
