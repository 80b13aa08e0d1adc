"""An earlier version is run beside the present one, and changes nothing of it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from building import app_builder, scripted_builder, write
from plain_app import plain
from running import that_run

from jupyter_appbuilder.errors import NotFound
from jupyter_appbuilder.session import Session, earlier

SHOWN = earlier.VERSIONS


def test_places_of_versions_that_come_and_go_at_once_do_not_meet(tmp_path: Path):
    made: list[Path] = []

    def come_and_go(number: int) -> None:
        for turn in range(20):
            shown = earlier.Shown("a" * 40, lambda _: None)
            place = tmp_path / SHOWN / f"{number}-{turn}"
            shown.make(place)
            assert place.is_dir()
            made.append(place)
            earlier.remove_folder(place)
            assert shown.held is not None
            shown.held.release()
            earlier.sweep(tmp_path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_and_go, range(8)))
    assert len(made) == 8 * 20
    earlier.sweep(tmp_path)
    assert not (tmp_path / SHOWN).exists()


async def page_of(app: Any) -> str:
    """What its dev server answers."""
    address = app.server.address
    transport = httpx.AsyncHTTPTransport(uds=str(address.socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        return (await client.get(app.base_path)).text


async def two_versions(session: Session) -> tuple[str, str]:
    await session.send("second")
    await session.wait()
    second, first = [version.id for version in await session.checkpoints()]
    return first, second


STEPS = [{"tool_calls": [write("index.html", "<title>Plain</title><p>second</p>\n")]}, {"text": "Done."}]


async def test_a_version_runs_beside_the_app_and_goes_without_a_trace(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path, STEPS, **plain(tmp_path)) as (builder, _):
        session = await builder.create(name="past")
        first, second = await two_versions(session)
        before = await session.workspace.snapshot()
        await session.app.ensure()
        with pytest.raises(NotFound):
            await session.show_version("0" * 40)
        began = await session.show_version(first[:10])
        assert (began["checkpoint"], began["state"]) == (first, "starting")
        shown = await session.earlier.started()
        assert shown is not None
        assert (shown["state"], shown["data"]) == ("ready", "")
        copy = session.earlier._shown
        assert copy is not None
        assert copy.app is not None
        assert copy.place is not None
        assert "first" in await page_of(copy.app)
        assert "second" in await page_of(session.app)
        assert shown["url"] == copy.app.base_path != session.app.base_path
        assert len(await builder.sandboxes.describe()) == 2
        assert (copy.place / "app/index.html").read_text().endswith("<p>first</p>\n")
        assert await session.workspace.snapshot() == before
        # Another takes its place; a tab of the first that is closed then does not end it.
        place = copy.place
        await session.show_version(second)
        assert not place.exists()
        await session.hide_version(first)
        shown = await session.earlier.started()
        assert shown is not None
        assert (shown["checkpoint"], shown["state"]) == (second, "ready")
        events = [event.type for event in await session.events()]
        assert events.count("preview.ready") == 1
        processes = that_run(psutil.Process().children(recursive=True))
        await session.hide_version(second)
        assert session.earlier.status is None
        assert not (session.workspace.folder.parent / SHOWN).exists()
        assert len(that_run(processes)) < len(processes)
        assert "second" in await page_of(session.app)


async def test_its_data_are_those_of_the_version_or_a_copy_and_what_it_writes_stays_there(tmp_path: Path) -> None:
    traits = plain(tmp_path)
    manifest = tmp_path / "templates/plain/template.toml"
    manifest.write_text('data = ["data/"]\n' + manifest.read_text())
    async with scripted_builder(tmp_path, STEPS, **traits) as (builder, _):
        session = await builder.create(name="data")
        await session.ready()
        data = session.workspace.app / "data"
        data.mkdir()
        (data / "rows.txt").write_text("one\n")
        large = "x" * (2 << 20)
        (data / "large.txt").write_text(large)
        _, second = await two_versions(session)
        (data / "rows.txt").write_text("one\ntwo\n")
        await session.show_version(second)
        shown = await session.earlier.started()
        copy = session.earlier._shown
        assert shown is not None
        assert copy is not None
        assert copy.place is not None
        assert (shown["state"], shown["data"], shown["note"]) == ("ready", "version", "")
        there = copy.place / "app/data"
        assert (there / "rows.txt").read_text() == "one\n"
        assert (there / "large.txt").read_text() == large
        (there / "rows.txt").write_text("changed in the version\n")
        assert (data / "rows.txt").read_text() == "one\ntwo\n"
        # A version whose copy is gone has one of the data as they are.
        await session.workspace._git.run("update-ref", "-d", f"refs/appbuilder/data/{second}")
        await session.hide_version()
        await session.show_version(second)
        shown = await session.earlier.started()
        copy = session.earlier._shown
        assert shown is not None
        assert copy is not None
        assert copy.place is not None
        assert shown["data"] == "present"
        assert (copy.place / "app/data/rows.txt").read_text() == "one\ntwo\n"


async def test_it_ends_when_it_is_closed_while_it_starts_when_nobody_looks_and_with_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted_builder(tmp_path, STEPS, **plain(tmp_path)) as (builder, _):
        session = await builder.create(name="ends")
        first, second = await two_versions(session)
        left = session.workspace.folder.parent / SHOWN
        for _ in range(3):
            await session.show_version(first)
            await asyncio.sleep(0)
            await session.hide_version(first)
            assert (session.earlier.status, left.exists()) == (None, False)
        await session.show_version(first)
        await session.earlier.started()
        await session.earlier.look_after(builder.previews.unused, True)
        assert session.earlier.status is not None
        monkeypatch.setattr(earlier, "IDLE_SECONDS", -1.0)
        await session.earlier.look_after(builder.previews.unused, True)
        assert (session.earlier.status, left.exists()) == (None, False)
        monkeypatch.undo()
        (session.workspace.app / "server.mjs").write_text("throw new Error('no such luck')\n")
        await session.look_for_edits()
        await session.checkpoint("Broken")
        broken = (await session.checkpoints())[0].id
        await session.show_version(broken)
        shown = await session.earlier.started()
        assert shown is not None
        assert shown["state"] == "failed"
        assert "no such luck" in shown["log"]
        await session.show_version(second)
        await session.earlier.started()
        id = session.id
        await builder.release(id)
        assert not left.exists()
        session = await builder.session(id)
        await session.show_version(first)
        await session.earlier.started()
    assert not left.exists()


async def test_what_a_killed_process_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        left = tmp_path / "root/appbuilder" / SHOWN / "abc123"
        (left / "app/deep").mkdir(parents=True)
        (left / "app/deep").chmod(0)
        await builder.recover()
        assert not left.parent.exists()
