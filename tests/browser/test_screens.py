"""Every screen looks as in docs/images/screens, in both themes (``make screenshots`` renews those)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import call, write
from model_server import ModelServer, model_server_in_thread
from playwright.sync_api import Browser, expect

from .conftest import SECRET, visit
from .lab import Lab
from .panel import LONG, Panel, command
from .screens import RENEW, STILL, Screens
from .test_approvals import ASK
from .test_plans import PLAN

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Reading group</title>
<style>body { font: 16px/1.5 sans-serif; margin: 2rem; } li { padding: .4rem; }</style></head>
<body><h1>Reading group</h1><ul><li>Middlemarch</li><li>The Waves</li></ul><button>Add a book</button></body></html>
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab in which nothing else was built."""
    lab = Lab(tmp_path_factory.mktemp("screens"))
    lab.start()
    yield lab
    lab.stop()


@pytest.fixture
def model(lab: Lab) -> Iterator[ModelServer]:
    with model_server_in_thread() as server:
        yield server


def test_every_screen_looks_as_it_did(browser: Browser, lab: Lab, model: ModelServer, tmp_path: Path) -> None:
    page = visit(browser, lab, "open")
    page.set_viewport_size({"width": 1280, "height": 800})
    panel = Panel(page)
    root = panel.root
    screens = Screens(page, tmp_path)
    if not screens.comparable:
        page.context.close()
        pytest.skip("Text is not as wide here as where the pictures were taken: other fonts.")
    shot = screens.shot

    expect(root.get_by_role("region", name="Or watch one being built")).to_be_visible()
    shot("first-screen")
    panel.open_model_settings()
    expect(root.get_by_label("Provider")).to_be_visible()
    shot("model-setup", root)
    root.get_by_role("button", name="Back").click()
    lab.api("PUT", "providers/custom", {"base_url": model.url, "api_key": SECRET})

    session = lab.new_session(title="Reading group", template="static", model="custom:scripted")
    page.goto(page.url + f"?appbuilder={session['id']}")
    page.wait_for_function("() => !new URLSearchParams(location.search).has('appbuilder')", timeout=LONG)
    page.add_style_tag(content=STILL)
    expect(panel.preview(pointed=False).get_by_role("heading").first).to_be_visible(timeout=LONG)
    model.steps = [
        {"text": "I write the page.", "tool_calls": [write("index.html", PAGE), call("list_files")]},
        {"text": "The page lists **two books** and has a button for more."},
        {"text": "I plan.", "tool_calls": [call("write_plan", text=PLAN)], "size": 40},
        ASK,
        *[{"status": 401, "body": {"error": {"message": "Incorrect API key provided."}}}] * 3,
    ]
    panel.say("A page for our reading group")
    panel.finished(1)
    expect(panel.preview(pointed=False).get_by_role("heading", name="Reading group")).to_be_visible(timeout=LONG)
    shot("built")
    panel.card("Wrote index.html").click()
    shot("step-open", root)
    panel.card("Wrote index.html").click()
    panel.composer.fill("/")
    expect(root.get_by_role("listbox")).to_be_visible()
    shot("commands", root)
    panel.composer.fill("Look at @ind")
    expect(root.get_by_role("listbox")).to_be_visible()
    shot("mentions", root)
    panel.composer.fill("")

    page.get_by_role("button", name="Phone width").click()
    shot("preview-phone")
    page.get_by_role("button", name="Console, requests and findings").click()
    expect(page.get_by_role("tab", name=re.compile("^Console"))).to_be_visible()
    shot("preview-drawer")
    page.get_by_role("button", name="Console, requests and findings").click()
    page.get_by_role("button", name="Full width").click()

    root.get_by_text("Plan", exact=True).click()
    panel.say("Notes for each book")
    panel.finished(2)
    shot("plan", root)
    root.get_by_text("Build", exact=True).click()

    panel.say("Show the weather")
    expect(panel.conversation.get_by_role("group", name=re.compile("^May this app reach"))).to_be_visible()
    shot("question", root)
    panel.stop.click()
    panel.finished(3)
    panel.say("Again")
    panel.finished(4)
    shot("refused-key", root)

    panel.menu("Find in the conversation")
    page.keyboard.type("book")
    shot("find", root)
    page.keyboard.press("Escape")
    root.locator("input[type=file]").set_input_files(
        [{"name": "notes.txt", "mimeType": "text/plain", "buffer": b"Middlemarch: eight books"}]
    )
    expect(root.get_by_text("notes.txt")).to_be_visible()
    shot("attached", root)
    root.get_by_role("button", name=re.compile("^Remove notes.txt")).click()

    panel.menu("Sandbox and network")
    shot("sandbox", root)
    page.keyboard.press("Escape")
    for name in ("settings", "templates", "rules", "network", "usage", "sandbox"):
        command(page, "appbuilder:settings", {"page": name} if name != "settings" else {})
        expect(root.get_by_role("heading").first).to_be_visible()
        expect(root.get_by_text("Loading")).to_have_count(0)
        shot(f"settings-{name}" if name != "settings" else name, root)
    command(page, "appbuilder:versions")
    expect(root.get_by_role("heading", name="Versions")).to_be_visible()
    shot("versions")
    command(page, "appbuilder:publish")
    expect(root.get_by_role("textbox", name="Name")).to_be_visible()
    shot("publish", root)
    command(page, "appbuilder:saveTemplate")
    expect(root.get_by_role("heading", name=re.compile("template"))).to_be_visible()
    shot("save-template", root)

    command(page, "appbuilder:home")
    expect(page.locator(".jp-AppBuilder-appsWidget").get_by_role("listitem").first).to_be_visible(timeout=LONG)
    shot("all-apps")
    page.context.close()
    if not RENEW:
        assert not screens.different, f"{'; '.join(screens.different)}. See {tmp_path}, or renew: make screenshots"


