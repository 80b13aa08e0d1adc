"""Reads what an app's page had a hand in: of the type that is wanted, and bounded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

MOST_FINDINGS = 60
MOST_TEXT = 8000  # characters of one text of a finding
LARGEST_NUMBER = 2**53

InSource = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Puts what a page reports in the lines of the app's own files."""


def read_findings(told: object) -> list[dict[str, Any]]:
    """``events.PreviewError`` payloads out of what the program says, which a page may have had a hand in; ``axe`` marks
    those of axe-core's serious rules."""
    found: list[dict[str, Any]] = []
    for one in read_objects(told, MOST_FINDINGS):
        kind = one.get("kind")
        finding: dict[str, Any] = {"kind": kind if kind in ("server", "build", "page", "network") else "page"}
        finding["message"] = read_text(one.get("message"), MOST_TEXT)
        for name in ("stack", "source"):
            if text := read_text(one.get(name), MOST_TEXT):
                finding[name] = text
        if one.get("axe") is True:
            finding["axe"] = True
        if finding["message"]:
            found.append(finding)
    return found


def read_text(value: object, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""


def read_number(value: object) -> float | None:
    return value if isinstance(value, int | float) and abs(value) <= LARGEST_NUMBER else None


def read_texts(value: object, most: int) -> list[str]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [item[:1000] for item in items[:most] if isinstance(item, str)]


def read_objects(value: object, most: int) -> list[dict[str, Any]]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items[:most] if isinstance(item, dict)]


async def as_told(finding: Mapping[str, Any]) -> dict[str, Any]:
    return dict(finding)
