"""Problems that the agent's changes brought, found in the background, as a person sees them."""

from __future__ import annotations

from building import call, write
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import violations
from .test_accessibility import wear

PAGE = """<!doctype html>
<html lang="en">
  <title>Shop</title>
  <img src="{}" alt="">
  <script type="module" src="js/{}.js"></script>
</html>
"""


def thinking(path: str) -> dict[str, object]:
    """A step that takes its time, so that the background has some."""
    return {"tool_calls": [call("read_file", path=path)], "first_byte": 0.7}


def test_new_problems_stand_in_the_card_of_a_following_call_and_are_told_to_be_gone(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    reading = ("css/style.css", "js/main.js", "js/theme.js", "js/chart.js", "index.html")
    model.steps = [
        {"text": "First the page.", "tool_calls": [write("index.html", PAGE.format("shelf.png", "basket"))]},
        *(thinking(path) for path in reading),
        {"text": "Now its parts.", "tool_calls": [write("index.html", PAGE.format("data:,", "main"))]},
        *(thinking(path) for path in reversed(reading)),
        {"text": "Done."},
    ]
    panel = open_lab(lab.new_session(title="Shop", model="custom:scripted", template="static")["id"])
    panel.say("A shop")
    expect(panel.conversation.get_by_text("2 new problems in the code")).to_be_visible(timeout=20_000)
    expect(panel.conversation.get_by_text('"shelf.png" does not exist')).to_be_visible()
    expect(panel.conversation.get_by_text("The new problems in the code are gone.")).to_be_visible(timeout=20_000)
    panel.finished(1)
    panel.conversation.get_by_text("2 new problems in the code").scroll_into_view_if_needed()
    assert violations(panel.page, "#jp-appbuilder-panel") == []
    panel.picture("new-problems-light")
    wear(panel.page, "JupyterLab Dark")
    panel.picture("new-problems-dark")
    panel.page.set_viewport_size({"width": 640, "height": 900})
    panel.picture("new-problems-narrow")
    panel.page.set_viewport_size({"width": 1400, "height": 900})
    wear(panel.page, "JupyterLab Light")
