"""In published apps whose data are refreshed: from when the data are, with a mark once they are older than promised.

A script in each page makes a small element of its own (``as_of.js``). Its tag stands at a page's end, which any browser
takes as part of its body, so that a page can stream on its way and is otherwise as it was.
"""

from __future__ import annotations

import os
import re
from functools import cache
from html import escape
from pathlib import Path

from .base import BundleManifest

FILE = "appbuilder-as-of.js"
"""In a site, at its root."""

LARGEST_PAGE = 8 * 1024 * 1024  # bytes
DOCUMENT = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
"""How a whole page begins; parts of pages are left alone. A byte order mark may stand before it."""


@cache
def script() -> bytes:
    return (Path(__file__).with_name("as_of.js")).read_bytes()


def tag(manifest: BundleManifest, source: str) -> bytes:
    """The element that a page of this bundle ends with, where the script is at ``source``; b"" for none."""
    as_of, promised = manifest["data_as_of"], manifest["promised"]
    if as_of is None or promised is None:
        return b""
    told = f'data-as-of="{escape(as_of)}" data-promised="{promised}"'
    return f'<script src="{escape(source)}" {told} defer></script>\n'.encode()


def mark_site(site: Path, manifest: BundleManifest) -> None:
    """Have the pages of a site that nothing generated can change any more say from when its data are. Blocks."""
    if not tag(manifest, FILE):
        return
    (site / FILE).write_bytes(script())
    for folder, _, names in os.walk(site):
        for name in names:
            path = Path(folder, name)
            if not name.lower().endswith((".html", ".htm")) or path.stat().st_size > LARGEST_PAGE:
                continue
            if DOCUMENT.match(path.read_bytes()[:65536].removeprefix(b"\xef\xbb\xbf")):
                up = "../" * len(Path(folder).relative_to(site).parts)
                with path.open("ab") as page:
                    page.write(b"\n" + tag(manifest, up + FILE))
