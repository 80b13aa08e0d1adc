"""Pages of a published app say from when its data are, where that is promised; whatever is no page stays as it is."""

from __future__ import annotations

from pathlib import Path

from jupyter_appbuilder.publishing.as_of import FILE, mark_site
from publishing.bundles import bundle

FILES = {
    "index.html": "<!doctype html><html><body>Tea</body></html>",
    "more/page.html": "\ufeff<!-- made --><HTML><body>More</body>",
    "more/part.html": "<li>part of a page</li>",
    "data.json": "{}",
}


def test_pages_end_with_it_and_nothing_else_does(tmp_path: Path) -> None:
    made = bundle(tmp_path, FILES)
    site = made.content
    mark_site(site, made.manifest)
    mark_site(site, made.manifest | {"data_as_of": "2026-11-30T06:00:00Z"})
    mark_site(site, made.manifest | {"promised": 86400})
    assert {path: (site / path).read_text() for path in FILES} == FILES
    assert not (site / FILE).exists()
    mark_site(site, made.manifest | {"data_as_of": '2026"><script>', "promised": 0})
    assert (site / FILE).is_file()
    assert (
        (site / "index.html")
        .read_text()
        .endswith(f'<script src="{FILE}" data-as-of="2026&quot;&gt;&lt;script&gt;" data-promised="0" defer></script>\n')
    )
    assert f'src="../{FILE}"' in (site / "more/page.html").read_text()
    assert (site / "more/part.html").read_text() == FILES["more/part.html"]
