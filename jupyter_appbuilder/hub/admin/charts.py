"""Bars of days, as SVG. The page has the same figures as a table for those who do not see them."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, FOOT = 720, 180, 22
KINDS = 6  # colours; the models after the fifth are one


def stacked(days: Sequence[str], parts: Sequence[tuple[str, Mapping[str, int]]], title: str, top: str) -> str:
    """``parts``: of each bar, by day; the first lies at the bottom. ``top``: what the tallest bar comes to."""
    most = max((sum(part.get(day, 0) for _, part in parts) for day in days), default=0)
    step = WIDTH / max(1, len(days))
    bars: list[str] = []
    for at, day in enumerate(days):
        y = float(HEIGHT)
        for kind, (name, part) in enumerate(parts):
            value = part.get(day, 0)
            if value and most:
                height = max(1.0, value / most * (HEIGHT - 24))
                y -= height
                bars.append(
                    f'<rect class="kind{kind % KINDS}" x="{at * step + step * 0.12:.1f}" y="{max(y, 0):.1f}" '
                    f'width="{step * 0.76:.1f}" height="{height:.1f}"><title>{html.escape(day)}: '
                    f"{html.escape(name)}</title></rect>"
                )
    labels = "".join(
        f'<text x="{at * step + step / 2:.1f}" y="{HEIGHT + 16}" text-anchor="middle">{html.escape(day[5:])}</text>'
        for at, day in enumerate(days)
        if at % max(1, round(len(days) / 8)) == 0 and step * (at + 0.5) > 14
    )
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT + FOOT}" role="img" aria-label="{html.escape(title)}">'
        f'<line x1="0" y1="24" x2="{WIDTH}" y2="24"/><text x="0" y="16">{html.escape(top)}</text>'
        f'<line class="base" x1="0" y1="{HEIGHT}" x2="{WIDTH}" y2="{HEIGHT}"/>{"".join(bars)}{labels}</svg>'
    )


def by_size(rows: Sequence[Mapping[str, object]], value: str = "micros") -> list[tuple[str, dict[str, int]]]:
    """Rows of days and models as parts of bars, the largest model first; the smaller ones are one part."""
    sums: dict[str, int] = {}
    of: dict[str, dict[str, int]] = {}
    for row in rows:
        model, amount = str(row["model"]), int(str(row[value]))
        sums[model] = sums.get(model, 0) + amount
        of.setdefault(model, {})[str(row["day"])] = amount
    names = sorted(sums, key=lambda name: (-sums[name], name))
    found = [(name, of[name]) for name in names[: KINDS - 1]]
    rest: dict[str, int] = {}
    for name in names[KINDS - 1 :]:
        for day, amount in of[name].items():
            rest[day] = rest.get(day, 0) + amount
    return [*found, ("others", rest)] if rest else found
