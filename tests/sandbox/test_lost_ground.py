"""What the sandboxes of a running server stand on is taken away by somebody who tidies up."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from .conftest import MakePlace
from .test_server import get


async def test_the_private_folder_is_made_again(place: MakePlace):
    async with place() as here:
        server = await here.sandbox.serve("/")
        begun = asyncio.Event()
        process = await here.sandbox.start("echo begun; sleep 60", on_output=lambda *_: begun.set())
        await asyncio.wait_for(begun.wait(), 10)
        shutil.rmtree(here.provider._runner.folder)  # type: ignore[union-attr]
        result = await here.sandbox.exec("echo works; npm install x")
        assert result.stdout == "works\n"
        assert "install_packages" in result.stderr
        assert process.running
        await process.kill()
        server = await here.sandbox.serve("/")
        assert "path /" in await get(server.address, "/")


async def test_a_control_group_that_was_removed_is_made_again(place: MakePlace):
    async with place() as here:
        await here.sandbox.exec("true")
        share = here.sandbox._share
        if share is None or share.group is None:
            pytest.skip("There are no control groups here.")
        share.group.remove()
        result = await here.sandbox.exec("echo works")
        assert (result.exit_code, result.stdout) == (0, "works\n")
