"""The ways in: launcher, command palette, status bar, settings, and notebooks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, TimeoutError, expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, command


def test_the_launchers_card_opens_the_panel(open_lab: OpenLab) -> None:
    panel = open_lab()
    page = panel.page
    command(page, "application:toggle-right-area")
    expect(panel.root).to_be_hidden()
    page.locator(".jp-LauncherCard", has_text="App Builder").click()
    expect(panel.root).to_be_visible()
    expect(panel.composer).to_be_focused()
    panel.picture("launcher-light")


def test_the_command_palette_offers_what_the_panel_does(open_lab: OpenLab, lab: Lab) -> None:
    session = lab.new_session(title="From the palette")
    panel = open_lab(session["id"])
    page = panel.page
    expect(panel.composer).to_be_enabled()

    def choose(label: str) -> None:
        item = page.locator(".lm-CommandPalette-item", has_text=label).first
        for patience in (5000, LONG):
            command(page, "apputils:activate-command-palette")
            page.keyboard.type(label)
            try:
                item.click(timeout=patience)
                break
            except TimeoutError:  # JupyterLab closes it when its router runs, some time after the start
                if patience == LONG:
                    raise

    choose("New App")
    expect(panel.root.get_by_role("heading", name="Build an app")).to_be_visible()
    panel.root.get_by_role("button", name=re.compile("^From the palette")).first.click()
    expect(panel.root.get_by_role("heading", name="From the palette")).to_be_visible()
    choose("Open the App’s Notebook")
    expect(page.get_by_role("tab", name=f"{session['name']}.ipynb")).to_be_visible(timeout=LONG)


def test_the_status_bar_says_what_the_open_app_does_and_leads_to_it(open_lab: OpenLab, lab: Lab) -> None:
    session = lab.new_session(title="In the bar")
    panel = open_lab(session["id"])
    item = panel.page.get_by_role("button", name=re.compile("^In the bar"))
    expect(item).to_contain_text("ready")
    command(panel.page, "application:toggle-right-area")
    expect(panel.root).to_be_hidden()
    item.click()
    expect(panel.root).to_be_visible()


def test_the_settings_offer_the_panels_choices(open_lab: OpenLab) -> None:
    page = open_lab().page
    command(page, "settingeditor:open", {"query": "App Builder"})
    editor = page.locator(".jp-SettingsPanel, #json-setting-editor, .jp-SettingsForm").first
    expect(editor.get_by_text("Open the preview").or_(editor.get_by_text("preview", exact=False)).first).to_be_visible(
        timeout=LONG
    )


def notebook(file: Path, *sources: str) -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"c{at}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for at, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    file.write_text(json.dumps(document))


def run_all(page: Page, path: str) -> None:
    command(page, "docmanager:open", {"path": path})
    expect(page.locator(".jp-NotebookPanel")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("button", name=re.compile(r"\| Idle"))).to_be_visible(timeout=LONG)
    page.locator(".jp-NotebookPanel .cm-content").first.click()
    command(page, "notebook:run-all-cells")


def test_a_notebook_builds_with_the_magic_and_shows_chat_and_preview_in_a_cell(open_lab: OpenLab, lab: Lab) -> None:
    notebook(
        lab.root / "mine.ipynb",
        "%load_ext jupyter_appbuilder",
        "%%appbuilder\nBuild a task board with three columns that remembers my tasks in the browser",
        "app.widget()",
    )
    panel = open_lab()
    page = panel.page
    run_all(page, "mine.ipynb")
    built = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea")
    expect(built).to_contain_text("I'll build a task board", timeout=LONG)
    expect(built).to_contain_text("src/App.tsx", timeout=LONG)
    expect(built).to_contain_text("Your task board is ready", timeout=2 * LONG)
    widget = page.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea")
    expect(widget.get_by_role("log", name="Conversation")).to_contain_text("Your task board is ready", timeout=LONG)
    widget.scroll_into_view_if_needed()
    app = widget.frame_locator("iframe")
    expect(app.get_by_role("heading", name="Task board", level=1)).to_be_visible(timeout=LONG)
    panel.picture("widget-light")
    # The session is the same thing everywhere: the panel lists it, and says who works on it.
    expect(panel.root.get_by_role("button", name=re.compile("^Task board")).first).to_be_visible(timeout=LONG)


def test_the_cursor_comes_to_the_composer_once_it_is_drawn_unless_the_person_is_elsewhere_by_then(
    open_lab: OpenLab, lab: Lab
) -> None:
    session = lab.new_session(title="Slowly drawn")
    panel = open_lab(session["id"])
    page = panel.page
    expect(panel.composer).to_be_focused()
    hide = "document.head.append(Object.assign(document.createElement('style'), {id: 'late', textContent: "
    hide += "'.jp-AppBuilder-composer { display: none; }'}))"
    draw = "document.getElementById('late').remove()"
    elsewhere = page.get_by_role("button", name=re.compile("^Slowly drawn"))

    page.evaluate(hide)
    expect(panel.composer).to_be_hidden()
    command(page, "appbuilder:open", {"session": session["id"]})
    page.evaluate(draw)
    expect(panel.composer).to_be_focused()

    page.evaluate(hide)
    expect(panel.composer).to_be_hidden()
    command(page, "appbuilder:open", {"session": session["id"]})
    page.evaluate("new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    elsewhere.focus()
    page.evaluate(draw)
    page.evaluate("new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    expect(elsewhere).to_be_focused()
