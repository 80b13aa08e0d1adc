"""The steps of ``use_app`` on pages of the kinds that browser tools stumble over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eyes.stage import Site, html, messages, opened

from jupyter_appbuilder.eyes.base import StepResult
from jupyter_appbuilder.eyes.steps import Step, told

DIALOGS = """<h1>Hi</h1>
<button onclick="out.textContent = confirm('Really?') ? 'deleted' : 'kept'">Delete</button>
<button onclick="alert('Saved.')">Save</button>
<button onclick="out.textContent = prompt('Your name?', 'Ann')">Name</button><p id="out">nothing</p>"""

DRAWN = """<style>input { opacity: 0; position: absolute; z-index: -1 }
i { display: inline-block; width: 20px; height: 20px; border: 1px solid }</style>
<h1>Hi</h1><label><i></i><input type="radio"> Beta</label><label><input type="checkbox"><i></i> Agree</label>"""


async def done(tmp_path: Path, body: str | Site, *steps: dict[str, Any]) -> list[StepResult]:
    async with opened(tmp_path, body) as page:
        return [await page.act(step) for step in steps]


def click(name: str, **more: Any) -> dict[str, Any]:
    return {"do": "click", "role": "button", "name": name} | more


async def test_what_lies_over_a_control_is_named(tmp_path: Path) -> None:
    body = """<h1>Hi</h1><div style="position: relative"><button>Go</button>
      <div class="veil" style="position: absolute; inset: 0"></div></div>"""
    async with opened(tmp_path, body) as page:
        (result,) = [await page.act(click("Go"))]
        seen = messages(await page.audit())
    assert (result.ok, result.message) == (False, 'button "Go" cannot be clicked: <div class="veil"> lies over it.')
    assert [text for text in seen if text.startswith('A click does not reach button "Go"')] == seen


async def test_what_is_meant_to_lie_over_a_control_is_no_finding(tmp_path: Path) -> None:
    body = """<style>.over { position: absolute; inset: 0 }</style><h1>Hi</h1>
      <div style="position: relative"><button>Upload</button>
        <input type="file" aria-label="Files" class="over" style="opacity: 0"></div>
      <div style="position: relative"><button>Behind the dialog</button>
        <div class="over" style="background: rgb(0 0 0 / 30%)"></div></div>
      <label style="position: relative">Agree <input type="checkbox"><span class="over"></span></label>
      <div style="position: relative"><button>Through</button>
        <div class="over" style="pointer-events: none"></div></div>"""
    async with opened(tmp_path, body) as page:
        assert [text for text in messages(await page.audit()) if "does not reach" in text] == []


async def test_a_control_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    body = "<h1>Hi</h1><button disabled>Send</button><label>Total <input readonly value=7></label>"
    send, total = await done(tmp_path, body, click("Send"), {"do": "fill", "name": "Total", "value": "8"})
    assert send.message == 'button "Send" is disabled.'
    assert total.message == 'control "Total" cannot be changed: it is read-only.'


async def test_what_a_page_asks_is_told_and_answered_as_the_step_says(tmp_path: Path) -> None:
    deleted, kept, saved, ann, bob = await done(
        tmp_path,
        DIALOGS,
        click("Delete"),
        click("Delete", answer=False),
        click("Save"),
        click("Name"),
        click("Name", answer="Bob"),
    )
    assert deleted.message == 'The page asks "Really?", answered with OK.'
    assert deleted.appeared == ["- paragraph: deleted"]
    assert kept.message == 'The page asks "Really?", answered with Cancel.'
    assert kept.appeared == ["- paragraph: kept"]
    assert saved.message == 'The page says "Saved.".'
    assert ann.appeared == ["- paragraph: Ann"]
    assert bob.appeared == ["- paragraph: Bob"]


async def test_a_page_that_asks_before_it_is_left_is_left(tmp_path: Path) -> None:
    body = """<h1>Hi</h1><label>Note <input></label><a href="other">Other</a>
      <script>addEventListener("beforeunload", (event) => event.preventDefault())</script>"""
    site = Site(index=html(body), other=html("<h1>Other page</h1>"))
    _, left = await done(tmp_path, site, {"do": "fill", "name": "Note", "value": "a"}, {"do": "click", "name": "Other"})
    assert left.message == "The page asks before it is left, answered with OK."
    assert '- heading "Other page" [level=1]' in left.appeared


async def test_what_opens_in_a_new_tab_is_told(tmp_path: Path) -> None:
    body = '<h1>Hi</h1><a href="help" target="_blank">Help</a>'
    (result,) = await done(tmp_path, body, {"do": "click", "role": "link", "name": "Help"})
    assert result.message == "It opens /help in a new tab."


async def test_what_stands_in_a_frame_is_described_and_used(tmp_path: Path) -> None:
    frame = "<button onclick='this.textContent = `Done`'>Inside</button>"
    async with opened(tmp_path, f'<h1>Hi</h1><iframe title="Part" srcdoc="{frame}"></iframe>') as page:
        assert '- button "Inside"' in await page.describe()
        assert (await page.act(click("Inside"))).ok
        assert (await page.act({"do": "expect", "role": "button", "name": "Done"})).ok


async def test_a_box_that_is_drawn_by_something_else_is_checked(tmp_path: Path) -> None:
    beta, agree, off = await done(
        tmp_path,
        DRAWN,
        {"do": "check", "role": "radio", "name": "Beta"},
        {"do": "check", "name": "Agree"},
        {"do": "check", "name": "Agree", "value": False},
    )
    assert beta.appeared == ['- radio "Beta" [checked]']
    assert agree.appeared == ['- checkbox "Agree" [checked]']
    assert off.gone == ['- checkbox "Agree" [checked]']


async def test_a_value_that_a_field_does_not_take_is_no_success(tmp_path: Path) -> None:
    body = "<h1>Hi</h1><label>Day <input type=date></label><label>Count <input type=number></label>"
    day, count, right = await done(
        tmp_path,
        body,
        {"do": "fill", "name": "Day", "value": "29.11.2026"},
        {"do": "fill", "name": "Count", "value": "many"},
        {"do": "fill", "name": "Day", "value": "2026-11-29"},
    )
    assert day.message == 'control "Day" did not take "29.11.2026": it takes a date such as 2026-11-29.'
    assert count.message == "Cannot type text into input[type=number]"
    assert right.ok


async def test_a_number_that_is_too_high_says_how_many_there_are(tmp_path: Path) -> None:
    body = "<h1>Hi</h1><button>Edit</button><button>Edit</button>"
    (result,) = await done(tmp_path, body, click("Edit", nth=3))
    assert result.message == 'There is no button "Edit" number 3 on the page, only 2 of them.'


async def test_what_has_no_name_or_a_long_one_is_told_in_few_words(tmp_path: Path) -> None:
    long = "Überweisung " * 20
    step = {"do": "expect", "role": "listitem", "is": "count", "count": 3}
    body = "<h1>Hi</h1><ul><li>One<li>Two</ul>"
    count, missing = await done(tmp_path, body, step, click(long))
    assert count.message == "There are 2 of listitem, not 3."
    assert told(Step.model_validate(step)) == "expect listitem count 3"
    assert told(Step.model_validate(click("Edit", nth=2))) == 'click button "Edit" number 2'
    for said in (missing.message, told(Step.model_validate(click(long)))):
        assert long[:70] in said
        assert "…" in said
        assert len(said) < 150
