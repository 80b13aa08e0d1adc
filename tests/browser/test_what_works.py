"""What the app can do, as the agent wrote it down and tried it, as a person sees it."""

from __future__ import annotations

import pytest
from building import call, write
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations, wait_for
from .test_accessibility import wear
from .test_open_notebook import open_notebook

PAGE = """<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>Tasks</title>
  <body style="font: 16px system-ui; margin: 2rem; background: white; color: #222">
  <main>
    <h1>Tasks</h1>
    <form id="form"><label>New task <input id="title" style="min-height: 44px"></label>
      <button style="min-height: 44px">Add</button></form>
    <ul id="list"></ul>
  </main>
  <script type="module" src="js/tasks.js"></script>
</html>
"""
SCRIPT = """form.addEventListener("submit", (event) => {
  event.preventDefault();
  list.append(Object.assign(document.createElement("li"), { textContent: title.value }));
});
"""
ADDING = [
    {"do": "fill", "name": "New task", "value": "Milk"},
    {"do": "click", "role": "button", "name": "Add"},
    {"do": "expect", "role": "listitem", "text": "Milk"},
]
REMOVING = [{"do": "click", "role": "button", "name": "Remove"}, {"do": "expect", "text": "Nothing left"}]


@pytest.mark.walk
def test_what_works_is_counted_tried_again_and_removed(open_lab: OpenLab, lab: Lab, model: ModelServer) -> None:
    model.steps = [
        {"tool_calls": [write("index.html", PAGE), write("js/tasks.js", SCRIPT)]},
        {"tool_calls": [call("look_at_app", path="/", width=360)]},
        {"tool_calls": [call("write_scenario", title="A task can be added", steps=ADDING)]},
        {"tool_calls": [call("write_scenario", title="All tasks can be removed", steps=REMOVING)]},
        *[{"text": "Done."} for _ in range(4)],
    ]
    session = lab.new_session(title="Tasks", model="custom:scripted", template="static")
    panel = open_lab(session["id"])
    panel.say("Tasks that can be added and removed")
    panel.finished(1)
    # What the agent saw is shown, and larger at a click.
    panel.conversation.get_by_role("button", name="Show the picture larger: Tasks: / at 360 px").click()
    large = panel.page.get_by_role("dialog", name="Tasks: / at 360 px")
    expect(large.get_by_role("img")).to_be_visible()
    panel.picture("what-was-seen-large")
    panel.page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    panel.picture("what-was-seen")
    works = panel.page.get_by_role("region", name="What works")
    works.get_by_role("button", name="1 of 2 things work").click()
    expect(works.get_by_text('There is no button "Remove"')).to_be_visible()
    # The turn says what is still broken, with the way back.
    expect(panel.conversation.get_by_text("The work ended, but problems remain.")).to_be_visible()
    assert violations(panel.page, "#jp-appbuilder-panel") == []
    panel.picture("what-works-light")
    wear(panel.page, "JupyterLab Dark")
    panel.picture("what-works-dark")
    panel.page.set_viewport_size({"width": 640, "height": 900})
    panel.picture("what-works-narrow")
    panel.page.set_viewport_size({"width": 1400, "height": 900})
    wear(panel.page, "JupyterLab Light")

    works.get_by_role("button", name="Remove: All tasks can be removed").click()
    works.get_by_role("button", name="Try all").click()
    expect(panel.card("Tried scenarios")).to_have_count(1, timeout=LONG)
    expect(works.get_by_role("button", name="1 of 1 thing works")).to_be_visible(timeout=LONG)

    # Who edits by hand has not tried since; what they write themselves has its own title.
    app = lab.app(session)
    (app / "js" / "tasks.js").write_text(SCRIPT + "// as before\n")
    expect(works.get_by_role("button", name="1 of 1 thing worked before the last change")).to_be_visible(timeout=LONG)
    by_hand = 'title: "It says what it is for"\nsteps:\n  - {do: expect, role: heading, name: Tasks}\n'
    (app / "scenarios" / "by-hand.yaml").write_text(by_hand)
    expect(works.get_by_text("It says what it is for")).to_be_visible(timeout=LONG)
    expect(works.get_by_text("Worked before the last change.")).to_be_visible()
    assert violations(panel.page, "#jp-appbuilder-panel") == []
    panel.picture("what-worked-light")
    wear(panel.page, "JupyterLab Dark")
    panel.picture("what-worked-dark")
    panel.page.set_viewport_size({"width": 640, "height": 900})
    panel.picture("what-worked-narrow")
    panel.page.set_viewport_size({"width": 1400, "height": 900})
    wear(panel.page, "JupyterLab Light")
    works.get_by_role("button", name="Try all").click()
    expect(works.get_by_role("button", name="2 of 2 things work")).to_be_visible(timeout=LONG)
    panel.card("Looked at the app /").click()
    expect(panel.conversation.get_by_text("What is on it:")).to_be_visible()
    expect(panel.conversation.get_by_text("material, not instruction")).to_have_count(0)
    panel.picture("what-was-seen-unfolded")


def test_the_open_notebook_shows_what_was_seen_and_a_picture_takes_about_a_thousand_tokens(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    model.steps = [
        {"tool_calls": [write("index.html", PAGE), write("js/tasks.js", SCRIPT)]},
        {"tool_calls": [call("look_at_app", path="/")]},
        *[{"text": "Done."} for _ in range(4)],
    ]
    session = lab.new_session(title="Tasks", model="custom:scripted", template="static")
    panel = open_lab(session["id"])
    panel.say("Tasks that can be added")
    panel.finished(1)
    open_notebook(panel.page, session)
    seen = panel.page.get_by_role("img", name="Tasks: / at 1280 px, light").and_(panel.page.locator(".jp-Cell img"))

    def in_sight() -> bool:  # cells come in one after the other; that of the picture may be drawn anew meanwhile
        seen.evaluate_all("images => images.forEach(image => image.scrollIntoView())")
        return seen.is_visible()

    wait_for(in_sight, panel.page)
    width, height = seen.evaluate("async image => (await image.decode(), [image.naturalWidth, image.naturalHeight])")
    assert 740_000 < width * height < 760_000
    panel.picture("what-was-seen-in-the-notebook")
