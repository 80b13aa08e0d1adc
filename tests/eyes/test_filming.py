"""A picture of an app for a message, still or moving."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import PIL.Image as pillow
import pytest
from building import scripted_builder
from eyes.stage import html

from jupyter_appbuilder.errors import Conflict, Unavailable
from jupyter_appbuilder.eyes.base import Shot
from jupyter_appbuilder.eyes.filming import LARGEST, Frame, animation
from jupyter_appbuilder.session.showing import shown

PAGE = html("""<h1>Tasks</h1><ul></ul><button>Add</button><script>
document.querySelector("button").onclick = () => {
  const item = document.createElement("li");
  item.textContent = "Milk " + document.querySelectorAll("li").length;
  document.querySelector("ul").append(item);
};</script>""")
ADD = "{do: click, role: button, name: Add}"
WORKS = f"title: A task can be added\nsteps:\n  - {ADD}\n  - {{do: expect, text: Milk 0}}\n  - {ADD}\n"
NARROW = f"title: It works on a phone\nwidth: 360\nsteps:\n  - {ADD}\n"
FAILS = "title: A task can be deleted\nsteps:\n  - {do: click, role: button, name: Delete}\n"


async def test_it_moves_through_the_scenarios_that_work(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path, browser="") as (builder, _):
        session = await builder.create(title="Tasks", template="static")
        await session.ready()

        async def write(path: str, content: str) -> None:
            await session.call("write_file", {"path": path, "content": content}, by="person")

        await write("index.html", PAGE)
        with pytest.raises(Conflict) as none:
            await shown(session, "webp")
        assert none.value.reason == "no_scenarios"
        for name, text in (("add", WORKS), ("phone", NARROW), ("delete", FAILS)):
            await write(f"scenarios/{name}.yaml", text)
        told: list[dict[str, Any]] = []

        async def listen() -> None:
            async for message in session.watch(session.summary.last_seq):
                if message["kind"] == "live" and message["type"] == "progress":
                    told.append(dict(message["data"]))

        listening = asyncio.create_task(listen())
        media_type, data = await shown(session, "webp")
        assert media_type == "image/webp"
        assert len(data) < LARGEST
        with pillow.open(io.BytesIO(data)) as moving:
            assert moving.n_frames == 5  # three of the first, two of the narrow one
            assert moving.width == 960
        _, still = await shown(session, "png", "dark")
        assert still.startswith(b"\x89PNG")
        while told[-1]["fraction"] != 1:
            await asyncio.sleep(0.01)
        listening.cancel()
        assert any("A task can be added" in one["message"] for one in told)

        # What may not be seen is not: no frame is taken of it.
        session.secrets.mask.learn(["sk-hush-0123456789"])
        await write("index.html", PAGE.replace("Milk ", "sk-hush-0123456789 "))
        with pytest.raises(Conflict) as shows:
            await shown(session, "gif")
        assert shows.value.reason == "secret_on_page"

        work = asyncio.create_task(shown(session, "webp"))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work


async def test_nobody_who_can_look_is_said(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path) as (builder, _):
        session = await builder.create(title="Tasks", template="static")
        await session.ready()
        await session.call("write_file", {"path": "scenarios/a.yaml", "content": WORKS}, by="person")
        for kind in ("png", "webp"):
            with pytest.raises(Unavailable):
                await shown(session, kind)


def noise(seed: int, width: int = 1280, height: int = 800) -> Shot:
    image = pillow.effect_noise((width, height), 90 + seed)
    out = io.BytesIO()
    image.save(out, "PNG")
    return Shot(out.getvalue(), width, height)


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_it_is_small_enough_or_says_that_it_cannot_be(kind: Any) -> None:
    made = animation([Frame(noise(n), 900) for n in range(6)], kind)
    assert len(made) <= LARGEST
    with pillow.open(io.BytesIO(made)) as moving:
        assert moving.n_frames == 6
    broken = Frame(Shot(b"\x89PNG\r\n\x1a\nnot one", 10, 10), 900)
    with pytest.raises(Unavailable):
        animation([broken], kind)
