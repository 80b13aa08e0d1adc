"""The picture of an app that stands in a notebook for it."""

from __future__ import annotations

from pathlib import Path

from building import scripted_builder
from eyes.stage import html

from jupyter_appbuilder.client.picture import LARGEST, picture_of

NOISE = """<canvas id="c" width="1000" height="640"></canvas><script>
const context = document.getElementById("c").getContext("2d"), image = context.createImageData(1000, 640);
for (let at = 0; at < image.data.length; at++) image.data[at] = at % 4 === 3 ? 255 : Math.random() * 256;
context.putImageData(image, 0, 0);
</script>"""


async def test_it_is_small_and_there_is_none_of_what_belongs_in_no_notebook(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path, browser="") as (builder, _):
        session = await builder.create(title="Page", template="static")
        await session.ready()

        async def shows(body: str) -> bytes | None:
            await session.call("write_file", {"path": "index.html", "content": html(body)}, by="person")
            return await picture_of(session)

        assert await shows("<h1>One</h1>") is None, "Its server does not run."
        await session.start_preview()
        plain = await shows("<h1>Two</h1>")
        assert plain
        assert plain.startswith(b"\x89PNG")
        assert len(plain) < LARGEST
        noisy = await shows(NOISE)
        assert noisy is None or len(noisy) <= LARGEST
        session.secrets.mask.learn(["sk-hush-0123456789"])
        assert await shows("<p>Key: sk-hush-0123456789</p>") is None
        assert await shows("<script>for (;;) {}</script>") is None
