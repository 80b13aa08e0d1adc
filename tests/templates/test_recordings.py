"""Recordings play onto the template as written, and fail and pass the type check where their text says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_appbuilder.models.demo.recordings import SHIPPED, load

from .template_app import TemplateApp

MISTAKES = {
    "task-board": ("src/App.tsx", "'Status | undefined'"),
    "dashboard": ("src/lib/penguins.ts", "'Penguin[]'"),
    "crm-contacts": ("functions/contacts.ts", "'auth.user' is possibly 'null'"),
    "task-board-dark-search": ("src/components/search-box.tsx", "possibly 'null'"),
}
BY_TRIAL = {"trip-expenses"}
"""Their mistake is none of types: a trial of the page finds it (tests/eyes/test_demos.py)."""
BY_CALL = {"inventory", "inventory-value"}
"""A call of a function shows their mistake, before there is any page (tests/eyes/test_demos.py)."""
BY_DATA = {"notebook-dashboard"}
"""They read data that is handed over, with its types: only the product plays them (tests/eyes/test_demos.py)."""
BY_FUNCTION = {"live-loan"}
"""They call a function of the person's notebook (tests/live/test_tutorial.py)."""
RECORDINGS = sorted({*MISTAKES, *BY_TRIAL, *BY_CALL, *BY_DATA, *BY_FUNCTION})


def test_every_shipped_recording_has_its_mistake_named_here() -> None:
    assert sorted(manifest.parent.name for manifest in SHIPPED.glob("*/recording.json")) == RECORDINGS


@pytest.mark.parametrize("name", MISTAKES)
def test_a_recording_fails_its_first_check_and_passes_its_last(name: str, tmp_path: Path) -> None:
    recording = load(SHIPPED / name)
    first, last = TemplateApp(tmp_path / "app", recording.template).play(recording)
    file, cause = MISTAKES[name]
    assert first
    assert all(error.startswith(file) and cause in error for error in first)
    assert last == []


@pytest.mark.parametrize("name", sorted(BY_TRIAL))
def test_a_recording_whose_mistake_the_trial_finds_is_right_by_its_types(name: str, tmp_path: Path) -> None:
    assert TemplateApp(tmp_path / "app").play(load(SHIPPED / name)) == [[], []]


@pytest.mark.parametrize("name", sorted(BY_CALL))
def test_a_recording_whose_mistake_a_call_shows_ends_right_by_its_types(name: str, tmp_path: Path) -> None:
    recording = load(SHIPPED / name)
    assert TemplateApp(tmp_path / "app", recording.template).play(recording) == [[]]


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_edits_only_files_it_has_read_or_written(name: str) -> None:
    known: set[str] = set()
    for step in load(SHIPPED / name).steps:
        for tool, text in step.tool_calls:
            arguments = json.loads(text)
            if tool in ("read_file", "write_file"):
                known.add(arguments["path"])
            elif tool == "edit_file":
                assert arguments["path"] in known


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_is_a_believable_turn(name: str) -> None:
    recording = load(SHIPPED / name)
    assert 5 <= len(recording.steps) <= 10
    assert all(step.text for step in recording.steps)
    assert any(len(step.tool_calls) > 1 for step in recording.steps)
    *_, check, summary = recording.steps
    assert [tool for tool, _ in check.tool_calls] == ["check_app"]
    assert summary.tool_calls == ()


def test_the_template_passes_its_own_check(tmp_path: Path) -> None:
    assert TemplateApp(tmp_path / "app").type_errors() == []


def test_the_lock_file_names_no_registry_and_serves_every_platform() -> None:
    from jupyter_appbuilder.templates.templates import find_template

    template = find_template("react-vite")
    packages = json.loads((template.files / template.lock).read_text())["packages"]
    assert not any("resolved" in package for package in packages.values())
    locked = {path.rpartition("node_modules/")[2] for path in packages}
    optional = {name for package in packages.values() for name in package.get("optionalDependencies", {})}
    assert optional <= locked
