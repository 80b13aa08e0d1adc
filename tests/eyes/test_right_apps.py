"""Of what is right nothing is said: the templates and the recorded apps, at three widths, in light and dark, tried."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from building import app_builder

from jupyter_appbuilder.models.demo.recordings import SHIPPED, Recording, find_recordings, load
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.templates.templates import find_templates

RECORDINGS = sorted(name for name, each in find_recordings().items() if not each.notebook and not each.function)
"""Those over a notebook are looked at as they are played: tests/eyes/test_demos.py and tests/live/test_tutorial.py."""

FILES = {"write_file", "edit_file", "delete_file"}
WHOLE = {"create_function", "update_database_schema", "update_layout"}


async def play(session: Session, recording: Recording) -> None:
    """Carry out what a recording changes."""
    if recording.after:
        await play(session, load(SHIPPED / recording.after))
    for path, content in recording.seed_files().items():
        await session.call("write_file", {"path": path, "content": content.decode()}, by="person")
    for tool, arguments in (call for step in recording.steps for call in step.tool_calls):
        if tool in FILES | WHOLE:
            _, result = await session.call(tool, json.loads(arguments), by="person")
            assert result.ok, result.text


async def seen(session: Session) -> list[str]:
    await session.start_preview()
    assert session.app.server.state == "ready", session.app.server.message
    report = await session.app.look_over()
    assert report.actions >= 0
    return [f"{finding['message']} {finding.get('stack', '')}" for finding in report.findings]


@pytest.mark.parametrize("template", sorted(find_templates()))
async def test_a_templates_page_is_right(tmp_path: Path, template: str) -> None:
    async with app_builder(tmp_path, model="demo:recorded", browser="") as builder:
        assert await seen(await builder.create(name="app", template=template)) == []


@pytest.mark.parametrize("name", RECORDINGS)
async def test_a_recorded_app_is_right(tmp_path: Path, name: str) -> None:
    async with app_builder(tmp_path, model="demo:recorded", browser="") as builder:
        recording = load(SHIPPED / name)
        session = await builder.create(name="app", template=recording.template)
        await play(session, recording)
        assert await seen(session) == []
