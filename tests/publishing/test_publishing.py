"""A version is built, checked and put where its readers get it; the draft and the release before are left alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from building import scripted_builder, write
from plain_app import plain

from jupyter_appbuilder.errors import NotFound
from jupyter_appbuilder.events import PublishingStatus
from jupyter_appbuilder.session import Session

PUBLISH = """
[publish]
kind = "static"
build = ["sh", "-c", "mkdir -p dist && cp index.html dist/ && echo built"]
output = ["dist/"]
"""
STEPS = [{"tool_calls": [write("index.html", "<title>Plain</title><p>second</p>\n")]}, {"text": "Done."}]
WHY = "Nobody else sees it"


@asynccontextmanager
async def published_app(folder: Path, more: str = PUBLISH, **traits: Any) -> AsyncGenerator[tuple[Any, Session]]:
    settings = plain(folder)
    manifest = folder / "templates/plain/template.toml"
    manifest.write_text(manifest.read_text() + more)
    async with scripted_builder(folder, STEPS, browser="none", **settings, **traits) as (builder, _):
        session = await builder.create(name="past")
        yield builder, session


async def published(session: Session, **how: Any) -> PublishingStatus:
    """Publish, and say why whatever was found is published anyway."""
    await session.publish(**how)
    status = await session.publishing.finished()
    assert status is not None
    if status["state"] == "waiting":
        await session.answer_gate({one["id"]: WHY for one in status["findings"]})
        status = await session.publishing.finished()
    assert status is not None
    return status


def page(builder: Any, number: int, name: str = "past") -> str:
    return (builder.published.bundle("here", name, number).content / "index.html").read_text()


async def test_a_version_is_built_and_what_is_done_to_the_draft_leaves_it_alone(tmp_path: Path) -> None:
    async with published_app(tmp_path) as (builder, session):
        status = await published(session)
        assert (status["state"], status["number"], status["message"]) == ("done", 1, "")
        assert "built" in status["log"]
        assert status["url"] == "appbuilder/apps/past/"
        assert "first" in page(builder, 1)
        await session.send("second")
        await session.wait()
        assert "first" in page(builder, 1)
        [live] = session.summary.published
        assert (live["number"], live["name"], live["target"]) == (1, "past", "here")
        assert (await published(session))["number"] == 2
        assert "second" in page(builder, 2)
        [there] = await session.publishing.publications()
        assert (there.live, [one.number for one in there.releases]) == (2, [2, 1])
        await session.roll_back("here", 1)
        [there] = await session.publishing.publications()
        assert there.live == 1
        assert session.summary.published[0]["number"] == 1
        await session.unpublish("here")
        assert not await session.publishing.publications()
        assert not session.summary.published
        with pytest.raises(NotFound):
            builder.published.bundle("here", "past", 1)
        # A number is never used again.
        assert (await published(session))["number"] == 3
        assert not list((builder.published.folder / ".making").iterdir())
