"""Pictures of what a person points at, cut out of a page that is loaded as theirs was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from building import scripted_builder
from eyes.stage import html

from jupyter_appbuilder.errors import NotFound
from jupyter_appbuilder.formats.rasters import raster
from jupyter_appbuilder.pointing import read_claim

PAGE = html(
    "<style>body { margin: 0 } p { height: 3000px; margin: 0 } button { width: 120px; height: 40px }</style>"
    "<button>Save</button><p></p><button>Far below</button><i hidden>Nothing</i>"
)


async def test_an_element_or_a_region_is_cut_out_and_nothing_else_in_its_place(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path, browser="") as (builder, _):
        session = await builder.create(title="Page", template="static")
        await session.ready()
        await session.call("write_file", {"path": "index.html", "content": PAGE}, by="person")

        async def size(**claim: Any) -> tuple[int, int]:
            shot = await session.picture_pointed(read_claim({"tag": "button", "view": [500, 400, 0, 0]} | claim))
            found = raster(shot.data)
            assert found
            assert (found.width, found.height) == (shot.width, shot.height)
            return shot.width, shot.height

        # Twice its size, with 8 px around it; less where the page ends.
        assert await size(text="Save", selector="button:nth-of-type(1)") == (2 * 128, 2 * 48)
        assert await size(text="Far below", selector="button:nth-of-type(2)") == (2 * 128, 2 * 48)
        assert await size(tag="body", box=[20, 30, 100, 50], selector="body") == (2 * 116, 2 * 66)
        scrolled = {"view": [500, 400, 0, 2000], "box": [0, 2050, 9999, 9999]}
        width, height = await size(tag="body", **scrolled)
        assert width * height <= 750_000
        for other in (
            {"text": "Delete", "selector": "button:nth-of-type(1)"},
            {"text": "Save", "selector": "button"},
            {"text": "Save", "selector": "]]"},
            {"text": "Save"},
            {"tag": "i", "text": "Nothing", "selector": "i"},
            {"tag": "body", "box": [0, 900_000, 10, 10]},
        ):
            with pytest.raises(NotFound, match="not on the page"):
                await size(**other)
