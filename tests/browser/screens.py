"""Pictures of the product's screens: taken in both themes, kept in docs/images/screens, and compared with those.

``make screenshots`` renews them. They are compared loosely: a small picture of each, whose points may differ a little,
and a few of them much. Where text is as wide as on the machine that took them; other fonts break lines elsewhere.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter
from playwright.sync_api import Locator, Page

from .test_accessibility import THEMES, wear

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "screens"
RENEW = bool(os.environ.get("APPBUILDER_RENEW_SCREENS"))
QUALITY = 80
SHRUNK = 4
"""A point of the compared pictures is so many of the taken ones wide and high."""

NEAR = 40
"""How much a point may differ in a colour, of 255."""

SHARE = 0.03
"""Of the points that may differ more: a time of day, a spinner, a caret."""

STILL = """
*, *::before, *::after { animation: none !important; transition: none !important; caret-color: transparent !important; }
time, .jp-AppBuilder-ago, .jp-AppBuilder-elapsed { visibility: hidden !important; }
"""


class Screens:
    """``shot(name)`` for each screen; ``different`` has what is not as it was, once all were taken."""

    def __init__(self, page: Page, found: Path) -> None:
        """``found``: where pictures are kept that are not as the ones in the documentation."""
        self.page = page
        self.different: list[str] = []
        self.taken: list[str] = []
        self._found = found
        page.add_style_tag(content=STILL)
        self.comparable = RENEW or text_widths(page) == json.loads((FOLDER / "text-widths.json").read_text())
        if RENEW:
            (FOLDER / "text-widths.json").write_text(json.dumps(text_widths(page), indent=2) + "\n")

    def shot(self, name: str, of: Locator | None = None) -> None:
        """The page, or a part of it, as ``name`` in both themes. It stays in the light one."""
        self.taken.append(name)
        for theme in THEMES:
            wear(self.page, theme)
            self.page.mouse.move(0, 0)
            self.page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame)).then(() => null)")
            self._compare(f"{name}-{theme.split()[1].lower()}", (of or self.page).screenshot())

    def _compare(self, name: str, content: bytes) -> None:
        taken = Image.open(io.BytesIO(content)).convert("RGB")
        kept = FOLDER / f"{name}.webp"
        if RENEW:
            if not kept.exists() or difference(taken, Image.open(kept).convert("RGB")) > SHARE / 10:
                taken.save(kept, quality=QUALITY, method=6)
            return
        share = difference(taken, Image.open(kept).convert("RGB")) if kept.exists() else 1.0
        if share > SHARE:
            taken.save(self._found / f"{name}.png")
            self.different.append(f"{name}: {share:.0%} of it" if kept.exists() else f"{name}: there is none yet")


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of points that are not alike, from 0 to 1."""
    if max(abs(one.width - other.width), abs(one.height - other.height)) > SHRUNK:
        return 1.0
    size = (max(1, one.width // SHRUNK), max(1, one.height // SHRUNK))
    small = [picture.resize(size, Image.Resampling.BOX).filter(ImageFilter.BoxBlur(1)) for picture in (one, other)]
    apart = ImageChops.difference(*small)
    most = ImageChops.lighter(ImageChops.lighter(apart.getchannel(0), apart.getchannel(1)), apart.getchannel(2))
    return sum(most.histogram()[NEAR + 1 :]) / (size[0] * size[1])


def text_widths(page: Page) -> dict[str, int]:
    """How wide texts are in the fonts of the interface: of another machine's fonts, pictures say nothing."""
    return page.evaluate(
        """() => Object.fromEntries(['--jp-ui-font-family', '--jp-code-font-family'].map(family => {
            const text = document.createElement('span');
            text.style.cssText = `position: fixed; visibility: hidden; font: 40px var(${family})`;
            text.textContent = 'Describe the app you want: Quick brown foxes, 0123456789';
            document.body.append(text);
            const width = Math.round(text.getBoundingClientRect().width);
            text.remove();
            return [family, width];
        }))"""
    )
