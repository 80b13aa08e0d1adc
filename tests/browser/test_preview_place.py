"""Where a preview stands in JupyterLab, how it fits, and which app it belongs to."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, Panel, command, wait_for

PREVIEW = ".jp-AppBuilder-previewWidget:visible"


def box(locator: Locator) -> dict[str, Any]:
    found = locator.bounding_box()
    assert found
    return dict(found)


def shown(panel: Panel) -> None:
    expect(panel.preview().get_by_role("heading", name="One page")).to_be_visible(timeout=LONG)


def test_the_preview_takes_the_launchers_place(open_lab: OpenLab, lab: Lab) -> None:
    panel = open_lab(lab.new_session(title="On stage")["id"], width=1280)
    shown(panel)
    expect(panel.page.locator(".jp-Launcher")).to_have_count(0)
    main = box(panel.page.locator("#jp-main-dock-panel"))
    assert box(panel.page.locator(PREVIEW))["width"] > 0.95 * main["width"]
    panel.picture("stage-1280-light")


def test_beside_a_document_the_preview_gets_two_thirds_and_its_splitter_does_not_stick(
    open_lab: OpenLab, lab: Lab
) -> None:
    session = lab.new_session(title="Beside")
    (lab.root / "notes.txt").write_text("Notes\n")
    panel = open_lab(width=1600)
    command(panel.page, "docmanager:open", {"path": "notes.txt"})
    expect(panel.page.locator(".jp-FileEditor")).to_be_visible(timeout=LONG)
    panel.root.get_by_role("button", name="Beside").first.click()
    shown(panel)
    main = box(panel.page.locator("#jp-main-dock-panel"))
    preview = panel.page.locator(PREVIEW)
    share = box(preview)["width"] / main["width"]
    assert 0.6 < share < 0.72, share
    expect(panel.page.locator(".jp-FileEditor")).to_be_visible()
    panel.picture("two-thirds-light")

    before = box(preview)
    mouse = panel.page.mouse
    y = before["y"] + before["height"] / 2
    mouse.move(before["x"] - 2, y)
    mouse.down()
    mouse.move(before["x"] + 150, y, steps=8)
    mouse.up()
    assert box(preview)["x"] == pytest.approx(before["x"] + 150, abs=12)
    mouse.move(before["x"] + 300, y, steps=4)
    assert box(preview)["x"] == pytest.approx(before["x"] + 150, abs=12), "it let go"
    assert session["id"]


def test_an_app_comes_with_its_preview_and_a_preview_with_its_app(open_lab: OpenLab, lab: Lab) -> None:
    first, second = lab.new_session(title="First app"), lab.new_session(title="Second app")
    panel = open_lab(first["id"])
    shown(panel)
    command(panel.page, "appbuilder:open", {"session": second["id"]})
    expect(panel.page.locator('iframe[title="Preview of Second app"]')).to_be_visible(timeout=LONG)
    heading = panel.root.locator("h2").first
    expect(heading).to_have_text("Second app")

    previews = panel.page.get_by_role("tab", name=re.compile(r"^(First|Second) app$"))
    expect(previews).to_have_text(["Second app"])  # one tab, which follows the panel

    panel.page.get_by_role("button", name="Pin", exact=True).click()
    command(panel.page, "appbuilder:open", {"session": first["id"]})
    expect(panel.page.locator('iframe[title="Preview of First app"]')).to_be_visible(timeout=LONG)
    expect(previews).to_have_text(["Second app", "First app"])
    expect(heading).to_have_text("First app")
    expect(panel.composer).to_be_focused()

    panel.page.get_by_role("tab", name="Second app").click()
    expect(heading).to_have_text("Second app")
    expect(panel.page.locator('iframe[title="Preview of Second app"]')).to_be_visible(timeout=LONG)
    command(panel.page, "appbuilder:open", {"session": first["id"]})
    expect(panel.page.locator('iframe[title="Preview of First app"]')).to_be_visible()
    panel.page.get_by_role("tab", name="First app").locator(".jp-icon-hover").last.click()  # closes it
    expect(panel.page.locator('iframe[title="Preview of Second app"]')).to_be_visible()
    expect(heading).to_have_text("First app")


def test_a_narrow_preview_cuts_nothing_off_and_shows_a_tablet_as_a_whole(open_lab: OpenLab, lab: Lab) -> None:
    panel = open_lab(lab.new_session(title="A rather long title for a small app")["id"], width=1000)
    shown(panel)
    command(panel.page, "application:toggle-left-area")
    main = panel.page.locator("#jp-main-dock-panel")
    panel.page.set_viewport_size({"width": 1000 - int(box(main)["width"]) + 300, "height": 900})
    preview = panel.page.locator(PREVIEW)
    bar = panel.page.get_by_role("toolbar", name="Preview tools")
    for button in bar.get_by_role("button").all():
        inside = box(button)
        assert inside["x"] + inside["width"] <= box(preview)["x"] + box(preview)["width"] + 1
    for device, width in (("Tablet width", 820), ("Phone width", 390)):
        bar.get_by_role("button", name=device).click()
        frame = panel.page.locator('iframe[title^="Preview of"]:visible')
        assert frame.evaluate("frame => frame.clientWidth") == width
        assert panel.preview().locator("body").evaluate("() => innerWidth") == width
        stage = box(panel.page.locator(".jp-AppBuilder-stage:visible"))
        got = box(frame)
        assert got["x"] >= stage["x"]
        assert got["x"] + got["width"] <= stage["x"] + stage["width"]
        assert got["y"] + got["height"] <= stage["y"] + stage["height"]
        panel.picture(f"narrow-{width}-light")
    # A phone that lies on its side, and a width of one's own.
    body = panel.preview().locator("body")
    inner = "() => [innerWidth, innerHeight]"
    bar.get_by_role("button", name="Rotate").click()
    wait_for(lambda: body.evaluate(inner) == [844, 390], panel.page)
    bar.get_by_role("spinbutton", name="Width in pixels").fill("500")
    wait_for(lambda: body.evaluate(inner) == [500, 390], panel.page)
    edge = panel.page.get_by_role("separator", name="Width of the page")
    edge.focus()
    panel.page.keyboard.press("ArrowLeft")
    expect(bar.get_by_role("spinbutton", name="Width in pixels")).to_have_value(re.compile("^4"))
    wait_for(lambda: 400 <= body.evaluate(inner)[0] < 500, panel.page)
    # The app meets what its people prefer; a browser under remote control must not decide it.
    panel.page.emulate_media(color_scheme="null")
    dark = bar.get_by_role("button", name="Dark app")
    prefers = "() => matchMedia('(prefers-color-scheme: dark)').matches"
    dark.click()
    wait_for(lambda: body.evaluate(prefers) is True, panel.page)
    dark.click()
    wait_for(lambda: body.evaluate(prefers) is False, panel.page)


def test_a_preview_that_shows_up_by_itself_leaves_the_keyboard_where_it_is(open_lab: OpenLab, lab: Lab) -> None:
    first, second = (lab.new_session(title=title) for title in ("Shown", "Shown too"))
    panel = open_lab()
    for session in (first, second):
        command(panel.page, "appbuilder:open", {"session": session["id"]})
        expect(panel.composer).to_be_focused()
        panel.composer.evaluate("box => { window.left = 0; box.addEventListener('blur', () => window.left++); }")
        shown(panel)
        expect(panel.page.get_by_role("tab", name=session["title"], exact=True)).to_have_attribute(
            "aria-selected", "true"
        )
        expect(panel.composer).to_be_focused()
        assert panel.page.evaluate("window.left") == 0
