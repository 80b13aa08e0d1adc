"""Checks the whole page: loaded fresh at three widths, in both themes, and every control tried once. A person's preview
is looked at once, in the theme that it has."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..cancellation import ended
from ..errors import Unavailable
from .base import DESKTOP, PHONE, PICTURED, TABLET, Eye, Look, Page, Portrait, Theme

FIGURES = {
    "load_ms": "{} ms until it had loaded",
    "lcp_ms": "{} ms until its largest part was shown",
    "cls": "layout shifts of {}",
    "long_tasks": "{} tasks of 50 ms and more",
    "requests": "{} requests",
    "bytes": "{} bytes",
}
"""What ``PageState.speed`` holds, in words."""

SHARED = ("load_ms", "lcp_ms", "long_tasks")
"""Figures that the looks at other widths make larger, which share the machine: the least of them counts."""

WIDTHS = (PHONE, TABLET, DESKTOP)
PICTURES: Mapping[int, int] = dict(zip(WIDTHS, PICTURED, strict=True))
"""The width of the picture that is taken in a window of each."""
OF_BROKEN_CODE = re.compile(r"The script \S+ could not be run|The page is blank|The page stays empty")
QUOTED = re.compile(r'"[^"]*"')
DIGITS = re.compile(r"\d+")
THEMES: Sequence[Theme] = ("light", "dark")

Place = tuple[int, Theme]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen. ``findings`` are ``events.PreviewError`` payloads, each once; those that are not everywhere say
    where. ``actions``: how many were tried. ``speed`` and ``hosts`` are those of ``PageState``. ``portraits``: before
    anything was tried."""

    findings: Sequence[dict[str, Any]]
    widths: Sequence[int]
    actions: int
    by: str
    speed: Mapping[str, float] = field(default_factory=dict[str, float])
    hosts: Sequence[str] = ()
    portraits: Sequence[Portrait] = ()


async def look_over(eye: Eye, *, portraits: bool = False) -> Report:
    """Look at the app's page at every width, and try it at the largest; ``portraits``: take its pictures, too. Raises
    ``Unavailable`` where nobody can look."""
    eye = await eye.ready()
    whole = eye.name == "browser"
    widths, themes = (WIDTHS, THEMES) if whole else ((DESKTOP,), THEMES[:1])
    found: dict[tuple[str, str], dict[str, Any]] = {}
    places: dict[tuple[str, str], list[Place]] = {}
    actions = 0
    speeds: list[Mapping[str, float]] = []
    hosts: dict[str, None] = {}
    taken: list[Portrait] = []

    def note(findings: Sequence[dict[str, Any]], place: Place) -> None:
        for finding in findings:
            key = finding["kind"], _still(finding["message"])
            found.setdefault(key, finding)
            if place not in places.setdefault(key, []):
                places[key].append(place)

    async def take(page: Page, width: int) -> None:
        if portrait := await portrait_of(page, PICTURES[width]):
            taken.append(portrait)

    async def at(width: int) -> None:
        nonlocal actions
        async with eye.open(Look(width=width)) as page:
            await _look(page, width, themes, note, take if portraits else None)
            speeds.append(page.state.speed)
            hosts.update(dict.fromkeys(page.state.hosts))
            if whole and width == DESKTOP and not page.state.hangs:
                await page.turn("light")
                tried = await page.trial()
                actions = tried.actions
                note(tried.findings, (0, "light"))

    looks = [asyncio.create_task(at(width)) for width in widths]
    try:
        await asyncio.gather(*looks)
    finally:
        await ended(looks)
    findings = [
        finding | {"message": finding["message"] + (_where(places[key]) if whole else "")}
        for key, finding in found.items()
    ]
    return Report(without_consequences(findings), widths, actions, eye.name, _together(speeds), list(hosts), taken)


def past_budget(speed: Mapping[str, float], budget: Mapping[str, float]) -> list[str]:
    """What of the page's speed is past its budget, in words with the figure and the budget."""
    past = [name for name in FIGURES if name in budget and speed.get(name, 0.0) > budget[name]]
    return [f"{FIGURES[name].format(_amount(speed[name]))} (budget {_amount(budget[name])})" for name in past]


def _amount(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:g}"


def _together(speeds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """A page's speed over all looks at it: of each figure the largest, of those in ``SHARED`` the least."""
    figures: dict[str, float] = {}
    for name in FIGURES:
        if known := [speed[name] for speed in speeds if name in speed]:
            figures[name] = min(known) if name in SHARED else max(known)
    return figures


def without_consequences(findings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that do not merely follow from code that cannot be built: a page that loads none of it is blank."""
    broken = any(finding["kind"] == "build" for finding in findings)
    return [finding for finding in findings if not (broken and OF_BROKEN_CODE.match(finding["message"]))]


async def portrait_of(page: Page, width: int) -> Portrait | None:
    """The page's picture; None where none can be taken, which is no fault of the app."""
    try:
        return await page.portrait(width)
    except Unavailable as error:
        log.warning("No picture was taken at %s px: %s", width, error)
        return None


async def _look(
    page: Page,
    width: int,
    themes: Sequence[Theme],
    note: Callable[[Sequence[dict[str, Any]], Place], None],
    take: Callable[[Page, int], Awaitable[None]] | None,
) -> None:
    audit = await page.audit()  # first: of a broken picture it says more than the page does
    note(await page.findings(), (width, "light"))
    if page.state.hangs:
        return
    note(audit, (width, themes[0]))
    if take:
        await take(page, width)
    # The same page in the other theme: what it looks like changes, what it does has been seen.
    for theme in themes[1:]:
        await page.turn(theme)
        note(await page.audit(), (width, theme))


def _still(message: str) -> str:
    """A message without the numbers in what it quotes: a clock on the page ticks from one look to the next."""
    return QUOTED.sub(lambda quoted: DIGITS.sub("#", quoted[0]), message)


def _where(places: Sequence[Place]) -> str:
    """Where something was found, if not everywhere; 0 stands for no width of its own."""
    widths = sorted({width for width, _ in places if width})
    themes = {theme for width, theme in places if width}
    if not widths:
        return ""
    said: list[str] = []
    if len(widths) < len(WIDTHS):
        said.append(f"at {' and '.join(f'{width} px' for width in widths)}")
    if themes == {"dark"}:
        said.append("in dark")
    return f" ({', '.join(said)})" if said else ""
