"""Problems that the agent's changes brought, found in the background, as a person sees them."""

from __future__ import annotations

import pytest
from building import call, write
from model_server import ModelServer
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations
from .test_accessibility import wear

PAGE = """<!doctype html>
<html lang="en">
  <title>Shop</title>
  <img src="{}" alt="">
  <script type="module" src="js/{}.js"></script>
</html>
"""


def until(told: str) -> list[dict[str, object]]:
    """Steps that take their time and change nothing, until the agent is told what was found in the background."""
    asked = (call("read_file", path="css/style.css", start_line=line) for line in range(1, 31))
    return [{"tool_calls": [one], "first_byte": 0.5, "unless": told} for one in asked]


@pytest.mark.walk
def test_new_problems_stand_in_the_card_of_a_following_call_and_are_told_to_be_gone(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    model.steps = [
        {"text": "First the page.", "tool_calls": [write("index.html", PAGE.format("shelf.png", "basket"))]},
        *until("Checked in the background"),
        {"text": "Now its parts.", "tool_calls": [write("index.html", PAGE.format("data:,", "main"))]},
        *until("reported before are gone"),
        {"text": "Done."},
    ]
    panel = open_lab(lab.new_session(title="Shop", model="custom:scripted", template="static")["id"])
    panel.say("A shop")
    expect(panel.conversation.get_by_text("2 new problems in the code")).to_be_visible(timeout=LONG)
    expect(panel.conversation.get_by_text('"shelf.png" does not exist')).to_be_visible()
    expect(panel.conversation.get_by_text("The new problems in the code are gone.")).to_be_visible(timeout=LONG)
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


BROKEN = """<!doctype html>
<html lang="en">
  <head>
    <title>Shop</title>
  </head>
  <body>
    <h1>Shop</h1>
    <script>
      setInterval(() => basket.empty(), 1000);
    </script>
  </body>
</html>
"""


def test_an_error_of_the_open_page_stands_in_the_card_of_the_call_that_told_the_agent(
    open_lab: OpenLab, lab: Lab, model: ModelServer
) -> None:
    model.steps = [
        {"text": "First the page.", "tool_calls": [write("index.html", BROKEN)]},
        *until("page reported meanwhile"),
        {"text": "Now mended.", "tool_calls": [write("index.html", BROKEN.replace("basket.empty()", "1"))]},
        {"text": "Done."},
    ]
    panel = open_lab(lab.new_session(title="Broken shop", model="custom:scripted", template="static")["id"])
    panel.say("A shop")
    expect(panel.conversation.get_by_text("1 new error of the page")).to_be_visible(timeout=LONG)
    expect(panel.conversation.get_by_text("ReferenceError: basket is not defined").first).to_be_visible()
    panel.finished(1)
    asked = str([request.body["messages"] for request in model.requests])
    assert "> ReferenceError: basket is not defined" in asked
    assert ">   at index.html:9:" in asked
    # The page has loaded itself anew, and is well.
    expect(panel.page.get_by_text("The page reports")).to_have_count(0)
    panel.conversation.get_by_text("1 new error of the page").scroll_into_view_if_needed()
    assert violations(panel.page, "#jp-appbuilder-panel") == []
    panel.picture("page-error-light")
    wear(panel.page, "JupyterLab Dark")
    panel.picture("page-error-dark")
    wear(panel.page, "JupyterLab Light")