OUTSIDE = """panel => {
    const bounds = panel.getBoundingClientRect();
    const scrolls = node =>
        node !== panel && (getComputedStyle(node).overflowX !== 'visible' || scrolls(node.parentElement));
    return [...panel.querySelectorAll('*')].filter(node => {
        const place = node.getBoundingClientRect();
        const seen = place.width > 0 && place.height > 0 && node.checkVisibility({ visibilityProperty: true });
        return seen && !scrolls(node.parentElement) && (place.right > bounds.right + 1 || place.left < bounds.left - 1);
    }).map(node => `${node.tagName} ${node.className} ${node.textContent.slice(0, 40)}`);
}"""
"""What of the panel reaches beyond it, where nothing that scrolls holds it."""

SMALL = """panel => [...panel.querySelectorAll('button, select, input, [role="button"]')].filter(node => {
    const { width, height } = node.getBoundingClientRect();
    const inText = getComputedStyle(node).display === 'inline';
    return node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !inText && width > 1
        && (width < 24 || height < 24) && !node.closest('label, .jp-AppBuilder-link, .jp-AppBuilder-inlineAct');
}).map(node => `${node.className} ${node.getAttribute('aria-label') || node.textContent.slice(0, 40)}`)"""
"""What is smaller than a finger needs (WCAG 2.2, 2.5.8), where it is not part of a text."""


@pytest.mark.parametrize("width", [250, 400, 700])
def test_every_page_fits_the_panel(browser: Browser, lab: Lab, width: int) -> None:
    session = lab.new_session(title="As long a name as people give to their apps at times, with_a_word_that_has_no_end")
    arguments = {"path": "index.html", "content": PAGE}
    lab.api("POST", f"sessions/{session['id']}/tools/write_file", {"arguments": arguments})
    page = visit(browser, lab, session["id"])
    panel = Panel(page)
    expect(panel.composer).to_be_visible()
    panel.widen(width)
    found: dict[str, list[str]] = {}
    commands = ["settings", "templates", "models", "rules", "network", "usage", "sandbox", "versions", "saveTemplate"]
    for name in ("conversation", *commands, "new"):
        if name != "conversation":
            command(page, f"appbuilder:{name}")
            expect(panel.root.get_by_role("heading").first).to_be_visible()
            expect(panel.root.get_by_text("Loading")).to_have_count(0)
        panel.picture(f"{name}-{width}")
        found[name] = [told for check in (OUTSIDE, SMALL) for told in panel.root.evaluate(check)]
    page.context.close()
    assert {name: told for name, told in found.items() if told} == {}
