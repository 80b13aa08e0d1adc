"""How versions of an app looked: pictures by the tree of its files."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import scripted_builder
from eyes.stage import html

from jupyter_appbuilder.errors import Conflict, NotFound
from jupyter_appbuilder.eyes.base import PICTURED
from jupyter_appbuilder.formats.rasters import raster


async def test_a_check_takes_pictures_of_each_width_and_versions_with_the_same_files_share_them(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path, browser="") as (builder, _):
        session = await builder.create(title="Page", template="static")
        await session.ready()

        async def changed(body: str) -> str:
            await session.call("write_file", {"path": "index.html", "content": html(body)}, by="person")
            return (await session.workspace.checkpoints())[0].id

        short = await changed("<h1>One</h1>")
        with pytest.raises(NotFound, match="was never looked at"):
            await session.pictures.find(short, 390)
        _, checked = await session.call("check_app", {}, by="person")
        assert checked.ok, checked.text
        for width in PICTURED:
            picture, data = await session.pictures.find(short, width)
            assert (picture["width"], picture["height"], picture["media_type"]) == (width, 800, "image/png")
            found = raster(data)
            assert found
            assert (found.width, found.height) == (width, 800)
            small, data = await session.pictures.find(short, width, thumbnail=True)
            assert small["media_type"] == "image/webp"
            assert max(small["width"], small["height"]) <= 640
            assert len(data) < 50_000
        before = len(session.stored)
        assert [one["width"] for one in await session.take_picture(short)] == list(PICTURED)
        assert len(session.stored) == before, "There were pictures already."

        # A page that is longer than what is kept; asked for by the person.
        tall = await changed('<div style="height: 9000px; background: linear-gradient(red, blue)">Two</div>')
        unseen = (await session.workspace.checkpoints())[-1].id
        assert unseen not in (short, tall)
        with pytest.raises(Conflict, match="is not what the app is now"):
            await session.take_picture(unseen)
        told = await session.take_picture(tall)
        assert [(one["width"], one["picture"]["height"]) for one in told] == [(width, 2400) for width in PICTURED]
        assert {event.data["tree"] for event in session.stored if event.type == "preview.pictured"} == {
            version.tree for version in await session.workspace.checkpoints() if version.id in (short, tall)
        }

        # Parts that are as high as the window are not drawn out: what is in view at first.
        heroes = await changed('<p style="height: 100vh">One</p><p style="height: 100vh">Two</p>')
        assert [one["picture"]["height"] for one in await session.take_picture(heroes)] == [800, 800, 800]

        await session.restore(short)
        again = (await session.workspace.checkpoints())[0].id
        assert again != short
        assert await session.pictures.find(again, 1280) == await session.pictures.find(short, 1280)

        fork, _ = await builder.fork(session.id, checkpoint=tall)
        await fork.ready()
        assert (await fork.pictures.find(tall, 768))[0]["height"] == 2400


async def test_a_picture_that_was_let_go_of_is_taken_again(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path, browser="") as (builder, _):
        session = await builder.create(title="Page", template="static")
        await session.ready()
        (version,) = await session.workspace.checkpoints()
        first = await session.take_picture(version.id)
        for kept in (builder.data / "pictures").iterdir():
            kept.unlink()
        with pytest.raises(NotFound, match="no longer kept"):
            await session.pictures.find(version.id, 1280)
        assert [one["width"] for one in await session.take_picture(version.id)] == [one["width"] for one in first]
        _, data = await session.pictures.find(version.id, 1280)
        assert data
