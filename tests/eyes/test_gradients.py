"""Text on gradients: told where it is hard to read on every part of them, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from eyes.stage import Site, eye, html, messages

from jupyter_appbuilder.eyes.base import Look

PICTURE = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='9' height='9'%3E%3Crect width='9' height='9' "
    "fill='white'/%3E%3C/svg%3E"
)
CARD = f"position: relative; padding: 40px; background: url(&quot;{PICTURE}&quot;)"
VEIL = "position: absolute; inset: 0; pointer-events: none; background: linear-gradient"

FAULTS = {
    "white on a light one": (
        '<header style="background: linear-gradient(to right, #fef3c7, #fde68a)"><h1 style="color: #fff">Tasks</h1>',
        ["cannot be read", "#ffffff on #fde68a to #fef3c7, contrast 1.2 at best", 'heading "Tasks"'],
    ),
    "dark on a dark one": (
        '<section style="background: linear-gradient(135deg, #111827, #1f2937)"><p style="color: #374151">Dark words',
        ["cannot be read", 'paragraph "Dark words"'],
    ),
    "a button": (
        '<button style="background: linear-gradient(#fde047, #facc15); color: #fff; border: 0">Save it</button>',
        ["cannot be read", 'button "Save it"'],
    ),
    "of colours as frameworks write them": (
        '<p style="background: linear-gradient(to right in oklab, oklch(0.97 0.05 100), oklch(0.99 0.01 100)); '
        'color: oklch(0.7 0 0)">Pale words',
        ["hard to read", 'paragraph "Pale words"'],
    ),
    "text that is filled with a pale one": (
        '<h1 style="background: linear-gradient(90deg, #fefce8, #ecfeff); background-clip: text; color: #0000">Hi',
        ["#ecfeff to #fefce8 on #ffffff", 'heading "Hi"'],
    ),
    "of the whole page": (
        "<style>body { background: linear-gradient(#fff, #eee) }</style><p style='color: #ccc'>Pale words",
        ["cannot be read", 'paragraph "Pale words"'],
    ),
    "faint text": (
        '<div style="background: linear-gradient(#fff, #eee)"><p style="opacity: 0.2">Faint words',
        ["cannot be read", 'paragraph "Faint words"'],
    ),
    "white on white in a dark page": (
        "<style>:root { color-scheme: dark }</style><p style='background: #fff; color: #fff'>White words",
        ["cannot be read", "#ffffff on #ffffff", 'paragraph "White words"'],
    ),
    "a light one over a picture": (
        f'<div style="{CARD}"><div style="{VEIL}(rgb(255 255 255 / 95%), rgb(255 255 255 / 90%))"></div>'
        '<p style="position: relative; color: #fff">White words',
        ["cannot be read", 'paragraph "White words"'],
    ),
}

RIGHT = {
    "white on a dark one": '<header style="background: linear-gradient(to right, #1e3a8a, #312e81); padding: 40px">'
    '<h1 style="color: #fff">Plan a trip</h1><p style="color: #dbeafe">With all of you',
    "a dark one over a picture": f'<div style="{CARD}"><div style="{VEIL}(rgb(0 0 0 / 50%), rgb(0 0 0 / 60%))"></div>'
    '<h2 style="position: relative; color: #fff">White words',
    "one that fades out over a picture": f'<div style="{CARD}"><div style="{VEIL}(transparent, #000)"></div>'
    '<p style="position: absolute; bottom: 0; color: #fff">White words',
    "one from dark to light": '<p style="background: linear-gradient(to right, #000, #fff); color: #fff">Left',
    "one that is readable between its ends": '<p style="background: linear-gradient(to right, #fff, #000, #fff); '
    'color: #fff; text-align: center">In the middle',
    "nearly enough": '<button style="background: linear-gradient(#6366f1, #8b5cf6); color: #fff; border: 0">Save it',
    "an underline": '<a href="#top" style="background: linear-gradient(#00f, #00f) no-repeat 0 100% / 100% 2px; '
    'color: #00f">Read all of it</a>',
    "an underline that grows": '<a href="#top" style="background: linear-gradient(#00f, #00f) no-repeat 0 / 0 2px; '
    'color: #00f">Read all of it</a>',
    "lines of a grid": '<div style="background: linear-gradient(#555 1px, transparent 1px) 0 0 / 20px 20px">'
    '<p style="color: #444">On a grid',
    "text that is filled with a strong one": '<h1 style="background: linear-gradient(90deg, #4f46e5, #be185d); '
    'background-clip: text; color: transparent">Title',
    "a skeleton": "<style>@keyframes go { to { background-position: -200% 0 } }</style><p style='background: "
    "linear-gradient(90deg, #eee 25%, #ddd 50%, #eee 75%) 0 0 / 200% 100%; animation: go 1s infinite; "
    "color: transparent'>Loading",
    "text with an outline": '<p style="background: linear-gradient(#fff, #eee); color: #fff; '
    'text-shadow: 0 0 2px #000, 0 0 3px #000">Outlined',
    "glass on a dark page": "<style>:root { color-scheme: dark }</style><p style='color: #eee; background: "
    "linear-gradient(rgb(255 255 255 / 5%), rgb(255 255 255 / 10%))'>Glass",
    "white on a dark page without a colour": "<style>:root { color-scheme: dark; color: #fff }</style><h1>Hi</h1>",
    "what is disabled": '<button disabled style="background: linear-gradient(#eee, #ddd); color: #bbb">Save it',
    "what is mixed with what lies behind": '<div style="background: linear-gradient(#fff, #eee)">'
    '<p style="color: #fff; mix-blend-mode: difference">Inverted',
}

HOSTILE = {
    "a thousand in one background": "<p style='background: "
    + ", ".join(["linear-gradient(#fff, #eee)"] * 1000)
    + "'>Hi",
    "a thousand in each other": "<div style='background: linear-gradient(#fff1, #0001); opacity: 0.999'>" * 1000 + "Hi",
    "a thousand of their own": "".join(
        f"<p style='color: #fff; background: linear-gradient(#fff, #eee{number})'>Hi {number}"
        for number in range(100, 1000)
    ),
    "ten thousand texts": "<div style='color: #fff; background: linear-gradient(#fff, #eee)'>" + "Hi<br>" * 10_000,
    "a hundred thousand stops": f"<p style='background: linear-gradient({', '.join(['#fff', '#eee'] * 50_000)})'>Hi",
    "brackets": f"<p style='background: linear-gradient({'calc(' * 3000}1px{')' * 3000}, #fff, #eee)'>Hi",
    "one that moves": "<style>@property --c { syntax: '<color>'; inherits: false; initial-value: #fff } "
    "@keyframes go { from { --c: #fff } to { --c: #000 } } p { animation: go 0.1s infinite alternate linear; "
    "background: linear-gradient(var(--c), #fff); color: #fff }</style><p>Hi",
    "a thousand texts that are filled": "<style>p { color: transparent; background: linear-gradient(#fff, #eee); "
    "background-clip: text }</style>" + "<p>Hi" * 1000,
}


async def test_text_that_is_hard_to_read_all_over_a_gradient_is_told(tmp_path: Path) -> None:
    site = Site()
    async with eye(tmp_path, site) as chromium:
        for body, told in FAULTS.values():
            site.pages["index"] = html(f"<main>{body}")
            async with chromium.open(Look()) as page:
                found = messages(await page.audit())
            assert len(found) == 1, (body, found)
            assert all(part in found[0] for part in told), (body, found)


async def test_nothing_is_told_of_text_that_may_be_readable(tmp_path: Path) -> None:
    together = "".join(f"<div>{body}</div>" for body in RIGHT.values() if "<style>" not in body)
    bodies = [together, *(body for body in RIGHT.values() if "<style>" in body)]
    site = Site()
    async with eye(tmp_path, site) as chromium:
        for body in bodies:
            site.pages["index"] = html(f"<main>{body}")
            async with chromium.open(Look()) as page:
                assert messages(await page.audit()) == [], body


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
async def test_a_page_of_any_number_of_gradients_is_looked_at_all_the_same(tmp_path: Path, body: str) -> None:
    wide = '<div style="width: 3000px">Wide</div>'
    async with eye(tmp_path, Site(index=html(f"<main>{wide}{body}"))) as chromium, chromium.open(Look()) as page:
        assert any("wider than the screen" in one for one in messages(await page.audit()))
        assert not page.state.hangs
        assert await page.picture()
