"""What a person sees while the machine refuses: a full disk, a folder that was moved, no place for apps."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import write
from model_server import model_server_in_thread, numbers
from playwright.sync_api import Page, expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations
from .test_accessibility import wear

PANEL = "#jp-appbuilder-panel"


@contextlib.contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def looks(panel, page: Page, name: str) -> None:
    """In light, dark and narrow; nothing for axe to report."""
    panel.picture(f"{name}-light")
    assert violations(page, PANEL) == []
    wear(page, "JupyterLab Dark")
    page.set_viewport_size({"width": 640, "height": 900})
    panel.picture(f"{name}-dark-narrow")
    assert violations(page, PANEL) == []
    page.set_viewport_size({"width": 1400, "height": 900})
    wear(page, "JupyterLab Light")


def test_a_full_disk_is_said_and_the_app_goes_on_when_there_is_room(tmp_path: Path, open_lab: OpenLab) -> None:
    with disk(tmp_path / "lab" / "data", "size=3m") as data, model_server_in_thread() as model:
        lab = Lab(tmp_path / "lab")
        lab.start()
        try:
            held = threading.Event()
            model.steps = [
                {"tool_calls": [write("notes.txt", numbers(100_000))], "held": held},
                {"text": "It is done."},
            ]
            lab.api("PUT", "providers/custom", {"base_url": model.url, "api_key": "sk-test-not-a-secret"})
            panel = open_lab(lab.new_session(title="Notes", model="custom:scripted")["id"], lab=lab)
            root = panel.root
            panel.say("Keep my notes")
            expect(panel.stop).to_be_visible(timeout=LONG)
            while not model.requests:
                panel.page.wait_for_timeout(20)
            filler = data / "filler"
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
            held.set()
            trouble = root.get_by_role("alert").filter(has_text="its disk is full")
            expect(trouble).to_be_visible(timeout=LONG)
            expect(trouble).to_contain_text("goes on by itself")
            expect(panel.stop).to_have_count(0)
            expect(root.locator(".jp-AppBuilder-spinner")).to_have_count(0)  # nothing runs, and nothing looks so
            looks(panel, panel.page, "full-disk")
            panel.say("Are you there?")
            expect(root.get_by_role("alert").filter(has_text="Dismiss")).to_contain_text("its disk is full")
            expect(panel.composer).to_have_value("Are you there?")

            filler.unlink()
            panel.finished(1)
            expect(panel.turns.last).to_contain_text("its disk is full")
            panel.picture("full-disk-over")
            panel.turns.last.get_by_role("button", name="Continue").click()
            expect(panel.conversation.get_by_text("It is done.")).to_be_visible(timeout=LONG)
        finally:
            lab.stop()


def test_a_folder_that_was_moved_away_is_said_until_it_is_back(lab: Lab, open_lab: OpenLab) -> None:
    session = lab.new_session(title="Moved")
    panel = open_lab(session["id"])
    expect(panel.root.get_by_text("The app starts as its template.")).to_be_visible()
    folder = lab.root / session["path"]
    folder.rename(away := lab.root / "moved-away")
    trouble = panel.root.get_by_role("alert").filter(has_text="does not exist")
    expect(trouble).to_be_visible(timeout=LONG)
    expect(trouble).to_contain_text("Move it back")
    panel.picture("folder-moved")
    away.rename(folder)
    expect(trouble).to_have_count(0, timeout=LONG)


def test_the_first_screen_says_where_no_app_can_be_made_and_the_setting(tmp_path: Path, open_lab: OpenLab) -> None:
    with disk(tmp_path / "read-only", "ro") as place:
        lab = Lab(tmp_path / "lab", root_dir=str(place))
        lab.start()
        try:
            panel = open_lab(lab=lab)
            trouble = panel.root.get_by_role("alert").filter(has_text="Apps cannot be made")
            expect(trouble).to_contain_text(f"{place}/appbuilder")
            expect(trouble).to_contain_text("c.AppBuilder.root_dir")
            panel.composer.fill("A clock")
            expect(panel.root.get_by_role("button", name="Build", exact=True)).to_be_disabled()
            looks(panel, panel.page, "no-place")
        finally:
            lab.stop()


def test_where_apps_are_made_is_said_when_the_file_browser_does_not_show_it(tmp_path: Path, open_lab: OpenLab) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    lab = Lab(tmp_path / "lab", root_dir=str(elsewhere))
    lab.start()
    try:
        panel = open_lab(lab=lab)
        expect(panel.root.get_by_text(f"Apps are made in {elsewhere}/appbuilder")).to_be_visible()
        panel.picture("place-elsewhere")
        session = lab.new_session(title="Elsewhere")
        opened = open_lab(session["id"], lab=lab)
        opened.root.get_by_role("button", name="More actions").click()
        expect(opened.page.get_by_role("menuitem").first).to_be_visible()
        entries = opened.page.get_by_role("menuitem").all_inner_texts()
        assert not any("notebook" in entry.casefold() or "folder" in entry.casefold() for entry in entries), entries
        opened.picture("place-elsewhere-session")
    finally:
        lab.stop()
