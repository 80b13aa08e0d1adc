"""One person's first morning with the App Builder. The tests are its chapters, and follow on each other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from jupyter_appbuilder.models.demo.recordings import find_recordings

from .conftest import visit
from .lab import Lab
from .panel import LONG, Panel, command, violations, wait_for

OPENING = "I'll build a task board"
"""How the recorded answer begins."""

FOLLOW_UP = "Add a dark mode and a search box"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("first"))
    lab.set("@jupyter-appbuilder/labextension/plugin", {"tour": True})
    lab.start()
    yield lab
    lab.stop()


@pytest.fixture(scope="module")
def panel(browser: Browser, lab: Lab) -> Iterator[Panel]:
    page = visit(browser, lab, "open")
    yield Panel(page)
    page.context.close()


def test_the_first_screen_offers_demos_labelled_as_recorded(panel: Panel) -> None:
    expect(panel.root.get_by_role("heading", name="Build an app")).to_be_visible()
    expect(panel.root.get_by_text("No model is set up yet")).to_be_visible()
    demos = panel.root.get_by_role("region", name="Or watch one being built").get_by_role("listitem")
    expect(demos).to_have_count(sum(one.offered and one.after is None for one in find_recordings().values()))
    for demo in demos.all():
        expect(demo).to_contain_text("Recorded demo")
    panel.picture("first-run-light")


def test_the_first_steps_can_be_left_and_found_again(panel: Panel) -> None:
    steps = panel.root.get_by_role("region", name="First steps")
    for step in ("Step 1 of 3: A model to build with", "Step 2 of 3: What do you", "Step 3 of 3: Watch it"):
        expect(panel.root.get_by_role("heading", name=step)).to_be_visible()
    expect(steps.get_by_text("The sandbox works")).to_be_visible()
    panel.root.get_by_role("button", name="Leave the first steps out").click()
    expect(panel.composer).to_be_focused()
    panel.page.reload()
    expect(panel.root.get_by_role("button", name="First steps")).to_be_visible(timeout=LONG)
    expect(steps).to_have_count(0)
    panel.root.get_by_role("button", name="First steps").click()
    steps.get_by_role("button", name="Watch a demo first").click()
    expect(panel.root.get_by_role("heading", name="Or watch one being built")).to_be_focused()


def test_choosing_a_demo_builds_it(panel: Panel) -> None:
    panel.root.get_by_role("button", name=re.compile("Task board")).click()
    expect(panel.conversation.get_by_text(OPENING)).to_be_visible(timeout=LONG)
    panel.picture("building-light")
    panel.finished(1)


COVERED = """() => {
    const [hint, ring] = ["tour", "tourRing"].map(name =>
        document.querySelector(`.jp-AppBuilder-${name}`).getBoundingClientRect());
    return !(hint.right <= ring.left || hint.left >= ring.right || hint.bottom <= ring.top || hint.top >= ring.bottom);
}"""


def test_then_a_tour_of_five_hints_shows_the_parts_once_and_covers_none(panel: Panel) -> None:
    page = panel.page
    tour = page.locator(".jp-AppBuilder-tour")
    expect(tour.get_by_text("1 of 5")).to_be_visible()
    assert not page.evaluate("document.querySelector('.jp-AppBuilder-tour').contains(document.activeElement)")
    tour.get_by_role("button", name="Next").click()
    for number in range(2, 6):
        expect(tour.get_by_text(f"{number} of 5")).to_be_visible()
        wait_for(lambda: not page.evaluate(COVERED), page)
        panel.picture(f"tour-{number}-light")
        assert not violations(page, ".jp-AppBuilder-tourWidget")
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(tour).to_have_count(0)
    page.reload()
    panel.finished(1)
    expect(tour).to_have_count(0)
    command(page, "appbuilder:tour")
    expect(tour.get_by_role("button", name="Next")).to_be_focused()
    page.keyboard.press("Escape")
    expect(tour).to_have_count(0)


def test_the_feed_has_a_card_for_each_tool_call_and_says_that_it_is_recorded(panel: Panel) -> None:
    for words in ("Listed files", "Wrote src/lib/tasks.ts", "Wrote src/App.tsx", "Edited", "Checked the app"):
        expect(panel.card(words).first).to_be_visible()
    expect(panel.turns.first.get_by_text("Recorded demo")).to_be_visible()
    wrote = panel.card("Wrote src/lib/tasks.ts").first
    wrote.click()
    expect(panel.conversation.get_by_text("export interface Task").first).to_be_visible()
    panel.picture("card-open-light")
    wrote.click()


def test_the_app_is_visible_and_works_in_its_frame(panel: Panel) -> None:
    app = panel.preview()
    expect(app.get_by_role("heading", name="Task board", level=1)).to_be_visible(timeout=LONG)
    app.get_by_role("button", name="Add task", exact=True).click()
    app.get_by_label("Title").fill("Water the plants")
    app.get_by_role("dialog").get_by_role("button", name="Add task").click()
    expect(app.get_by_role("region", name="To do").get_by_text("Water the plants")).to_be_visible()
    expect(app.get_by_role("searchbox")).to_have_count(0)
    panel.picture("built-light")


def test_what_the_turn_changed_can_be_read(panel: Panel) -> None:
    changed = panel.turns.first.get_by_role("button", name=re.compile("files? changed"))
    changed.click()
    expect(panel.turns.first.locator("footer").get_by_text("src/App.tsx").first).to_be_visible()
    panel.picture("diff-light")
    changed.click()


def test_a_follow_up_edits_the_app(panel: Panel) -> None:
    panel.say(FOLLOW_UP)
    panel.finished(2)
    expect(panel.preview().get_by_role("searchbox")).to_be_visible(timeout=LONG)
    expect(panel.turns.last.get_by_role("button", name=re.compile("^Edited .*: details"))).not_to_have_count(0)
    expect(panel.preview().get_by_text("Water the plants")).to_be_visible()


def test_a_refresh_brings_back_chat_feed_preview_and_what_the_app_kept(panel: Panel) -> None:
    before = panel.text()
    panel.page.reload()
    panel.finished(2)
    expect(panel.preview().get_by_role("searchbox")).to_be_visible(timeout=LONG)
    expect(panel.preview().get_by_text("Water the plants")).to_be_visible()
    assert panel.text() == before
    expect(panel.conversation.get_by_text(OPENING)).to_have_count(1)


def test_an_earlier_version_can_be_restored_and_that_undone(panel: Panel) -> None:
    search = panel.preview().get_by_role("searchbox")
    expect(search).to_be_visible()
    panel.turns.first.get_by_role("button", name="Restore").click()
    expect(panel.conversation.get_by_text("Went back to")).to_be_visible()
    expect(search).to_have_count(0, timeout=LONG)
    expect(panel.preview().get_by_text("Water the plants")).to_be_visible()
    panel.picture("restored-light")
    panel.conversation.get_by_role("button", name="Undo").last.click()
    expect(search).to_be_visible(timeout=LONG)
    expect(panel.conversation.get_by_text("Went back to")).to_have_count(2)


def test_the_notebook_is_there_and_opens(panel: Panel, lab: Lab) -> None:
    (session,) = lab.api("GET", "sessions")
    panel.menu("Open notebook")
    notebook = panel.page.get_by_role("tab", name=session["notebook"].rpartition("/")[2])
    expect(notebook).to_be_visible(timeout=LONG)
    cells = json.loads((lab.root / session["notebook"]).read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert any(source.startswith("%%appbuilder write src/App.tsx") for source in sources)
    assert sources[-1].startswith("%appbuilder verify ")
    assert sum(FOLLOW_UP in source for source in sources) >= 1
    expect(panel.page.locator(".jp-NotebookPanel .jp-RenderedMarkdown", has_text=OPENING)).to_be_visible()
    panel.picture("notebook-light")


def test_a_cards_file_opens_in_jupyterlabs_editor(panel: Panel) -> None:
    panel.conversation.get_by_role("button", name="Open src/lib/tasks.ts in the editor").first.click()
    expect(panel.page.get_by_role("tab", name="tasks.ts")).to_be_visible()
    expect(panel.page.locator(".jp-FileEditor .cm-content").last).to_contain_text("export")


def test_the_list_of_apps_finds_it_again(panel: Panel) -> None:
    panel.root.get_by_role("button", name="All apps").click()
    apps = panel.root.get_by_role("region", name="Your apps")
    expect(apps.get_by_role("listitem")).to_have_count(1)
    search = apps.get_by_role("searchbox", name="Search your apps")
    search.fill("nothing like it")
    expect(apps.get_by_text("No app matches")).to_be_visible()
    search.fill("board")
    apps.get_by_role("button", name=re.compile("^Task board")).click()
    panel.finished(2)
