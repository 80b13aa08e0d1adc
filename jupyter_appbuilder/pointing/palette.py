"""The colours that an app's own style has: its tokens, else what is written in it."""

from __future__ import annotations

import asyncio
import re
from typing import NamedTuple

from ..errors import AppBuilderError
from ..workspace import Workspace

MOST_FILES = 20
LARGEST_FILE = 200_000  # bytes
MOST_CSS = 600_000  # characters of all
MOST_COLOURS = 24
STYLES = (".css", ".scss", ".less", ".html", ".vue")

_PROPERTY = re.compile(r"--([A-Za-z][\w-]{0,60}+)\s{0,9}+:\s{0,9}+([^;{}\"'<>\\]{1,200}+)[;}]")
"""What could end the attribute that it is written into is no value."""

_THEME = re.compile(r"@theme\b[^{]{0,40}\{([^{}]{0,20000})")
_REFERENCE = re.compile(r"var\(\s*--([\w-]+)\s*(?:,[^)]*)?\)")
_COLOUR = re.compile(
    r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})|(?:rgb|rgba|hsl|hsla|hwb|lab|lch|oklab|oklch)\([0-9a-z.,%/\s+-]{1,60}\)"
    r"|black|white|red|green|blue|gray|grey|orange|purple|navy|teal|tomato|crimson|gold|indigo",
    re.IGNORECASE,
)
_WRITTEN = re.compile(
    r"(?:color|background|background-color|border-color|fill|stroke)\s{0,9}:\s{0,9}(#[0-9a-f]{3,8}|(?:rgb|hsl|oklch)a?\([^()]{1,60}\))",
    re.I,
)
_IMPORT = re.compile(r"@import\s+[\"']tailwindcss|@tailwind\s+utilities")


class Colour(NamedTuple):
    """``value`` is written into CSS, ``shown`` is what it comes to (of the light theme, where it has two). ``token``:
    Tailwind's name of it, if it has one."""

    name: str
    value: str
    shown: str
    token: str = ""


class Palette(NamedTuple):
    """``theme``: what @theme says, without the dashes."""

    colours: tuple[Colour, ...]
    theme: dict[str, str]
    tailwind: bool


async def palette(workspace: Workspace) -> Palette:
    files = [
        info.path
        for info in await workspace.list()
        if info.path.endswith(STYLES) and not info.binary and info.size <= LARGEST_FILE
    ][:MOST_FILES]
    texts = [text for path in files if (text := await _read(workspace, path))]
    packages = await _read(workspace, "package.json")
    return await asyncio.to_thread(read_palette, "\n".join(texts)[:MOST_CSS], packages)


def read_palette(css: str, packages: str = "") -> Palette:
    css = _without_comments(css)
    own: dict[str, str] = {}
    for name, value in _PROPERTY.findall(css):
        own.setdefault(name, value.strip())
    theme: dict[str, str] = {}
    for block in _THEME.findall(css):
        for name, value in _PROPERTY.findall(f"{block};"):
            theme.setdefault(name, value.strip())
    tailwind = '"tailwindcss"' in packages or "@tailwindcss/" in packages or "@tailwindcss/browser" in css
    tailwind = tailwind or "cdn.tailwindcss.com" in css or _IMPORT.search(css) is not None
    tokens = [
        Colour(name[6:], value if _REFERENCE.fullmatch(value) else shown, shown, token=name[6:])
        for name, value in theme.items()
        if name.startswith("color-") and (shown := _shown(value, own))
    ]
    variables = [Colour(name, f"var(--{name})", shown) for name, value in own.items() if (shown := _shown(value, own))]
    written = [
        Colour(value, value, value) for value in dict.fromkeys(_WRITTEN.findall(css)) if _COLOUR.fullmatch(value)
    ]
    colours = tokens if tailwind and tokens else variables or written
    return Palette(tuple(colours[:MOST_COLOURS]), theme, tailwind)


def _shown(value: str, own: dict[str, str]) -> str:
    """The colour that a value comes to; empty for what is none."""
    for _ in range(6):
        value = value.strip()
        if value.startswith("light-dark("):
            value = value[len("light-dark(") :].partition(", ")[0]
        elif reference := _REFERENCE.fullmatch(value):
            value = own.get(reference[1], "")
        else:
            break
    return value if _COLOUR.fullmatch(value) else ""


def _without_comments(css: str) -> str:
    kept: list[str] = []
    at = 0
    while (start := css.find("/*", at)) >= 0:
        kept.append(css[at:start])
        at = css.find("*/", start + 2) + 2
        if at < 2:
            return " ".join(kept)
    return " ".join([*kept, css[at:]])


async def _read(workspace: Workspace, path: str) -> str:
    try:
        return await workspace.read_text(path)
    except (AppBuilderError, OSError, ValueError):
        return ""
